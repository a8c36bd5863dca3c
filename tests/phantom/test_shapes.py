"""Claims about what anatomy is drawn with: bounds, unions, the labyrinth, planes of a slab."""

import numpy as np
import pytest
from scipy import ndimage

from ichreport.phantom import section
from ichreport.phantom.section import Patient
from ichreport.phantom.shapes import (
    Points,
    at_least,
    at_most,
    capsule,
    ellipsoid,
    inside,
    smooth_max,
    smooth_min,
    smooth_step,
    wander,
)


@pytest.fixture
def values():
    return np.random.default_rng(4).normal(0, 3, 1000).astype(np.float32)


def test_a_bound_is_that_of_maximum_and_minimum(values):
    np.testing.assert_array_equal(at_least(values, 0.3), np.maximum(values, np.float32(0.3)))
    np.testing.assert_array_equal(at_most(values, -1), np.minimum(values, -1))


def test_a_bound_in_place_changes_the_array_itself(values):
    expected = np.maximum(values, 0)
    assert at_least(values, 0, out=values) is values
    np.testing.assert_array_equal(values, expected)


def test_an_intersection_is_what_is_outside_the_union_of_the_outsides(values):
    other = values[::-1] + np.float32(0.7)
    np.testing.assert_array_equal(smooth_max(values, other, 2.0), -smooth_min(-values, -other, 2.0))
    apart = np.abs(values - other) >= 2
    larger = np.maximum(values, other)
    np.testing.assert_allclose(smooth_max(values, other, 2.0)[apart], larger[apart], rtol=1e-6)
    assert (smooth_max(values, other, 2.0)[~apart] > larger[~apart]).all()


def test_a_step_is_the_cubic_between_its_ends(values):
    t = np.clip((values.astype(float) + 2) / 5, 0, 1)
    np.testing.assert_allclose(smooth_step(values, -2, 3), 3 * t**2 - 2 * t**3, atol=1e-6)


def test_partial_volume_falls_over_the_width_that_each_point_has(values):
    width = np.linspace(0.5, 4, values.size).astype(np.float32)
    expected = np.clip(0.5 - values / width.astype(float), 0, 1)
    np.testing.assert_allclose(inside(values, width), expected, atol=1e-6)
    same = np.full_like(values, 1.5)
    np.testing.assert_allclose(inside(values, 1.5), inside(values, same), atol=1e-6)


def test_shapes_leave_the_points_as_they_are(values):
    p = Points(values, values[::-1].copy(), np.roll(values, 7))
    before = [axis.copy() for axis in p]
    ellipsoid(p, (1, 2, 3), (4, 5, 6))
    capsule(p, (0, 0, 0), (1, 2, 3), (2.0, 1.0))
    for axis, old in zip(p, before, strict=True):
        np.testing.assert_array_equal(axis, old)


def test_a_tube_is_measured_from_the_nearest_place_on_its_axis(values):
    p = Points(values, values[::-1].copy(), np.roll(values, 7))
    start, end = np.array([0.0, -1.0, 2.0]), np.array([3.0, 1.0, -1.0])
    along = np.linspace(0, 1, 2001)[:, None, None]
    axis = start + along * (end - start)  # (places, 1, 3)
    nearest = np.linalg.norm(np.stack(p, axis=1) - axis, axis=2).min(axis=0)
    tube = capsule(p, tuple(start), tuple(end), (1.0, 1.0))
    np.testing.assert_allclose(tube, nearest - 1, atol=1e-3)


def test_the_labyrinth_is_interpolated_trilinearly():
    corner = (20, 100, 5)
    axes = np.meshgrid(*(np.arange(n, n + 12) for n in corner), indexing="ij")
    cube = wander(*(axis.ravel().astype(np.float32) for axis in axes)).reshape(12, 12, 12)
    between = np.random.default_rng(1).uniform(0, 11, (3, 500)).astype(np.float32)
    expected = ndimage.map_coordinates(cube, between, order=1)
    noise = wander(*(v + np.float32(n) for v, n in zip(between, corner, strict=True)))
    np.testing.assert_allclose(noise, expected, atol=1e-4)


def test_the_labyrinth_wraps_around():
    x, y, z = np.random.default_rng(2).uniform(0, 128, (3, 300)).astype(np.float32)
    np.testing.assert_allclose(wander(x - 128, y + 256, z - 128), wander(x, y, z), atol=1e-3)


def test_a_slab_shows_the_mean_of_planes_a_quarter_of_it_above_and_below_its_middle(head):
    patient = Patient(head, (), (), (0.0, 1.0, 0.0), cupping=0.0)
    y, x = np.mgrid[-40:41, -30:31].astype(np.float32)

    def drawn(height, thickness):
        p = Points(x, y, np.full_like(x, height))
        return section.draw(
            patient, p, lift=(0.0, 0.0, thickness), edge=1.2, thickness=thickness
        ).hu

    slab = drawn(12.0, 8.0)
    low, middle, high = (drawn(height, 1.0) for height in (10.0, 12.0, 14.0))
    off = np.abs(slab - (low + high) / 2)
    assert np.median(off) < 0.2
    assert off.mean() < np.abs(slab - middle).mean() / 2

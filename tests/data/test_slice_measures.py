"""Areas and HU of drawn heads, and noise whose correlation is known in closed form."""

from dataclasses import asdict, fields

import numpy as np
import pytest
from scipy import ndimage, signal, stats

from ichreport.data.slice_measures import SliceMeasures, measure_slice

AIR, SCALP, BONE, BRAIN = -1000, 20, 900, 30
OUTER, SKULL, CAVITY = 90.0, 80.0, 72.0
"""mm: radii of the head, of the skull, and of what it encloses."""
RIM = 6.0
OF_BRAIN = [
    field.name for field in fields(SliceMeasures) if field.name.startswith(("brain", "noise"))
]


def distance(rows, columns, spacing, down=0.0, across=0.0):
    """mm of each pixel from a point that lies so far from the image's middle."""
    y, x = np.mgrid[:rows, :columns]
    return np.hypot(
        (y - (rows - 1) / 2) * spacing - down, (x - (columns - 1) / 2) * spacing - across
    )


def head(r, *, outer=OUTER, brain=BRAIN, bone=BONE):
    """Rings of scalp and bone around a brain, by the distance (mm) from the middle."""
    return np.select([r <= CAVITY, r <= SKULL, r <= outer], [brain, bone, SCALP], AIR)


def circle(radius):
    """Area in cm²."""
    return np.pi * radius**2 / 100


def noisy_head(spacing, sigma, deviation=4.0, side=200):
    """A head whose brain is white noise, smoothed by a Gaussian of `sigma` mm if it is above 0.

    It is smoothed on a grid four times as fine, whose every fourth point is a pixel.
    """
    size, fine = round(side / spacing), 4 if sigma else 1
    noise = np.random.default_rng(5).standard_normal((fine * size, fine * size))
    if sigma:
        noise = ndimage.gaussian_filter(noise, fine * sigma / spacing, mode="wrap")
    noise = noise[::fine, ::fine]
    return head(distance(size, size, spacing), brain=BRAIN + deviation * noise / noise.std())


def smoothed_correlation(lag, sigma, coarse=3.0):
    """Of white noise smoothed by `sigma` mm, less itself smoothed by `coarse` mm, `lag` mm apart.

    The autocovariance of white noise filtered by g is g * g; g is the difference of two Gaussians,
    and the convolution of two Gaussians is one whose variances add.
    """

    def covariance(lag):
        def gaussian(variance):
            return np.exp(-(lag**2) / 2 / variance) / variance

        narrow, wide = 2 * sigma**2, coarse**2
        return gaussian(narrow) - 2 * gaussian(narrow + wide) + gaussian(narrow + 2 * wide)

    return covariance(lag) / covariance(0)


@pytest.mark.parametrize("spacing", [0.45, 0.7, 0.91, 1.2])
def test_areas_are_those_of_the_circles_that_were_drawn(spacing):
    size = round(220 / spacing)
    found = measure_slice(head(distance(size, size, spacing)), spacing)
    assert found.field_of_view == pytest.approx(size * spacing)
    assert found.head_area == pytest.approx(circle(OUTER), rel=0.01)
    assert found.skull_area == pytest.approx(circle(SKULL), rel=0.01)
    assert found.inside_area == pytest.approx(circle(CAVITY - RIM), rel=0.02)
    assert found.bone_share == pytest.approx((SKULL**2 - CAVITY**2) / OUTER**2, rel=0.04)


@pytest.mark.parametrize("thickness", [2.0, 5.0, 12.0, 20.0])
def test_scalp_is_the_ring_around_the_skull_as_a_share_of_its_disk(thickness):
    outer = SKULL + thickness
    found = measure_slice(head(distance(250, 250, 0.9), outer=outer), 0.9)
    assert found.scalp_share == pytest.approx(outer**2 / SKULL**2 - 1, abs=0.01)


def test_percentiles_are_those_of_the_shares_of_bone_and_brain_that_were_drawn():
    r = distance(256, 256, 0.9)
    measured = CAVITY - RIM
    brain = np.select(
        [r < measured * np.sqrt(0.1), r < measured * np.sqrt(0.8)], [8, BRAIN], 45
    )  # a tenth dark, a fifth bright
    bone = np.where(r**2 < 0.9 * SKULL**2 + 0.1 * CAVITY**2, BONE, 1500)  # a tenth dense
    found = measure_slice(head(r, brain=brain, bone=bone), 0.9)
    assert (found.brain_hu_5th, found.brain_hu_median, found.brain_hu_95th) == (8, BRAIN, 45)
    assert (found.bone_hu_median, found.bone_hu_95th) == (BONE, 1500)


def test_air_and_calcification_within_the_skull_are_no_brain():
    r = distance(256, 256, 0.9)
    brain = np.select([r < 10, r < 25], [-1000, 200], BRAIN)
    found = measure_slice(head(r, brain=brain), 0.9)
    assert (found.brain_hu_5th, found.brain_hu_95th) == (BRAIN, BRAIN)
    assert found.inside_area == pytest.approx(circle(CAVITY - RIM), rel=0.02)


def test_noise_is_the_20th_percentile_of_the_deviations_of_samples_of_25():
    found = measure_slice(noisy_head(1.0, 0, deviation=4.0), 1.0)
    expected = 4 * np.sqrt(stats.chi2.ppf(0.2, 24) / 24)
    assert found.noise_sd == pytest.approx(expected, rel=0.02)


def test_noise_in_5_mm_does_not_depend_on_where_pixels_are_cut():
    found = [measure_slice(noisy_head(spacing, 0.9), spacing).noise_sd for spacing in (0.68, 1.1)]
    assert found[0] == pytest.approx(found[1], rel=0.06)


def test_white_noise_is_not_correlated_but_for_what_the_gaussian_took():
    found = measure_slice(noisy_head(1.0, 0), 1.0)
    # Of a pixel of 1 mm, the Gaussian of 3 mm takes 1 / (2 pi 9), and as much again of the others.
    taken = -2 / (2 * np.pi * 9) * np.exp(-1 / 18) + np.exp(-1 / 36) / (4 * np.pi * 9)
    variance = 1 - 2 / (2 * np.pi * 9) + 1 / (4 * np.pi * 9)
    assert found.noise_correlation_1mm == pytest.approx(taken / variance, abs=0.02)
    assert abs(found.noise_correlation_2mm) < 0.04


@pytest.mark.parametrize("sigma", [0.7, 0.9, 1.3])
@pytest.mark.parametrize("spacing", [0.68, 0.8, 0.91, 1.0, 1.15])
def test_smoothed_noise_has_its_closed_form_correlation_at_any_spacing(spacing, sigma):
    found = measure_slice(noisy_head(spacing, sigma), spacing)
    assert found.noise_correlation_1mm == pytest.approx(smoothed_correlation(1, sigma), abs=0.02)
    assert found.noise_correlation_2mm == pytest.approx(smoothed_correlation(2, sigma), abs=0.03)


def test_correlation_agrees_with_scipy_signal():
    hu = noisy_head(1.0, 0.8)
    brain = distance(200, 200, 1.0) <= CAVITY - RIM - 1
    r = np.arange(-14, 15)
    kernel = np.exp(-(r[:, None] ** 2 + r[None, :] ** 2) / 18)
    smooth = signal.fftconvolve(hu * brain, kernel, "same") / np.maximum(
        signal.fftconvolve(brain.astype(float), kernel, "same"), 1e-9
    )
    left = np.where(brain, hu - smooth, 0)
    products, pairs = (signal.correlate(one, one) for one in (left, brain.astype(float)))
    middle = 199
    covariance = products / np.maximum(pairs, 1)
    for lag, name in ((1, "noise_correlation_1mm"), (2, "noise_correlation_2mm")):
        both = (covariance[middle + lag, middle] + covariance[middle, middle + lag]) / 2
        expected = both / covariance[middle, middle]
        assert getattr(measure_slice(hu, 1.0), name) == pytest.approx(expected, abs=0.01)


def test_slices_of_512_are_averaged_two_by_two():
    fine = noisy_head(0.49, 0.4, side=250)[:510, :510]
    averaged = signal.convolve2d(fine, np.full((2, 2), 0.25), mode="valid")[::2, ::2]
    found, expected = measure_slice(fine, 0.49), measure_slice(averaged, 0.98)
    assert asdict(found) == pytest.approx(asdict(expected))


def test_what_lies_beside_the_head_does_not_count():
    hu = head(distance(256, 256, 0.9))
    with_rest = hu.copy()
    with_rest[-10:-4, 40:-40] = 100
    found, expected = asdict(measure_slice(with_rest, 0.9)), asdict(measure_slice(hu, 0.9))
    assert found == pytest.approx(expected, rel=0, abs=0, nan_ok=True)  # noise: there is none


@pytest.mark.parametrize("shape", [(256, 256), (1, 1), (3, 700)])
def test_a_slice_of_air_has_a_field_of_view_and_no_other_measure(shape):
    found = asdict(measure_slice(np.full(shape, -1024, np.int16), 0.9))
    assert found.pop("field_of_view") == pytest.approx(min(shape) * 0.9)
    assert np.isnan(list(found.values())).all()


def test_soft_tissue_without_bone_is_a_head_with_nothing_inside():
    r = distance(256, 256, 0.9)
    found = measure_slice(np.where(r < 50, 40, AIR), 0.9)
    assert found.head_area == pytest.approx(circle(50), rel=0.01)
    assert (found.bone_share, found.inside_area) == (0, 0)
    unknown = ["skull_area", "scalp_share", "bone_hu_median", "bone_hu_95th", *OF_BRAIN]
    assert np.isnan([getattr(found, name) for name in unknown]).all()


def test_a_head_whose_scalp_is_cut_by_the_field_of_view_is_measured_as_far_as_it_is_seen():
    r = distance(256, 256, 0.9, across=256 * 0.45 - (OUTER + SKULL) / 2)
    found = measure_slice(head(r), 0.9)
    assert found.head_area == pytest.approx(np.sum(r <= OUTER) * 0.81 / 100)
    assert found.skull_area == pytest.approx(circle(SKULL), rel=0.01)
    assert found.brain_hu_median == BRAIN


def test_a_skull_that_is_cut_by_the_field_of_view_encloses_nothing():
    r = distance(256, 256, 0.9, across=256 * 0.45 - 40)
    found = measure_slice(head(r), 0.9)
    assert found.head_area == pytest.approx(np.sum(r <= OUTER) * 0.81 / 100)
    assert found.bone_hu_median == BONE
    assert found.inside_area == 0
    unknown = ["skull_area", "scalp_share", *OF_BRAIN]
    assert np.isnan([getattr(found, name) for name in unknown]).all()


def test_an_even_brain_has_no_noise_and_no_correlation():
    found = measure_slice(head(distance(256, 256, 0.9)), 0.9)
    assert found.noise_sd == pytest.approx(0, abs=1e-4)
    assert np.isnan([found.noise_correlation_1mm, found.noise_correlation_2mm]).all()


def test_pixels_too_coarse_for_5_mm_have_no_noise_to_measure():
    found = measure_slice(head(distance(40, 40, 6.0)), 6.0)
    assert found.brain_hu_median == BRAIN
    assert np.isnan(found.noise_sd)


@pytest.mark.parametrize("spacing", [0.0, -1.0, np.nan, np.inf])
def test_a_spacing_that_is_no_length_is_refused(spacing):
    with pytest.raises(ValueError, match="spacing must be a positive number"):
        measure_slice(np.zeros((8, 8)), spacing)


def test_a_volume_is_refused():
    with pytest.raises(ValueError, match=r"got \(2, 8, 8\)"):
        measure_slice(np.zeros((2, 8, 8)), 1.0)

"""Heat along the skull's inner edge, against distances by brute force on rings made by hand."""

import math

import numpy as np
import pytest

from ichreport.evaluation.maps.localisation import heatmap_scores
from ichreport.evaluation.maps.skull_edge import skull_edge_heatmap, skull_edge_heatmaps

SIZE, MIDDLE = 48, 23.5
BONE, BRAIN, AIR = 900, 35, -1000


def head(*, across=17, high=14, thick=3):
    """A slice of an oval skull with brain within, in air."""
    rows, columns = np.indices((SIZE, SIZE)) - MIDDLE
    outer = (rows / (across + thick)) ** 2 + (columns / (high + thick)) ** 2 <= 1
    inner = (rows / across) ** 2 + (columns / high) ** 2 <= 1
    return np.select([inner, outer], [BRAIN, BONE], AIR), inner


def by_brute_force(bone, inside):
    """1 at the smallest distance to bone, falling by the same amount a pixel of distance."""
    places = np.argwhere(bone)
    distance = np.zeros(bone.shape)
    for row, column in np.argwhere(inside):
        distance[row, column] = min(math.dist((row, column), place) for place in places)
    first, last = distance[inside].min(), distance[inside].max()
    return np.where(inside, 1 - (distance - first) / (last - first + 1), 0)


def test_heat_falls_with_the_distance_to_bone_inside_the_skull_alone():
    hu, inside = head()
    heat = skull_edge_heatmap(hu)
    np.testing.assert_allclose(heat, by_brute_force(hu > 300, inside), atol=1e-12)
    assert heat.max() == 1
    assert (heat[inside] > 0).all()
    assert (heat[~inside] == 0).all()


def test_the_hottest_pixels_are_those_that_border_on_bone():
    hu, inside = head()
    bone = np.pad(hu > 300, 1)
    beside = bone[:-2, 1:-1] | bone[2:, 1:-1] | bone[1:-1, :-2] | bone[1:-1, 2:]
    np.testing.assert_array_equal(skull_edge_heatmap(hu) == 1, beside & inside)


@pytest.mark.parametrize(("hu_of_skull", "is_bone"), [(300, False), (301, True)])
def test_bone_is_above_300_hu(hu_of_skull, is_bone):
    hu, _ = head()
    hu[hu == BONE] = hu_of_skull
    assert (skull_edge_heatmap(hu) > 0).any() == is_bone


def test_a_calcification_is_neither_skull_nor_an_edge():
    hu, _ = head()
    plain = skull_edge_heatmap(hu)
    hu[23:25, 23:25] = BONE
    np.testing.assert_array_equal(skull_edge_heatmap(hu), plain)


def test_a_slice_without_bone_has_no_heat_and_no_score():
    hu, inside = head()
    hu[hu == BONE] = BRAIN
    heat = skull_edge_heatmap(hu)
    assert not heat.any()
    assert all(math.isnan(score) for score in heatmap_scores(heat, inside).values())


def test_a_narrow_gap_is_closed_and_a_skull_that_stands_open_has_no_inside():
    hu, inside = head()
    narrow, wide = hu.copy(), hu.copy()
    narrow[:24, 23:25][hu[:24, 23:25] == BONE] = BRAIN
    wide[:24, 18:30][hu[:24, 18:30] == BONE] = BRAIN
    heat = skull_edge_heatmap(narrow)
    assert (heat[inside] > 0).mean() > 0.99
    assert not skull_edge_heatmap(wide).any()


def test_a_gap_within_the_bone_is_no_inside():
    hu = np.full((SIZE, SIZE), AIR)
    hu[10:30, 10:30] = BONE
    hu[20:23, 20:23] = BRAIN
    assert not skull_edge_heatmap(hu).any()


def test_heat_of_several_slices_is_that_of_each():
    hu = np.stack([head()[0], np.full((SIZE, SIZE), AIR), head(across=12)[0]])
    expected = [skull_edge_heatmap(one) for one in hu]
    np.testing.assert_array_equal(skull_edge_heatmaps(hu), expected)
    assert skull_edge_heatmaps(hu[:0]).shape == (0, SIZE, SIZE)


def test_what_is_no_image_is_refused():
    with pytest.raises(ValueError, match=r"\(rows, columns\), got \(3,\)"):
        skull_edge_heatmap(np.zeros(3))

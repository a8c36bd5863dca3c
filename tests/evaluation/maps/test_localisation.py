"""Heat map scores by hand and against brute force."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from scipy.stats import ttest_1samp as t_test
from sklearn.metrics import average_precision_score

from ichreport.evaluation.maps import localisation, skull_edge


@pytest.fixture
def mask():
    mask = np.zeros((8, 8), bool)
    mask[2:4, 2:5] = True
    return mask


def test_a_heat_map_equal_to_the_mask_is_perfect(mask):
    assert localisation.heatmap_scores(mask.astype(float), mask) == {
        "pointing": 1,
        "share_inside": 1,
        "iou": 1,
        "average_precision": pytest.approx(1),
    }


def test_heat_everywhere_else_scores_nothing(mask):
    found = localisation.heatmap_scores((~mask).astype(float), mask)
    assert (found["pointing"], found["share_inside"], found["iou"]) == (0, 0, 0)


def test_a_flat_heat_map_scores_what_a_random_choice_would(mask):
    share = mask.mean()
    found = localisation.heatmap_scores(np.ones((8, 8)), mask)
    assert found["pointing"] == found["share_inside"] == pytest.approx(share)
    expected = 6 * share
    assert found["iou"] == pytest.approx(expected / (12 - expected))
    assert found["average_precision"] == pytest.approx(share)


def test_scores_agree_with_brute_force_and_scikit_learn(mask):
    heat = np.random.default_rng(0).normal(size=(8, 8)) + mask
    found = localisation.heatmap_scores(heat, mask)
    positive = np.maximum(heat, 0)
    hottest = np.zeros_like(mask)
    hottest.ravel()[np.argsort(heat.ravel())[-6:]] = True
    assert found["iou"] == pytest.approx((hottest & mask).sum() / (hottest | mask).sum())
    assert found["share_inside"] == pytest.approx(positive[mask].sum() / positive.sum())
    assert found["pointing"] == mask.ravel()[heat.argmax()]
    expected = average_precision_score(mask.ravel(), positive.ravel())
    assert found["average_precision"] == pytest.approx(expected)


def test_tolerance_forgives_a_near_miss(mask):
    heat = np.zeros((8, 8))
    heat[5, 3] = 1  # two rows below the mask
    assert localisation.heatmap_scores(heat, mask, tolerance=1)["pointing"] == 0
    assert localisation.heatmap_scores(heat, mask, tolerance=2)["pointing"] == 1


def test_no_heat_or_no_bleeding_is_missing_not_zero(mask):
    for heat, truth in (
        (np.zeros((8, 8)), mask),
        (-mask.astype(float), mask),
        (mask, mask & False),
    ):
        assert all(math.isnan(value) for value in localisation.heatmap_scores(heat, truth).values())


def test_what_cannot_be_compared_is_refused(mask):
    with pytest.raises(ValueError, match=r"one shape, got \(4, 4\) and \(8, 8\)"):
        localisation.heatmap_scores(np.ones((4, 4)), mask)
    with pytest.raises(ValueError, match="heatmap must be finite, got 64 others"):
        localisation.heatmap_scores(np.full((8, 8), np.nan), mask)


def test_the_center_baseline_peaks_in_the_middle_and_falls_to_the_corners():
    heat = localisation.center_heatmap((9, 9))
    assert heat[4, 4] == 1 == heat.max()
    assert heat[0, 0] == heat[8, 8] == 0
    assert localisation.center_heatmap((1, 1)).tolist() == [[1.0]]


def test_agreement_is_spearman_s_and_missing_for_a_constant_map():
    a, b = np.random.default_rng(0).normal(size=(2, 6, 6))
    expected = spearmanr(a.ravel(), b.ravel()).statistic
    assert localisation.heatmap_agreement(a, b) == pytest.approx(expected)
    assert localisation.heatmap_agreement(a, np.exp(a)) == pytest.approx(1)
    assert math.isnan(localisation.heatmap_agreement(a, np.ones((6, 6))))


def test_agreements_of_all_pairs_are_those_of_each_pair():
    maps = np.random.default_rng(0).normal(size=(4, 6, 6)).round(1)  # with ties
    maps[3] = 1
    expected = [[localisation.heatmap_agreement(a, b) for b in maps] for a in maps]
    np.testing.assert_allclose(localisation.heatmap_agreements(maps), expected)
    assert localisation.heatmap_agreements(maps[:0]).shape == (0, 0)


def test_intervals_end_where_a_measure_and_a_difference_of_two_do():
    truths = np.zeros((4, 16, 16), bool)
    truths[:, 2:5, 2:5] = True
    heat = np.random.default_rng(0).random(truths.shape)
    heat[0][truths[0]] = 9
    table = localisation.heatmap_table({"one": heat}, truths, np.full(heat.shape, 30), list("abcd"))
    assert (table["low"].dropna() >= 0).all()
    assert (table["high"].dropna() <= 1).all()
    for baseline in ("center", "random"):
        assert (table[f"above_{baseline}_low"].dropna() >= -1).all()
        assert (table[f"above_{baseline}_high"].dropna() <= 1).all()
    of_heat = table[table["method"] == "one"].set_index("measure")
    scores = [localisation.heatmap_scores(*each) for each in zip(heat, truths, strict=True)]
    inside = [each["share_inside"] for each in scores]
    below = t_test(inside, 0).confidence_interval().low
    assert below < 0 < of_heat.loc["share_inside", "low"]


def test_a_map_that_never_hits_is_not_below_a_baseline_that_hits_now_and_then():
    """0 of 26 were less than the skull's edge's 2 of 26 for sure: -0.075 (-0.094 to -0.057)."""
    never, now_and_then = np.zeros(26), np.zeros(26)
    now_and_then[[3, 17]] = 1
    codes = np.arange(26) // 3
    found = localisation._above(never, now_and_then, codes, hits=True)
    assert found.value == pytest.approx(-2 / 26)
    assert found.low < -0.15
    assert found.high > 0.1


@pytest.mark.parametrize("slices", [10, 40])
def test_the_mean_of_a_skewed_measure_is_held(slices):
    """Heat inside the bleed: little in most maps, much in a few; truth was above in 9 to 11 %."""
    rng, held, widths = np.random.default_rng(4), [], []
    for _ in range(1_000):
        share = rng.beta(0.5, 4.5, slices)  # 0.1 in the mean
        found = localisation._mean(share, np.arange(slices), hits=False)[1]
        held.append(found.low <= 0.1 <= found.high)
        widths.append(found.high - found.low)
    assert 0.92 <= np.mean(held) <= 0.985
    assert np.median(widths) < 1 / np.sqrt(slices)


def test_the_table_sets_a_method_beside_all_baselines():
    rng = np.random.default_rng(1)
    truths = np.zeros((40, 16, 16), bool)
    for mask, (row, column) in zip(truths, rng.integers(0, 12, (40, 2)), strict=True):
        mask[row : row + 4, column : column + 4] = True
    good = truths + 0.3 * rng.random(truths.shape)
    good[0] = 0  # a dead map
    group = [f"p{k // 2:02d}" for k in range(40)]
    hu = np.full(truths.shape, 30)
    hu[:, [0, -1]] = hu[:, :, [0, -1]] = 1000
    hu[:5] = 30  # slices without a skull
    table = localisation.heatmap_table({"good": good}, truths, hu, group)
    assert table["method"].unique().tolist() == ["good", "center", "skull_edge", "random"]
    rows = table.set_index(["method", "measure"])
    assert (rows.loc["good", "above_random_low"] > 0).all()
    assert (rows.loc["good", "without"] == 1).all()
    assert (rows.loc["good", "slices"] == 39).all()
    assert (rows.loc["random", "above_random"] == 0).all()
    assert rows.loc[("random", "share_inside"), "value"] == pytest.approx(16 / 256, abs=0.01)
    assert (rows.loc["skull_edge", "slices"] == 35).all()
    assert (rows.loc["skull_edge", "without"] == 5).all()
    scores = [
        list(localisation.heatmap_scores(*pair).values())
        for pair in zip(skull_edge.skull_edge_heatmaps(hu[5:]), truths[5:], strict=True)
    ]
    np.testing.assert_allclose(rows.loc["skull_edge", "value"], np.mean(scores, axis=0))
    own = [list(localisation.heatmap_scores(*p).values()) for p in zip(good, truths, strict=True)]
    difference = (np.array(own[5:]) - scores).mean(axis=0)
    np.testing.assert_allclose(rows.loc["good", "above_skull_edge"], difference)
    given = rows.loc[("good", "pointing")]
    assert given["low"] <= given["value"] <= given["high"]

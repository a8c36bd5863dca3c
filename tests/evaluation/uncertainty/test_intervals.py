"""Intervals and p-values against scipy, closed forms, and simulated studies."""

import math

import numpy as np
import pytest
from scipy.stats import beta, binomtest, norm, t, ttest_1samp
from scipy.stats import bootstrap as scipy_bootstrap

from ichreport.evaluation.uncertainty import bootstrap, intervals


def test_one_group_or_no_defined_replicate_gives_no_interval():
    for interval in (
        intervals.interval([0.5, 0.6], groups=1),
        intervals.interval([math.nan, math.nan], groups=10),
    ):
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
    assert math.isnan(intervals.p_value([0.1, 0.2], groups=1))


def test_with_many_groups_the_interval_is_scipy_s_percentile_interval():
    values = np.random.default_rng(0).exponential(size=2000)
    resamples = bootstrap.draw_resamples([f"{k:04d}" for k in range(2000)], replicates=2000)
    means = bootstrap.mean_replicates(values, np.arange(2000), resamples.counts)
    interval = intervals.interval(means, groups=2000)
    reference = scipy_bootstrap(
        (values,), np.mean, method="percentile", n_resamples=2000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert (interval.low, interval.high) == pytest.approx(tuple(reference), abs=4e-3)


def test_with_few_groups_the_interval_and_p_value_are_the_t_test_s():
    values = np.array([1.9, -0.4, 2.2, 0.7, 1.1, -0.9, 1.6, 0.3])
    resamples = bootstrap.draw_resamples(list("abcdefgh"), replicates=40_000)
    means = bootstrap.mean_replicates(values, np.arange(8), resamples.counts)
    reference = ttest_1samp(values, 0)
    ends = reference.confidence_interval()
    interval = intervals.interval(means, groups=8)
    assert (interval.low, interval.high) == pytest.approx((ends.low, ends.high), abs=0.12)
    assert intervals.p_value(means, groups=8) == pytest.approx(reference.pvalue, abs=0.02)


def test_the_p_value_is_below_alpha_exactly_when_the_interval_excludes_zero():
    rng = np.random.default_rng(0)
    for shift in np.linspace(0.5, 3.5, 40):
        differences = rng.normal(shift, 1, 999)
        interval = intervals.interval(differences, groups=25)
        p = intervals.p_value(differences, groups=25)
        if abs(p - 0.05) > 0.005:
            assert (p < 0.05) == (interval.low > 0)


def test_a_p_value_far_out_goes_beyond_what_replicates_can_count():
    rng = np.random.default_rng(0)
    p_values = [intervals.p_value(rng.normal(5, 1, 1000), groups=g) for g in (12, 20, 10_000)]
    # t = 5 sqrt((n - 1) / n) on n - 1 degrees of freedom
    expected = [2 * t.sf(5 * math.sqrt((g - 1) / g), g - 1) for g in (12, 20, 10_000)]
    np.testing.assert_allclose(p_values, expected, rtol=0.6)
    assert intervals.p_value(np.zeros(100), groups=20) == 1
    nearer, farther = (intervals.p_value(rng.normal(z, 1, 1000), groups=50) for z in (2.2, 2.8))
    assert farther < nearer < 0.06


def test_holm_matches_values_worked_by_hand_and_skips_what_was_not_tested():
    adjusted = intervals.holm([0.01, math.nan, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(adjusted, [0.03, math.nan, 0.06, 0.06, 0.02])
    assert intervals.holm([0.9, 0.8]).tolist() == [1, 1]


def coverage(*, grouped, studies=600, patients=150, replicates=300):
    """How often nominal 95 % intervals of the area hold the truth, on clustered slices."""
    rng = np.random.default_rng(20)
    # binormal: positives N(1, 1), negatives N(0, 1), each half shared by the patient's slices
    area, hits = norm.cdf(1 / math.sqrt(2)), 0
    for study in range(studies):
        size = rng.integers(4, 12, patients)
        patient = np.repeat(np.arange(patients), size)
        ill = rng.normal(size=patients)[patient]
        truth = (ill + rng.normal(size=len(patient)) > 1.2).astype(int)
        shared = rng.normal(size=patients)[patient]
        score = truth + math.sqrt(0.5) * (shared + rng.normal(size=len(patient)))
        codes = patient if grouped else np.arange(len(patient))
        names = [f"{k:05d}" for k in range(codes.max() + 1)]
        counts = bootstrap.draw_resamples(names, replicates=replicates, seed=study).counts
        areas = bootstrap.auc_replicates(truth, score, codes, counts)
        groups = intervals.count_groups(codes, truth == 1, truth == 0)
        interval = intervals.interval(areas, groups=groups)
        hits += interval.low <= area <= interval.high
    return hits / studies


def test_grouped_intervals_cover_93_to_97_percent_and_slice_level_ones_do_not():
    assert 0.93 <= coverage(grouped=True) <= 0.97
    assert coverage(grouped=False, studies=200) < 0.88


def test_the_share_of_independent_slices_has_clopper_and_pearson_s_interval():
    rng = np.random.default_rng(0)
    hit = rng.random(400) < 0.85
    counts = bootstrap.draw_resamples([f"{k:03d}" for k in range(400)], replicates=4000).counts
    shares = bootstrap.mean_replicates(hit, np.arange(400), counts)
    interval = intervals.share_interval(hit.mean(), shares, units=400, groups=400)
    exact = binomtest(int(hit.sum()), 400).proportion_ci(method="exact")
    assert (interval.low, interval.high) == pytest.approx((exact.low, exact.high), abs=0.004)


def test_a_perfect_share_or_area_counts_each_group_as_one_slice():
    interval = intervals.share_interval(1.0, np.ones(50), units=300, groups=12)
    assert (interval.low, interval.high) == (pytest.approx(0.025 ** (1 / 12)), 1)
    interval = intervals.share_interval(0.0, np.zeros(50), units=300, groups=12)
    assert (interval.low, interval.high) == (0, pytest.approx(1 - 0.025 ** (1 / 12)))
    positive, codes = np.array([True, True, False, False, False]), np.array([0, 1, 2, 3, 0])
    interval = intervals.area_interval(1.0, np.ones(50), positive, codes)
    assert (interval.low, interval.high, interval.groups) == (pytest.approx(0.025**0.5), 1, 2)


def test_a_share_without_slices_or_with_one_group_has_no_interval():
    for interval in (
        intervals.share_interval(math.nan, np.full(5, math.nan), units=0, groups=0),
        intervals.share_interval(0.5, np.full(5, 0.5), units=4, groups=1),
    ):
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\), got 95"):
        intervals.share_interval(0.5, [0.5], units=2, groups=2, level=95)


def test_recall_with_few_bleeding_patients_and_near_1_is_still_covered():
    rng = np.random.default_rng(3)
    recall, hits, studies = norm.cdf(1.8), 0, 200
    for study in range(studies):
        patient = np.repeat(np.arange(10), 6)
        shared = rng.normal(size=10)[patient]
        called = 1.8 + math.sqrt(0.5) * (shared + rng.normal(size=60)) > 0
        counts = bootstrap.draw_resamples(list("abcdefghij"), replicates=200, seed=study).counts
        shares = bootstrap.mean_replicates(called, patient, counts)
        interval = intervals.share_interval(called.mean(), shares, units=60, groups=10)
        hits += interval.low <= recall <= interval.high
    assert hits / studies >= 0.93


def test_the_share_of_few_equal_groups_has_korn_and_graubard_s_interval():
    """With their design variance: that of the five groups' shares, over five."""
    hits = np.array([2, 5, 7, 8, 4])
    called = np.concatenate([np.arange(8) < count for count in hits])
    counts = bootstrap.draw_resamples(list("abcde"), replicates=20_000).counts
    shares = bootstrap.mean_replicates(called, np.repeat(np.arange(5), 8), counts)
    interval = intervals.share_interval(called.mean(), shares, units=40, groups=5)
    variance = (hits / 8).var(ddof=1) / 5
    share, ratio = hits.sum() / 40, t.ppf(0.975, 39) / t.ppf(0.975, 4)
    slices = share * (1 - share) / variance * ratio**2
    low = beta.ppf(0.025, share * slices, (1 - share) * slices + 1)
    high = beta.ppf(0.975, share * slices + 1, (1 - share) * slices)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.004)

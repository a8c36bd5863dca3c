"""Intervals against scipy, closed forms, and simulated studies."""

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


def test_with_many_groups_the_interval_is_scipy_s_percentile_interval():
    values = np.random.default_rng(0).exponential(size=2000)
    resamples = bootstrap.draw_resamples([f"{k:04d}" for k in range(2000)], replicates=2000)
    means = bootstrap.mean_replicates(values, np.arange(2000), resamples.counts)
    interval = intervals.interval(means, groups=2000)
    reference = scipy_bootstrap(
        (values,), np.mean, method="percentile", n_resamples=2000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert (interval.low, interval.high) == pytest.approx(tuple(reference), abs=4e-3)


def test_with_few_groups_the_interval_is_the_t_test_s():
    values = np.array([1.9, -0.4, 2.2, 0.7, 1.1, -0.9, 1.6, 0.3])
    resamples = bootstrap.draw_resamples(list("abcdefgh"), replicates=40_000)
    means = bootstrap.mean_replicates(values, np.arange(8), resamples.counts)
    reference = ttest_1samp(values, 0)
    ends = reference.confidence_interval()
    interval = intervals.interval(means, groups=8)
    assert (interval.low, interval.high) == pytest.approx((ends.low, ends.high), abs=0.12)


def test_holm_matches_values_worked_by_hand_and_skips_what_was_not_tested():
    adjusted = intervals.holm([0.01, math.nan, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(adjusted, [0.03, math.nan, 0.06, 0.06, 0.02])
    assert intervals.holm([0.9, 0.8]).tolist() == [1, 1]


def test_the_share_of_independent_slices_has_clopper_and_pearson_s_interval():
    rng = np.random.default_rng(0)
    hit = rng.random(400) < 0.85
    counts = bootstrap.draw_resamples([f"{k:03d}" for k in range(400)], replicates=4000).counts
    shares = bootstrap.mean_replicates(hit, np.arange(400), counts)
    interval = intervals.share_interval(hit.mean(), shares, units=400, groups=400)
    exact = binomtest(int(hit.sum()), 400).proportion_ci(method="exact")
    assert (interval.low, interval.high) == pytest.approx((exact.low, exact.high), abs=0.004)


def test_a_perfect_share_counts_each_group_as_one_slice():
    interval = intervals.share_interval(1.0, np.ones(50), units=300, groups=12)
    assert (interval.low, interval.high) == (pytest.approx(0.025 ** (1 / 12)), 1)
    interval = intervals.share_interval(0.0, np.zeros(50), units=300, groups=12)
    assert (interval.low, interval.high) == (0, pytest.approx(1 - 0.025 ** (1 / 12)))


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

"""Intervals against scipy, closed forms, and simulated studies."""

import math

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import ttest_1samp

from benchmarks.resampled_scores import mean_replicates
from ichreport.evaluation.uncertainty import bootstrap, intervals


def test_one_group_or_no_defined_replicate_gives_no_interval():
    for interval in (
        intervals.interval([0.5, 0.6], groups=1),
        intervals.interval([math.nan, math.nan], groups=10),
    ):
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\), got 95"):
        intervals.interval([0.5], groups=2, level=95)


def test_with_many_groups_the_interval_is_scipy_s_percentile_interval():
    values = np.random.default_rng(0).exponential(size=2000)
    resamples = bootstrap.draw_resamples([f"{k:04d}" for k in range(2000)], replicates=2000)
    means = mean_replicates(values, np.arange(2000), resamples.counts)
    interval = intervals.interval(means, groups=2000)
    reference = scipy_bootstrap(
        (values,), np.mean, method="percentile", n_resamples=2000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert (interval.low, interval.high) == pytest.approx(tuple(reference), abs=4e-3)


def test_with_few_groups_the_interval_is_the_t_test_s():
    values = np.array([1.9, -0.4, 2.2, 0.7, 1.1, -0.9, 1.6, 0.3])
    resamples = bootstrap.draw_resamples(list("abcdefgh"), replicates=40_000)
    means = mean_replicates(values, np.arange(8), resamples.counts)
    reference = ttest_1samp(values, 0)
    ends = reference.confidence_interval()
    interval = intervals.interval(means, groups=8)
    assert (interval.low, interval.high) == pytest.approx((ends.low, ends.high), abs=0.12)


def test_holm_matches_values_worked_by_hand_and_skips_what_was_not_tested():
    adjusted = intervals.holm([0.01, math.nan, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(adjusted, [0.03, math.nan, 0.06, 0.06, 0.02])
    assert intervals.holm([0.9, 0.8]).tolist() == [1, 1]

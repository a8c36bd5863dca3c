"""Reweighted scores against scikit-learn, replicate by replicate; intervals against simulation."""

import math

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import norm, t, ttest_1samp
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from ichreport.evaluation import bootstrap
from ichreport.evaluation.scores import log_loss_terms


@pytest.fixture(scope="module")
def sample():
    """400 slices of 30 patients with many tied scores, and 25 resamples."""
    rng = np.random.default_rng(5)
    group = np.array([f"p{k:02d}" for k in rng.integers(0, 30, 400)])
    truth = (rng.random(400) < 0.2).astype(int)
    score = np.round(np.clip(0.3 + 0.2 * truth + 0.2 * rng.normal(size=400), 0.01, 0.99), 1)
    resamples = bootstrap.draw_resamples(group, replicates=25, seed=1)
    place = resamples.places(group)
    return truth, score, place, resamples.counts, resamples.counts[:, place]


def test_areas_equal_scikit_learn_s_in_every_replicate(sample):
    truth, score, place, counts, weights = sample
    expected = [roc_auc_score(truth, score, sample_weight=w) for w in weights]
    areas = bootstrap.auc_replicates(truth, score, place, counts)
    np.testing.assert_allclose(areas, expected, rtol=1e-12)


def test_losses_equal_scikit_learn_s_in_every_replicate(sample):
    truth, score, place, counts, weights = sample
    terms = np.stack([log_loss_terms(truth, score), (score - truth) ** 2], axis=1)
    means = bootstrap.mean_replicates(terms, place, counts)
    for replicate, weight in enumerate(weights):
        expected = log_loss(truth, score, sample_weight=weight)
        assert means[replicate, 0] == pytest.approx(expected, rel=1e-12)
        expected = brier_score_loss(truth, score, sample_weight=weight)
        assert means[replicate, 1] == pytest.approx(expected, rel=1e-12)


def test_rates_equal_scikit_learn_s_in_every_replicate(sample):
    truth, score, place, counts, weights = sample
    got = bootstrap.rate_replicates(truth, score, 0.5, place, counts)
    called = score >= 0.5
    for replicate, weight in enumerate(weights):
        expected = {
            "precision": precision_score(truth, called, sample_weight=weight),
            "recall": recall_score(truth, called, sample_weight=weight),
            "specificity": recall_score(1 - truth, ~called, sample_weight=weight),
            "accuracy": accuracy_score(truth, called, sample_weight=weight),
            "npv": precision_score(1 - truth, ~called, sample_weight=weight),
        }
        assert {name: got[name][replicate] for name in got} == pytest.approx(expected)


def test_a_resample_draws_as_many_groups_as_there_are():
    resamples = bootstrap.draw_resamples(["b", "a", "b", "c"], replicates=300, seed=2)
    assert list(resamples.groups) == ["a", "b", "c"]
    assert (resamples.counts.sum(axis=1) == 3).all()
    assert resamples.counts.mean(axis=0) == pytest.approx(1, abs=0.15)
    again = bootstrap.draw_resamples(["c", "b", "a"], replicates=300, seed=2)
    np.testing.assert_array_equal(resamples.counts, again.counts)


def test_a_group_that_was_not_resampled_is_refused():
    resamples = bootstrap.draw_resamples(["a"], replicates=1)
    with pytest.raises(ValueError, match="group 'z' is not among the 1 resampled"):
        resamples.places(["a", "z"])


def test_a_replicate_without_positives_is_undefined_and_counted():
    truth, score, group = [1, 0, 0, 1], [0.9, 0.2, 0.3, 0.8], ["a", "b", "c", "a"]
    resamples = bootstrap.draw_resamples(group, replicates=400, seed=0)
    place = resamples.places(group)
    areas = bootstrap.auc_replicates(truth, score, place, resamples.counts)
    missing = int((resamples.counts[:, 0] == 0).sum() + (resamples.counts[:, 0] == 3).sum())
    found = bootstrap.interval(areas, groups=3)
    assert missing > 0
    assert found.undefined == missing
    assert (found.low, found.high) == (1, 1)


def test_one_group_or_no_defined_replicate_gives_no_interval():
    for found in (
        bootstrap.interval([0.5, 0.6], groups=1),
        bootstrap.interval([math.nan, math.nan], groups=10),
    ):
        assert math.isnan(found.low)
        assert math.isnan(found.high)
    assert math.isnan(bootstrap.p_value([0.1, 0.2], groups=1))


def test_with_many_groups_the_interval_is_scipy_s_percentile_interval():
    values = np.random.default_rng(0).exponential(size=2000)
    resamples = bootstrap.draw_resamples([f"{k:04d}" for k in range(2000)], replicates=2000)
    means = bootstrap.mean_replicates(values, np.arange(2000), resamples.counts)
    found = bootstrap.interval(means, groups=2000)
    reference = scipy_bootstrap(
        (values,), np.mean, method="percentile", n_resamples=2000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx(tuple(reference), abs=4e-3)


def test_with_few_groups_the_interval_and_p_value_are_the_t_test_s():
    values = np.array([1.9, -0.4, 2.2, 0.7, 1.1, -0.9, 1.6, 0.3])
    resamples = bootstrap.draw_resamples(list("abcdefgh"), replicates=40_000)
    means = bootstrap.mean_replicates(values, np.arange(8), resamples.counts)
    reference = ttest_1samp(values, 0)
    ends = reference.confidence_interval()
    found = bootstrap.interval(means, groups=8)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=0.12)
    assert bootstrap.p_value(means, groups=8) == pytest.approx(reference.pvalue, abs=0.02)


def test_the_p_value_is_below_alpha_exactly_when_the_interval_excludes_zero():
    rng = np.random.default_rng(0)
    for shift in np.linspace(0.5, 3.5, 40):
        differences = rng.normal(shift, 1, 999)
        found = bootstrap.interval(differences, groups=25)
        p = bootstrap.p_value(differences, groups=25)
        if abs(p - 0.05) > 0.005:
            assert (p < 0.05) == (found.low > 0)


def test_a_p_value_far_out_goes_beyond_what_replicates_can_count():
    rng = np.random.default_rng(0)
    found = [bootstrap.p_value(rng.normal(5, 1, 1000), groups=g) for g in (12, 20, 10_000)]
    # t = 5 sqrt((n - 1) / n) on n - 1 degrees of freedom
    expected = [2 * t.sf(5 * math.sqrt((g - 1) / g), g - 1) for g in (12, 20, 10_000)]
    np.testing.assert_allclose(found, expected, rtol=0.6)
    assert bootstrap.p_value(np.zeros(100), groups=20) == 1
    nearer, farther = (bootstrap.p_value(rng.normal(z, 1, 1000), groups=50) for z in (2.2, 2.8))
    assert farther < nearer < 0.06


def test_holm_matches_values_worked_by_hand_and_skips_what_was_not_tested():
    adjusted = bootstrap.holm([0.01, math.nan, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(adjusted, [0.03, math.nan, 0.06, 0.06, 0.02])
    assert bootstrap.holm([0.9, 0.8]).tolist() == [1, 1]


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
        place = patient if grouped else np.arange(len(patient))
        names = [f"{k:05d}" for k in range(place.max() + 1)]
        counts = bootstrap.draw_resamples(names, replicates=replicates, seed=study).counts
        areas = bootstrap.auc_replicates(truth, score, place, counts)
        groups = bootstrap.contributing(place, truth == 1, truth == 0)
        found = bootstrap.interval(areas, groups=groups)
        hits += found.low <= area <= found.high
    return hits / studies


def test_grouped_intervals_cover_93_to_97_percent_and_slice_level_ones_do_not():
    assert 0.93 <= coverage(grouped=True) <= 0.97
    assert coverage(grouped=False, studies=200) < 0.88

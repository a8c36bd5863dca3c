"""Reweighted scores against scikit-learn, replicate by replicate."""

import numpy as np
import pytest
from sklearn.metrics import (
    brier_score_loss,
    log_loss,
    roc_auc_score,
)

from benchmarks.resampled_scores import auc_replicates, mean_replicates
from ichreport.evaluation.scores import log_loss_terms
from ichreport.evaluation.uncertainty import bootstrap, intervals


@pytest.fixture(scope="module")
def sample():
    """400 slices of 30 patients with many tied scores, and 25 resamples."""
    rng = np.random.default_rng(5)
    group = np.array([f"p{k:02d}" for k in rng.integers(0, 30, 400)])
    truth = (rng.random(400) < 0.2).astype(int)
    score = np.round(np.clip(0.3 + 0.2 * truth + 0.2 * rng.normal(size=400), 0.01, 0.99), 1)
    resamples = bootstrap.draw_resamples(group, replicates=25, seed=1)
    codes = resamples.group_codes(group)
    return truth, score, codes, resamples.counts, resamples.counts[:, codes]


def test_areas_equal_scikit_learn_s_in_every_replicate(sample):
    truth, score, codes, counts, weights = sample
    expected = [roc_auc_score(truth, score, sample_weight=w) for w in weights]
    areas = auc_replicates(truth, score, codes, counts)
    np.testing.assert_allclose(areas, expected, rtol=1e-12)


def test_losses_equal_scikit_learn_s_in_every_replicate(sample):
    truth, score, codes, counts, weights = sample
    terms = np.stack([log_loss_terms(truth, score), (score - truth) ** 2], axis=1)
    means = mean_replicates(terms, codes, counts)
    for replicate, weight in enumerate(weights):
        expected = log_loss(truth, score, sample_weight=weight)
        assert means[replicate, 0] == pytest.approx(expected, rel=1e-12)
        expected = brier_score_loss(truth, score, sample_weight=weight)
        assert means[replicate, 1] == pytest.approx(expected, rel=1e-12)


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
        resamples.group_codes(["a", "z"])


def test_a_replicate_without_positives_is_undefined_and_left_out():
    truth, score, group = [1, 0, 0, 1], [0.9, 0.2, 0.3, 0.8], ["a", "b", "c", "a"]
    resamples = bootstrap.draw_resamples(group, replicates=400, seed=0)
    codes = resamples.group_codes(group)
    areas = auc_replicates(truth, score, codes, resamples.counts)
    missing = int((resamples.counts[:, 0] == 0).sum() + (resamples.counts[:, 0] == 3).sum())
    interval = intervals.interval(areas, groups=3)
    assert np.isnan(areas).sum() == missing > 0
    assert (interval.low, interval.high) == (1, 1)

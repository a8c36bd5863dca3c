"""Scores against closed forms, scikit-learn and the poster's own numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import log_loss, roc_auc_score

from ichreport.evaluation import scores
from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.labels import LABELS, SCORE_WEIGHTS

SLICES = 752_803
POSITIVES = {
    "epidural": 3_145,
    "intraparenchymal": 36_118,
    "intraventricular": 26_205,
    "subarachnoid": 35_675,
    "subdural": 47_166,
    "any": 107_933,
}
"""The label counts of the challenge's training slices."""


def entropy(p):
    return -(p * math.log(p) + (1 - p) * math.log(1 - p))


def test_constant_prevalence_of_the_challenge_scores_1_618_as_a_sum_and_0_231_as_a_mean():
    prevalence = np.array([POSITIVES[label] for label in LABELS]) / SLICES
    # 10,000 slices with those shares, so that the score is computed and not only its closed form
    y_true = np.arange(10_000)[:, None] < np.round(prevalence * 10_000)[None, :]
    floor = scores.constant_scores(y_true.astype(int), scores.prevalence(y_true.astype(int)))
    closed = sum(w * entropy(p) for w, p in zip(SCORE_WEIGHTS, prevalence, strict=True))
    assert round(closed, 3) == 1.618
    assert floor["weighted_log_loss_sum"] == pytest.approx(closed, abs=1e-3)
    assert round(floor["challenge_log_loss"], 3) == 0.231


def test_the_challenge_s_winner_at_0_0438_is_0_307_as_a_sum_and_the_poster_s_best_0_125_as_a_mean():
    y_true, y_score = np.zeros((1, 6), int), np.full((1, 6), 1 - math.exp(-0.0438))
    assert scores.challenge_log_loss(y_true, y_score) == pytest.approx(0.0438)
    assert round(scores.weighted_log_loss_sum(y_true, y_score), 3) == 0.307
    y_score = np.full((1, 6), 1 - math.exp(-0.874 / 7))
    assert round(scores.challenge_log_loss(y_true, y_score), 3) == 0.125


def test_calibrated_binormal_scores_with_the_poster_s_areas_give_its_best_sum():
    areas = (0.9004, 0.9237, 0.9567, 0.9053, 0.9238, 0.9329)
    total, grid = 0.0, np.linspace(-12, 16, 60_001)
    for label, area, weight in zip(LABELS, areas, SCORE_WEIGHTS, strict=True):
        p, shift = POSITIVES[label] / SLICES, math.sqrt(2) * norm.ppf(area)
        positive, negative = p * norm.pdf(grid - shift), (1 - p) * norm.pdf(grid)
        share = positive / (positive + negative)
        y_true = np.concatenate([np.ones(grid.size, int), np.zeros(grid.size, int)])
        terms = scores.log_loss_terms(y_true, np.tile(share, 2))
        density = np.concatenate([positive, negative])
        total += weight * float(terms @ density) * (grid[1] - grid[0])
    assert round(total, 2) == 0.88


def test_scores_agree_with_scikit_learn(predictions):
    rows = select_split(predictions, "test")
    y_true, y_score = truths(rows), probabilities(rows)
    losses = [log_loss(y_true[:, k], y_score[:, k], labels=[0, 1]) for k in range(6)]
    np.testing.assert_allclose(scores.log_losses(y_true, y_score), losses, rtol=1e-12)
    assert scores.challenge_log_loss(y_true, y_score) == pytest.approx(
        np.average(losses, weights=SCORE_WEIGHTS), rel=1e-12
    )
    areas = roc_auc_score(y_true, y_score, average=None)
    np.testing.assert_allclose(scores.auc_scores(y_true, y_score), areas, rtol=1e-12)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=1, max_size=25))
def test_area_is_the_share_of_pairs_in_order_with_ties_half(pairs):
    truth, score = np.array(pairs).T
    wins = [
        0.5 + 0.5 * np.sign(a - b)
        for a in score[truth == 1].astype(float)
        for b in score[truth == 0].astype(float)
    ]
    expected = np.mean(wins) if wins else math.nan
    assert scores.auc_score(truth, score) == pytest.approx(expected, nan_ok=True)


def test_area_with_one_class_is_nan():
    assert math.isnan(scores.auc_score([1, 1], [0.2, 0.3]))
    assert math.isnan(scores.auc_score([], []))


def test_a_certain_mistake_costs_34_5_nats_as_in_the_challenge():
    assert scores.log_loss_terms([1], [0.0])[0] == pytest.approx(15 * math.log(10))
    assert scores.log_loss_terms([0], [1.0])[0] == pytest.approx(15 * math.log(10), rel=1e-2)
    assert scores.log_loss_terms([1], [1.0])[0] == pytest.approx(0, abs=1e-14)


def test_the_floor_is_the_train_prevalence_scored_elsewhere(predictions):
    train, test = (truths(select_split(predictions, split)) for split in ("train", "test"))
    floor = scores.constant_scores(test, scores.floor_probabilities(train))
    p, q = train.mean(axis=0), test.mean(axis=0)
    cross_entropy = -(q * np.log(p) + (1 - q) * np.log(1 - p))
    np.testing.assert_allclose(list(floor["log_loss"].values()), cross_entropy)
    assert floor["weighted_log_loss_sum"] == pytest.approx(cross_entropy @ SCORE_WEIGHTS)
    assert set(floor["auc"].values()) == {0.5}


def test_all_scores_of_a_set_of_slices_by_name(predictions):
    rows = select_split(predictions, "test")
    by_name = scores.split_scores(truths(rows), probabilities(rows))
    assert set(by_name) == {"weighted_log_loss_sum", "challenge_log_loss", "log_loss", "auc"}
    assert list(by_name["log_loss"]) == list(by_name["auc"]) == list(LABELS)
    assert by_name["weighted_log_loss_sum"] == pytest.approx(7 * by_name["challenge_log_loss"])
    assert scores.select_score(by_name, "auc", "subdural") == by_name["auc"]["subdural"]
    total = scores.select_score(by_name, "weighted_log_loss_sum")
    assert total == by_name["weighted_log_loss_sum"]


@pytest.mark.parametrize(("truth", "score"), [(-1, 0.5), (2, 0.5), (1, 1.5), (1, math.nan)])
def test_what_cannot_be_scored_is_refused_with_its_value(truth, score):
    with pytest.raises(ValueError, match=r"must be .* got .* among 1 such values of 1"):
        scores.log_loss_terms([truth], [score])

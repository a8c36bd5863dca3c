"""Losses on logits: against closed forms and scikit-learn."""

import keras
import numpy as np
import pytest
from sklearn.metrics import log_loss

from ichreport.model import backend
from ichreport.model.fitting import losses
from ichreport.params.training.positive_weights import Weighting

RANDOM = np.random.default_rng(3)
TRUTH = (RANDOM.random((40, 6)) < 0.3).astype(np.float32)
LOGITS = RANDOM.normal(0, 3, (40, 6)).astype(np.float32)
PROBABILITY = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))


def value(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_bce_is_the_log_loss_of_scikit_learn():
    loss = value(losses.binary_cross_entropy(TRUTH, LOGITS)).mean(axis=0)
    expected = [log_loss(TRUTH[:, k], PROBABILITY[:, k]) for k in range(6)]
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_bce_stays_finite_and_exact_at_extreme_logits():
    logits = np.array([[1000.0, -1000.0]], dtype=np.float32)
    np.testing.assert_array_equal(value(losses.binary_cross_entropy([[1, 0]], logits)), [[0, 0]])
    wrong = value(losses.binary_cross_entropy([[0, 1]], logits))
    np.testing.assert_array_equal(wrong, [[1000, 1000]])


def test_the_slope_of_bce_is_the_probability_less_the_truth():
    """At log-odds of 0 too, where a network without output bias starts."""
    logits = np.array([[-50.0, -1.0, 0.0, 0.0, 1.0, 50.0]], dtype=np.float32)
    truth = np.array([[0.0, 1.0, 0.0, 1.0, 1.0, 0.0]], dtype=np.float32)
    slope = backend.gradient(lambda z: losses.binary_cross_entropy(truth, z), logits)
    np.testing.assert_allclose(slope, 1 / (1 + np.exp(-logits)) - truth, atol=1e-6)


def test_weighting_counts_positives_as_scikit_learns_sample_weights_do():
    weights = np.array([1, 2, 5, 10, 50, 100], dtype=np.float32)
    loss = value(losses.weighted_binary_cross_entropy(TRUTH, LOGITS, weights)).sum(axis=0)
    for k in range(6):
        counted = np.where(TRUTH[:, k] == 1, weights[k], 1)
        expected = log_loss(TRUTH[:, k], PROBABILITY[:, k], sample_weight=counted, normalize=False)
        assert loss[k] == pytest.approx(expected, rel=1e-5)


def test_focal_loss_follows_its_equation():
    p_t = np.where(TRUTH == 1, PROBABILITY, 1 - PROBABILITY)
    alpha_t = np.where(TRUTH == 1, 0.25, 0.75)
    expected = -alpha_t * (1 - p_t) ** 2 * np.log(p_t)
    loss = value(losses.focal_cross_entropy(TRUTH, LOGITS))
    np.testing.assert_allclose(loss, expected, rtol=2e-4, atol=1e-7)


def test_focal_loss_of_an_undecided_positive_worked_by_hand():
    loss = value(losses.focal_cross_entropy([[1.0]], np.zeros((1, 1), dtype=np.float32)))
    assert loss[0, 0] == pytest.approx(0.25 * 0.25 * np.log(2))


def test_positive_weights_are_negatives_per_positive_within_bounds():
    truth = np.zeros((1000, 3))
    truth[:200, 0] = 1
    truth[:1, 1] = 1
    np.testing.assert_array_equal(losses.positive_weights(truth), [4, 100, 1])
    root = losses.positive_weights(truth, Weighting(power=0.5))
    np.testing.assert_allclose(root, [2, np.sqrt(999), 1], rtol=1e-6)
    square = losses.positive_weights(truth, Weighting(power=2))
    np.testing.assert_array_equal(square, [16, 100, 1])


def test_one_weight_of_all_positives_is_scikit_learns_sample_weight():
    truth = TRUTH.copy()
    truth[:, 0] = 0  # nothing is there to be weighted
    chosen = losses.positive_weights(truth, Weighting(5.3))
    np.testing.assert_array_equal(chosen, np.float32([1, 5.3, 5.3, 5.3, 5.3, 5.3]))
    weights = 1 + 4.3 * truth
    expected = [
        log_loss(truth[:, k], PROBABILITY[:, k], sample_weight=weights[:, k], labels=[0, 1])
        * weights[:, k].mean()
        for k in range(6)
    ]
    built = losses.build("weighted-bce", truth, weighting=Weighting(5.3))
    assert value(built(truth, LOGITS)).mean() == pytest.approx(np.mean(expected), rel=1e-5)


@pytest.mark.parametrize("loss", ["bce", "weighted-bce", "focal"])
def test_a_built_loss_is_a_mean_over_labels_for_slices_and_for_series(loss):
    function = losses.build(loss, TRUTH)
    flat = value(function(TRUTH, LOGITS))
    series = value(function(TRUTH.reshape(8, 5, 6), LOGITS.reshape(8, 5, 6)))
    assert flat.shape == (40,)
    np.testing.assert_allclose(series.reshape(40), flat, rtol=1e-6)


@pytest.mark.parametrize("loss", ["bce", "weighted-bce", "focal"])
def test_labels_weigh_in_the_mean_as_they_are_told(loss):
    term = {
        "bce": losses.binary_cross_entropy,
        "weighted-bce": lambda truth, logits: losses.weighted_binary_cross_entropy(
            truth, logits, losses.positive_weights(TRUTH)
        ),
        "focal": losses.focal_cross_entropy,
    }[loss]
    by_label = value(term(TRUTH, LOGITS))
    found = value(losses.build(loss, TRUTH, {"any": 2.0, "epidural": 0.0})(TRUTH, LOGITS))
    expected = np.average(by_label, axis=-1, weights=[0, 1, 1, 1, 1, 2])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_with_any_counted_twice_the_loss_is_the_challenges():
    """Its score, as scikit-learn works it: the mean over labels' log losses, `any` twice."""
    loss = value(losses.build("bce", TRUTH, {"any": 2.0})(TRUTH, LOGITS)).mean()
    of_labels = [log_loss(TRUTH[:, k], PROBABILITY[:, k]) for k in [*range(6), 5]]
    assert loss == pytest.approx(np.mean(of_labels), rel=1e-5)

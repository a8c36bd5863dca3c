"""Means of logits and weights by label, against values worked by hand."""

import math

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss

from ichreport.evaluation.blending import (
    WEIGHTS,
    blended,
    choose_weights,
    counting_members,
    mean_logits,
)
from ichreport.labels import LABELS


def of_all_labels(column):
    return np.repeat(np.asarray(column)[:, None], len(LABELS), axis=1)


def test_only_runs_that_have_not_trained_on_a_slice_count_there_unless_all_have():
    trained = [[True, True, False], [False, True, False], [True, True, False]]
    assert counting_members(trained).tolist() == [
        [False, True, True],
        [True, True, True],
        [False, True, True],
    ]


def test_a_mean_is_over_the_runs_that_count():
    logits = np.array([[[1.0, -2], [4, 8]], [[3, 0], [100, 100]], [[5, 5], [0, -4]]])
    counting = np.array([[True, True], [True, False], [True, True]])
    np.testing.assert_allclose(mean_logits(logits, counting), [[3, 1], [2, 2]])


def test_a_mean_of_no_run_is_refused():
    with pytest.raises(ValueError, match="At 1 of 2 slices no run counts"):
        mean_logits(np.zeros((2, 2, 6)), np.array([[True, False], [True, False]]))


def test_the_mean_of_logits_is_the_geometric_mean_of_odds():
    odds = np.array([[[3.0]], [[12.0]]])
    mean = mean_logits(np.log(odds), np.ones((2, 1), dtype=bool))
    assert math.exp(mean[0, 0]) == pytest.approx(6)


def test_a_blend_is_worked_by_hand_for_each_label():
    first, second = [[1.0, 1.0], [0.0, -4.0]], [[3.0, 3.0], [10.0, 4.0]]
    np.testing.assert_allclose(blended(first, second, [0.25, 0.5]), [[1.5, 2], [2.5, 0]])


def test_the_ends_of_a_blend_are_its_runs():
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 50, 6))
    np.testing.assert_array_equal(blended(first, second, 0), first)
    np.testing.assert_allclose(blended(first, second, 1), second, rtol=1e-12)


def test_each_label_takes_the_weight_that_scikit_learn_finds_best():
    random = np.random.default_rng(1)
    truth = (random.random((400, 6)) < 0.3).astype(int)
    first = 2 * truth - 1 + random.normal(size=(400, 6)) * np.linspace(0.5, 4, 6)
    second = 2 * truth - 1 + random.normal(size=(400, 6)) * np.linspace(4, 0.5, 6)
    table = choose_weights(truth, first, second)
    assert table["label"].tolist() == list(LABELS)
    for column, row in table.iterrows():
        losses = [
            log_loss(truth[:, column], expit((1 - w) * first[:, column] + w * second[:, column]))
            for w in WEIGHTS
        ]
        assert row["weight"] == WEIGHTS[int(np.argmin(losses))]
        assert row["log_loss"] == pytest.approx(min(losses))
        assert row["first_log_loss"] == pytest.approx(losses[0])
        assert row["second_log_loss"] == pytest.approx(losses[-1])
        assert (row["slices"], row["positives"]) == (400, truth[:, column].sum())
    assert table["weight"].is_monotonic_increasing
    assert table["weight"].nunique() > 3


def test_a_run_that_is_right_takes_all_the_weight_from_one_that_is_wrong():
    truth = of_all_labels([0, 1, 0, 1])
    right, wrong = (2 * truth - 1) * 3.0, (1 - 2 * truth) * 3.0
    assert set(choose_weights(truth, right, wrong)["weight"]) == {0.0}
    assert set(choose_weights(truth, wrong, right)["weight"]) == {1.0}


def test_runs_that_agree_count_alike():
    truth, logits = of_all_labels([0, 1, 1]), of_all_labels([0.1, -2.3, 0.7])
    table = choose_weights(truth, logits, logits)
    assert set(table["weight"]) == {0.5}
    assert table["chosen"].all()


@pytest.mark.parametrize("truth", [[0, 0, 0], [1, 1, 1]])
def test_slices_of_one_class_choose_no_weight_and_both_runs_count_alike(truth):
    low, high = of_all_labels([-9.0, -9, -9]), of_all_labels([9.0, 9, 9])
    table = choose_weights(of_all_labels(truth), low, high)
    assert set(table["weight"]) == {0.5}
    assert not table["chosen"].any()
    assert table["log_loss"].tolist() == pytest.approx([math.log(2)] * 6)
    assert table[["first_log_loss", "second_log_loss"]].notna().all(axis=None)


def test_without_slices_losses_are_nan_and_no_weight_is_chosen():
    table = choose_weights(np.empty((0, 6)), np.empty((0, 6)), np.empty((0, 6)))
    assert not table["chosen"].any()
    assert table[["log_loss", "first_log_loss", "second_log_loss"]].isna().all(axis=None)

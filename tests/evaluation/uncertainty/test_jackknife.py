"""Scores without each group against scikit-learn on the other groups."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, matthews_corrcoef, roc_auc_score

from ichreport.evaluation.uncertainty import jackknife


def draw(seed, groups=14, low=2, high=30):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), rng.integers(low, high, groups))
    truth = (rng.normal(size=groups)[codes] + rng.normal(size=len(codes)) > 0.5).astype(int)
    score = np.round(truth + rng.normal(size=groups)[codes] + rng.normal(size=len(codes)), 1)
    return truth, score, codes


def test_an_area_without_a_group_is_scikit_learn_s_of_the_others():
    truth, score, codes = draw(0)
    left_out = jackknife.auc_left_out(truth, score, codes)
    expected = [roc_auc_score(truth[codes != g], score[codes != g]) for g in range(14)]
    assert left_out.value == pytest.approx(roc_auc_score(truth, score), abs=1e-14)
    np.testing.assert_allclose(left_out.without, expected, atol=1e-13)


def test_average_precision_without_a_group_is_scikit_learn_s_to_first_order():
    truth, score, codes = draw(1, groups=200, low=4, high=9)
    left_out = jackknife.average_precision_left_out(truth, score, codes)
    expected = [average_precision_score(truth[codes != g], score[codes != g]) for g in range(200)]
    assert left_out.value == pytest.approx(average_precision_score(truth, score), abs=1e-14)
    added = left_out.value - np.array(expected)
    assert np.linalg.norm(left_out.deviations - added) < 0.1 * np.linalg.norm(added)


def test_a_correlation_of_calls_without_a_group_is_scikit_learn_s_of_the_others():
    truth, score, codes = draw(3)
    called = score > 0.5
    left_out = jackknife.mcc_left_out(truth, called, codes)
    expected = [matthews_corrcoef(truth[codes != g], called[codes != g]) for g in range(14)]
    assert left_out.value == pytest.approx(matthews_corrcoef(truth, called), abs=1e-13)
    np.testing.assert_allclose(left_out.without, expected, atol=1e-13)


def test_a_mean_without_a_group_is_that_of_the_others_and_absent_groups_add_nothing():
    _, values, codes = draw(2)
    left_out = jackknife.mean_left_out(values, codes, num_groups=16)
    expected = [values[codes != g].mean() for g in range(16)]
    np.testing.assert_allclose(left_out.without, expected, atol=1e-13)
    assert left_out.deviations[14:].tolist() == [0, 0]
    assert left_out.groups == 14


def test_equal_groups_all_count_and_one_large_group_counts_alone():
    assert jackknife.effective_groups([5] * 12) == pytest.approx(12)
    assert jackknife.effective_groups([1_000_000, 1, 1]) == pytest.approx(1, abs=1e-4)
    assert jackknife.effective_groups([0, 0]) == 0


def test_a_missing_class_leaves_areas_undefined():
    for measure in (jackknife.auc_left_out, jackknife.average_precision_left_out):
        assert math.isnan(measure([0, 0], [0.1, 0.2], np.array([0, 1])).value)
        assert math.isnan(measure([], [], np.empty(0, int)).value)

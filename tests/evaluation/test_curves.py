"""Curves keep their shape when thinned."""

import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score, roc_curve

from ichreport.evaluation import curves


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(3)
    truth = (rng.random(30_000) < 0.1).astype(int)
    return truth, rng.normal(size=30_000) + 1.8 * truth


def test_a_thinned_roc_curve_has_few_points_and_the_same_area(many):
    curve = curves.roc(*many)
    assert len(curve) <= 500
    area = auc(curve["false_positive_rate"], curve["recall"])
    assert area == pytest.approx(roc_auc_score(*many), abs=5e-4)
    ends = curve[["false_positive_rate", "recall"]].to_numpy()[[0, -1]]
    np.testing.assert_array_equal(ends, [[0, 0], [1, 1]])


def test_a_thinned_roc_curve_stays_close_to_the_whole_one(many):
    curve = curves.roc(*many, max_points=100)
    false_positive_rate, recall, _ = roc_curve(*many, drop_intermediate=False)
    # a vertical step has several recalls at one rate; compare along the diagonal instead
    along = np.interp(
        false_positive_rate + recall,
        curve["false_positive_rate"] + curve["recall"],
        curve["recall"],
    )
    assert np.abs(along - recall).max() < 2 / 99


def test_a_short_curve_is_left_whole():
    curve = curves.roc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    assert curve["recall"].tolist() == [0, 0.5, 0.5, 1, 1]
    assert curve["false_positive_rate"].tolist() == [0, 0, 0.5, 0.5, 1]
    curve = curves.precision_recall([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    assert curve["recall"].tolist() == [0.5, 0.5, 1, 1]
    assert curve["precision"].tolist() == pytest.approx([1, 0.5, 2 / 3, 0.5])
    assert curve["threshold"].tolist() == [0.8, 0.4, 0.35, 0.1]


def test_a_thinned_precision_recall_curve_keeps_its_peaks_and_dips(many):
    whole = curves.precision_recall(*many, max_points=10**9)
    curve = curves.precision_recall(*many)
    assert len(curve) <= 500 < len(whole)
    assert curve["recall"].is_monotonic_increasing
    assert curve["precision"].min() == whole["precision"].min()
    assert curve["precision"].max() == whole["precision"].max()
    thinned = np.interp(whole["recall"], curve["recall"], curve["precision"])
    assert np.abs(thinned - whole["precision"])[whole["recall"] > 0.05].max() < 0.02


def test_one_class_gives_an_empty_curve():
    assert len(curves.roc([1, 1], [0.1, 0.2])) == len(curves.roc([], [])) == 0
    assert len(curves.precision_recall([0, 0], [0.1, 0.2])) == 0

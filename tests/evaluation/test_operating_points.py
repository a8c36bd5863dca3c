"""Thresholds against brute force, rates against scikit-learn."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_curve, precision_score, recall_score

from ichreport.evaluation import operating_points as points
from ichreport.labels import LABELS

scored = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=1, max_size=30)
targets = st.fractions(min_value=Fraction(1, 50), max_value=1, max_denominator=50)


@given(scored, targets)
def test_threshold_is_the_largest_that_reaches_the_recall(pairs, target):
    truth, score = np.array(pairs).T
    recalls = {s: np.mean(score[truth == 1] >= s) for s in set(score)} if truth.any() else {}
    reached = [s for s, recall in recalls.items() if recall >= float(target)]
    expected = max(reached) if reached else math.nan
    got = points.threshold_at_recall(truth, score, float(target))
    assert got == pytest.approx(expected, nan_ok=True)


@given(scored.filter(lambda pairs: any(truth for truth, _ in pairs)), targets)
def test_threshold_agrees_with_scikit_learn_s_curve(pairs, target):
    truth, score = np.array(pairs).T
    _, recall, thresholds = precision_recall_curve(truth, score)
    expected = thresholds[recall[:-1] >= float(target)].max()
    assert points.threshold_at_recall(truth, score, float(target)) == expected


@given(st.integers(1, 400), st.integers(1, 400))
@example(7, 100)  # 7 / 100 * 100 is 7.000000000000001
def test_fewest_positives_for_a_recall_are_free_of_rounding(part, whole):
    part = min(part, whole)
    assert points.fewest(part / whole, whole) == part


def test_threshold_does_not_degenerate_on_a_rare_label():
    rng = np.random.default_rng(0)
    truth = (np.arange(20_000) < 80).astype(int)
    score = rng.beta(1, 400, 20_000) + 0.001 * truth  # all within a grid's first step
    threshold = points.threshold_at_recall(truth, score, 0.85)
    assert points.confusion(truth, score, threshold).rates()["recall"] == 0.85
    assert points.confusion(truth, score, threshold).fp < 20_000 - 80


def test_no_positives_give_no_threshold_but_their_count():
    assert math.isnan(points.threshold_at_recall([0, 0], [0.1, 0.2], 0.85))
    counted = points.confusion([0, 1], [0.1, 0.2], math.nan).as_dict()
    assert (counted["support"], counted["slices"]) == (1, 2)
    assert all(math.isnan(counted[name]) for name in (*points.RATES, "tp", "fp", "tn", "fn"))


@pytest.mark.parametrize("recall", [0, -0.1, 1.01, math.nan])
def test_an_impossible_recall_is_refused(recall):
    with pytest.raises(ValueError, match="recall must be in"):
        points.threshold_at_recall([1], [0.5], recall)


@given(scored, st.integers(0, 7))
def test_counts_and_rates_agree_with_scikit_learn(pairs, threshold):
    truth, score = np.array(pairs).T
    called = score >= threshold
    tn, fp, fn, tp = confusion_matrix(truth, called, labels=[0, 1]).ravel()
    got = points.confusion(truth, score, threshold)
    assert (got.tp, got.fp, got.tn, got.fn) == (tp, fp, tn, fn)
    expected = {
        "precision": precision_score(truth, called, zero_division=math.nan),
        "recall": recall_score(truth, called, zero_division=math.nan),
        "specificity": recall_score(1 - truth, ~called, zero_division=math.nan),
        "accuracy": float(np.mean(called == truth)),
        "npv": precision_score(1 - truth, ~called, zero_division=math.nan),
    }
    assert got.rates() == pytest.approx(expected, nan_ok=True)


def test_thresholds_come_from_validation_and_stay_frozen(predictions):
    recorded = json.loads(json.dumps(points.operating_points(predictions), allow_nan=False))
    assert list(recorded) == list(LABELS)
    for label, point in recorded.items():
        assert list(point) == ["threshold", "train", "validation", "test"]
        for split in ("train", "validation", "test"):
            rows = predictions[predictions["split"] == split]
            called = rows[f"probability_{label}"] >= point["threshold"]
            truth = rows[f"truth_{label}"] == 1
            assert point[split]["tp"] == (called & truth).sum()
            assert point[split]["support"] == truth.sum()
            assert point[split]["slices"] == len(rows)
        assert point["validation"]["recall"] >= 0.85


def test_a_label_without_positives_on_validation_has_no_operating_point(predictions):
    changed = predictions.copy()
    changed.loc[changed["split"] == "validation", "truth_epidural"] = 0
    point = points.operating_points(changed)["epidural"]
    assert point["threshold"] is None
    assert point["test"]["recall"] is None
    assert point["test"]["support"] > 0

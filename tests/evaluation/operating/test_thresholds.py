"""Threshold rules against brute force, and their rates on another split."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, precision_recall_curve, recall_score

from ichreport.evaluation.operating import thresholds
from ichreport.evaluation.operating.rates import rates_at_threshold
from ichreport.labels import LABELS

scored = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=1, max_size=30)
both = scored.filter(lambda pairs: {truth for truth, _ in pairs} == {0, 1})
targets = st.fractions(min_value=Fraction(1, 50), max_value=1, max_denominator=50)


@given(scored, targets)
def test_threshold_is_the_largest_that_reaches_the_recall(pairs, target):
    truth, score = np.array(pairs).T
    recalls = {s: np.mean(score[truth == 1] >= s) for s in set(score)} if truth.any() else {}
    reached = [s for s, recall in recalls.items() if recall >= float(target)]
    expected = max(reached) if reached else math.nan
    got = thresholds.threshold_at_recall(truth, score, float(target))
    assert got == pytest.approx(expected, nan_ok=True)


@given(scored.filter(lambda pairs: any(truth for truth, _ in pairs)), targets)
def test_threshold_agrees_with_scikit_learn_s_curve(pairs, target):
    truth, score = np.array(pairs).T
    _, recall, candidates = precision_recall_curve(truth, score)
    expected = candidates[recall[:-1] >= float(target)].max()
    assert thresholds.threshold_at_recall(truth, score, float(target)) == expected


@given(st.integers(1, 400), st.integers(1, 400))
@example(7, 100)  # 7 / 100 * 100 is 7.000000000000001
def test_the_smallest_count_for_a_share_is_free_of_rounding(part, whole):
    part = min(part, whole)
    assert thresholds._smallest_count(part / whole, whole) == part


def test_threshold_does_not_degenerate_on_a_rare_label():
    rng = np.random.default_rng(0)
    truth = (np.arange(20_000) < 80).astype(int)
    score = rng.beta(1, 400, 20_000) + 0.001 * truth  # all within a grid's first step
    threshold = thresholds.threshold_at_recall(truth, score, 0.85)
    rates = rates_at_threshold(truth, score, threshold)
    assert rates["recall"] == 0.85
    assert rates["specificity"] > 0


def test_no_positives_give_no_threshold():
    assert math.isnan(thresholds.threshold_at_recall([0, 0], [0.1, 0.2], 0.85))


@pytest.mark.parametrize("recall", [0, -0.1, 1.01, math.nan])
def test_an_impossible_recall_is_refused(recall):
    with pytest.raises(ValueError, match="recall must be in"):
        thresholds.threshold_at_recall([1], [0.5], recall)


@given(scored.filter(lambda pairs: any(not truth for truth, _ in pairs)), targets)
def test_no_smaller_threshold_reaches_the_specificity(pairs, target):
    truth, score = np.array(pairs).T
    threshold = thresholds.threshold_at_specificity(truth, score, float(target))
    negatives = score[truth == 0]
    assert np.mean(negatives < threshold) >= float(target)
    assert np.mean(negatives < np.nextafter(threshold, -math.inf)) < float(target)


@given(both)
def test_youden_has_the_best_balanced_accuracy_and_the_fewest_misses(pairs):
    truth, score = np.array(pairs).T
    accuracy = {s: balanced_accuracy_score(truth, score >= s) for s in set(score.tolist())}
    best = min(s for s, value in accuracy.items() if value > max(accuracy.values()) - 1e-9)
    assert thresholds.threshold_at_youden(truth, score) == best


def test_without_the_classes_that_a_rule_needs_there_is_no_threshold():
    assert math.isnan(thresholds.threshold_at_specificity([1, 1], [0.1, 0.2], 0.9))
    assert math.isnan(thresholds.threshold_at_youden([1, 1], [0.1, 0.2]))
    with pytest.raises(ValueError, match=r"specificity must be in \(0, 1\], got 2"):
        thresholds.threshold_at_specificity([0], [0.5], 2)


def test_every_rule_reaches_its_target_on_the_split_where_it_chose(predictions):
    frozen = thresholds.frozen_thresholds(predictions)
    assert len(frozen) == 4 * 6
    aimed = frozen[frozen["rule"] != "youden"]
    assert (aimed["achieved"] >= aimed["target"]).all()
    row = frozen.set_index(["rule", "label"]).loc[("sensitivity-95", "subdural")]
    rows = predictions[predictions["split"] == "validation"]
    called = rows["probability_subdural"] >= row["threshold"]
    assert row["achieved"] == recall_score(rows["truth_subdural"], called)


def test_rates_on_test_have_intervals_around_them_and_their_support(predictions):
    frozen = thresholds.frozen_thresholds(predictions)
    table = thresholds.rate_table(predictions, frozen)
    assert len(table) == 4 * 6 * (5 + 4)
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    row = table.set_index(["rule", "label", "rate"]).loc[("recall-85", "any", "recall")]
    rows = predictions[predictions["split"] == "test"]
    called = rows["probability_any"] >= row["threshold"]
    assert row["value"] == recall_score(rows["truth_any"], called)
    assert row["positives"] == rows["truth_any"].sum()
    assert row["groups"] == rows.loc[rows["truth_any"] == 1, "group"].nunique()


def test_a_rule_without_a_threshold_leaves_its_rates_missing(predictions):
    changed = predictions.copy()
    changed.loc[changed["split"] == "validation", "truth_epidural"] = 0
    frozen = thresholds.frozen_thresholds(changed, thresholds.RULES[:1])
    table = thresholds.rate_table(changed, frozen)
    epidural = table[table["label"] == "epidural"]
    assert epidural[["threshold", "value", "low", "high"]].isna().all(axis=None)
    assert (epidural["positives"] > 0).all()
    assert set(table["label"]) == set(LABELS)

"""Likelihood ratios, balanced accuracy, Matthews' coefficient and alarms, by other means."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    balanced_accuracy_score,
    class_likelihood_ratios,
    confusion_matrix,
    matthews_corrcoef,
)

from ichreport.evaluation.operating.operating_points import operating_point
from ichreport.evaluation.operating.rates import matthews_correlation
from ichreport.evaluation.uncertainty.two_shares import Estimate, ratio_of, sum_of


def point_of(truth, score, threshold=0.5, groups=None):
    codes = np.arange(len(truth)) if groups is None else np.asarray(groups)
    return operating_point(np.array(truth), np.array(score, float), threshold, codes)


def of_counts(tp, fp, tn, fn):
    truth = [1] * tp + [0] * fp + [0] * tn + [1] * fn
    return point_of(truth, [1] * (tp + fp) + [0] * (tn + fn))


@given(*[st.integers(1, 30)] * 4)
def test_summaries_are_those_of_scikit_learn(tp, fp, tn, fn):
    point = of_counts(tp, fp, tn, fn)
    rows = {row["rate"]: row["value"] for row in point.rows()}
    truth = [1] * tp + [0] * fp + [0] * tn + [1] * fn
    called = [1] * (tp + fp) + [0] * (tn + fn)
    positive, negative = class_likelihood_ratios(truth, called)
    assert rows["likelihood_ratio_positive"] == pytest.approx(positive)
    assert rows["likelihood_ratio_negative"] == pytest.approx(negative)
    assert rows["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, called))
    assert rows["mcc"] == pytest.approx(matthews_corrcoef(truth, called))


@given(st.lists(st.integers(1, 30), min_size=4, max_size=4))
def test_at_the_data_s_own_prevalence_the_counts_come_back(counts):
    tp, fp, tn, fn = counts
    total = sum(counts)
    figures = of_counts(*counts).at_prevalence((tp + fn) / total)
    expected = {
        "ppv": tp / (tp + fp),
        "npv": tn / (tn + fn),
        "alarms": 1000 * (tp + fp) / total,
        "false_alarms": 1000 * fp / total,
        "missed": 1000 * fn / total,
    }
    assert {name: each.value for name, each in figures.items()} == pytest.approx(expected)


def test_at_two_percent_worked_by_hand():
    # recall 0.9, specificity 0.8: of 1,000 studies 20 bleed, 18 are called; of 980, 196 are
    figures = of_counts(90, 40, 160, 10).at_prevalence(0.02)
    assert figures["ppv"].value == pytest.approx(18 / 214)
    assert figures["npv"].value == pytest.approx(784 / 786)
    assert figures["alarms"].value == pytest.approx(214)
    assert figures["false_alarms"].value == pytest.approx(196)
    assert figures["missed"].value == pytest.approx(2)
    for each in figures.values():
        assert each.low < each.value < each.high


def test_ends_of_likelihood_ratios_are_near_those_of_the_log_method():
    # Simel, Samsa and Matchar, Journal of Clinical Epidemiology 44 (1991) 763
    tp, fp, tn, fn = 900, 400, 1600, 100
    point = of_counts(tp, fp, tn, fn)
    recall, false_alarms = tp / (tp + fn), fp / (fp + tn)
    for ratio, (a, n, b, m) in {
        point.likelihood_ratio_positive: (tp, tp + fn, fp, fp + tn),
        point.likelihood_ratio_negative: (fn, tp + fn, tn, fp + tn),
    }.items():
        half = 1.96 * math.sqrt(1 / a - 1 / n + 1 / b - 1 / m)
        value = (a / n) / (b / m)
        assert ratio.low == pytest.approx(value * math.exp(-half), rel=0.03)
        assert ratio.high == pytest.approx(value * math.exp(half), rel=0.03)
    assert recall / false_alarms == pytest.approx(point.likelihood_ratio_positive.value)


def test_without_false_alarms_the_ratio_is_endless_with_a_lower_end_and_ppv_is_1():
    point = of_counts(18, 0, 40, 2)
    ratio = point.likelihood_ratio_positive
    assert ratio.value == ratio.high == math.inf
    # not below recall's lower end over the upper end of the share of false alarms, alone
    extreme = point.rate("recall").low / (1 - point.rate("specificity").low)
    assert extreme < ratio.low < math.inf
    ppv = point.at_prevalence(0.02)["ppv"]
    assert ppv.value == ppv.high == 1
    assert 0 < ppv.low < 1


def test_the_sum_of_independent_estimates_is_pythagoras_and_of_equal_ones_adds_up():
    first, second = Estimate(1.0, 0.7, 1.3), Estimate(2.0, 1.6, 2.4)
    apart, together = sum_of(first, second, 0.0), sum_of(first, second, 1.0)
    assert (apart.low, apart.value, apart.high) == pytest.approx((2.5, 3.0, 3.5))
    assert (together.low, together.high) == pytest.approx((2.3, 3.7))


def test_a_ratio_to_a_certain_number_is_the_estimate_in_other_units():
    ratio = ratio_of(Estimate(0.5, 0.4, 0.7), Estimate(0.25, 0.25, 0.25), 0.0)
    assert (ratio.low, ratio.value, ratio.high) == pytest.approx((1.6, 2.0, 2.8))


def test_recall_and_specificity_go_together_where_groups_are_good_or_bad_at_both():
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(50), 8)
    truth = np.tile([0, 1], 200)
    shares = {}
    for name, of_negatives in {"both": 1, "either": -1}.items():
        right = np.where(np.arange(50) % 2, 0.95, 0.5)[groups]
        right = np.where((truth == 0) & (of_negatives < 0), 1.45 - right, right)
        called = (random.random(400) < right) == (truth == 1)
        per_group = [(called == truth)[(truth == k)].reshape(50, 4).mean(axis=1) for k in (0, 1)]
        shares[name] = np.corrcoef(*per_group)[0, 1]
        assert point_of(truth, called, groups=groups).correlation == pytest.approx(shares[name])
    assert shares["both"] > 0.3 > -0.3 > shares["either"]


def test_intervals_of_ratios_and_predictive_values_hold_their_level():
    """400 draws of 60 patients of 4 slices that resemble each other; 0.9 is far outside chance."""
    random = np.random.default_rng(0)
    recall, false_alarms, prevalence = 0.8, 0.2, 0.05
    true_ratio = recall / false_alarms
    true_ppv = prevalence * recall / (prevalence * recall + (1 - prevalence) * false_alarms)
    held = {"ratio": 0, "ppv": 0, "balanced": 0, "mcc": 0}
    groups = np.repeat(np.arange(60), 4)
    truth = (np.arange(60) % 2 == 0)[groups].astype(int)
    for _ in range(400):
        own = random.beta(4, 1, 60)[groups]  # mean 0.8
        called = random.random(240) < np.where(truth == 1, own, 1 - own)
        point = point_of(truth, called, groups=groups)
        ratio, ppv = point.likelihood_ratio_positive, point.at_prevalence(prevalence)["ppv"]
        balanced = point.balanced_accuracy
        held["ratio"] += ratio.low <= true_ratio <= ratio.high
        held["ppv"] += ppv.low <= true_ppv <= ppv.high
        held["balanced"] += balanced.low <= 0.8 <= balanced.high
        # of equally many of both classes: recall + specificity - 1
        held["mcc"] += point.mcc_interval.low <= 0.6 <= point.mcc_interval.high
    assert all(count / 400 >= 0.92 for count in held.values()), held
    assert held["ratio"] == held["ppv"]  # one is a monotone function of the other


def test_one_class_or_no_threshold_leaves_everything_undefined():
    one_class = point_of([1, 1, 1], [0.2, 0.7, 0.9])
    without = point_of([0, 1, 1], [0.2, 0.7, 0.9], threshold=math.nan)
    for point in (one_class, without):
        rows = {row["rate"]: row["value"] for row in point.rows()}
        summaries = ("balanced_accuracy", "mcc", "likelihood_ratio_positive")
        assert all(math.isnan(rows[name]) for name in summaries)
        assert math.isnan(point.at_prevalence(0.1)["ppv"].value)


def test_calls_that_are_all_alike_have_no_correlation_with_the_truth():
    assert math.isnan(of_counts(5, 7, 0, 0).mcc)
    [[tn, fp], [fn, tp]] = confusion_matrix([0, 0, 1, 1, 1], [0, 1, 1, 1, 0])
    assert of_counts(tp, fp, tn, fn).mcc == pytest.approx(1 / 6)


def test_calls_without_a_mistake_are_not_taken_for_sure():
    point = of_counts(20, 0, 60, 0)
    assert point.mcc == 1
    assert point.mcc_interval.high == 1
    assert 0.5 < point.mcc_interval.low < 0.95
    assert of_counts(200, 0, 600, 0).mcc_interval.low > point.mcc_interval.low
    one_miss = of_counts(199, 0, 600, 1).mcc_interval.low  # no jump to calls of one mistake
    assert one_miss == pytest.approx(of_counts(200, 0, 600, 0).mcc_interval.low, abs=0.02)


@pytest.mark.parametrize(
    ("positives", "negatives", "recall", "specificity"),
    [(33, 60, 0.95, 0.97), (20, 300, 0.9, 0.995), (12, 50, 0.99, 0.95), (20, 20, 0.85, 0.9)],
)
def test_the_interval_of_mcc_holds_it_with_a_handful_of_mistakes(
    positives, negatives, recall, specificity
):
    """A symmetric interval held it in 87 to 94 %; nearly all that it missed were below."""
    rng = np.random.default_rng(7)
    truth = np.repeat([1, 0], [positives, negatives])
    share, expected = positives / len(truth), np.where(truth == 1, recall, 1 - specificity)
    cells = [share * recall, (1 - share) * (1 - specificity),
             (1 - share) * specificity, share * (1 - recall)]  # fmt: skip
    mcc = float(matthews_correlation(*map(np.asarray, cells)))
    below = above = 0
    for _ in range(600):
        called = (rng.random(len(truth)) < expected).astype(float)
        interval = operating_point(truth, called, 0.5, np.arange(len(truth))).mcc_interval
        below += mcc < interval.low
        above += mcc > interval.high
    assert (below + above) / 600 <= 0.07
    assert max(below, above) / 600 <= 0.05


def test_calls_that_are_all_wrong_have_an_upper_end_above_minus_1():
    point = of_counts(0, 60, 0, 20)
    assert point.mcc == point.mcc_interval.low == -1
    assert -1 < point.mcc_interval.high < -0.5

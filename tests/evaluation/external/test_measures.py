"""What is measured elsewhere, against a second library, published examples and a simulation."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.metrics import log_loss, precision_score, recall_score, roc_auc_score
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from ichreport.evaluation.assessment import assess
from ichreport.evaluation.external.comparison import compare_places, difference
from ichreport.evaluation.external.local_fit import cross_fitted, local_recalibration_table
from ichreport.evaluation.external.measures import measure
from ichreport.evaluation.external.scored import (
    Scale,
    Scored,
    scale_of_slices,
    scale_of_studies,
)
from ichreport.evaluation.operating.decisions import Decisions
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS, select_split
from ichreport.evaluation.scores import gains, log_loss_terms
from ichreport.labels import LABELS
from tests.evaluation.conftest import draw_predictions


def draw(count, *, seed=0, skill=2.0, shift=0.0, share=0.4):
    """Studies of a patient each, whose probabilities are calibrated but for a shift of logits."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(count) < share).astype(np.int64)
    logit = skill * (truth - 0.5) + rng.normal(size=count) + shift
    return Scored(truth, 1 / (1 + np.exp(-logit)), np.array([f"p{n:05}" for n in range(count)]))


def test_measures_are_those_of_scikit_learn_and_statsmodels():
    scored, threshold = draw(300), 0.37
    measured = measure(scored, threshold)
    truth, score = scored.truth, scored.score
    called = score >= threshold
    logit = np.log(score / (1 - score))
    line = sm.Logit(truth, sm.add_constant(logit)).fit(disp=False).params
    shift = sm.GLM(truth, np.ones(300), family=sm.families.Binomial(), offset=logit).fit().params
    expected = {
        "auc": roc_auc_score(truth, score),
        "recall": recall_score(truth, called),
        "specificity": recall_score(1 - truth, ~called),
        "precision": precision_score(truth, called),
        "log_loss": log_loss(truth, score),
        "slope": line[1],
        "in_the_large": shift[0],
    }
    for name, value in expected.items():
        assert measured[name]["value"] == pytest.approx(value, abs=1e-6), name
        assert measured[name]["low"] < value < measured[name]["high"]


def test_the_net_benefit_at_the_threshold_is_worked_by_hand():
    truth = np.array([1, 1, 0, 0, 0])
    scored = Scored(truth, np.array([0.9, 0.1, 0.6, 0.2, 0.1]), np.array(list("abcde")))
    measured = measure(scored, 0.25)
    assert measured["net_benefit"]["value"] == pytest.approx(1 / 5 - 1 / 5 * 0.25 / 0.75)


def test_probabilities_that_only_rank_have_no_calibration_and_the_same_ranks():
    measured, ranked = (measure(draw(90), 0.5, calibrated=c) for c in (True, False))
    for name in ("in_the_large", "slope", "net_benefit", "log_loss"):
        assert math.isnan(ranked[name]["value"])
        assert not math.isnan(measured[name]["value"])
    assert ranked["auc"] == measured["auc"]
    assert ranked["recall"] == measured["recall"]


def test_where_one_class_or_nobody_is_there_measures_are_undefined_and_nothing_fails():
    for scored in (draw(0), draw(12).where(draw(12).truth == 0)):
        measured = measure(scored, 0.5)
        assert math.isnan(measured["auc"]["value"])
        assert math.isnan(measured["recall"]["value"])
        assert math.isnan(measured["slope"]["value"])
    assert math.isnan(measure(draw(60), math.nan)["recall"]["value"])


def interval_of(hits, total):
    low, high = proportion_confint(hits, total, method="wilson")
    return {"value": hits / total, "low": low, "high": high}


@pytest.mark.parametrize(
    "counts", [(56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20), (5, 56, 0, 29)]
)
def test_the_difference_of_two_shares_has_newcombes_interval(counts):
    """The examples of Newcombe's paper of 1998, by statsmodels."""
    a, n, b, m = counts
    made = difference(interval_of(a, n), interval_of(b, m))
    expected = confint_proportions_2indep(a, n, b, m, method="newcomb", compare="diff")
    assert (made["low"], made["high"]) == pytest.approx(expected, abs=1e-6)


def test_the_interval_of_a_fall_holds_the_true_one_as_often_as_it_says():
    """AUC of two normal classes is Φ(skill / √2); the recall at 1/2 is Φ(skill / 2)."""
    normal = SimpleNamespace(cdf=lambda x: 0.5 * (1 + math.erf(x / math.sqrt(2))))
    inside, outside, covered = 2.0, 1.2, {"auc": 0, "recall": 0}
    true = {
        "auc": normal.cdf(outside / math.sqrt(2)) - normal.cdf(inside / math.sqrt(2)),
        "recall": normal.cdf(outside / 2) - normal.cdf(inside / 2),
    }
    tries = 150
    for seed in range(tries):
        both = [
            measure(draw(80, seed=2 * seed + k, skill=skill), 0.5)
            for k, skill in enumerate((inside, outside))
        ]
        for name, value in true.items():
            ends = difference(both[1][name], both[0][name])
            covered[name] += ends["low"] <= value <= ends["high"]
    for name, count in covered.items():
        assert count / tries >= 0.90, name


@pytest.fixture(scope="module")
def run():
    """A made-up run's predictions, its decisions, and another hospital's predictions."""
    own, there = draw_predictions(seed=1), draw_predictions(seed=2, patients=60)
    return own, Decisions.of(assess(own)), there.assign(split="outside")


def test_both_places_are_scored_on_one_scale_with_the_runs_own_thresholds(run):
    own, decisions, there = run
    inside = scale_of_studies(select_split(own, "test"), decisions)
    outside = scale_of_studies(there, decisions)
    table = compare_places(inside, outside)
    for label in LABELS:
        rows = table[table["label"] == label].set_index("measure")
        assert set(rows["threshold"]) == {decisions.study_thresholds["recall-85"][label]}
        column = LABELS.index(label)
        expected = decisions.of_studies(there)[PROBABILITIES[column]].to_numpy()
        np.testing.assert_allclose(
            outside.rows.sort_values(["patient_id", "study_instance_uid"])[PROBABILITIES[column]],
            expected,
        )
        auc = roc_auc_score(outside.rows[TRUTHS[column]], outside.rows[PROBABILITIES[column]])
        assert rows.loc["auc", "outside_value"] == pytest.approx(auc)
        assert rows.loc["auc", "difference_value"] == pytest.approx(
            auc - rows.loc["auc", "inside_value"]
        )


def test_slices_are_on_the_recalibrated_scale_where_calls_are_the_same(run):
    _, decisions, there = run
    scale = scale_of_slices(there, decisions)
    for column, label in enumerate(LABELS):
        raw = there[PROBABILITIES[column]].to_numpy(np.float64)
        on_scale = scale.rows[PROBABILITIES[column]].to_numpy()
        frozen = decisions.thresholds["recall-85"][label]
        np.testing.assert_array_equal(on_scale >= scale.thresholds[label], raw >= frozen)
        line = decisions.recalibrations[label]
        if line.slope > 0:
            logit = line.slope * np.log(raw / (1 - raw)) + line.intercept
            np.testing.assert_allclose(on_scale, 1 / (1 + np.exp(-logit)), rtol=1e-6)


def test_places_of_other_thresholds_or_levels_are_not_compared(run):
    _, decisions, there = run
    studies = scale_of_studies(there, decisions)
    moved = Scale("studies", studies.rows, studies.thresholds | {"any": 0.123}, studies.calibrated)
    with pytest.raises(ValueError, match=r"any: the threshold inside is .*; it is frozen\."):
        compare_places(studies, moved)
    with pytest.raises(ValueError, match="inside is of studies, and outside of slices"):
        compare_places(studies, scale_of_slices(there, decisions))


def test_units_without_a_truth_are_left_out_label_by_label(run):
    _, decisions, there = run
    rows = scale_of_studies(there, decisions).rows.copy()
    rows.loc[rows.index[:7], "truth_any"] = -1
    scale = Scale("studies", rows, {}, {})
    assert len(scale.of("any")) == len(rows) - 7
    assert len(scale.of("subdural")) == len(rows)


def test_a_local_line_mends_a_shift_and_is_fitted_to_other_patients():
    scored = draw(400, shift=2.0)
    local, fitted_on = cross_fitted(scored, folds=5, seed=3)
    assert fitted_on == pytest.approx(320)
    assert log_loss(scored.truth, local) < log_loss(scored.truth, scored.score) - 0.1
    turned = scored.truth.copy()
    turned[0] = 1 - turned[0]
    again, _ = cross_fitted(Scored(turned, scored.score, scored.group), folds=5, seed=3)
    assert again[0] == local[0], "a patient's own truth changes nothing of his probability"
    assert (again != local).any()


def test_the_gain_is_the_difference_of_the_two_losses_and_a_calibrated_run_gains_nothing():
    rng = np.random.default_rng(5)
    logit = rng.normal(size=2000) * 1.5
    truth = (rng.random(2000) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    rows = pd.DataFrame({"group": [f"p{n}" for n in range(2000)]})
    for column, _ in enumerate(LABELS):
        rows[TRUTHS[column]] = truth
        rows[PROBABILITIES[column]] = 1 / (1 + np.exp(-(logit + (1.5 if column else 0))))
    scale = Scale("studies", rows, {}, dict.fromkeys(LABELS, True) | {"any": False})
    table = local_recalibration_table(scale).set_index("label")
    right, wrong, ranks = table.loc["epidural"], table.loc["subdural"], table.loc["any"]
    assert right["gain"] == pytest.approx(right["log_loss"] - right["log_loss_local"])
    assert right["low"] < 0.002
    assert wrong["low"] > 0.1
    assert math.isnan(ranks["gain"])


def test_clipping_probabilities_that_are_0_and_1_is_no_gain():
    before, after = log_loss_terms([1, 0], [1.0, 0.0]), log_loss_terms([1, 0], [1 - 6e-8, 6e-8])
    assert (before != after).any()
    assert (gains(before, after) == 0).all()
    np.testing.assert_allclose(gains(np.array([0.3, np.nan]), np.array([0.1, 0.2])), [0.2, np.nan])


def test_a_run_without_whole_studies_of_its_own_leaves_the_difference_undefined(run):
    """A sample that is split by slice: what is outside is measured, and nothing compared."""
    own, decisions, there = run
    nobody = select_split(own, "test").iloc[:0]
    table = compare_places(scale_of_studies(nobody, decisions), scale_of_studies(there, decisions))
    of_any = table[(table["label"] == "any") & (table["measure"] == "auc")].iloc[0]
    assert of_any["inside_units"] == 0
    assert math.isnan(of_any["difference_value"])
    assert of_any["outside_value"] > 0.5

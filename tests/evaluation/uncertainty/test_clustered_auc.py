"""Obuchowski's covariance against DeLong's, written out pair by pair, and against simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from benchmarks.resampled_scores import auc_replicates
from ichreport.evaluation.scores import auc_score
from ichreport.evaluation.uncertainty.bootstrap import draw_resamples
from ichreport.evaluation.uncertainty.clustered_auc import auc_table, clustered_auc
from ichreport.evaluation.uncertainty.score_table import score_table


def delong(truth, scores):
    """DeLong, DeLong and Clarke-Pearson (1988) from the full matrix of pairs."""
    rows, columns = [], []
    for score in scores.T:
        wins = 0.5 + 0.5 * np.sign(score[truth == 1][:, None] - score[truth == 0][None, :])
        rows.append(wins.mean(axis=1))
        columns.append(wins.mean(axis=0))
    return np.cov(rows) / len(rows[0]) + np.cov(columns) / len(columns[0])


def draw(rng, patients=60):
    patient = np.repeat(np.arange(patients), rng.integers(2, 9, patients))
    ill, shared = rng.normal(size=(2, patients))[:, patient]
    truth = (ill + rng.normal(size=len(patient)) > 0.8).astype(int)
    noise = rng.normal(size=(2, len(patient)))
    return truth, np.round(truth + shared + noise, 1).T, patient


def test_with_a_group_for_each_slice_the_covariance_is_delong_s():
    truth, scores, _ = draw(np.random.default_rng(0))
    auc = clustered_auc(truth, scores, np.arange(len(truth)))
    np.testing.assert_allclose(auc.covariance, delong(truth, scores), rtol=1e-10)
    expected = [auc_score(truth, score) for score in scores.T]
    np.testing.assert_allclose(auc.areas, expected, rtol=1e-12)


def test_covariance_is_the_spread_of_the_areas_over_many_studies():
    rng = np.random.default_rng(1)
    studies = [clustered_auc(*draw(rng)) for _ in range(800)]
    observed = np.cov(np.array([study.areas for study in studies]).T)
    estimated = np.mean([study.covariance for study in studies], axis=0)
    np.testing.assert_allclose(estimated, observed, rtol=0.12)


def test_covariance_agrees_with_the_bootstrap():
    truth, scores, patient = draw(np.random.default_rng(2), patients=400)
    auc = clustered_auc(truth, scores, patient)
    names = [f"{k:03d}" for k in range(400)]
    counts = draw_resamples(names, replicates=1500).counts
    areas = [auc_replicates(truth, score, patient, counts) for score in scores.T]
    np.testing.assert_allclose(auc.covariance, np.cov(areas), rtol=0.12)
    low, high = auc.interval()
    assert (low, high) == pytest.approx(np.quantile(areas[0], [0.025, 0.975]), abs=0.008)


def test_with_few_ill_patients_its_intervals_still_hold_the_area():
    rng = np.random.default_rng(4)
    held = []
    while len(held) < 400:
        patient = np.repeat(np.arange(20), 6)
        shared = rng.normal(size=20)[patient]
        truth = ((patient < 4) & (rng.random(120) < 0.7)).astype(int)
        score = truth + math.sqrt(0.5) * (shared + rng.normal(size=120))
        low, high = clustered_auc(truth, score, patient).interval()
        if not math.isnan(low):
            held.append(low <= norm.cdf(1 / math.sqrt(2)) <= high)
    assert np.mean(held) >= 0.92


def test_one_class_or_one_group_of_a_class_leaves_the_covariance_undefined():
    auc = clustered_auc([0, 0], [0.1, 0.2], np.array([0, 1]))
    assert math.isnan(auc.areas[0])
    assert math.isnan(auc.covariance[0, 0])
    auc = clustered_auc([1, 0, 0], [0.3, 0.1, 0.5], np.array([0, 1, 2]))
    assert auc.areas[0] == 0.5
    assert math.isnan(auc.covariance[0, 0])
    assert all(math.isnan(end) for end in auc.interval())
    assert math.isnan(clustered_auc([], [], np.empty(0, int)).areas[0])


def test_a_variance_of_zero_comes_out_as_zero_whatever_rounding_leaves_of_it(predictions):
    # three groups whose placements balance, where rounding left -3e-18 on one processor, 0 on
    # another: found among 20,000 small draws
    rows = predictions.head(12).assign(
        split="test",
        group=np.repeat(["a", "b", "c"], 4),
        truth_any=[1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 0, 0],
        probability_any=np.array([5, 3, 1, 4, 1, 2, 5, 2, 1, 4, 0, 4]) / 6,
    )
    codes = pd.factorize(rows["group"])[0]
    auc = clustered_auc(rows["truth_any"], rows["probability_any"], codes)
    assert auc.covariance[0, 0] == 0
    row = auc_table(rows).set_index("label").loc["any"]
    assert row["standard_error"] == 0
    assert math.isnan(row["low"])


def test_the_table_agrees_with_the_bootstrap_s_and_says_how_many_groups_stand_behind(predictions):
    table = auc_table(predictions).set_index("label")
    other = score_table(predictions, splits=["test"])
    other = other[other["score"] == "auc"].set_index("label")
    np.testing.assert_allclose(table["value"], other["value"])
    common = ["subdural", "subarachnoid", "intraparenchymal"]
    np.testing.assert_allclose(table.loc[common, "low"], other.loc[common, "low"], atol=0.04)
    np.testing.assert_allclose(table.loc[common, "high"], other.loc[common, "high"], atol=0.04)
    behind = table[["positive_groups", "negative_groups"]].min(axis=1)
    assert (behind == other["contributing"]).all()


def test_a_label_with_one_class_is_missing_in_the_table(predictions):
    table = auc_table(predictions.assign(truth_epidural=0)).set_index("label")
    assert table.loc["epidural", ["value", "standard_error", "low", "high"]].isna().all()
    assert table.loc["epidural", "positive_groups"] == 0

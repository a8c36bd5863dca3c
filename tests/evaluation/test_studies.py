"""Pooling slices into studies."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.metrics import recall_score, roc_auc_score

from ichreport.evaluation import studies
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.evaluation.uncertainty.score_table import score_table
from ichreport.labels import LABELS


def test_pooling_runs_from_the_mean_to_the_maximum():
    logit = np.array([-3.0, 1.0, 2.0, 4.0])
    study = np.array([0, 1, 0, 1])
    np.testing.assert_allclose(studies.pool_logits(logit, study, 0), [-0.5, 2.5])
    np.testing.assert_allclose(studies.pool_logits(logit, study, math.inf), [2, 4])
    for sharpness in (0.25, 3.0):
        expected = logsumexp(sharpness * logit.reshape(2, 2), b=0.5, axis=0) / sharpness
        got = studies.pool_logits(logit, np.array([0, 1, 0, 1]), sharpness)
        np.testing.assert_allclose(got, expected)
    near = studies.pool_logits(logit, study, 1e-6), studies.pool_logits(logit, study, 1e4)
    np.testing.assert_allclose(near[0], [-0.5, 2.5], atol=1e-4)
    np.testing.assert_allclose(near[1], [2, 4], atol=1e-3)


def test_by_the_maximum_a_study_is_its_most_suspicious_slice(predictions):
    pooled = studies.pool_studies(predictions)
    by_study = predictions.groupby("study_instance_uid")
    pooled = pooled.set_index("study_instance_uid")
    for column in (*TRUTHS, *PROBABILITIES):
        expected = by_study[column].max()
        np.testing.assert_allclose(pooled[column].loc[expected.index], expected, rtol=1e-6)
    assert pooled["slices"].sum() == len(predictions)
    table = score_table(pooled.reset_index())
    assert (table["slices"] > 0).all()


def test_a_study_in_two_splits_counts_in_each_with_its_slices_there(predictions):
    mixed = predictions.assign(split=np.where(np.arange(len(predictions)) % 2, "train", "test"))
    pooled = studies.pool_studies(mixed)
    assert len(pooled) == len(mixed.groupby(["split", "study_instance_uid"]))
    assert pooled["slices"].sum() == len(mixed)


def test_learning_finds_how_the_studies_were_made(draw_predictions):
    many = draw_predictions(seed=1, patients=600, slices=(10, 20))
    # the truth of a study follows the mean of its logits, not its largest
    logit = np.log(many["probability_any"] / (1 - many["probability_any"]))
    mean = logit.groupby(many["study_instance_uid"]).transform("mean")
    many["truth_any"] = (mean > mean.median()).astype(int)
    learned = studies.PooledStudies.of(many).poolings["any"]
    assert learned.sharpness <= 0.5
    assert learned.slope > 1


def measured(predictions):
    return studies.study_table(studies.PooledStudies.of(predictions))


def test_the_table_gives_areas_and_rates_of_frozen_study_thresholds(predictions):
    table = measured(predictions)
    assert len(table) == 2 * 6 * (1 + 5 + 4)
    known = table.dropna(subset="low")
    assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()
    rows = table.set_index(["pooling", "label", "score"])
    pooled = studies.pool_studies(predictions)
    pooled = pooled[pooled["split"] == "test"]
    area = roc_auc_score(pooled["truth_subdural"], pooled["probability_subdural"])
    assert rows.loc[("maximum", "subdural", "auc"), "value"] == pytest.approx(area)
    row = rows.loc[("maximum", "subdural", "recall")]
    called = pooled["probability_subdural"] >= row["threshold"]
    assert row["value"] == pytest.approx(recall_score(pooled["truth_subdural"], called))
    assert (row["studies"], row["positives"]) == (len(pooled), pooled["truth_subdural"].sum())


def test_a_pooling_that_cannot_be_learned_is_missing_with_its_count(predictions):
    changed = predictions.copy()
    changed.loc[changed["split"] == "validation", "truth_epidural"] = 0
    assert studies.PooledStudies.of(changed).poolings["epidural"] is None
    table = measured(changed)
    rows = table[(table["pooling"] == "learned") & (table["label"] == "epidural")]
    assert rows[["value", "low", "threshold", "sharpness"]].isna().all(axis=None)
    assert (rows["positives"] > 0).all()
    assert set(table["label"]) == set(LABELS)


def test_what_could_not_be_learned_is_decided_by_the_maximum_and_the_rest_as_learned(predictions):
    poolings = dict.fromkeys(LABELS, studies.Pooling(0.0)) | {"epidural": None}
    pooled = studies.PooledStudies.of(predictions, poolings)
    maximum, learned = pooled.by_pooling().values()
    np.testing.assert_array_equal(
        pooled.decided["probability_epidural"], maximum["probability_epidural"]
    )
    assert learned["probability_epidural"].isna().all()
    mean = studies.pool_studies(predictions, dict.fromkeys(LABELS, studies.Pooling(0.0)))
    for table in (pooled.decided, learned):
        np.testing.assert_array_equal(table["probability_any"], mean["probability_any"])


def test_only_studies_with_all_slices_in_one_split_are_scored(predictions):
    sizes = predictions.groupby("study_instance_uid")["split"].transform("size")
    sampled = predictions.assign(study_slices=sizes)
    ill = sampled[(sampled["split"] == "test") & (sampled["truth_any"] == 1)]
    torn, short = ill["study_instance_uid"].unique()[:2]
    first = sampled.index[sampled["study_instance_uid"] == torn][0]
    sampled.loc[first, "split"] = "train"  # one slice on the other side
    bleeding = (sampled["study_instance_uid"] == short) & (sampled["truth_any"] == 1)
    sampled = sampled[~bleeding]  # a sample that left the bleeding slices out
    whole = studies.whole_studies(sampled)
    assert set(sampled["study_instance_uid"]) - set(whole["study_instance_uid"]) == {torn, short}
    table = measured(sampled).set_index(["pooling", "label", "score"])
    tested = whole[whole["split"] == "test"].groupby("study_instance_uid")["truth_any"].max()
    row = table.loc[("maximum", "any", "auc")]
    assert (row["studies"], row["positives"]) == (len(tested), tested.sum())


def test_a_sample_of_single_slices_has_no_study_to_score(predictions):
    sampled = predictions.assign(study_slices=1000)
    table = measured(sampled)
    assert not table["studies"].any()
    assert table[["value", "low", "high"]].isna().all(axis=None)


def test_without_validation_nothing_is_learned(predictions):
    pooled = studies.PooledStudies.of(predictions[predictions["split"] == "train"])
    assert set(pooled.poolings.values()) == {None}


def test_rates_of_studies_are_those_of_each_rules_own_threshold(predictions):
    decided = studies.PooledStudies.of(predictions).decided
    thresholds = studies.study_thresholds(decided)
    rates = studies.study_rates(decided, thresholds).set_index(["rule", "label", "rate"])
    test = decided[decided["split"] == "test"]
    known = thresholds.set_index(["rule", "label"])["threshold"]
    assert known["youden", "any"] != known["recall-85", "any"]
    for rule in ("recall-85", "sensitivity-95", "specificity-90", "youden"):
        called = test["probability_any"] >= known[rule, "any"]
        row = rates.loc[(rule, "any", "recall")]
        assert row["value"] == pytest.approx(recall_score(test["truth_any"], called))
        assert (row["studies"], row["positives"]) == (len(test), test["truth_any"].sum())

"""Epidural or subdural: the derived label, worked by hand and against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, recall_score, roc_auc_score

from ichreport.evaluation.extra_axial import (
    derived_levels,
    extra_axial_probability,
    extra_axial_table,
    extra_axial_truth,
)
from ichreport.evaluation.studies import whole_studies
from ichreport.evaluation.uncertainty.closed_intervals import area_interval
from ichreport.evaluation.uncertainty.jackknife import average_precision_left_out


def test_it_is_either_of_the_two_with_the_probability_that_not_both_are_absent():
    table = pd.DataFrame(
        {
            "truth_epidural": [0, 0, 1, 1],
            "truth_subdural": [0, 1, 0, 1],
            "probability_epidural": [0.0, 0.5, 0.2, 1.0],
            "probability_subdural": [0.0, 0.5, 0.1, 0.3],
        }
    )
    assert extra_axial_truth(table).tolist() == [0, 1, 1, 1]
    np.testing.assert_allclose(extra_axial_probability(table), [0, 0.75, 0.28, 1])


def test_a_probability_split_between_the_two_still_outranks_one_that_is_small():
    # the first slice bleeds, and the network hesitates where; the larger of the two would be equal
    table = pd.DataFrame({"probability_epidural": [0.4, 0.4], "probability_subdural": [0.4, 0.0]})
    split, alone = extra_axial_probability(table)
    assert split > alone


def measured(predictions):
    levels = derived_levels(predictions, whole_studies(predictions))
    return extra_axial_table(levels).set_index(["level", "score"])


@pytest.fixture(scope="module")
def scored(predictions):
    return measured(predictions)


def derived(predictions, split):
    rows = predictions[predictions["split"] == split]
    truth = rows[["truth_epidural", "truth_subdural"]].max(axis=1)
    absent = 1 - rows[["probability_epidural", "probability_subdural"]].astype(float)
    table = pd.DataFrame({"truth": truth, "score": 1 - absent.prod(axis=1), "group": rows["group"]})
    return table, table.groupby(rows["study_instance_uid"]).max()


def test_its_scores_are_those_of_scikit_learn(predictions, scored):
    for level, rows, validation in zip(
        ("slice", "study"), derived(predictions, "test"), derived(predictions, "validation"),
        strict=True,
    ):  # fmt: skip
        truth, score = rows["truth"], rows["score"]
        assert scored.loc[(level, "auc"), "value"] == pytest.approx(roc_auc_score(truth, score))
        precision = scored.loc[(level, "average_precision"), "value"]
        assert precision == pytest.approx(average_precision_score(truth, score))
        codes = pd.factorize(rows["group"])[0]
        ends = area_interval(average_precision_left_out(truth, score, codes), "precision")
        found = scored.loc[(level, "average_precision"), ["low", "high"]].astype(float)
        assert found.to_list() == pytest.approx([ends.low, ends.high])
        recall = scored.loc[(level, "recall")]
        called = score >= recall["threshold"] - 1e-12
        assert recall["value"] == pytest.approx(recall_score(truth, called))
        on_validation = validation["score"] >= recall["threshold"] - 1e-12
        assert recall_score(validation["truth"], on_validation) >= 0.85
        assert (recall["units"], recall["positives"]) == (len(rows), truth.sum())
        assert recall["low"] < recall["value"] < recall["high"]


def test_a_sample_of_single_slices_has_it_in_slices_alone(predictions):
    table = measured(predictions.assign(study_slices=100))
    assert np.isnan(table.loc[("study", "auc"), "value"])
    assert table.loc[("slice", "auc"), "value"] > 0.5


def test_the_six_labels_stay_as_they_are(predictions):
    before = predictions.copy()
    measured(predictions)
    pd.testing.assert_frame_equal(predictions, before)

"""What a report may be about, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from ichreport.evaluation.assessment import assess
from ichreport.labels import LABELS
from ichreport.params.endpoint import Endpoint

MEASURES = {"auc": roc_auc_score, "average_precision": average_precision_score}


@pytest.fixture(scope="module")
def assessed(predictions):
    return assess(predictions, replicates=50)


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("level", ["slice", "study"])
def test_every_endpoint_is_that_of_scikit_learn(predictions, assessed, level, measure, split):
    rows = predictions[predictions["split"] == split]
    if level == "study":
        rows = rows.drop(columns=["sop_instance_uid", "split"])
        rows = rows.groupby("study_instance_uid").max(numeric_only=True)
    for label in LABELS:
        figure = assessed.endpoint(Endpoint(label=label, level=level, measure=measure), split)
        truth, score = rows[f"truth_{label}"], rows[f"probability_{label}"].astype(float)
        one_class = truth.nunique() < 2
        expected = np.nan if one_class else MEASURES[measure](truth, score)
        assert figure["value"] == pytest.approx(expected, nan_ok=True)
        assert (figure["units"], figure["positives"]) == (len(rows), truth.sum())
        if split == "test" and 0 < figure["value"] < 1:
            assert figure["low"] < figure["value"] < figure["high"]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_both_measures_rest_on_the_same_groups(assessed, split):
    for label in LABELS:
        auc, precision = (
            assessed.endpoint(Endpoint(label=label, level="slice", measure=measure), split)
            for measure in MEASURES
        )
        assert precision["groups"] == auc["groups"]


def test_a_sample_of_single_slices_has_no_endpoint_of_studies(predictions):
    parts = assess(predictions.assign(study_slices=100), replicates=5)
    assert np.isnan(parts.endpoint(Endpoint(level="study"))["value"])
    assert parts.endpoint(Endpoint(level="study"))["units"] == 0
    assert parts.endpoint(Endpoint(level="slice"))["value"] > 0.5


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "AUC of any bleeding in whole studies"),
        (
            {"label": "epidural", "level": "slice", "measure": "average_precision"},
            "average precision of epidural bleeding in single slices",
        ),
    ],
)
def test_an_endpoint_says_what_is_measured(values, said):
    assert Endpoint.parse(values, where="test").in_words == said

"""Scores within subgroups."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, recall_score, roc_auc_score

from ichreport.evaluation.subgroups import subgroup_scores


@pytest.fixture(scope="module")
def family(predictions):
    names = np.where(np.arange(len(predictions)) % 3 == 0, "12-bit", "16-bit")
    return pd.Series(names, index=predictions.index)


def test_each_subgroup_has_the_scores_of_its_slices(predictions, family):
    table = subgroup_scores(
        predictions, family, labels=["any"], thresholds={"any": 0.4}, replicates=100
    )
    assert table["subgroup"].unique().tolist() == ["12-bit", "16-bit"]
    for name in ("12-bit", "16-bit"):
        rows = predictions[(predictions["split"] == "test") & (family == name)]
        truth, score = rows["truth_any"], rows["probability_any"].astype(float)
        scored = table[table["subgroup"] == name].set_index("score")
        assert scored.loc["auc", "value"] == pytest.approx(roc_auc_score(truth, score))
        assert scored.loc["log_loss", "value"] == pytest.approx(log_loss(truth, score))
        assert scored.loc["recall", "value"] == pytest.approx(recall_score(truth, score >= 0.4))
        assert (scored["slices"] == len(rows)).all()
        assert (scored["positives"] == truth.sum()).all()
        assert ((scored["low"] <= scored["value"]) & (scored["value"] <= scored["high"])).all()


def test_what_only_bleeding_has_is_scored_against_all_negatives(predictions):
    size = pd.Series(pd.NA, index=predictions.index, dtype="string")
    positive = predictions["truth_any"] == 1
    size[positive] = np.where(np.arange(positive.sum()) % 2, "large", "small")
    size = size.astype(pd.CategoricalDtype(["small", "large"], ordered=True))
    table = subgroup_scores(
        predictions, size, labels=["any"], negatives="all", thresholds={"any": 0.4}, replicates=20
    )
    assert table["subgroup"].unique().tolist() == ["small", "large"]
    test = predictions[predictions["split"] == "test"]
    chosen = test[(test["truth_any"] == 0) | (size.loc[test.index] == "small").fillna(value=False)]
    expected = roc_auc_score(chosen["truth_any"], chosen["probability_any"])
    row = table.set_index(["subgroup", "score"]).loc[("small", "auc")]
    assert row["value"] == pytest.approx(expected)
    table = subgroup_scores(predictions, size, labels=["any"], replicates=5)
    row = table.set_index(["subgroup", "score"]).loc[("small", "auc")]
    assert np.isnan(row["value"])
    assert row["positives"] == row["slices"] > 0


def test_an_empty_subgroup_is_a_row_with_its_count_and_no_score(predictions, family):
    by = family.astype(pd.CategoricalDtype(["12-bit", "16-bit", "other"]))
    table = subgroup_scores(predictions, by, labels=["any"], replicates=5)
    other = table[table["subgroup"] == "other"]
    assert (other["slices"] == 0).all()
    assert other[["value", "low", "high"]].isna().all(axis=None)
    without = table[(table["subgroup"] == "12-bit") & (table["score"] == "recall")]
    assert without["value"].isna().all()


def test_a_column_of_other_rows_is_refused(predictions, family):
    with pytest.raises(ValueError, match="by must have the index of predictions"):
        subgroup_scores(predictions, family.iloc[1:])

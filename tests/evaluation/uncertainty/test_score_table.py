"""Every score of the table has an interval or says why not."""

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.evaluation.scores import split_scores
from ichreport.evaluation.uncertainty.score_table import (
    score_left_out,
    score_table,
)


def test_the_table_lists_each_score_once_beside_its_floor_and_counts(predictions):
    table = score_table(predictions)
    assert len(table) == 3 * (2 + 6 + 6)
    assert not table.duplicated(["split", "score", "label"]).any()
    row = table.set_index(["split", "score", "label"]).loc[("test", "auc", "subdural")]
    rows = select_split(predictions, "test")
    expected = roc_auc_score(rows["truth_subdural"], rows["probability_subdural"])
    assert row["value"] == pytest.approx(expected)
    assert (row["floor"], row["slices"]) == (0.5, len(rows))
    assert row["positives"] == rows["truth_subdural"].sum()
    assert row["groups"] == rows["group"].nunique()


def test_a_split_without_slices_has_no_score_but_a_count(predictions):
    table = score_table(predictions[predictions["split"] != "validation"])
    validation = table[table["split"] == "validation"]
    assert validation["value"].isna().all()
    assert (validation["slices"] == 0).all()


def test_without_training_slices_there_is_no_floor(predictions):
    table = score_table(select_split(predictions, "test"), splits=["test"])
    losses = table[table["score"] != "auc"]
    assert losses["floor"].isna().all()
    assert (losses["value"] > 0).all()


def test_every_score_lies_in_its_interval(predictions):
    table = score_table(predictions)
    assert len(table) == 3 * 14
    assert ((table["low"] < table["value"]) & (table["value"] < table["high"])).all()
    assert (table["contributing"] <= table["groups"]).all()


def test_an_undefined_score_has_no_interval(predictions):
    without = predictions.assign(truth_epidural=0)
    table = score_table(without, splits=["test"])
    row = table.set_index(["score", "label"]).loc[("auc", "epidural")]
    assert row[["value", "low", "high"]].isna().all()
    assert row["contributing"] == 0


def test_a_score_without_a_group_is_that_of_the_other_groups(predictions):
    rows = predictions[predictions["split"] == "test"]
    codes, names = pd.factorize(rows["group"])
    sums = score_left_out(rows, codes, "weighted_log_loss_sum")
    areas = score_left_out(rows, codes, "auc", "subdural")
    for number, name in enumerate(names):
        others = rows[rows["group"] != name]
        expected = split_scores(truths(others), probabilities(others))
        assert sums.without[number] == pytest.approx(expected["weighted_log_loss_sum"])
        assert areas.without[number] == pytest.approx(expected["auc"]["subdural"])

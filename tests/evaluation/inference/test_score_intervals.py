"""Every score of the table has an interval or says why not."""

import numpy as np
import pytest

from ichreport.evaluation.inference.bootstrap import draw_resamples
from ichreport.evaluation.inference.score_intervals import (
    score_replicates,
    score_table_with_intervals,
)
from ichreport.evaluation.predictions import probabilities, truths
from ichreport.evaluation.scores import split_scores


def test_every_score_lies_in_its_interval(predictions):
    table = score_table_with_intervals(predictions, replicates=200)
    assert len(table) == 3 * 14
    assert ((table["low"] < table["value"]) & (table["value"] < table["high"])).all()
    assert (table["contributing"] <= table["groups"]).all()


def test_an_undefined_score_has_no_interval_and_its_replicates_are_counted(predictions):
    without = predictions.assign(truth_epidural=0)
    table = score_table_with_intervals(without, splits=["test"], replicates=30)
    row = table.set_index(["score", "label"]).loc[("auc", "epidural")]
    assert row[["value", "low", "high"]].isna().all()
    assert (row["undefined"], row["contributing"]) == (30, 0)


def test_a_replicate_is_the_score_of_its_groups_repeated(predictions):
    rows = predictions[predictions["split"] == "test"]
    resamples = draw_resamples(rows["group"], replicates=3, seed=4)
    replicates = score_replicates(rows, resamples)
    for replicate, counts in enumerate(resamples.counts):
        repeated = rows.loc[np.repeat(rows.index, counts[resamples.group_codes(rows["group"])])]
        expected = split_scores(truths(repeated), probabilities(repeated))
        got = replicates["weighted_log_loss_sum", "all"][replicate]
        assert got == pytest.approx(expected["weighted_log_loss_sum"])
        assert replicates["auc", "subdural"][replicate] == pytest.approx(
            expected["auc"]["subdural"]
        )

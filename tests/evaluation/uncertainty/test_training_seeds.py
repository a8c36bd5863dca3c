"""Runs that differ in their seed only."""

import math

import pytest

from ichreport.evaluation.uncertainty.score_table import score_table
from ichreport.evaluation.uncertainty.training_seeds import across_seeds


def test_mean_and_spread_over_seeds(draw_predictions):
    tables = [score_table(draw_predictions(seed=seed)) for seed in range(3)]
    spread = across_seeds(tables)
    assert len(spread) == len(tables[0])
    keys = ["split", "score", "label"]
    assert spread[keys].equals(tables[0][keys])
    values = [table.set_index(keys).loc[("test", "auc", "any"), "value"] for table in tables]
    row = spread.set_index(keys).loc[("test", "auc", "any")]
    mean = sum(values) / 3
    assert row["mean"] == pytest.approx(mean)
    assert row["standard_deviation"] == pytest.approx(
        math.sqrt(sum((value - mean) ** 2 for value in values) / 2)
    )
    assert (row["lowest"], row["highest"], row["runs"]) == (min(values), max(values), 3)


def test_a_single_run_has_no_spread_and_an_undefined_score_no_run(predictions):
    spread = across_seeds([score_table(predictions.assign(truth_epidural=0))])
    assert spread["standard_deviation"].isna().all()
    undefined = spread[(spread["score"] == "auc") & (spread["label"] == "epidural")]
    assert (undefined["runs"] == 0).all()
    assert undefined["mean"].isna().all()
    with pytest.raises(ValueError, match="at least one table"):
        across_seeds([])

"""Predictions that leave scores undefined go through everything: missing figures, no failure."""

import numpy as np
import pandas as pd
import pytest

from ichreport.evaluation.calibration.reliability import calibration_table
from ichreport.evaluation.comparisons import compare_runs
from ichreport.evaluation.findings import findings
from ichreport.evaluation.inference.clustered_auc import auc_table
from ichreport.evaluation.inference.score_intervals import score_table_with_intervals
from ichreport.evaluation.floor import compare_with_floor
from ichreport.evaluation.mistakes import worst_mistakes
from ichreport.evaluation.operating_points import operating_points
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.evaluation.scores import scores_of
from ichreport.evaluation.studies import study_table
from ichreport.evaluation.subgroups import subgroup_scores
from ichreport.evaluation.thresholds import frozen_thresholds, rate_table

CASES = {
    "without test": lambda p: p[p["split"] != "test"],
    "without validation": lambda p: p[p["split"] != "validation"],
    "without train": lambda p: p[p["split"] != "train"],
    "without slices": lambda p: p.iloc[:0],
    "one slice": lambda p: p[p["split"] == "test"].iloc[:1],
    "one group": lambda p: p.assign(group="same"),
    "no bleeding": lambda p: p.assign(**dict.fromkeys(TRUTHS, 0)),
    "only bleeding": lambda p: p.assign(**dict.fromkeys(TRUTHS, 1)),
    "constant": lambda p: p.assign(**dict.fromkeys(PROBABILITIES, np.float32(0.5))),
    "saturated": lambda p: p.assign(**{x: (p[x] > 0.3).astype("float32") for x in PROBABILITIES}),
}
FEW = {"replicates": 5}


@pytest.mark.parametrize("case", CASES)
def test_every_table_is_made(case, predictions):
    given = CASES[case](predictions)
    half = pd.Series(np.arange(len(given)) % 2, index=given.index)
    scores_of(given)
    operating_points(given)
    assert len(score_table_with_intervals(given, **FEW)) == 3 * 14
    assert len(rate_table(given, frozen_thresholds(given), **FEW)) == 4 * 6 * 5
    assert len(calibration_table(given, **FEW)) == 6 * 12
    assert len(study_table(given, **FEW)) == 2 * 6 * 6
    assert len(auc_table(given)) == 6
    assert len(compare_runs({"a": given, "b": predictions}, {"a": "b"}, **FEW)) == 1
    assert len(findings(dict.fromkeys(range(1, 15), given), **FEW)) == 5
    subgroup_scores(given, half, thresholds={"any": 0.5}, **FEW)
    worst_mistakes(given, "any")
    compare_with_floor(given, **FEW)


@pytest.mark.parametrize("case", ["no bleeding", "only bleeding"])
def test_with_one_class_areas_are_missing_and_losses_are_not(case, predictions):
    table = score_table_with_intervals(CASES[case](predictions), **FEW)
    areas = table["score"] == "auc"
    assert table.loc[areas, ["value", "floor", "low", "high"]].isna().all(axis=None)
    assert table.loc[~areas, ["value", "low", "high"]].notna().all(axis=None)

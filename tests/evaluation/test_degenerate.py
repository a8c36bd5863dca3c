"""Predictions that leave scores undefined go through everything: missing figures, no failure."""

import numpy as np
import pandas as pd
import pytest

from ichreport.evaluation.average_precision import average_precision_table
from ichreport.evaluation.calibration.errors import calibration_table
from ichreport.evaluation.comparisons import compare_runs
from ichreport.evaluation.constant_prevalence import compare_with_floor
from ichreport.evaluation.endpoints import endpoint_table
from ichreport.evaluation.extra_axial import derived_levels, extra_axial_table
from ichreport.evaluation.failures.worst_mistakes import worst_mistakes
from ichreport.evaluation.findings.verdicts import findings
from ichreport.evaluation.operating.alarms import alarm_table
from ichreport.evaluation.operating.thresholds import frozen_thresholds, rate_table
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.evaluation.scatter import scatter_table
from ichreport.evaluation.studies import PooledStudies, study_table
from ichreport.evaluation.subgroups import subgroup_scores
from ichreport.evaluation.uncertainty.clustered_auc import auc_table
from ichreport.evaluation.uncertainty.score_table import score_table

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


@pytest.mark.parametrize("case", CASES)
def test_every_table_is_made(case, predictions):
    changed = CASES[case](predictions)
    half = pd.Series(np.arange(len(changed)) % 2, index=changed.index)
    assert len(score_table(changed)) == 3 * 14
    assert len(rate_table(changed, frozen_thresholds(changed))) == 4 * 6 * 9
    assert len(calibration_table(changed, replicates=5)) == 6 * 12
    studies = PooledStudies.of(changed)
    assert len(study_table(studies)) == 2 * 6 * 10
    assert len(auc_table(changed)) == 6
    assert len(alarm_table(studies.decided, {"any": [0.02]})) == (6 + 1) * 5
    derived = derived_levels(changed, studies.slices)
    assert len(extra_axial_table(derived)) == 2 * (2 + 9)
    scatter = scatter_table(changed, studies, derived, replicates=5)
    poolings = 6 + sum(pooling is not None for pooling in studies.poolings.values())
    assert len(scatter) == 4 * 6 + poolings + 2
    scores, precisions = score_table(changed), average_precision_table(changed)
    assert len(endpoint_table(changed, scores, precisions, studies.maximum)) == 2 * 2 * 2 * 6
    assert len(compare_runs({"a": changed, "b": predictions}, {"a": "b"})) == 1
    assert len(findings(dict.fromkeys(range(1, 15), changed))) == 5
    subgroup_scores(changed, half, thresholds={"any": 0.5})
    worst_mistakes(changed, "any")
    compare_with_floor(changed)


@pytest.mark.parametrize("case", ["no bleeding", "only bleeding"])
def test_with_one_class_areas_are_missing_and_losses_are_not(case, predictions):
    table = score_table(CASES[case](predictions))
    areas = table["score"] == "auc"
    assert table.loc[areas, ["value", "floor", "low", "high"]].isna().all(axis=None)
    assert table.loc[~areas, ["value", "low", "high"]].notna().all(axis=None)

"""Another system's scores of the same studies, beside ours."""

import math
from typing import Any

import numpy as np
import pandas as pd

from ichreport.evaluation.external.scored import Scale
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.evaluation.scores import auc_score
from ichreport.evaluation.uncertainty.bootstrap import (
    REPLICATES,
    auc_replicates,
    draw_resamples,
)
from ichreport.evaluation.uncertainty.intervals import area_interval, count_groups, interval
from ichreport.labels import LABELS


def other_system_table(
    outside: Scale, theirs: pd.DataFrame, *, replicates: int = REPLICATES, seed: int = 0
) -> pd.DataFrame:
    """The AUC of another system beside ours, on the studies that both have scored.

    Args:
        outside: Our studies.
        theirs: `patient_id` and, for some labels, the columns of `PROBABILITIES`; a row a patient.
        replicates: Resamples of linked patients, the same for both.
        seed: Seed of the resamples.

    Returns:
        One row for each label that it scores: `label`, `ours_value`, `ours_low`, `ours_high`, the
        same of `theirs` and of the `difference` (ours less theirs), `units`, `positives`.
    """
    both = outside.rows.merge(theirs, on="patient_id", suffixes=("", "_theirs"), how="inner")
    rows: list[dict[str, Any]] = []
    for label, truth_column, column in zip(LABELS, TRUTHS, PROBABILITIES, strict=True):
        if column not in theirs:
            continue
        known = both[(both[truth_column] >= 0) & both[f"{column}_theirs"].notna()]
        truth = known[truth_column].to_numpy(dtype=np.int64)
        resamples = draw_resamples(known["group"], replicates=replicates, seed=seed)
        codes = resamples.group_codes(known["group"])
        values: dict[str, Any] = {}
        drawn = {}
        for whose, name in {"ours": column, "theirs": f"{column}_theirs"}.items():
            score = known[name].to_numpy(dtype=np.float64)
            area = auc_score(truth, score) if len(truth) else math.nan
            drawn[whose] = auc_replicates(truth, score, codes, resamples.counts)
            ci = area_interval(area, drawn[whose], truth == 1, codes)
            values |= {f"{whose}_value": area, f"{whose}_low": ci.low, f"{whose}_high": ci.high}
        groups = count_groups(codes, truth == 1, truth == 0)
        ci = interval(drawn["ours"] - drawn["theirs"], groups=groups)
        difference = values["ours_value"] - values["theirs_value"]
        values |= {"difference_value": difference, "difference_low": ci.low}
        values |= {"difference_high": ci.high, "units": len(known), "positives": int(truth.sum())}
        rows.append({"label": label, **values})
    return pd.DataFrame(rows)

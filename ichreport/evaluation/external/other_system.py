"""Another system's scores of the same studies, beside ours."""

from typing import Any

import numpy as np
import pandas as pd

from ichreport.evaluation.external.scored import Scale
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.evaluation.uncertainty.area_differences import difference_of_areas
from ichreport.evaluation.uncertainty.closed_intervals import area_interval
from ichreport.evaluation.uncertainty.jackknife import auc_left_out
from ichreport.labels import LABELS


def other_system_table(outside: Scale, theirs: pd.DataFrame) -> pd.DataFrame:
    """The AUC of another system beside ours, on the studies that both have scored.

    Args:
        outside: Our studies.
        theirs: `patient_id` and, for some labels, the columns of `PROBABILITIES`; a row a patient.

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
        codes = pd.factorize(known["group"])[0].astype(np.intp)
        values: dict[str, Any] = {}
        areas = []
        for whose, name in {"ours": column, "theirs": f"{column}_theirs"}.items():
            score = known[name].to_numpy(dtype=np.float64)
            area = auc_left_out(truth, score, codes)
            ci = area_interval(area)
            values |= {f"{whose}_value": area.value, f"{whose}_low": ci.low}
            values |= {f"{whose}_high": ci.high}
            areas.append(area)
        ours, others = areas
        ci, _ = difference_of_areas(ours, others)
        values |= {"difference_value": ours.value - others.value, "difference_low": ci.low}
        values |= {"difference_high": ci.high, "units": len(known), "positives": int(truth.sum())}
        rows.append({"label": label, **values})
    return pd.DataFrame(rows)

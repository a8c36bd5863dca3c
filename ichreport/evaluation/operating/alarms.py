"""How many alarms a run would raise in whole studies, where bleeding is as frequent as stated.

A set of studies that is enriched with bleeding has too high a precision. So predictive values and
alarms are given at stated prevalences, from recall and specificity, beside those of the data.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ichreport.evaluation.operating.operating_points import operating_point
from ichreport.evaluation.operating.thresholds import POSTER_RECALL, threshold_at_recall
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS, select_split
from ichreport.labels import LABELS
from ichreport.splits import Split


def alarm_table(
    studies: pd.DataFrame,
    prevalences: Mapping[str, Sequence[float]],
    *,
    split: Split = "test",
) -> pd.DataFrame:
    """Predictive values and alarms of whole studies at each prevalence.

    The threshold is that of the poster's recall on validation, and frozen.

    Args:
        studies: Whole studies, `studies.PooledStudies.decided`.
        prevalences: By label, shares of studies with it, each in (0, 1). A label that is not named
            is given at its share of the data alone.
        split: Where recall and specificity are measured.

    Returns:
        One row for each label, prevalence (that of the data first, with `own`) and figure of
        `OperatingPoint.at_prevalence`: `label`, `prevalence`, `own`, `figure`, `value`, `low`,
        `high`, `studies` and `positives`. NaN where undefined. Intervals take the prevalence and
        the threshold as known.
    """
    validation, rows = select_split(studies, "validation"), select_split(studies, split)
    group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
    table: list[dict[str, Any]] = []
    for label, truth_column, score_column in zip(LABELS, TRUTHS, PROBABILITIES, strict=True):
        threshold = threshold_at_recall(
            validation[truth_column], validation[score_column], POSTER_RECALL
        )
        truth = rows[truth_column].to_numpy(np.int64)
        score = rows[score_column].to_numpy(np.float64)
        point = operating_point(truth, score, threshold, group_codes)
        of_data = float(truth.mean()) if len(truth) else math.nan
        counts = {"studies": len(truth), "positives": int(truth.sum())}
        for number, prevalence in enumerate((of_data, *prevalences.get(label, ()))):
            known = {"label": label, "prevalence": prevalence, "own": number == 0}
            table += [
                {**known, "figure": figure, **asdict(each), **counts}
                for figure, each in point.at_prevalence(prevalence).items()
            ]
    return pd.DataFrame(table)

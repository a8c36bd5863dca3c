"""Average precision, the area under the precision-recall curve, with its interval."""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.evaluation.uncertainty.closed_intervals import area_interval
from ichreport.evaluation.uncertainty.jackknife import average_precision_left_out
from ichreport.labels import LABELS
from ichreport.splits import Split


def average_precision(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """The average precision of one label: precision summed over the steps of recall.

    AP = Σ (R_k - R_{k-1}) P_k over the distinct scores from the top, without interpolation.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.

    Returns:
        In (0, 1]; NaN if a class is missing. (Without negatives every order would score 1.)
    """
    return average_precision_left_out(y_true, y_score, np.zeros(np.size(y_true), np.intp)).value


def average_precision_table(
    predictions: pd.DataFrame,
    *,
    split: Split = "test",
) -> pd.DataFrame:
    """Each label's average precision with a 95 % interval over linked patient groups.

    Args:
        predictions: A run's predictions.
        split: Where to measure.

    Returns:
        Columns `label`, `value`, `low`, `high`, `groups` (those of the rarer class), `floor` (the
        prevalence, which random scores reach), `slices` and `positives`; NaN where undefined.
    """
    rows = select_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
    table: list[dict[str, Any]] = []
    for column, label in enumerate(LABELS):
        truth, score = y_true[:, column], y_score[:, column]
        left_out = average_precision_left_out(truth, score, group_codes)
        table.append(
            {
                "label": label,
                "value": left_out.value,
                **vars(area_interval(left_out, "precision")),
                "floor": float(truth.mean()) if len(truth) else math.nan,
                "slices": len(truth),
                "positives": int(truth.sum()),
            }
        )
    return pd.DataFrame(table)

"""Average precision, the area under the precision-recall curve, with its interval."""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.evaluation.uncertainty.bootstrap import (
    REPLICATES,
    average_precision_replicates,
    draw_resamples,
)
from ichreport.evaluation.uncertainty.intervals import area_interval
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
    one_resample = np.ones((1, 1), dtype=np.int64)
    group_codes = np.zeros(np.size(y_true), dtype=np.intp)
    return float(average_precision_replicates(y_true, y_score, group_codes, one_resample)[0])


def average_precision_table(
    predictions: pd.DataFrame,
    *,
    split: Split = "test",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Each label's average precision with a 95 % interval over linked patient groups.

    Args:
        predictions: A run's predictions.
        split: Where to measure.
        replicates: Resamples behind each interval.
        seed: Seed of the resamples.

    Returns:
        Columns `label`, `value`, `low`, `high`, `groups` (those of the rarer class), `undefined`
        (replicates without a value), `floor` (the prevalence, which random scores reach),
        `slices` and `positives`; NaN where undefined.
    """
    rows = select_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    resamples = draw_resamples(rows["group"], replicates=replicates, seed=seed)
    group_codes = resamples.group_codes(rows["group"])
    table: list[dict[str, Any]] = []
    for column, label in enumerate(LABELS):
        truth, score = y_true[:, column], y_score[:, column]
        value = average_precision(truth, score)
        resampled = average_precision_replicates(truth, score, group_codes, resamples.counts)
        table.append(
            {
                "label": label,
                "value": value,
                **vars(area_interval(value, resampled, truth == 1, group_codes)),
                "floor": float(truth.mean()) if len(truth) else math.nan,
                "slices": len(truth),
                "positives": int(truth.sum()),
            }
        )
    return pd.DataFrame(table)

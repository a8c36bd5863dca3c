"""Average precision: the area under the curve of precision against recall, with its interval."""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ichreport.evaluation.inference.bootstrap import (
    REPLICATES,
    average_precision_replicates,
    draw_resamples,
)
from ichreport.evaluation.inference.intervals import area_interval
from ichreport.evaluation.predictions import of_split, probabilities, truths
from ichreport.labels import LABELS
from ichreport.splits import Split


def average_precision(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """The average precision of one label: precision summed over the steps of recall.

    AP = Σ (R_k - R_{k-1}) P_k over the distinct scores from the top, without interpolation.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.

    Returns:
        In (0, 1]; NaN where a class is missing: without negatives every order scores 1.
    """
    once = np.ones((1, 1), dtype=np.int64)
    place = np.zeros(np.size(y_true), dtype=np.intp)
    return float(average_precision_replicates(y_true, y_score, place, once)[0])


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
        (replicates without a value), `floor` (the prevalence, which predicting nothing reaches),
        `slices` and `positives`; NaN where undefined.
    """
    rows = of_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    resamples = draw_resamples(rows["group"], replicates=replicates, seed=seed)
    place = resamples.places(rows["group"])
    table: list[dict[str, Any]] = []
    for column, label in enumerate(LABELS):
        truth, score = y_true[:, column], y_score[:, column]
        value = average_precision(truth, score)
        drawn = average_precision_replicates(truth, score, place, resamples.counts)
        table.append(
            {
                "label": label,
                "value": value,
                **vars(area_interval(value, drawn, truth == 1, place)),
                "floor": float(truth.mean()) if len(truth) else math.nan,
                "slices": len(truth),
                "positives": int(truth.sum()),
            }
        )
    return pd.DataFrame(table)

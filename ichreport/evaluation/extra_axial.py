"""Bleeding outside of the brain, epidural or subdural: a label that is derived, and never trained.

The two look alike and lie side by side, and readers disagree on them more than on whether there is
one of them. Networks keep their six labels; this one is scored beside them.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.operating.operating_points import operating_point
from ichreport.evaluation.operating.thresholds import POSTER_RECALL, threshold_at_recall
from ichreport.evaluation.predictions import (
    checked_probability,
    checked_truth,
    select_split,
)
from ichreport.evaluation.studies import pool_studies
from ichreport.evaluation.uncertainty.closed_intervals import area_interval
from ichreport.evaluation.uncertainty.jackknife import auc_left_out, average_precision_left_out
from ichreport.splits import Split

EXTRA_AXIAL: Final = "extra-axial"
PARTS: Final = ("epidural", "subdural")
"""The labels of which it is either."""


def extra_axial_truth(predictions: pd.DataFrame) -> NDArray[np.int64]:
    """Whether a slice or a study is labelled epidural or subdural, (n,), 0 or 1."""
    first, second = (checked_truth(predictions[f"truth_{label}"]) for label in PARTS)
    truth: NDArray[np.int64] = np.maximum(first, second)
    return truth


def extra_axial_probability(predictions: pd.DataFrame) -> NDArray[np.float64]:
    """The probability of either, 1 - (1 - p)(1 - q), (n,), in [0, 1].

    A network that cannot tell the two apart splits its probability between them. The larger of the
    two would lose up to half of it; this keeps it, but for the product. It lies between the larger
    (right if one never comes without the other) and the sum (right if they never come together).
    """
    first, second = (checked_probability(predictions[f"probability_{label}"]) for label in PARTS)
    either: NDArray[np.float64] = 1 - (1 - first) * (1 - second)
    return either


def extra_axial_table(levels: Mapping[str, pd.DataFrame], *, split: Split = "test") -> pd.DataFrame:
    """Areas, average precision and rates of the derived label, of slices and of whole studies.

    The threshold is that of the poster's recall on validation.

    Args:
        levels: Of `derived_levels`.
        split: Where to measure.

    Returns:
        One row for each `level` (`slice`, `study`) and `score` (`auc`, `average_precision`, then
        the rates and summaries of `operating_point`): `value`, `low`, `high`, `groups`,
        `threshold`, `units` and `positives`. NaN where undefined.
    """
    rows = [
        {"level": level, **row} for level, table in levels.items() for row in _scores(table, split)
    ]
    columns = ["level", "score", "value", "low", "high", "groups"]
    return pd.DataFrame(rows)[[*columns, "threshold", "units", "positives"]]


def derived_levels(predictions: pd.DataFrame, whole: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The `slice`s and the whole `study`s, with the derived label in the columns of any bleeding.

    Studies are pooled by the maximum of their slices' derived probability, as there is nothing to
    fit.

    Args:
        predictions: A run's predictions, one row a slice.
        whole: `studies.whole_studies` of these.
    """
    return {"slice": _derived(predictions), "study": pool_studies(_derived(whole))}


def _derived(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(
        truth_any=extra_axial_truth(rows), probability_any=extra_axial_probability(rows)
    )


def _scores(table: pd.DataFrame, split: Split) -> list[dict[str, Any]]:
    """Every score of a table whose columns of any bleeding hold the derived label."""
    validation, rows = select_split(table, "validation"), select_split(table, split)
    threshold = threshold_at_recall(
        validation["truth_any"], validation["probability_any"], POSTER_RECALL
    )
    truth = rows["truth_any"].to_numpy(np.int64)
    score = rows["probability_any"].to_numpy(np.float64)
    group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
    area = auc_left_out(truth, score, group_codes)
    precision = average_precision_left_out(truth, score, group_codes)
    of_areas: list[dict[str, Any]] = [
        {"score": "auc", "value": area.value, **vars(area_interval(area))},
        {
            "score": "average_precision",
            "value": precision.value,
            **vars(area_interval(precision, "precision")),
        },
    ]
    point = operating_point(truth, score, threshold, group_codes)
    of_rates = [{"score": row["rate"], **row} for row in point.rows()]
    known = {"threshold": threshold, "units": len(truth), "positives": int(truth.sum())}
    return [row | known for row in (*of_areas, *of_rates)]

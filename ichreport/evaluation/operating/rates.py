"""Rates of calls at a threshold: recall, precision, specificity, accuracy, NPV.

A slice is called positive where its score is at or above the threshold.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.predictions import checked_score, checked_truth

RATES: Final = ("precision", "recall", "specificity", "accuracy", "npv")
"""The rates at a threshold; `npv` is the negative predictive value."""

SUMMARIES: Final = (
    *("balanced_accuracy", "mcc"),
    *("likelihood_ratio_positive", "likelihood_ratio_negative"),
)
"""What recall and specificity come to together; `mcc` is Matthews' correlation coefficient."""


def matthews_correlation(
    tp: NDArray[Any], fp: NDArray[Any], tn: NDArray[Any], fn: NDArray[Any]
) -> NDArray[np.float64]:
    """The correlation of calls with the truth (Matthews, 1975), elementwise.

    Args:
        tp: Positives called positive, counts or sums of weights, any shape.
        fp: Negatives called positive, of that shape.
        tn: Negatives called negative, of that shape.
        fn: Positives called negative, of that shape.

    Returns:
        In [-1, 1], of that shape; NaN where all are of one class or called alike.
    """
    tp, fp, tn, fn = (np.asarray(cell, dtype=np.float64) for cell in (tp, fp, tn, fn))
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return _ratio(tp * tn - fp * fn, np.sqrt(margins))


def rates_at_threshold(y_true: ArrayLike, y_score: ArrayLike, threshold: float) -> dict[str, float]:
    """Each of `RATES` at a threshold.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        threshold: Slices that score at or above it are called positive. NaN leaves every rate NaN.

    Returns:
        By name, in [0, 1]; NaN where the denominator is zero.
    """
    truth, called = checked_truth(y_true) == 1, checked_score(y_score) >= threshold
    counts = [called & truth, called & ~truth, ~called & ~truth, ~called & truth]
    if math.isnan(threshold):
        return dict.fromkeys(RATES, math.nan)
    rates = rates_from_counts(*(count.sum() for count in counts))
    return {name: float(rate) for name, rate in rates.items()}


def rates_from_counts(
    tp: NDArray[Any], fp: NDArray[Any], tn: NDArray[Any], fn: NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    """Each of `RATES` from counts or from sums of weights, elementwise.

    Args:
        tp: Positives called positive, any shape.
        fp: Negatives called positive, of that shape.
        tn: Negatives called negative, of that shape.
        fn: Positives called negative, of that shape.

    Returns:
        By name, arrays of that shape; NaN where the denominator is zero.
    """
    return {
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "specificity": _ratio(tn, tn + fp),
        "accuracy": _ratio(tp + tn, tp + fp + tn + fn),
        "npv": _ratio(tn, tn + fn),
    }


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    defined = np.asarray(denominator) > 0
    return np.where(defined, numerator / np.where(defined, denominator, 1), math.nan)

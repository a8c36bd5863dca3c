"""Operating points: thresholds chosen on one split, frozen, and applied to the others.

A slice is called positive where its score is at or above the threshold. Thresholds are exact: they
come from the scores themselves, not from a grid.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.predictions import (
    checked_score,
    checked_truth,
    of_split,
    probabilities,
    truths,
)
from ichreport.evaluation.scores import without_nan
from ichreport.labels import LABELS
from ichreport.splits import SPLITS

RECALL: Final = 0.85
"""The recall at which the poster reports its operating points."""

RATES: Final = ("precision", "recall", "specificity", "accuracy", "npv")
"""Rates at an operating point; `npv` is the negative predictive value."""


@dataclass(frozen=True)
class Confusion:
    """Calls against truth at one threshold.

    Attributes:
        tp: Positives called positive; NaN if there was no threshold to apply, like the rest.
        fp: Negatives called positive.
        tn: Negatives called negative.
        fn: Positives called negative.
        support: Positives, known even without a threshold.
        slices: Slices, known even without a threshold.
    """

    tp: float
    fp: float
    tn: float
    fn: float
    support: int
    slices: int

    def rates(self) -> dict[str, float]:
        """Each of `RATES`; NaN where its denominator is zero."""
        values = rates(*(np.array(count) for count in (self.tp, self.fp, self.tn, self.fn)))
        return {name: float(value) for name, value in values.items()}

    def as_dict(self) -> dict[str, Any]:
        """Rates and counts by name; counts are integers, or NaN without a threshold."""
        counts = {"tp": self.tp, "fp": self.fp, "tn": self.tn, "fn": self.fn}
        whole = {name: v if math.isnan(v) else int(v) for name, v in counts.items()}
        return {**self.rates(), "support": self.support, "slices": self.slices, **whole}


def threshold_at_recall(y_true: ArrayLike, y_score: ArrayLike, recall: float) -> float:
    """The largest threshold whose recall is at least `recall`.

    It is always the score of a positive: of the k-th highest, k being the fewest positives that
    make up the recall. With ties the achieved recall may be above the target, never below.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        recall: The target, in (0, 1].

    Returns:
        The threshold; NaN without positives.

    Raises:
        ValueError: If `recall` is not in (0, 1].

    Example:
        >>> threshold_at_recall([1, 1, 0, 1], [0.9, 0.6, 0.4, 0.2], 2 / 3)
        0.6
    """
    if not 0 < recall <= 1:
        raise ValueError(f"recall must be in (0, 1], got {recall!r}.")
    scores = np.sort(checked_score(y_score)[checked_truth(y_true) == 1])[::-1]
    if not len(scores):
        return math.nan
    return float(scores[fewest(recall, len(scores)) - 1])


def fewest(share: float, total: int) -> int:
    """The least k for which k / total is at least `share`, free of the product's rounding."""
    k = math.ceil(share * total)
    while k > 0 and (k - 1) / total >= share:
        k -= 1
    while k / total < share:
        k += 1
    return k


def confusion(y_true: ArrayLike, y_score: ArrayLike, threshold: float) -> Confusion:
    """Count calls against truth at a threshold.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        threshold: Slices that score at or above it are called positive; NaN calls none.
    """
    truth = checked_truth(y_true) == 1
    support, slices = int(truth.sum()), len(truth)
    if math.isnan(threshold):
        return Confusion(math.nan, math.nan, math.nan, math.nan, support, slices)
    called = checked_score(y_score) >= threshold
    tp, fp = int((called & truth).sum()), int((called & ~truth).sum())
    return Confusion(tp, fp, slices - support - fp, support - tp, support, slices)


def rates(
    tp: NDArray[Any], fp: NDArray[Any], tn: NDArray[Any], fn: NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    """Each of `RATES` from counts, or from sums of weights, elementwise.

    Args:
        tp: Positives called positive, any shape.
        fp: Negatives called positive, of that shape.
        tn: Negatives called negative, of that shape.
        fn: Positives called negative, of that shape.

    Returns:
        Arrays of that shape; NaN where the denominator is zero.
    """
    return {
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "specificity": _ratio(tn, tn + fp),
        "accuracy": _ratio(tp + tn, tp + fp + tn + fn),
        "npv": _ratio(tn, tn + fn),
    }


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    defined = np.asarray(whole) > 0
    return np.where(defined, part / np.where(defined, whole, 1), math.nan)


def operating_points(predictions: pd.DataFrame, recall: float = RECALL) -> dict[str, Any]:
    """Thresholds at a recall on validation, applied unchanged to every split.

    Args:
        predictions: A run's predictions.
        recall: The recall to reach on the validation split, in (0, 1].

    Returns:
        By label, as `record.json` keeps it: `threshold`, and by split the rates `precision`,
        `recall`, `specificity`, `accuracy`, `npv` and the counts `support` (positives), `slices`,
        `tp`, `fp`, `tn`, `fn`. `None` where undefined, as everything is that follows from a label
        without positives on validation.
    """
    arrays = {}
    for split in SPLITS:
        rows = of_split(predictions, split)
        arrays[split] = (truths(rows), probabilities(rows))
    points: dict[str, Any] = {}
    for column, label in enumerate(LABELS):
        y_true, y_score = (array[:, column] for array in arrays["validation"])
        threshold = threshold_at_recall(y_true, y_score, recall)
        points[label] = {"threshold": threshold} | {
            split: confusion(truth[:, column], score[:, column], threshold).as_dict()
            for split, (truth, score) in arrays.items()
        }
    recorded: dict[str, Any] = without_nan(points)
    return recorded

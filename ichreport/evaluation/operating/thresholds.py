"""Thresholds: rules that choose them on one split, and their rates on the other splits.

A slice is called positive where its score is at or above the threshold. Thresholds are exact: they
come from the scores themselves, not from a grid.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ichreport.evaluation.operating.operating_points import operating_point
from ichreport.evaluation.operating.rates import rates_at_threshold
from ichreport.evaluation.predictions import (
    checked_score,
    checked_truth,
    probabilities,
    select_split,
    truths,
)
from ichreport.labels import LABELS
from ichreport.splits import Split

POSTER_RECALL: Final = 0.85
"""The recall at which the poster reports its operating points."""


def threshold_at_recall(y_true: ArrayLike, y_score: ArrayLike, recall: float) -> float:
    """The largest threshold whose recall is at least `recall`.

    This is the score of the k-th highest positive, where k is the smallest number of positives
    that reaches the recall. With ties the achieved recall may be above the target, never below.

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
    return float(scores[_smallest_count(recall, len(scores)) - 1])


def threshold_at_specificity(y_true: ArrayLike, y_score: ArrayLike, specificity: float) -> float:
    """The smallest threshold whose specificity is at least `specificity`.

    This is just above the score of the k-th lowest negative, where k is the smallest number of
    negatives that reaches the specificity.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), finite numbers.
        specificity: The target, in (0, 1].

    Returns:
        The threshold, the next float64 above a negative's score; NaN without negatives.

    Raises:
        ValueError: If `specificity` is not in (0, 1].
    """
    if not 0 < specificity <= 1:
        raise ValueError(f"specificity must be in (0, 1], got {specificity!r}.")
    scores = np.sort(checked_score(y_score)[checked_truth(y_true) == 0])
    if not len(scores):
        return math.nan
    return float(np.nextafter(scores[_smallest_count(specificity, len(scores)) - 1], math.inf))


def _smallest_count(share: float, total: int) -> int:
    """The smallest k for which k / total is at least `share`, free of the product's rounding."""
    k = math.ceil(share * total)
    while k > 0 and (k - 1) / total >= share:
        k -= 1
    while k / total < share:
        k += 1
    return k


def threshold_at_youden(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """The threshold with the largest recall + specificity - 1 (Youden 1950).

    If several scores reach it, the smallest of them, which misses the fewest positives.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.

    Returns:
        One of the scores; NaN if a class is missing.
    """
    truth, score = checked_truth(y_true), checked_score(y_score)
    if len(np.unique(truth)) < 2:
        return math.nan
    distinct, level = np.unique(score, return_inverse=True)
    positives = np.bincount(level, weights=truth)
    negatives = np.bincount(level, weights=1 - truth)
    # in units of 1 / (positives * negatives), so that equal values compare as equal
    called = np.cumsum(positives[::-1])[::-1] * negatives.sum()
    alarms = np.cumsum(negatives[::-1])[::-1] * positives.sum()
    return float(distinct[np.argmax(called - alarms)])


@dataclass(frozen=True)
class Rule:
    """How a threshold is chosen.

    Attributes:
        name: The rule's name in tables.
        measure: What the rule aims at: a recall, a specificity, or the largest Youden index.
        target: The smallest recall or specificity allowed; NaN for the Youden index.
    """

    name: str
    measure: Literal["recall", "specificity", "youden"]
    target: float = math.nan

    def threshold(self, y_true: ArrayLike, y_score: ArrayLike) -> float:
        """The threshold that this rule chooses on these slices; NaN if a class is missing."""
        if self.measure == "recall":
            return threshold_at_recall(y_true, y_score, self.target)
        if self.measure == "specificity":
            return threshold_at_specificity(y_true, y_score, self.target)
        return threshold_at_youden(y_true, y_score)


AT_POSTER_RECALL: Final = Rule("recall-85", "recall", POSTER_RECALL)
"""The rule that the poster's operating points follow."""

RULES: Final = (
    AT_POSTER_RECALL,
    Rule("sensitivity-95", "recall", 0.95),
    Rule("specificity-90", "specificity", 0.90),
    Rule("youden", "youden"),
)
"""The poster's operating point, one for screening, a cautious one, and the balanced one."""


def frozen_thresholds(predictions: pd.DataFrame, rules: Sequence[Rule] = RULES) -> pd.DataFrame:
    """Each rule's threshold for each label, chosen on validation.

    Args:
        predictions: A run's predictions.
        rules: The rules to apply.

    Returns:
        Columns `rule`, `label`, `threshold` (NaN where validation lacks the classes that the rule
        needs), `target`, `achieved` (the targeted measure on validation; for `youden` the index
        itself), and `positives` and `slices` of validation.
    """
    rows = select_split(predictions, "validation")
    y_true, y_score = truths(rows), probabilities(rows)
    table: list[dict[str, Any]] = []
    for rule in rules:
        for column, label in enumerate(LABELS):
            truth, score = y_true[:, column], y_score[:, column]
            threshold = rule.threshold(truth, score)
            rates = rates_at_threshold(truth, score, threshold)
            achieved = rates | {"youden": rates["recall"] + rates["specificity"] - 1}
            table.append(
                {
                    "rule": rule.name,
                    "label": label,
                    "threshold": threshold,
                    "target": rule.target,
                    "achieved": achieved[rule.measure],
                    "positives": int(truth.sum()),
                    "slices": len(truth),
                }
            )
    return pd.DataFrame(table)


def rate_table(
    predictions: pd.DataFrame,
    thresholds: pd.DataFrame,
    *,
    split: Split = "test",
) -> pd.DataFrame:
    """The rates on a split at frozen thresholds, with intervals.

    Args:
        predictions: A run's predictions.
        thresholds: Columns `rule`, `label` and `threshold`, as `frozen_thresholds` returns them.
        split: Where the thresholds are applied.

    Returns:
        One row for each rule, label and rate: `rule`, `label`, `threshold`, `rate` (of `RATES` and
        `SUMMARIES`), `value`, `low`, `high`, `groups` (that contribute),
        `positives`, `slices`. NaN where undefined; a likelihood ratio may be endless.
    """
    rows = select_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
    table: list[dict[str, Any]] = []
    columns = ["rule", "label", "threshold"]
    for rule, label, threshold in thresholds[columns].itertuples(index=False):
        column = LABELS.index(label)
        truth, score = y_true[:, column], y_score[:, column]
        keys = {"rule": rule, "label": label, "threshold": threshold}
        counts = {"positives": int(truth.sum()), "slices": len(truth)}
        point = operating_point(truth, score, threshold, group_codes)
        table += [{**keys, **rate, **counts} for rate in point.rows()]
    return pd.DataFrame(table)

"""Rules that choose a threshold on one split, and how their choice fares on the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.inference.bootstrap import (
    REPLICATES,
    Resamples,
    draw_resamples,
    rate_replicates,
)
from ichreport.evaluation.inference.intervals import contributing, share_interval
from ichreport.evaluation.operating_points import (
    RATES,
    RECALL,
    confusion,
    fewest,
    threshold_at_recall,
)
from ichreport.evaluation.predictions import (
    checked_score,
    checked_truth,
    of_split,
    probabilities,
    truths,
)
from ichreport.labels import LABELS
from ichreport.splits import Split


def threshold_at_specificity(y_true: ArrayLike, y_score: ArrayLike, specificity: float) -> float:
    """The smallest threshold whose specificity is at least `specificity`.

    It stands just above the score of a negative: of the k-th lowest, k being the fewest negatives
    that make up the specificity.

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
    return float(np.nextafter(scores[fewest(specificity, len(scores)) - 1], math.inf))


def threshold_at_youden(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """The threshold with the largest recall + specificity - 1 (Youden 1950).

    Of several such scores the smallest, which misses the fewest.

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
        name: Under which tables list it.
        measure: What it sets: a recall, a specificity, or the Youden index at its largest.
        target: The least recall or specificity; NaN for the Youden index.
    """

    name: str
    measure: Literal["recall", "specificity", "youden"]
    target: float = math.nan

    def threshold(self, y_true: ArrayLike, y_score: ArrayLike) -> float:
        """The threshold that this rule chooses on these slices; NaN where it cannot."""
        if self.measure == "recall":
            return threshold_at_recall(y_true, y_score, self.target)
        if self.measure == "specificity":
            return threshold_at_specificity(y_true, y_score, self.target)
        return threshold_at_youden(y_true, y_score)


RULES: Final = (
    Rule("recall-85", "recall", RECALL),
    Rule("sensitivity-95", "recall", 0.95),
    Rule("specificity-90", "specificity", 0.90),
    Rule("youden", "youden"),
)
"""The poster's operating point, a screening one, a cautious one, and the balanced one."""


def frozen_thresholds(
    predictions: pd.DataFrame, rules: Sequence[Rule] = RULES, *, split: Split = "validation"
) -> pd.DataFrame:
    """Each rule's threshold for each label, chosen on one split.

    Args:
        predictions: A run's predictions.
        rules: The rules to apply.
        split: Where thresholds are chosen.

    Returns:
        Columns `rule`, `label`, `threshold` (NaN where the split lacks the classes that the rule
        needs), `target`, `achieved` (the targeted measure on that split; for `youden` the index
        itself), `positives` and `slices` of that split.
    """
    rows = of_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    frozen: list[dict[str, Any]] = []
    for rule in rules:
        for column, label in enumerate(LABELS):
            truth, score = y_true[:, column], y_score[:, column]
            threshold = rule.threshold(truth, score)
            found = confusion(truth, score, threshold).rates()
            achieved = found | {"youden": found["recall"] + found["specificity"] - 1}
            frozen.append(
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
    return pd.DataFrame(frozen)


def rate_table(
    predictions: pd.DataFrame,
    frozen: pd.DataFrame,
    *,
    split: Split = "test",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Frozen thresholds applied to a split, with intervals.

    Args:
        predictions: A run's predictions.
        frozen: Columns `rule`, `label` and `threshold`, as `frozen_thresholds` gives them.
        split: Where they are applied.
        replicates: Resamples of linked patient groups behind each interval.
        seed: Seed of the resamples.

    Returns:
        One row for each rule, label and rate: `rule`, `label`, `threshold`, `rate` (of `RATES`),
        `value`, `low`, `high`, `groups` (that contribute), `undefined` (replicates), `positives`,
        `slices`. NaN where undefined.
    """
    rows = of_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    resamples = draw_resamples(rows["group"], replicates=replicates, seed=seed)
    place = resamples.places(rows["group"])
    table: list[dict[str, Any]] = []
    for rule, label, threshold in frozen[["rule", "label", "threshold"]].itertuples(index=False):
        column = LABELS.index(label)
        truth, score = y_true[:, column], y_score[:, column]
        named = {"rule": rule, "label": label, "threshold": threshold}
        counts = {"positives": int(truth.sum()), "slices": len(truth)}
        rates = rates_with_intervals(truth, score, threshold, place, resamples)
        table += [{**named, **rate, **counts} for rate in rates]
    return pd.DataFrame(table)


def rates_with_intervals(
    truth: NDArray[np.int64],
    score: NDArray[np.float64],
    threshold: float,
    place: NDArray[np.intp],
    resamples: Resamples,
) -> list[dict[str, Any]]:
    """Each rate at a frozen threshold: `rate`, `value`, `low`, `high`, `groups`, `undefined`.

    Args:
        truth: (n,), 0 or 1.
        score: (n,), any numbers.
        threshold: Slices at or above it are called positive; NaN leaves every rate undefined.
        place: (n,) the group of each slice.
        resamples: The resamples to use.
    """
    values = confusion(truth, score, threshold).rates()
    replicates = rate_replicates(truth, score, threshold, place, resamples.counts)
    called, positive = score >= threshold, truth == 1
    behind = {
        "precision": called,
        "recall": positive,
        "specificity": ~positive,
        "accuracy": np.ones_like(positive),
        "npv": ~called,
    }
    listed = []
    for rate in RATES:
        units, groups = int(behind[rate].sum()), contributing(place, behind[rate])
        found = share_interval(values[rate], replicates[rate], units=units, groups=groups)
        listed.append({"rate": rate, "value": values[rate], **vars(found)})
    return listed

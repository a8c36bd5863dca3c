"""Areas under the ROC curve and their covariance in clustered slices, in closed form.

A second opinion on the bootstrap, from placement values instead of resamples.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from ichreport.evaluation.inference.intervals import LEVEL
from ichreport.evaluation.predictions import (
    checked_score,
    checked_truth,
    of_split,
    probabilities,
    truths,
)
from ichreport.labels import LABELS
from ichreport.splits import Split

ROUNDING: Final = 1e-12
"""A covariance is 0 where it is so small beside the terms that it sums, or these beside one."""


@dataclass(frozen=True)
class ClusteredAuc:
    """Areas of several scores on the same slices.

    Attributes:
        areas: (k,) areas under the ROC curve; NaN if a class is missing.
        covariance: (k, k) of the areas; NaN if fewer than two groups hold positives, or negatives.
        positive_groups: Groups with a positive.
        negative_groups: Groups with a negative.
    """

    areas: NDArray[np.float64]
    covariance: NDArray[np.float64]
    positive_groups: int
    negative_groups: int

    def interval(self, score: int = 0, level: float = LEVEL) -> tuple[float, float]:
        """The Wald interval of one area, on the logit scale so that it stays within (0, 1).

        By the t distribution with one degree of freedom less than there are groups of the rarer
        class: with four of them and the normal one, 87 % of 95 % intervals held the area. NaN for
        an area of exactly 0 or 1, where the scale ends.
        """
        area, variance = self.areas[score], self.covariance[score, score]
        if not (0 < area < 1 and variance > 0):  # also refuses NaN
            return math.nan, math.nan
        logit = math.log(area / (1 - area))
        freedom = min(self.positive_groups, self.negative_groups) - 1
        reach = t.ppf((1 + level) / 2, freedom) * math.sqrt(variance) / (area * (1 - area))
        low, high = 1 / (1 + np.exp(-np.array([logit - reach, logit + reach])))
        return float(low), float(high)


def clustered_auc(y_true: ArrayLike, y_scores: ArrayLike, place: NDArray[np.intp]) -> ClusteredAuc:
    """Areas of scores on the same slices, with the covariance of Obuchowski.

    Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53 (1997) 567: sums
    of placement values over each group take the part that single placement values have in DeLong's
    estimate, to which this comes down where every group is one slice.

    Args:
        y_true: (n,), 0 or 1.
        y_scores: (n,) or (n, k), one column a score.
        place: (n,) the group of each slice, as numbers from 0.
    """
    positive, scores = checked_truth(y_true) == 1, checked_score(y_scores)
    columns = scores.reshape(len(scores), -1).T if len(scores) else np.empty((1, 0))
    num_scores, num_groups = len(columns), len(np.unique(place))
    positive_groups = len(np.unique(place[positive]))
    negative_groups = len(np.unique(place[~positive]))
    areas = np.full(num_scores, math.nan)
    covariance = np.full((num_scores, num_scores), math.nan)
    if positive_groups and negative_groups:
        placed = [_placements(column[positive], column[~positive]) for column in columns]
        areas = np.array([above.mean() for above, _ in placed])
    if min(positive_groups, negative_groups) > 1:
        of_positives = _centred(areas, [above for above, _ in placed], place[positive], place)
        of_negatives = _centred(areas, [below for _, below in placed], place[~positive], place)
        m, n = int(positive.sum()), int((~positive).sum())
        cross = of_positives.T @ of_negatives
        terms = np.stack(
            [
                positive_groups / (positive_groups - 1) * (of_positives.T @ of_positives) / m**2,
                negative_groups / (negative_groups - 1) * (of_negatives.T @ of_negatives) / n**2,
                num_groups / (num_groups - 1) * (cross + cross.T) / (m * n),
            ]
        )
        covariance = terms.sum(axis=0)
        scale = np.abs(terms).sum(axis=0) + ROUNDING
        covariance[np.abs(covariance) < ROUNDING * scale] = 0
    return ClusteredAuc(areas, covariance, positive_groups, negative_groups)


def auc_table(predictions: pd.DataFrame, *, split: Split = "test") -> pd.DataFrame:
    """Each label's area with the interval of the closed form, to hold against the bootstrap's.

    Args:
        predictions: A run's predictions.
        split: Where to measure.

    Returns:
        Columns `label`, `value`, `standard_error`, `low`, `high`, `positive_groups` and
        `negative_groups`; NaN where undefined.
    """
    rows = of_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    place = pd.factorize(rows["group"])[0].astype(np.intp)
    table = []
    for column, label in enumerate(LABELS):
        found = clustered_auc(y_true[:, column], y_score[:, column], place)
        low, high = found.interval()
        variance = float(found.covariance[0, 0])
        table.append(
            {
                "label": label,
                "value": float(found.areas[0]),
                "standard_error": math.sqrt(variance),
                "low": low,
                "high": high,
                "positive_groups": found.positive_groups,
                "negative_groups": found.negative_groups,
            }
        )
    return pd.DataFrame(table)


def _placements(
    positives: NDArray[np.float64], negatives: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each positive the share of negatives below it; of each negative that of positives above.

    Ties count half.
    """
    return _share_below(positives, negatives), 1 - _share_below(negatives, positives)


def _share_below(values: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, side="left")
    not_above = np.searchsorted(ordered, values, side="right")
    share: NDArray[np.float64] = (below + not_above) / (2 * len(others))
    return share


def _centred(
    areas: NDArray[np.float64],
    placements: list[NDArray[np.float64]],
    place: NDArray[np.intp],
    every_place: NDArray[np.intp],
) -> NDArray[np.float64]:
    """(groups, k): sums of placement values over each group, less the area for each slice."""
    total = int(every_place.max()) + 1
    sums = [
        np.bincount(place, weights=values - area, minlength=total)
        for area, values in zip(areas, placements, strict=True)
    ]
    return np.stack(sums, axis=1)

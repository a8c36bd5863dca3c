"""Areas under the ROC curve and their covariance in clustered slices, in closed form.

This checks the jackknife's: it uses placement values instead of areas without each group.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from ichreport.evaluation.predictions import (
    checked_score,
    checked_truth,
    probabilities,
    select_split,
    truths,
)
from ichreport.evaluation.uncertainty.intervals import LEVEL
from ichreport.labels import LABELS
from ichreport.splits import Split

_ROUNDING: Final = 1e-12
"""A covariance counts as 0 below this share of the terms that it sums, or of 1."""


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

        The t distribution has one degree of freedom less than there are groups of the rarer class.
        (With the normal distribution and four such groups, only 87 % of the 95 % intervals held the
        area.) NaN for an area of exactly 0 or 1, whose logit is infinite.
        """
        area, variance = self.areas[score], self.covariance[score, score]
        if not (0 < area < 1 and variance > 0):  # also refuses NaN
            return math.nan, math.nan
        logit = math.log(area / (1 - area))
        freedom = min(self.positive_groups, self.negative_groups) - 1
        half_width = stdtrit(freedom, (1 + level) / 2) * math.sqrt(variance) / (area * (1 - area))
        low, high = 1 / (1 + np.exp(-np.array([logit - half_width, logit + half_width])))
        return float(low), float(high)


def clustered_auc(
    y_true: ArrayLike, y_scores: ArrayLike, group_codes: NDArray[np.intp]
) -> ClusteredAuc:
    """Areas of scores on the same slices, with the covariance of Obuchowski.

    Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53 (1997) 567: as
    DeLong's estimate, with sums of placement values over each group in place of single placement
    values. The two agree where every group is one slice.

    Args:
        y_true: (n,), 0 or 1.
        y_scores: (n,) or (n, k), one column a score.
        group_codes: (n,) the group of each slice, numbered from 0.
    """
    positive, scores = checked_truth(y_true) == 1, checked_score(y_scores)
    columns = scores.reshape(len(scores), -1).T if len(scores) else np.empty((1, 0))
    num_scores, num_groups = len(columns), len(np.unique(group_codes))
    positive_groups = len(np.unique(group_codes[positive]))
    negative_groups = len(np.unique(group_codes[~positive]))
    areas = np.full(num_scores, math.nan)
    covariance = np.full((num_scores, num_scores), math.nan)
    if positive_groups and negative_groups:
        placements = [_placements(column[positive], column[~positive]) for column in columns]
        areas = np.array([above.mean() for above, _ in placements])
    if min(positive_groups, negative_groups) > 1:
        total = int(group_codes.max()) + 1
        positive_sums = _centred_sums(
            areas, [above for above, _ in placements], group_codes[positive], total
        )
        negative_sums = _centred_sums(
            areas, [below for _, below in placements], group_codes[~positive], total
        )
        m, n = int(positive.sum()), int((~positive).sum())
        cross = positive_sums.T @ negative_sums
        terms = np.stack(
            [
                positive_groups / (positive_groups - 1) * (positive_sums.T @ positive_sums) / m**2,
                negative_groups / (negative_groups - 1) * (negative_sums.T @ negative_sums) / n**2,
                num_groups / (num_groups - 1) * (cross + cross.T) / (m * n),
            ]
        )
        covariance = terms.sum(axis=0)
        scale = np.abs(terms).sum(axis=0) + _ROUNDING
        covariance[np.abs(covariance) < _ROUNDING * scale] = 0
    return ClusteredAuc(areas, covariance, positive_groups, negative_groups)


def auc_table(predictions: pd.DataFrame, *, split: Split = "test") -> pd.DataFrame:
    """Each label's area with its interval by Obuchowski's method, to compare with the jackknife's.

    Args:
        predictions: A run's predictions.
        split: Where to measure.

    Returns:
        Columns `label`, `value`, `standard_error`, `low`, `high`, `positive_groups` and
        `negative_groups`; NaN where undefined.
    """
    rows = select_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
    table = []
    for column, label in enumerate(LABELS):
        auc = clustered_auc(y_true[:, column], y_score[:, column], group_codes)
        low, high = auc.interval()
        variance = float(auc.covariance[0, 0])
        table.append(
            {
                "label": label,
                "value": float(auc.areas[0]),
                "standard_error": math.sqrt(variance),
                "low": low,
                "high": high,
                "positive_groups": auc.positive_groups,
                "negative_groups": auc.negative_groups,
            }
        )
    return pd.DataFrame(table)


def _placements(
    positives: NDArray[np.float64], negatives: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share of negatives below each positive, and of positives above each negative.

    Ties count half.
    """
    return _share_below(positives, negatives), 1 - _share_below(negatives, positives)


def _share_below(values: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, side="left")
    not_above = np.searchsorted(ordered, values, side="right")
    share: NDArray[np.float64] = (below + not_above) / (2 * len(others))
    return share


def _centred_sums(
    areas: NDArray[np.float64],
    placements: list[NDArray[np.float64]],
    group_codes: NDArray[np.intp],
    num_groups: int,
) -> NDArray[np.float64]:
    """Sums over each group of placement value less area, (groups, k)."""
    sums = [
        np.bincount(group_codes, weights=values - area, minlength=num_groups)
        for area, values in zip(areas, placements, strict=True)
    ]
    return np.stack(sums, axis=1)

"""Uncertainty by resampling linked patient groups, fast enough to do it for every figure.

Slices of a patient resemble each other, so what is drawn with replacement is the group, with all
its slices. A resample is then a weight for each group, and every score here has a weighted form:
rates and losses are ratios of sums over groups, and an area under the curve needs its scores sorted
only once, however many resamples reweight them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.operating_points import rates
from ichreport.evaluation.predictions import checked_score, checked_truth

REPLICATES: Final = 1000
"""Resamples behind every interval in the report."""


@dataclass(frozen=True)
class Resamples:
    """Bootstrap resamples of groups, shared by all that is to be compared.

    Attributes:
        groups: The G distinct groups, sorted.
        counts: (replicates, G), how often each replicate draws each group.
    """

    groups: pd.Index
    counts: NDArray[np.int64]

    @property
    def replicates(self) -> int:
        """How many resamples there are."""
        return len(self.counts)

    def places(self, group: Iterable[str]) -> NDArray[np.intp]:
        """The position in `groups` of the group of each slice.

        Raises:
            ValueError: If a group is not among those resampled.
        """
        names = pd.Index(group)
        places = self.groups.get_indexer(names)
        if (places < 0).any():
            unknown = names[places < 0][0]
            raise ValueError(f"group {unknown!r} is not among the {len(self.groups)} resampled.")
        return places


def draw_resamples(
    group: Iterable[str], *, replicates: int = REPLICATES, seed: int = 0
) -> Resamples:
    """Draw as many groups as there are, with replacement, many times.

    Args:
        group: Group names; repeats are ignored. For a comparison, those of all runs together.
        replicates: Resamples to draw.
        seed: Seed of the draws.

    Raises:
        ValueError: If `replicates` is not positive.
    """
    if replicates < 1:
        raise ValueError(f"replicates must be at least 1, got {replicates!r}.")
    groups = pd.Index(group).unique().sort_values()
    generator = np.random.default_rng(seed)
    total = len(groups)
    counts = np.zeros((replicates, total), dtype=np.int64)
    if total:
        for row in counts:
            row[:] = np.bincount(generator.integers(total, size=total), minlength=total)
    return Resamples(groups, counts)


def auc_replicates(
    y_true: ArrayLike, y_score: ArrayLike, place: NDArray[np.intp], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The area under the ROC curve in each resample, exactly, from one sort.

    With w the weights, Σ w_i w_j ([s_i > s_j] + [s_i = s_j] / 2) over pairs of a positive i and a
    negative j, divided by Σ w_i Σ w_j. The negatives below each positive are two positions in the
    sorted negatives, which no resample changes; what changes is the running sum of weights there.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        place: (n,) the group of each slice, as `Resamples.places` gives it.
        counts: (replicates, groups) of `Resamples`.

    Returns:
        (replicates,); NaN where a resample lacks a class.
    """
    positive, score = checked_truth(y_true) == 1, checked_score(y_score)
    order = np.argsort(score[~positive])
    negatives = score[~positive][order]
    of_negatives, of_positives = place[~positive][order], place[positive]
    below = np.searchsorted(negatives, score[positive], side="left")
    not_above = np.searchsorted(negatives, score[positive], side="right")
    running = np.zeros(len(negatives) + 1, dtype=np.int64)
    areas = np.full(len(counts), math.nan)
    for replicate, drawn in enumerate(counts):
        np.cumsum(drawn[of_negatives], out=running[1:])
        weight = drawn[of_positives]
        pairs = int(weight.sum()) * int(running[-1])
        if pairs:
            areas[replicate] = int(weight @ (running[below] + running[not_above])) / (2 * pairs)
    return areas


def average_precision_replicates(
    y_true: ArrayLike, y_score: ArrayLike, place: NDArray[np.intp], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The average precision in each resample, exactly, from one sort.

    The mean over positives of the precision at their score: the weight of the positives that score
    as high, over that of all slices that do. Where these sums end, no resample changes.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        place: (n,) the group of each slice, as `Resamples.places` gives it.
        counts: (replicates, groups) of `Resamples`.

    Returns:
        (replicates,); NaN where a resample lacks a class.
    """
    positive, score = checked_truth(y_true) == 1, checked_score(y_score)
    order = np.argsort(-score)
    of_all, of_positives = place[order], place[order][positive[order]]
    falling = -score[order]
    own = falling[positive[order]]
    called_end = np.searchsorted(falling, own, side="right") - 1
    found_end = np.searchsorted(own, own, side="right") - 1
    running = np.zeros(len(order), dtype=np.int64)
    average = np.full(len(counts), math.nan)
    for replicate, drawn in enumerate(counts):
        weight = drawn[of_positives]
        total = int(weight.sum())
        every = np.cumsum(drawn[of_all], out=running)
        if 0 < total < every[-1]:
            called = np.maximum(every[called_end], 1)
            found = np.cumsum(weight)[found_end]
            average[replicate] = float(weight @ (found / called)) / total
    return average


def group_sums(
    values: NDArray[Any], place: NDArray[np.intp], num_groups: int
) -> NDArray[np.float64]:
    """Sums over the slices of each group.

    Args:
        values: (n,) or (n, k), one value or k values a slice.
        place: (n,) the group of each slice.
        num_groups: How many groups there are.

    Returns:
        (groups,) or (groups, k).
    """
    sums = np.zeros((num_groups, *values.shape[1:]))
    if values.ndim == 1:
        sums += np.bincount(place, weights=values, minlength=num_groups)
        return sums
    for column in range(values.shape[1]):
        sums[:, column] = np.bincount(place, weights=values[:, column], minlength=num_groups)
    return sums


def mean_replicates(
    values: NDArray[Any], place: NDArray[np.intp], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The mean over slices in each resample: log losses, Brier scores, and their differences.

    Args:
        values: (n,) or (n, k), one value a slice.
        place: (n,) the group of each slice.
        counts: (replicates, groups).

    Returns:
        (replicates,) or (replicates, k); NaN where a resample has no slice.
    """
    num_groups = counts.shape[1]
    sums = counts @ group_sums(values, place, num_groups)
    sizes = counts @ np.bincount(place, minlength=num_groups)
    sizes = sizes.reshape(-1, *[1] * (sums.ndim - 1))
    mean: NDArray[np.float64] = np.where(sizes > 0, sums / np.maximum(sizes, 1), math.nan)
    return mean


def rate_replicates(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float,
    place: NDArray[np.intp],
    counts: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """The rates at a frozen threshold in each resample.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        threshold: Slices at or above it are called positive; NaN leaves every rate undefined.
        place: (n,) the group of each slice.
        counts: (replicates, groups).

    Returns:
        By name, `operating_points.RATES`, each (replicates,); NaN where undefined.
    """
    truth = checked_truth(y_true) == 1
    called = checked_score(y_score) >= threshold
    kinds = np.stack([called & truth, called & ~truth, ~called & ~truth, ~called & truth], axis=1)
    sums = counts @ group_sums(kinds, place, counts.shape[1])
    if math.isnan(threshold):
        sums = np.zeros_like(sums)
    return rates(*sums.T)

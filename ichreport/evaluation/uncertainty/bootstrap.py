"""The bootstrap over linked patient groups, fast enough to use for every figure.

Slices of one patient resemble each other. So groups are drawn with replacement, each with all its
slices. A resample is then a weight for each group, and every score here has a weighted form: rates
and losses are ratios of sums over groups, and an area under a curve needs its scores sorted only
once for all resamples.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.operating.rates import rates_from_counts
from ichreport.evaluation.predictions import checked_score, checked_truth

REPLICATES: Final = 1000
"""Resamples behind every interval in the report."""


@dataclass(frozen=True)
class Resamples:
    """Bootstrap resamples of groups. Scores are comparable if they share one set of resamples.

    Attributes:
        groups: The G distinct groups, sorted.
        counts: (replicates, G), how often each replicate draws each group.
    """

    groups: pd.Index
    counts: NDArray[np.int64]

    @property
    def replicates(self) -> int:
        """The number of resamples."""
        return len(self.counts)

    def group_codes(self, groups: Iterable[str]) -> NDArray[np.intp]:
        """The group of each slice, as its index in `Resamples.groups`.

        Args:
            groups: (n,) the group's name of each slice.

        Returns:
            (n,) indices from 0.

        Raises:
            ValueError: If a group is not among the resampled ones.
        """
        names = pd.Index(groups)
        codes = self.groups.get_indexer(names)
        if (codes < 0).any():
            unknown = names[codes < 0][0]
            raise ValueError(f"group {unknown!r} is not among the {len(self.groups)} resampled.")
        return codes


def draw_resamples(
    groups: Iterable[str], *, replicates: int = REPLICATES, seed: int = 0
) -> Resamples:
    """Draw as many groups as there are, with replacement, many times.

    Args:
        groups: Group names; repeats are ignored. For a comparison, those of all runs together.
        replicates: Resamples to draw.
        seed: Seed of the draws.

    Raises:
        ValueError: If `replicates` is not positive.
    """
    if replicates < 1:
        raise ValueError(f"replicates must be at least 1, got {replicates!r}.")
    names = pd.Index(groups).unique().sort_values()
    generator = np.random.default_rng(seed)
    total = len(names)
    counts = np.zeros((replicates, total), dtype=np.int64)
    if total:
        for row in counts:
            row[:] = np.bincount(generator.integers(total, size=total), minlength=total)
    return Resamples(names, counts)


def auc_replicates(
    y_true: ArrayLike, y_score: ArrayLike, group_codes: NDArray[np.intp], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The area under the ROC curve in each resample, exactly, from one sort.

    With w the weights, Σ w_i w_j ([s_i > s_j] + [s_i = s_j] / 2) over pairs of a positive i and a
    negative j, divided by Σ w_i Σ w_j. Where each positive stands among the sorted negatives is the
    same in every resample; only the running sums of weights change.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        group_codes: (n,) the group of each slice, from `Resamples.group_codes`.
        counts: (replicates, groups) of `Resamples`.

    Returns:
        (replicates,); NaN where a resample lacks a class.
    """
    positive, score = checked_truth(y_true) == 1, checked_score(y_score)
    order = np.argsort(score[~positive])
    negatives = score[~positive][order]
    negative_codes, positive_codes = group_codes[~positive][order], group_codes[positive]
    below = np.searchsorted(negatives, score[positive], side="left")
    not_above = np.searchsorted(negatives, score[positive], side="right")
    running = np.zeros(len(negatives) + 1, dtype=np.int64)
    areas = np.full(len(counts), math.nan)
    for replicate, drawn in enumerate(counts):
        np.cumsum(drawn[negative_codes], out=running[1:])
        weight = drawn[positive_codes]
        pairs = int(weight.sum()) * int(running[-1])
        if pairs:
            areas[replicate] = int(weight @ (running[below] + running[not_above])) / (2 * pairs)
    return areas


def average_precision_replicates(
    y_true: ArrayLike, y_score: ArrayLike, group_codes: NDArray[np.intp], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The average precision in each resample, exactly, from one sort.

    The mean over positives of the precision at their score: the weight of the positives that score
    as high or higher, over the weight of all slices that do. Where these sums end in the sorted
    scores is the same in every resample.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        group_codes: (n,) the group of each slice, from `Resamples.group_codes`.
        counts: (replicates, groups) of `Resamples`.

    Returns:
        (replicates,); NaN where a resample lacks a class.
    """
    positive, score = checked_truth(y_true) == 1, checked_score(y_score)
    order = np.argsort(-score)
    codes = group_codes[order]
    positive_codes = codes[positive[order]]
    falling = -score[order]
    thresholds = falling[positive[order]]
    called_end = np.searchsorted(falling, thresholds, side="right") - 1
    hits_end = np.searchsorted(thresholds, thresholds, side="right") - 1
    running = np.zeros(len(order), dtype=np.int64)
    average = np.full(len(counts), math.nan)
    for replicate, drawn in enumerate(counts):
        weight = drawn[positive_codes]
        total = int(weight.sum())
        np.cumsum(drawn[codes], out=running)
        if 0 < total < running[-1]:
            called = np.maximum(running[called_end], 1)
            hits = np.cumsum(weight)[hits_end]
            average[replicate] = float(weight @ (hits / called)) / total
    return average


def group_sums(
    values: NDArray[Any], group_codes: NDArray[np.intp], num_groups: int
) -> NDArray[np.float64]:
    """Sums over the slices of each group.

    Args:
        values: (n,) or (n, k), one value or k values a slice.
        group_codes: (n,) the group of each slice.
        num_groups: The number of groups.

    Returns:
        (groups,) or (groups, k).
    """
    sums = np.zeros((num_groups, *values.shape[1:]))
    if values.ndim == 1:
        sums += np.bincount(group_codes, weights=values, minlength=num_groups)
        return sums
    for column in range(values.shape[1]):
        sums[:, column] = np.bincount(group_codes, weights=values[:, column], minlength=num_groups)
    return sums


def mean_replicates(
    values: NDArray[Any], group_codes: NDArray[np.intp], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The mean over slices in each resample: log losses, Brier scores, and their differences.

    Args:
        values: (n,) or (n, k), one value a slice.
        group_codes: (n,) the group of each slice.
        counts: (replicates, groups).

    Returns:
        (replicates,) or (replicates, k); NaN where a resample has no slice.
    """
    num_groups = counts.shape[1]
    sums = counts @ group_sums(values, group_codes, num_groups)
    sizes = counts @ np.bincount(group_codes, minlength=num_groups)
    sizes = sizes.reshape(-1, *[1] * (sums.ndim - 1))
    mean: NDArray[np.float64] = np.where(sizes > 0, sums / np.maximum(sizes, 1), math.nan)
    return mean


def rate_replicates(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float,
    group_codes: NDArray[np.intp],
    counts: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """The rates at a frozen threshold in each resample.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        threshold: Slices at or above it are called positive; NaN leaves every rate undefined.
        group_codes: (n,) the group of each slice.
        counts: (replicates, groups).

    Returns:
        By name, as in `rates.RATES`, each (replicates,); NaN where undefined.
    """
    truth = checked_truth(y_true) == 1
    called = checked_score(y_score) >= threshold
    cells = np.stack([called & truth, called & ~truth, ~called & ~truth, ~called & truth], axis=1)
    sums = counts @ group_sums(cells, group_codes, counts.shape[1])
    if math.isnan(threshold):
        sums = np.zeros_like(sums)
    return rates_from_counts(*sums.T)

"""Scores in bootstrap resamples, the intervals that the closed forms are measured against."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.predictions import checked_score, checked_truth
from ichreport.evaluation.uncertainty.bootstrap import group_sums


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

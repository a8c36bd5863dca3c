"""Scores of predicted probabilities: log losses, areas under the ROC curve, and the floor.

A score that is undefined is NaN, never 0: an area with one class, any score without slices.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from ichreport.evaluation.predictions import (
    checked_probability,
    checked_score,
    checked_truth,
)
from ichreport.labels import LABELS, SCORE_WEIGHTS

CLIP: Final = 1e-15
"""Probabilities are kept this far from 0 and 1 before the logarithm, as the challenge did.

scikit-learn clips at the precision of the dtype instead (2.2e-16 for float64). The two differ only
for predictions of exactly 0 or 1. Such a prediction costs 34.5 nats if it is wrong.
"""

_WEIGHTS: Final = np.asarray(SCORE_WEIGHTS, dtype=np.float64)

ALL_LABELS: Final = "all"
"""The label of scores over all six labels, in tables of scores."""


_CLIPPED: Final = 1e-6  # nats


def gains(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each prediction gains by a change, (n,) nats.

    Less than a millionth of a nat, which comes of clipping probabilities of 0 and 1, is nothing.

    Args:
        before: (n,) losses, of `log_loss_terms`.
        after: (n,) those after the change.
    """
    gained = before - after
    return np.where(np.abs(gained) < _CLIPPED, 0.0, gained)


def log_loss_terms(y_true: ArrayLike, y_score: ArrayLike) -> NDArray[np.float64]:
    """The log loss of each prediction, before any mean.

    -(y ln p + (1 - y) ln(1 - p)) with p kept `CLIP` away from 0 and 1.

    Args:
        y_true: Truth, 0 or 1, any shape.
        y_score: Probabilities of that shape, in [0, 1].

    Returns:
        Nats, of that shape.

    Raises:
        ValueError: If a truth or a probability is out of range.
    """
    truth, score = checked_truth(y_true), np.clip(checked_probability(y_score), CLIP, 1 - CLIP)
    return -np.log(np.where(truth == 1, score, 1 - score))


def log_losses(y_true: ArrayLike, y_score: ArrayLike) -> NDArray[np.float64]:
    """The log loss of each label (binary cross-entropy).

    Args:
        y_true: (n, labels), 0 or 1.
        y_score: (n, labels), probabilities.

    Returns:
        (labels,) nats; NaN without slices.
    """
    return _mean_over_slices(log_loss_terms(y_true, y_score))


def weighted_log_loss_sum(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """The poster's score: the log losses of the six labels, summed, `any` counting twice.

    Args:
        y_true: (n, 6), 0 or 1, in the order of `LABELS`.
        y_score: (n, 6), probabilities.

    Returns:
        Nats; down is better. NaN without slices.

    Example:
        >>> round(weighted_log_loss_sum([[0] * 6], [[0.5] * 6]), 4)  # 7 ln 2
        4.852
    """
    return float(log_losses(y_true, y_score) @ _WEIGHTS)


def challenge_log_loss(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """The challenge's score: the weighted mean of the log losses, which is the sum over 7.

    Args:
        y_true: (n, 6), 0 or 1, in the order of `LABELS`.
        y_score: (n, 6), probabilities.

    Returns:
        Nats; down is better. NaN without slices.
    """
    return weighted_log_loss_sum(y_true, y_score) / float(_WEIGHTS.sum())


def auc_score(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """The area under the ROC curve of one label.

    The share of pairs of a positive and a negative in which the positive scores higher, ties
    counting half (Hanley and McNeil 1982), from the rank sum.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.

    Returns:
        In [0, 1]; NaN if a class is missing.
    """
    positive = checked_truth(y_true) == 1
    score = checked_score(y_score)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return math.nan
    rank_sum = float(rankdata(score)[positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def auc_scores(y_true: ArrayLike, y_score: ArrayLike) -> NDArray[np.float64]:
    """`auc_score` of each label: (n, labels) to (labels,)."""
    columns = zip(np.asarray(y_true).T, np.asarray(y_score).T, strict=True)
    return np.array([auc_score(truth, score) for truth, score in columns])


def prevalence(y_true: ArrayLike) -> NDArray[np.float64]:
    """The share of positives of each label: (n, labels) to (labels,); NaN without slices."""
    return _mean_over_slices(checked_truth(y_true).astype(np.float64))


def floor_probabilities(y_true: ArrayLike) -> NDArray[np.float64]:
    """The probabilities that the floor predicts: each label's prevalence among training slices.

    They are kept half a slice away from 0 and 1, (1/2) / (n + 1), the mean that Jeffreys' prior
    gives. A label without positives in training would otherwise cost 34.5 nats for each positive
    elsewhere, and any prediction above 0 would seem better than the floor.

    Args:
        y_true: (n, labels), 0 or 1: the training split's.

    Returns:
        (labels,); NaN without slices.
    """
    margin = 0.5 / (len(checked_truth(y_true)) + 1)
    return np.clip(prevalence(y_true), margin, 1 - margin)


def constant_scores(y_true: ArrayLike, constant: ArrayLike) -> dict[str, Any]:
    """The scores of predicting the same probabilities for every slice.

    Args:
        y_true: (n, 6), 0 or 1.
        constant: (6,) probabilities, such as the `floor_probabilities` of the training split. Where
            one is NaN, so are the log losses.

    Returns:
        As `split_scores`. The areas are 0.5, or NaN with one class.
    """
    truth = checked_truth(y_true)
    probability = np.asarray(constant, dtype=np.float64)
    score = np.broadcast_to(np.nan_to_num(probability), truth.shape)
    losses = np.where(np.isnan(probability), math.nan, log_losses(truth, score))
    return _by_name(losses, auc_scores(truth, score))


def split_scores(y_true: ArrayLike, y_score: ArrayLike) -> dict[str, Any]:
    """Every score of one set of slices.

    Args:
        y_true: (n, 6), 0 or 1.
        y_score: (n, 6), probabilities.

    Returns:
        `weighted_log_loss_sum`, `challenge_log_loss`, and by label `log_loss` and `auc`; NaN where
        undefined.
    """
    return _by_name(log_losses(y_true, y_score), auc_scores(y_true, y_score))


def select_score(scores: dict[str, Any], score: str, label: str = ALL_LABELS) -> float:
    """One value of `split_scores`; NaN if undefined.

    Args:
        scores: As `split_scores` returns them.
        score: `weighted_log_loss_sum`, `challenge_log_loss`, `log_loss` or `auc`.
        label: One of `LABELS`, or `all` for the scores over all six.
    """
    return float(scores[score] if label == ALL_LABELS else scores[score][label])


def _by_name(losses: NDArray[np.float64], areas: NDArray[np.float64]) -> dict[str, Any]:
    weighted = float(losses @ _WEIGHTS)
    return {
        "weighted_log_loss_sum": weighted,
        "challenge_log_loss": weighted / float(_WEIGHTS.sum()),
        "log_loss": dict(zip(LABELS, losses.tolist(), strict=True)),
        "auc": dict(zip(LABELS, areas.tolist(), strict=True)),
    }


def _mean_over_slices(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(values):
        return np.full(values.shape[1:], math.nan)
    return np.asarray(values.mean(axis=0))

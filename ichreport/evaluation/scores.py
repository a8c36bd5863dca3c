"""Scores of predicted probabilities: log losses, areas under the ROC curve, and the floor.

A score that its slices do not define is NaN, never 0: an area with one class, anything over no
slices.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from ichreport.evaluation.predictions import (
    checked_probability,
    checked_score,
    checked_truth,
    of_split,
    probabilities,
    truths,
)
from ichreport.labels import ANY, LABELS, SCORE_WEIGHTS
from ichreport.splits import SPLITS

CLIP: Final = 1e-15
"""Probabilities are kept this far from 0 and 1 before the logarithm, as the challenge did.

scikit-learn clips at the precision of the dtype instead (2.2e-16 for float64), which tells only on
predictions of exactly 0 or 1. One that is exactly wrong costs 34.5 nats.
"""

_WEIGHTS: Final = np.asarray(SCORE_WEIGHTS, dtype=np.float64)

ALL_LABELS: Final = "all"
"""The label under which `score_table` lists scores over all six."""


def log_loss_terms(y_true: ArrayLike, y_score: ArrayLike) -> NDArray[np.float64]:
    """The log loss of every prediction on its own, before any mean.

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
    """The challenge's score: the same as a weighted mean, so the sum over 7.

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


def constant_of(y_true: ArrayLike) -> NDArray[np.float64]:
    """The probabilities that the floor predicts: each label's prevalence among training slices.

    A label that none or all of n slices have is predicted half a slice from 0 or 1, (1/2) / (n + 1)
    (the mean that Jeffreys' prior gives). Predicting 0 itself would cost 34.5 nats for each
    positive elsewhere, and whatever is not 0 would seem to have learned.

    Args:
        y_true: (n, labels), 0 or 1: the training split's.

    Returns:
        (labels,); NaN without slices.
    """
    least = 0.5 / (len(checked_truth(y_true)) + 1)
    return np.clip(prevalence(y_true), least, 1 - least)


def constant_scores(y_true: ArrayLike, constant: ArrayLike) -> dict[str, Any]:
    """The scores of predicting the same probabilities for every slice: the floor.

    Args:
        y_true: (n, 6), 0 or 1.
        constant: (6,) probabilities, such as the `constant_of` the training split; where they are
            NaN (no training slices) the log losses are NaN too.

    Returns:
        As `split_scores`. The areas are 0.5, or NaN with one class.
    """
    truth = checked_truth(y_true)
    fixed = np.asarray(constant, dtype=np.float64)
    score = np.broadcast_to(np.nan_to_num(fixed), truth.shape)
    losses = np.where(np.isnan(fixed), math.nan, log_losses(truth, score))
    return _as_dict(len(truth), losses, auc_scores(truth, score))


def split_scores(y_true: ArrayLike, y_score: ArrayLike) -> dict[str, Any]:
    """Every score of one set of slices.

    Args:
        y_true: (n, 6), 0 or 1.
        y_score: (n, 6), probabilities.

    Returns:
        `weighted_log_loss_sum`, `challenge_log_loss`, `log_loss` and `auc` by label, and `slices`.
    """
    return _as_dict(
        len(checked_truth(y_true)), log_losses(y_true, y_score), auc_scores(y_true, y_score)
    )


def scores_by_split(predictions: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Every score of every split, each beside its floor.

    Args:
        predictions: A run's predictions.

    Returns:
        By split: `split_scores`, and under `floor` the scores there of the constant prevalence of
        the training split. NaN where undefined.
    """
    constant = constant_of(truths(of_split(predictions, "train")))
    scores: dict[str, dict[str, Any]] = {}
    for split in SPLITS:
        rows = of_split(predictions, split)
        y_true = truths(rows)
        own = split_scores(y_true, probabilities(rows))
        scores[split] = {**own, "floor": constant_scores(y_true, constant)}
    return scores


def scores_of(predictions: pd.DataFrame) -> dict[str, Any]:
    """`scores_by_split` as `record.json` keeps it: `None` where undefined."""
    recorded: dict[str, Any] = without_nan(scores_by_split(predictions))
    return recorded


def score_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Every score of every split, one a row.

    Args:
        predictions: A run's predictions.

    Returns:
        Columns `split`, `score`, `label` (`all` for scores over the six), `value`, `floor` (the
        same score of the constant prevalence of the training split), `slices`, `positives` (of the
        label; of `any` for scores over the six) and `groups` (linked patients).
    """
    rows: list[dict[str, Any]] = []
    for split, scores in scores_by_split(predictions).items():
        slices = predictions[predictions["split"] == split]
        counts = {"slices": len(slices), "groups": slices["group"].nunique()}
        for score, label, value, floor in _flat(scores, scores["floor"]):
            of = ANY if label == ALL_LABELS else label
            positives = int(slices[f"truth_{of}"].sum())
            named = {"split": split, "score": score, "label": label}
            rows.append({**named, "value": value, "floor": floor, **counts, "positives": positives})
    return pd.DataFrame(rows)


def without_nan(value: Any) -> Any:
    """Nested mappings and lists with NaN replaced by `None`, which is what JSON has for it."""
    if isinstance(value, Mapping):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _flat(
    scores: Mapping[str, Any], floor: Mapping[str, Any]
) -> list[tuple[str, str, float, float]]:
    """(score, label, value, floor's value), summary scores first."""
    flat = [
        (score, ALL_LABELS, scores[score], floor[score])
        for score in ("weighted_log_loss_sum", "challenge_log_loss")
    ]
    for score in ("log_loss", "auc"):
        flat += [(score, label, scores[score][label], floor[score][label]) for label in LABELS]
    return flat


def _as_dict(
    slices: int, losses: NDArray[np.float64], areas: NDArray[np.float64]
) -> dict[str, Any]:
    weighted = float(losses @ _WEIGHTS)
    return {
        "weighted_log_loss_sum": weighted,
        "challenge_log_loss": weighted / float(_WEIGHTS.sum()),
        "log_loss": dict(zip(LABELS, losses.tolist(), strict=True)),
        "auc": dict(zip(LABELS, areas.tolist(), strict=True)),
        "slices": slices,
    }


def _mean_over_slices(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(values):
        return np.full(values.shape[1:], math.nan)
    return np.asarray(values.mean(axis=0))

"""The table of scores with intervals."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.evaluation.scores import (
    ALL_LABELS,
    constant_scores,
    floor_probabilities,
    log_loss_terms,
    select_score,
    split_scores,
)
from ichreport.evaluation.uncertainty.bootstrap import (
    REPLICATES,
    Resamples,
    auc_replicates,
    draw_resamples,
    mean_replicates,
)
from ichreport.evaluation.uncertainty.intervals import (
    Interval,
    area_interval,
    count_groups,
    interval,
)
from ichreport.labels import ANY, LABELS, SCORE_WEIGHTS
from ichreport.splits import SPLITS, Split

_WEIGHTED_SCORES: Final = ("weighted_log_loss_sum", "challenge_log_loss")
_KEYS: Final = (
    *((score, ALL_LABELS) for score in _WEIGHTED_SCORES),
    *((score, label) for score in ("log_loss", "auc") for label in LABELS),
)
"""Score and label of each row of the table, for one split."""


def score_table(
    predictions: pd.DataFrame,
    *,
    splits: Sequence[Split] = SPLITS,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Every score of every split, one a row, with its floor and its 95 % interval.

    Args:
        predictions: A run's predictions.
        splits: The splits to list.
        replicates: Resamples of linked patient groups behind each interval.
        seed: Seed of the resamples.

    Returns:
        Columns `split`, `score`, `label` (`all` for scores over the six labels), `value`, `floor`
        (the same score of the constant prevalence of the training split), `slices`, `groups`
        (linked patients), `positives` (of the label; of `any` for scores over the six), `low`,
        `high`, `contributing` (groups behind the score: for an area those with positives or those
        with negatives, whichever are fewer) and `undefined` (replicates without a value). NaN where
        undefined.
    """
    constant = floor_probabilities(truths(select_split(predictions, "train")))
    table: list[dict[str, Any]] = []
    for split in splits:
        rows = select_split(predictions, split)
        scores = split_scores(truths(rows), probabilities(rows))
        floor = constant_scores(truths(rows), constant)
        resamples = draw_resamples(rows["group"], replicates=replicates, seed=seed)
        intervals = _score_intervals(rows, scores, resamples)
        for score, label in _KEYS:
            counted = ANY if label == ALL_LABELS else label
            ci = intervals[score, label]
            table.append(
                {
                    "split": split,
                    "score": score,
                    "label": label,
                    "value": select_score(scores, score, label),
                    "floor": select_score(floor, score, label),
                    "slices": len(rows),
                    "groups": rows["group"].nunique(),
                    "positives": int(rows[f"truth_{counted}"].sum()),
                    "low": ci.low,
                    "high": ci.high,
                    "contributing": ci.groups,
                    "undefined": ci.undefined,
                }
            )
    return pd.DataFrame(table)


def contributing_groups(rows: pd.DataFrame, score: str, label: str = ALL_LABELS) -> int:
    """The number of groups that contribute to a score: for an area those of the rarer class.

    Args:
        rows: Predictions of one split.
        score: As `score_table` names it.
        label: One of `LABELS`, or `all` for the scores over all six.
    """
    group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
    if score != "auc":
        return len(np.unique(group_codes))
    positive = (rows[f"truth_{label}"] == 1).to_numpy()
    return count_groups(group_codes, positive, ~positive)


def score_replicates(
    rows: pd.DataFrame, resamples: Resamples, score: str, label: str = ALL_LABELS
) -> NDArray[np.float64]:
    """One score of a set of slices in each resample.

    Args:
        rows: Predictions of one split.
        resamples: Resamples of groups. All groups of these slices must be among them.
        score: As `score_table` names it.
        label: One of `LABELS`, or `all` for the scores over all six.

    Returns:
        (replicates,); NaN where a resample leaves the score undefined.

    Raises:
        ValueError: If there is no such score for that label.
    """
    if (score, label) not in _KEYS:
        raise ValueError(
            f"score must be one of {', '.join(_WEIGHTED_SCORES)} over all labels, or log_loss or "
            f"auc of one of {', '.join(LABELS)}; got {score!r} of {label!r}."
        )
    if score == "auc":
        return _auc_replicates(rows, label, resamples)
    losses = _loss_replicates(rows, resamples)
    return _weighted(losses, score) if label == ALL_LABELS else losses[:, LABELS.index(label)]


def _score_intervals(
    rows: pd.DataFrame, scores: dict[str, Any], resamples: Resamples
) -> dict[tuple[str, str], Interval]:
    """The interval of every score of a set of slices, by (score, label)."""
    group_codes = resamples.group_codes(rows["group"])
    groups = len(np.unique(group_codes))
    losses = _loss_replicates(rows, resamples)
    intervals = {
        (score, ALL_LABELS): interval(_weighted(losses, score), groups=groups)
        for score in _WEIGHTED_SCORES
    }
    for column, label in enumerate(LABELS):
        intervals["log_loss", label] = interval(losses[:, column], groups=groups)
        areas = _auc_replicates(rows, label, resamples)
        positive = truths(rows)[:, column] == 1
        intervals["auc", label] = area_interval(scores["auc"][label], areas, positive, group_codes)
    return intervals


def _loss_replicates(rows: pd.DataFrame, resamples: Resamples) -> NDArray[np.float64]:
    terms = log_loss_terms(truths(rows), probabilities(rows))
    return mean_replicates(terms, resamples.group_codes(rows["group"]), resamples.counts)


def _weighted(losses: NDArray[np.float64], score: str) -> NDArray[np.float64]:
    weights = np.asarray(SCORE_WEIGHTS, dtype=np.float64)
    total: NDArray[np.float64] = losses @ weights
    return total if score == "weighted_log_loss_sum" else total / weights.sum()


def _auc_replicates(rows: pd.DataFrame, label: str, resamples: Resamples) -> NDArray[np.float64]:
    column, group_codes = LABELS.index(label), resamples.group_codes(rows["group"])
    y_true, y_score = truths(rows)[:, column], probabilities(rows)[:, column]
    return auc_replicates(y_true, y_score, group_codes, resamples.counts)

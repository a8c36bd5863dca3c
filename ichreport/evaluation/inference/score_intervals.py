"""The table of scores with intervals."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.inference.bootstrap import (
    REPLICATES,
    Resamples,
    auc_replicates,
    draw_resamples,
    mean_replicates,
)
from ichreport.evaluation.inference.intervals import Interval, area_interval, contributing, interval
from ichreport.evaluation.predictions import of_split, probabilities, truths
from ichreport.evaluation.scores import ALL_LABELS, auc_score, log_loss_terms, score_table
from ichreport.labels import LABELS, SCORE_WEIGHTS
from ichreport.splits import SPLITS, Split

WEIGHTED_SCORES: Final = ("weighted_log_loss_sum", "challenge_log_loss")
"""The scores over all six labels."""


def score_table_with_intervals(
    predictions: pd.DataFrame,
    *,
    splits: Sequence[Split] = SPLITS,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """`score_table` with a 95 % interval for every score, over linked patient groups.

    Args:
        predictions: A run's predictions.
        splits: The splits to list.
        replicates: Resamples behind each interval.
        seed: Seed of the resamples.

    Returns:
        The columns of `score_table`, then `low`, `high`, `contributing` (groups behind the score:
        for an area those with positives or those with negatives, whichever are fewer) and
        `undefined` (replicates without a value).
    """
    table = score_table(predictions)
    table = table[table["split"].isin(splits)].reset_index(drop=True)
    found: dict[tuple[str, str, str], Interval] = {}
    for split in splits:
        rows = of_split(predictions, split)
        resamples = draw_resamples(rows["group"], replicates=replicates, seed=seed)
        for (score, label), one in score_intervals(rows, resamples).items():
            found[split, score, label] = one
    keys = table[["split", "score", "label"]].itertuples(index=False, name=None)
    listed: list[dict[str, Any]] = [
        {"low": i.low, "high": i.high, "contributing": i.groups, "undefined": i.undefined}
        for i in (found[key] for key in keys)
    ]
    return pd.concat([table, pd.DataFrame(listed)], axis=1)


def score_intervals(rows: pd.DataFrame, resamples: Resamples) -> dict[tuple[str, str], Interval]:
    """The interval of every score of a set of slices, by (score, label).

    Args:
        rows: Predictions of one split.
        resamples: Resamples of groups that hold all of these slices' groups.
    """
    y_true, y_score = truths(rows), probabilities(rows)
    place = resamples.places(rows["group"])
    found = {}
    for (score, label), replicates in score_replicates(rows, resamples).items():
        if score == "auc":
            truth, scored = (of[:, LABELS.index(label)] for of in (y_true, y_score))
            area = auc_score(truth, scored)
            found[score, label] = area_interval(area, replicates, truth == 1, place)
        else:
            found[score, label] = interval(replicates, groups=len(np.unique(place)))
    return found


def groups_behind(rows: pd.DataFrame, score: str, label: str) -> int:
    """The groups that contribute to a score: for an area those of the rarer class.

    Args:
        rows: Predictions of one split.
        score: As `score_table` names it.
        label: One of `LABELS`, or `all`.
    """
    place = pd.factorize(rows["group"])[0].astype(np.intp)
    if score != "auc":
        return len(np.unique(place))
    positive = (rows[f"truth_{label}"] == 1).to_numpy()
    return contributing(place, positive, ~positive)


def score_replicates(
    rows: pd.DataFrame, resamples: Resamples
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Every score of a set of slices in each resample, by (score, label): (replicates,) each.

    Args:
        rows: Predictions of one split.
        resamples: Resamples of groups that hold all of these slices' groups.
    """
    losses = _loss_replicates(rows, resamples)
    found = {(score, ALL_LABELS): _weighted(losses, score) for score in WEIGHTED_SCORES}
    found |= {("log_loss", label): losses[:, column] for column, label in enumerate(LABELS)}
    return found | {("auc", label): _auc_replicates(rows, label, resamples) for label in LABELS}


def replicates_of(
    rows: pd.DataFrame, resamples: Resamples, score: str, label: str = ALL_LABELS
) -> NDArray[np.float64]:
    """One score of a set of slices in each resample: (replicates,).

    Args:
        rows: Predictions of one split.
        resamples: Resamples of groups that hold all of these slices' groups.
        score: As `score_table` names it.
        label: One of `LABELS`, or `all` for the scores over all six.

    Raises:
        ValueError: If there is no such score for that label.
    """
    if score in WEIGHTED_SCORES and label == ALL_LABELS:
        return _weighted(_loss_replicates(rows, resamples), score)
    if score == "auc" and label in LABELS:
        return _auc_replicates(rows, label, resamples)
    if score == "log_loss" and label in LABELS:
        return _loss_replicates(rows, resamples)[:, LABELS.index(label)]
    raise ValueError(
        f"score must be one of {', '.join(WEIGHTED_SCORES)} over all labels, or log_loss or auc "
        f"of one of {', '.join(LABELS)}; got {score!r} of {label!r}."
    )


def _loss_replicates(rows: pd.DataFrame, resamples: Resamples) -> NDArray[np.float64]:
    terms = log_loss_terms(truths(rows), probabilities(rows))
    return mean_replicates(terms, resamples.places(rows["group"]), resamples.counts)


def _weighted(losses: NDArray[np.float64], score: str) -> NDArray[np.float64]:
    weights = np.asarray(SCORE_WEIGHTS, dtype=np.float64)
    total: NDArray[np.float64] = losses @ weights
    return total if score == "weighted_log_loss_sum" else total / weights.sum()


def _auc_replicates(rows: pd.DataFrame, label: str, resamples: Resamples) -> NDArray[np.float64]:
    column, place = LABELS.index(label), resamples.places(rows["group"])
    y_true, y_score = truths(rows)[:, column], probabilities(rows)[:, column]
    return auc_replicates(y_true, y_score, place, resamples.counts)

"""The table of scores with intervals."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.bootstrap import (
    REPLICATES,
    Interval,
    Resamples,
    auc_replicates,
    contributing,
    draw_resamples,
    interval,
    mean_replicates,
)
from ichreport.evaluation.predictions import SPLITS, Split, of_split, probabilities, truths
from ichreport.evaluation.scores import ALL_LABELS, log_loss_terms, score_table
from ichreport.labels import LABELS, SCORE_WEIGHTS


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
    place = resamples.places(rows["group"])
    present = len(np.unique(place))
    replicates = score_replicates(rows, resamples)
    y_true = truths(rows)
    found = {}
    for (score, label), values in replicates.items():
        groups = present
        if score == "auc":
            positive = y_true[:, LABELS.index(label)] == 1
            groups = contributing(place, positive, ~positive)
        found[score, label] = interval(values, groups=groups)
    return found


def score_replicates(
    rows: pd.DataFrame, resamples: Resamples
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Every score of a set of slices in each resample, by (score, label): (replicates,) each.

    Args:
        rows: Predictions of one split.
        resamples: Resamples of groups that hold all of these slices' groups.
    """
    y_true, y_score = truths(rows), probabilities(rows)
    place = resamples.places(rows["group"])
    losses = mean_replicates(log_loss_terms(y_true, y_score), place, resamples.counts)
    weights = np.asarray(SCORE_WEIGHTS, dtype=np.float64)
    weighted = losses @ weights
    found = {
        ("weighted_log_loss_sum", ALL_LABELS): weighted,
        ("challenge_log_loss", ALL_LABELS): weighted / math.fsum(weights),
    }
    for column, label in enumerate(LABELS):
        found["log_loss", label] = losses[:, column]
        found["auc", label] = auc_replicates(
            y_true[:, column], y_score[:, column], place, resamples.counts
        )
    return found

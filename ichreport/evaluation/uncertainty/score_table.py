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
from ichreport.evaluation.uncertainty.closed_intervals import area_interval, loss_interval
from ichreport.evaluation.uncertainty.jackknife import LeftOut, auc_left_out, mean_left_out
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
) -> pd.DataFrame:
    """Every score of every split, one a row, with its floor and its 95 % interval.

    Args:
        predictions: A run's predictions.
        splits: The splits to list.

    Returns:
        Columns `split`, `score`, `label` (`all` for scores over the six labels), `value`, `floor`
        (the same score of the constant prevalence of the training split), `slices`, `groups`
        (linked patients), `positives` (of the label; of `any` for scores over the six), `low`,
        `high` and `contributing` (groups behind the score: for an area those with positives or
        those with negatives, whichever are fewer). NaN where undefined.
    """
    constant = floor_probabilities(truths(select_split(predictions, "train")))
    table: list[dict[str, Any]] = []
    for split in splits:
        rows = select_split(predictions, split)
        scores = split_scores(truths(rows), probabilities(rows))
        floor = constant_scores(truths(rows), constant)
        group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
        for score, label in _KEYS:
            counted = ANY if label == ALL_LABELS else label
            left_out = score_left_out(rows, group_codes, score, label)
            ci = area_interval(left_out) if score == "auc" else loss_interval(left_out)
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
                }
            )
    return pd.DataFrame(table)


def score_left_out(
    rows: pd.DataFrame,
    group_codes: NDArray[np.intp],
    score: str,
    label: str = ALL_LABELS,
    num_groups: int | None = None,
) -> LeftOut:
    """One score of a set of slices, and without each group.

    Args:
        rows: Predictions of one split.
        group_codes: (n,) the group of each slice, from 0.
        score: As `score_table` names it.
        label: One of `LABELS`, or `all` for the scores over all six.
        num_groups: One more than the largest code if left out.

    Raises:
        ValueError: If there is no such score for that label.
    """
    if (score, label) not in _KEYS:
        raise ValueError(
            f"score must be one of {', '.join(_WEIGHTED_SCORES)} over all labels, or log_loss or "
            f"auc of one of {', '.join(LABELS)}; got {score!r} of {label!r}."
        )
    y_true, y_score = truths(rows), probabilities(rows)
    if label == ALL_LABELS:
        weights = np.asarray(SCORE_WEIGHTS, dtype=np.float64)
        total = log_loss_terms(y_true, y_score) @ weights
        terms = total if score == "weighted_log_loss_sum" else total / weights.sum()
        return mean_left_out(terms, group_codes, num_groups)
    truth, probability = (values[:, LABELS.index(label)] for values in (y_true, y_score))
    if score == "auc":
        return auc_left_out(truth, probability, group_codes, num_groups)
    return mean_left_out(log_loss_terms(truth, probability), group_codes, num_groups)

"""Whether a run learned anything: its scores against the floor.

The floor is the score of predicting the constant prevalence of the training slices.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.evaluation.scores import (
    auc_score,
    constant_scores,
    floor_probabilities,
    log_loss_terms,
    weighted_log_loss_sum,
)
from ichreport.evaluation.uncertainty.bootstrap import (
    REPLICATES,
    auc_replicates,
    draw_resamples,
    mean_replicates,
)
from ichreport.evaluation.uncertainty.intervals import Interval, area_interval, interval
from ichreport.labels import ANY, LABELS, SCORE_WEIGHTS
from ichreport.splits import Split

Verdict = Literal["learned", "ranks only", "ranks at least", "not learned", "undecided"]

_ROUNDING: Final = 1e-9
"""Nats by which two ways to compute the same score may differ."""


@dataclass(frozen=True)
class FloorComparison:
    """A run against the constant prevalence of its training slices.

    Attributes:
        verdict: `learned`: the score is better than the floor. `ranks only`: the score is not
            better, but the run ranks bleeding above its absence, so its probabilities are off (as
            weighting the positives makes them). `ranks at least`: the run ranks bleeding, and the
            interval of the score allows either. `not learned`: the score is not better and the run
            does not rank. `undecided`: the intervals allow more than one of these.
        score: Weighted log loss, summed over labels.
        floor: The weighted log loss of the constant prevalence.
        difference: `score` - `floor`; below 0 is better than the floor.
        difference_interval: Interval of the difference.
        auc_any: Area under the ROC curve for any bleeding; NaN with one class.
        auc_interval: Interval of the area.
        slices: Slices scored.
    """

    verdict: Verdict
    score: float
    floor: float
    difference: float
    difference_interval: Interval
    auc_any: float
    auc_interval: Interval
    slices: int


def compare_with_floor(
    predictions: pd.DataFrame,
    *,
    split: Split = "test",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> FloorComparison:
    """Compare a run with the constant prevalence of its training slices.

    Args:
        predictions: A run's predictions.
        split: The split to score.
        replicates: Resamples of linked patient groups behind the intervals.
        seed: Seed of the resamples.
    """
    rows = select_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    constant = floor_probabilities(truths(select_split(predictions, "train")))
    resamples = draw_resamples(rows["group"], replicates=replicates, seed=seed)
    group_codes = resamples.group_codes(rows["group"])

    floor = float(constant_scores(y_true, constant)["weighted_log_loss_sum"])
    score = weighted_log_loss_sum(y_true, y_score)
    losses = losses_above_floor(predictions, split)
    differences = mean_replicates(losses, group_codes, resamples.counts)
    difference_interval = interval(differences, groups=len(resamples.groups))

    column = LABELS.index(ANY)
    positive = y_true[:, column] == 1
    areas = auc_replicates(y_true[:, column], y_score[:, column], group_codes, resamples.counts)
    area = auc_score(y_true[:, column], y_score[:, column])
    auc_interval = area_interval(area, areas, positive, group_codes)
    return FloorComparison(
        verdict=_verdict(difference_interval, auc_interval),
        score=score,
        floor=floor,
        difference=score - floor,
        difference_interval=difference_interval,
        auc_any=area,
        auc_interval=auc_interval,
        slices=len(rows),
    )


def losses_above_floor(predictions: pd.DataFrame, split: Split = "test") -> NDArray[np.float64]:
    """The weighted log loss of each slice, less that of the constant prevalence of train.

    Args:
        predictions: A run's predictions.
        split: The split whose slices are scored.

    Returns:
        (slices,), nats; all NaN without training slices.
    """
    rows = select_split(predictions, split)
    y_true = truths(rows)
    constant = floor_probabilities(truths(select_split(predictions, "train")))
    if np.isnan(constant).any():
        return np.full(len(rows), math.nan)
    floor = log_loss_terms(y_true, np.broadcast_to(constant, y_true.shape))
    above = log_loss_terms(y_true, probabilities(rows)) - floor
    weighted: NDArray[np.float64] = above @ np.asarray(SCORE_WEIGHTS, dtype=np.float64)
    return weighted


def _verdict(difference: Interval, area: Interval) -> Verdict:
    if difference.high < -_ROUNDING:
        return "learned"
    if math.isnan(difference.low):
        return "undecided"
    if difference.low < -_ROUNDING:
        return "ranks at least" if area.low > 0.5 else "undecided"
    if area.low > 0.5:
        return "ranks only"
    return "not learned" if area.low <= 0.5 else "undecided"

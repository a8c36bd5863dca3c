"""Whether a run learned anything: its scores against the floor.

The floor is the score of predicting the constant prevalence of the training slices.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.evaluation.scores import (
    constant_scores,
    floor_probabilities,
    log_loss_terms,
    weighted_log_loss_sum,
)
from ichreport.evaluation.uncertainty.closed_differences import (
    cautious_interval,
    p_value_below_zero,
)
from ichreport.evaluation.uncertainty.closed_intervals import area_interval
from ichreport.evaluation.uncertainty.intervals import Interval, holm
from ichreport.evaluation.uncertainty.jackknife import auc_left_out, mean_left_out
from ichreport.labels import ANY, LABELS, SCORE_WEIGHTS
from ichreport.splits import Split

Verdict = Literal["learned", "ranks only", "ranks at least", "not learned", "undecided"]

ONE_SIDED_ALPHA: Final = 0.025
"""Runs that are no better than their floor and are said to have learned: one in 40 at most."""

_WEIGHTS: Final = np.asarray(SCORE_WEIGHTS, dtype=np.float64)

_ROUNDING: Final = 1e-9
"""Nats by which two ways to compute the same score may differ."""


@dataclass(frozen=True)
class FloorComparison:
    """A run against the constant prevalence of its training slices.

    Attributes:
        verdict: `learned`: the score is better than the floor. `ranks only`: the score is not
            better, but the run ranks bleeding above its absence, so its probabilities are off (as
            weighting the positives makes them). `ranks at least`: the run ranks bleeding, and the
            interval of the score allows either. `not learned`: the score is not better, and that
            the run ranks is not shown. `undecided`: the intervals allow more than one of these.
        score: Weighted log loss, summed over labels.
        floor: The weighted log loss of the constant prevalence.
        difference: `score` - `floor`; below 0 is better than the floor.
        difference_interval: Interval of the difference, `cautious_interval`.
        auc_any: Area under the ROC curve for any bleeding; NaN with one class.
        auc_interval: Interval of the area.
        slices: Slices scored.
        p: One-sided p-value of not being better than the floor; NaN if undefined.
    """

    verdict: Verdict
    score: float
    floor: float
    difference: float
    difference_interval: Interval
    auc_any: float
    auc_interval: Interval
    slices: int
    p: float = math.nan


def compare_with_floor(
    predictions: pd.DataFrame,
    *,
    split: Split = "test",
) -> FloorComparison:
    """Compare a run with the constant prevalence of its training slices.

    Args:
        predictions: A run's predictions.
        split: The split to score.
    """
    rows = select_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    train = select_split(predictions, "train")
    group_codes = pd.factorize(rows["group"])[0].astype(np.intp)

    constant = constant_scores(y_true, floor_probabilities(truths(train)))
    floor = float(constant["weighted_log_loss_sum"])
    score = weighted_log_loss_sum(y_true, y_score)
    losses = log_loss_terms(y_true, y_score) @ _WEIGHTS
    above = mean_left_out(losses - floor_losses(rows, train), group_codes)
    difference_interval = cautious_interval(above)

    column = LABELS.index(ANY)
    area = auc_left_out(y_true[:, column], y_score[:, column], group_codes)
    auc_interval = area_interval(area)
    return FloorComparison(
        verdict=_verdict(difference_interval, auc_interval),
        score=score,
        floor=floor,
        difference=score - floor,
        difference_interval=difference_interval,
        auc_any=area.value,
        auc_interval=auc_interval,
        slices=len(rows),
        p=p_value_below_zero(above),
    )


def learned_together(runs: Mapping[str, FloorComparison]) -> list[str]:
    """The runs that are better than their floors, with Holm's adjustment over all of them.

    Args:
        runs: By name; those without a p-value do not count.

    Returns:
        Names, in the order of `runs`.
    """
    adjusted = holm([run.p for run in runs.values()])
    return [name for name, p in zip(runs, adjusted, strict=True) if p < ONE_SIDED_ALPHA]


def floor_losses(rows: pd.DataFrame, train: pd.DataFrame) -> NDArray[np.float64]:
    """The weighted log loss of each slice that the constant prevalence of train has.

    Args:
        rows: The slices, with their truth.
        train: The training slices.

    Returns:
        (slices,), nats; all NaN without training slices.
    """
    y_true = truths(rows)
    constant = floor_probabilities(truths(train))
    if np.isnan(constant).any():
        return np.full(len(rows), math.nan)
    weighted: NDArray[np.float64] = (
        log_loss_terms(y_true, np.broadcast_to(constant, y_true.shape)) @ _WEIGHTS
    )
    return weighted


def _verdict(difference: Interval, area: Interval) -> Verdict:
    if difference.high < -_ROUNDING:
        return "learned"
    if math.isnan(difference.low):
        return "undecided"
    if difference.low < -_ROUNDING:
        return "ranks at least" if area.low > 0.5 else "undecided"
    return "ranks only" if area.low > 0.5 else "not learned"

"""Decision curves: the net benefit of acting on a prediction, in true positives per slice."""

import math
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.predictions import checked_probability, checked_truth
from ichreport.evaluation.uncertainty.closed_intervals import (
    bounded_interval,
    difference_interval,
    rate_interval,
)
from ichreport.evaluation.uncertainty.jackknife import mean_left_out

PROBABILITY_THRESHOLDS: Final = tuple(percent / 100 for percent in range(1, 100))
"""Probabilities from which on someone would act: 1 to 99 %."""


def decision_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    group_codes: NDArray[np.intp],
    thresholds: ArrayLike = PROBABILITY_THRESHOLDS,
) -> pd.DataFrame:
    """The net benefit of acting on a prediction, on everyone, and on no one.

    TP / n - FP / n · p / (1 - p) at a threshold p (Vickers and Elkin, Medical Decision Making 26
    (2006) 565). The threshold says how many false alarms someone would accept for one hit. The net
    benefit of acting on no one is 0. None is larger than the share of positives, and none smaller
    than of acting on all others alone; so no interval reaches beyond what that share may be.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), probabilities. The curve is fair only if they are calibrated.
        group_codes: (n,) the group of each slice, from 0.
        thresholds: Probabilities in (0, 1).

    Returns:
        Columns `threshold`, `net_benefit`, `low`, `high`, `treat_all`, `treat_none`, and
        `above_both` with `above_both_low` and `above_both_high`: the net benefit less that of the
        better of treating all and none, with its interval. NaN without slices. Intervals are
        pointwise: each holds at its own threshold, not all of them at once.

    Raises:
        ValueError: If a threshold is not in (0, 1).
    """
    truth, score = checked_truth(y_true), checked_probability(y_score)
    levels = np.asarray(thresholds, dtype=np.float64)
    if not ((levels > 0) & (levels < 1)).all():
        raise ValueError(f"thresholds must be in (0, 1), got {thresholds!r}.")
    share = mean_left_out(truth.astype(np.float64), group_codes)
    positives, rows = rate_interval(share, units=len(truth)), []
    for threshold in levels.tolist():
        odds = threshold / (1 - threshold)
        benefit = truth - (1 - truth) * odds
        model = mean_left_out(np.where(score >= threshold, benefit, 0), group_codes)
        treat_all = mean_left_out(benefit, group_codes)
        better = replace(
            treat_all,
            value=np.maximum(treat_all.value, 0),
            without=np.maximum(treat_all.without, 0),
        )
        above_both = model.minus(better)
        ci = bounded_interval(model, -(1 - positives.low) * odds, positives.high)
        above = difference_interval(above_both).within(-math.inf, positives.high)
        rows.append(
            {
                "threshold": threshold,
                "net_benefit": model.value,
                "low": ci.low,
                "high": ci.high,
                "treat_all": treat_all.value,
                "treat_none": 0.0,
                "above_both": above_both.value,
                "above_both_low": above.low,
                "above_both_high": above.high,
            }
        )
    return pd.DataFrame(rows)

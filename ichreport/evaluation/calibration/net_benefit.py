"""Decision curves: the net benefit of acting on a prediction, in true positives per slice."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.predictions import checked_probability, checked_truth
from ichreport.evaluation.uncertainty.closed_intervals import rate_interval
from ichreport.evaluation.uncertainty.intervals import Interval
from ichreport.evaluation.uncertainty.jackknife import mean_left_out
from ichreport.evaluation.uncertainty.two_shares import Estimate, correlation_of, difference_of

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
    benefit of acting on no one is 0. Its interval comes from those of both shares, which also know
    something where no one is acted on. None is larger than the share of positives, and none smaller
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
    positive = truth == 1
    share = mean_left_out(positive.astype(np.float64), group_codes)
    positives, rows = rate_interval(share, units=len(truth)), []
    for threshold in levels.tolist():
        odds, called = threshold / (1 - threshold), score >= threshold
        bounds = (-(1 - positives.low) * odds, positives.high)
        model = _share_less_another(called & positive, 1, called & ~positive, odds, group_codes)
        treat_all = share.value - (1 - share.value) * odds
        above, above_bounds = model, bounds
        if treat_all > 0:  # what is left alone: others less those with it
            above = _share_less_another(
                ~called & ~positive, odds, ~called & positive, 1, group_codes
            )
            above_bounds = (-positives.high, (1 - positives.low) * odds)
        ci, above_ci = (
            Interval(of.low, of.high, share.groups).within(*limits)
            for of, limits in ((model, bounds), (above, above_bounds))
        )
        rows.append(
            {
                "threshold": threshold,
                "net_benefit": model.value,
                "low": ci.low,
                "high": ci.high,
                "treat_all": treat_all,
                "treat_none": 0.0,
                "above_both": above.value,
                "above_both_low": above_ci.low,
                "above_both_high": above_ci.high,
            }
        )
    return pd.DataFrame(rows)


def _share_less_another(
    first: NDArray[np.bool_],
    weight: float,
    second: NDArray[np.bool_],
    other_weight: float,
    group_codes: NDArray[np.intp],
) -> Estimate:
    """A share of all slices less another one, each with its weight, and the interval from both."""
    shares = [mean_left_out(mask.astype(np.float64), group_codes) for mask in (first, second)]
    one, other = (
        Estimate(share.value, ends.low, ends.high) * of
        for share, of in zip(shares, (weight, other_weight), strict=True)
        for ends in [rate_interval(share, units=len(first))]
    )
    return difference_of(one, other, correlation_of(*shares))

"""Decision curves: the net benefit of acting on a prediction, in true positives per slice."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.predictions import checked_probability, checked_truth
from ichreport.evaluation.uncertainty.bootstrap import Resamples, mean_replicates
from ichreport.evaluation.uncertainty.intervals import interval

PROBABILITY_THRESHOLDS: Final = tuple(percent / 100 for percent in range(1, 100))
"""Probabilities from which on someone would act: 1 to 99 %."""


def decision_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    group_codes: NDArray[np.intp],
    resamples: Resamples,
    thresholds: ArrayLike = PROBABILITY_THRESHOLDS,
) -> pd.DataFrame:
    """The net benefit of acting on a prediction, on everyone, and on no one.

    TP / n - FP / n · p / (1 - p) at a threshold p (Vickers and Elkin, Medical Decision Making 26
    (2006) 565). The threshold says how many false alarms someone would accept for one hit. The net
    benefit of acting on no one is 0.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), probabilities. The curve is fair only if they are calibrated.
        group_codes: (n,) the group of each slice, from `Resamples.group_codes`.
        resamples: Resamples of the groups.
        thresholds: Probabilities in (0, 1).

    Returns:
        Columns `threshold`, `net_benefit`, `low`, `high`, `treat_all`, `treat_none`, and
        `above_both` with `above_both_low` and `above_both_high`: the net benefit less that of the
        better of treating all and none, with its interval. NaN without slices.

    Raises:
        ValueError: If a threshold is not in (0, 1).
    """
    truth, score = checked_truth(y_true), checked_probability(y_score)
    levels = np.asarray(thresholds, dtype=np.float64)
    if not ((levels > 0) & (levels < 1)).all():
        raise ValueError(f"thresholds must be in (0, 1), got {thresholds!r}.")
    groups = len(np.unique(group_codes))
    rows = []
    for threshold in levels.tolist():
        benefit = truth - (1 - truth) * threshold / (1 - threshold)
        terms = np.stack([np.where(score >= threshold, benefit, 0), benefit], axis=1)
        model, treat_all = terms.mean(axis=0) if len(terms) else (np.nan, np.nan)
        resampled = mean_replicates(terms, group_codes, resamples.counts)
        ci = interval(resampled[:, 0], groups=groups)
        above = interval(resampled[:, 0] - np.maximum(resampled[:, 1], 0), groups=groups)
        rows.append(
            {
                "threshold": threshold,
                "net_benefit": model,
                "low": ci.low,
                "high": ci.high,
                "treat_all": treat_all,
                "treat_none": 0.0,
                "above_both": model - np.maximum(treat_all, 0),
                "above_both_low": above.low,
                "above_both_high": above.high,
            }
        )
    return pd.DataFrame(rows)

"""The calibration error without what chance adds to it, and its interval.

Noise makes a calibration error larger: it is a sum of absolute values, so that a network that is
perfectly calibrated has one above 0 in every sample.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from ichreport.evaluation.calibration.reliability import Bins
from ichreport.evaluation.uncertainty.bootstrap import Resamples, group_sums
from ichreport.evaluation.uncertainty.closed_differences import (
    bounded_interval,
    difference_interval,
)
from ichreport.evaluation.uncertainty.ends import ROUNDING, degrees_of_freedom
from ichreport.evaluation.uncertainty.intervals import LEVEL, Interval
from ichreport.evaluation.uncertainty.jackknife import LeftOut, effective_groups

_STEPS: Final = 30
"""Halvings of the factor in question."""


def corrected_calibration_error(
    truth: NDArray[np.int64],
    score: NDArray[np.float64],
    bins: Bins,
    group_codes: NDArray[np.intp],
    resamples: Resamples,
    level: float = LEVEL,
) -> tuple[float, Interval]:
    """The expected calibration error, corrected for chance, and its interval.

    The true gaps of the bins are taken to be c times those observed. The resamples, less their
    mean, show how chance moves gaps. The estimate is the c for which half of the errors that chance
    then makes are below the observed one; the ends of the interval are those for which 97.5 and
    2.5 % are. An end is 0 where even without a true gap chance makes errors as large as the one
    observed. Resamples know nothing of groups that the sample has missed, so the upper end is at
    least that of the observed error, chance and all. Groups that are all alike, and bins that are
    all positive or all negative, say nothing of exceptions: then the interval holds that of a share
    of so many groups too.

    Args:
        truth: (n,), 0 or 1.
        score: (n,), probabilities.
        bins: The bins. The error depends on them.
        group_codes: (n,) the group of each slice, from `Resamples.group_codes`.
        resamples: Resamples of the groups.
        level: Confidence, in (0, 1).

    Returns:
        The corrected error, in [0, 1], and its interval; NaN with fewer than two groups.
    """
    sizes = np.bincount(group_codes, minlength=len(resamples.groups))
    groups = int((sizes > 0).sum())
    if groups < 2:
        return math.nan, Interval(math.nan, math.nan, groups)
    inside = bins.index(score)[:, None] == np.arange(len(bins))
    sums = group_sums(inside * (score - truth)[:, None], group_codes, len(resamples.groups))
    drawn = resamples.counts @ sizes
    filled = drawn > 0
    gaps = sums.sum(axis=0) / len(truth)
    noise = (resamples.counts @ sums)[filled] / drawn[filled][:, None]
    noise = noise - noise.mean(axis=0)
    # as for means: t quantiles where the bootstrap has those of the normal distribution
    by_group = np.linalg.norm(sums - np.outer(sizes, gaps), axis=1)
    effective = effective_groups(sizes)
    freedom = degrees_of_freedom(by_group, effective)
    upper = (1 + level) / 2
    noise *= math.sqrt(groups / (groups - 1)) * float(stdtrit(freedom, upper) / ndtri(upper))
    error = float(np.abs(gaps).sum())

    def share_below(factor: float) -> float:
        return float((np.abs(factor * gaps + noise).sum(axis=1) <= error).mean())

    low, middle, high = (error * _factor(share_below, share) for share in (upper, 0.5, 1 - upper))
    rest = np.maximum(len(truth) - sizes, 1)[:, None]
    without = np.abs((sums.sum(axis=0) - sums) / rest).sum(axis=1)
    chance = np.abs(noise).sum(axis=1)
    of_error = LeftOut(error, without, groups, effective)
    high = float(np.fmax(high, difference_interval(of_error, level).high))
    of_positives, of_bins = truth @ inside, inside.sum(axis=0)
    if chance.max() < ROUNDING or ((of_positives == 0) | (of_positives == of_bins)).all():
        alike = LeftOut(error, np.full(groups, error), groups, effective)
        of_share = bounded_interval(alike, 0.0, 1.0, level)
        low, high = min(low, of_share.low), max(high, of_share.high)
    return min(middle, error), Interval(low, high, groups).within(0.0, 1.0)


def _factor(share_below: Callable[[float], float], share: float) -> float:
    """The factor at which the share of smaller errors, which falls with it, is as given."""
    low, high = 0.0, 1.0
    if share_below(low) <= share:
        return 0.0
    while share_below(high) > share and high < 2**_STEPS:
        high *= 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if share_below(middle) > share else (low, middle)
    return high

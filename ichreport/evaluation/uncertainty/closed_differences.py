"""Intervals and p-values of differences in closed form, from scores without each group.

What is common to two scores cancels where they are of the same slices. What does not may be skewed:
a network that is too sure of itself wins a little on most groups and loses much on a handful, of
which a sample may have missed the worst.
"""

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from ichreport.evaluation.uncertainty.closed_intervals import alike_groups_interval
from ichreport.evaluation.uncertainty.ends import (
    ROUNDING,
    SIDES,
    Beyond,
    Side,
    beyond,
    degrees_of_freedom,
    variance_of,
    with_chance,
)
from ichreport.evaluation.uncertainty.intervals import LEVEL, Interval, check_level
from ichreport.evaluation.uncertainty.jackknife import LeftOut

_UNSEEN: Final = 1.0
"""The part of one group more, as far to a side as any, that the sample may have missed of a
difference of two means. Of two networks as good of which one is surer, `benchmarks/coverage.py`
then calls the other better in about half as many samples as without."""

_FURTHER: Final = 2.0
"""How far beyond the furthest of n groups, relative to it, one may be that the sample has missed;
times 1 / √n, since many groups know well how far they reach."""

OfWhat = Literal["values", "shares"]
"""What a difference is of: two means such as losses, or two shares."""


def difference_interval(
    left_out: LeftOut, level: float = LEVEL, *, of: OfWhat = "values"
) -> Interval:
    """The t interval of a difference of two scores, or of any mean that may have either sign.

    Of two losses each end is as `ends` says. Of two shares the degrees of freedom are one less than
    the effective number of groups: what is common to the two cancels, and with it most of the
    skewness. Two areas have `area_differences`.

    Args:
        left_out: The difference, such as of `LeftOut.minus`.
        level: Confidence, in (0, 1).
        of: What it is of.

    Returns:
        NaN with fewer than two groups, and where all groups differ alike: how much they scatter is
        not known then, unless there is no difference at all.

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    check_level(level)
    below, above = (_beyond_difference(left_out, side, of).reach(level) for side in SIDES)
    return Interval(left_out.value - below, left_out.value + above, left_out.groups)


def _beyond_difference(left_out: LeftOut, side: Side, of: OfWhat) -> Beyond:
    """What lies beyond a difference; its variance as `_variance_of_difference`."""
    steps, known = left_out.deviations, max(left_out.effective - 1, 1.0)
    if not left_out.has_variance:
        return Beyond(math.nan, math.nan, 1.0)
    variance = _variance_of_difference(steps, left_out.value)
    if variance > 0 and of == "values":
        return beyond(steps, left_out, side, _UNSEEN)
    return with_chance(0.0, variance, known, left_out.chance)


def _variance_of_difference(steps: NDArray[np.float64], value: float) -> float:
    """The sum of squares: 0 of no difference anywhere, NaN of one that is alike everywhere."""
    variance = variance_of(steps)
    return math.nan if not variance and abs(value) >= ROUNDING else variance


def bounded_interval(
    left_out: LeftOut,
    least: float,
    most: float,
    level: float = LEVEL,
    *,
    of: OfWhat = "values",
) -> Interval:
    """The t interval of a mean that lies between two bounds, and no further than these.

    Groups that are all alike say nothing of how they scatter. Then it is that of a share of so many
    groups, `rate_interval`; of no difference anywhere, as far to either side as the share may be of
    groups that do differ.

    Args:
        left_out: Of `jackknife.mean_left_out`, or a difference.
        least: What the mean is at least.
        most: What it is at most.
        level: Confidence, in (0, 1).
        of: What it is a difference of.

    Returns:
        NaN with fewer than two groups.

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    if math.isnan(left_out.value) or variance_of(left_out.deviations):
        return difference_interval(left_out, level, of=of).within(least, most)
    if least < left_out.value == 0:
        share = alike_groups_interval(left_out, 0, 1, level)
        return Interval(least * share.high, most * share.high, left_out.groups)
    return alike_groups_interval(left_out, least, most, level)


def cautious_interval(left_out: LeftOut, level: float = LEVEL) -> Interval:
    """The interval of a mean of either sign that may be very skewed.

    A network that is too sure of itself wins a little on most groups and loses much on a handful,
    which a sample may have missed. So for each end one group more counts, somewhat further out
    (`_FURTHER`) than the furthest on that side, and the degrees of freedom are
    `degrees_of_freedom`, down to 1.

    Args:
        left_out: Of `jackknife.mean_left_out`.
        level: Confidence, in (0, 1).

    Returns:
        NaN with fewer than two groups.

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    check_level(level)
    ends = []
    for sign in (-1, 1):
        value, error, freedom = _with_a_further_group(left_out, sign)
        ends.append(value + sign * float(stdtrit(freedom, (1 + level) / 2)) * error)
    return Interval(ends[0], ends[1], left_out.groups)


def p_value_below_zero(left_out: LeftOut) -> float:
    """The one-sided p-value of a mean not being below 0, in agreement with `cautious_interval`.

    Args:
        left_out: Of `jackknife.mean_left_out`.

    Returns:
        In [0, 1]; NaN with fewer than two groups, and where all groups gain alike.
    """
    value, error, freedom = _with_a_further_group(left_out, 1)
    return float(stdtr(freedom, value / error)) if error else 1.0


def _with_a_further_group(left_out: LeftOut, sign: int) -> tuple[float, float, float]:
    """The mean, its standard error and its degrees of freedom with one group more.

    The error is the root of `_variance_of_difference`.
    """
    if not left_out.has_variance:
        return math.nan, math.nan, 1.0
    furthest = max(float((sign * left_out.deviations).max()), 0.0)
    further = sign * furthest * (1 + _FURTHER / math.sqrt(left_out.effective))
    deviations = np.append(left_out.deviations, further)
    freedom = degrees_of_freedom(deviations, left_out.effective, fewest=1)
    variance = _variance_of_difference(deviations, left_out.value)
    end = with_chance(further, variance, freedom, left_out.chance)
    return left_out.value + further, math.sqrt(end.variance), end.freedom


def difference_p_value(left_out: LeftOut, *, of: OfWhat = "values") -> float:
    """The two-sided p-value of no difference, in agreement with `difference_interval`.

    Args:
        left_out: The difference.
        of: What it is of.

    Returns:
        In [0, 1], 1 for two scores that are the same; NaN as `difference_interval`.
    """
    towards_zero: Side = -1 if left_out.value > 0 else 1
    end = _beyond_difference(left_out, towards_zero, of)
    if not end.variance:
        return 1.0
    distance = max(abs(left_out.value) - end.further, 0.0)
    return float(2 * stdtr(end.freedom, -distance / math.sqrt(end.variance)))

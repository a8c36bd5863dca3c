"""Intervals and p-values in closed form, from scores without each group.

The variance of a score is Σ (score - score without group)² (the jackknife, which is Bell and
McCaffrey's, Survey Methodology 28 (2002) 169, for a mean). It is right where groups differ in size;
a bootstrap's is too small there. Its own uncertainty goes into the degrees of freedom of a t
distribution, and what a sample may have missed into each end (`ends`). `benchmarks/coverage.py`
counts how often these intervals hold the truth.
"""

import math
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri, stdtrit

from ichreport.evaluation.uncertainty.ends import (
    SIDES,
    Side,
    beyond,
    carrying_groups,
    variance_of,
)
from ichreport.evaluation.uncertainty.intervals import LEVEL, Interval, check_level
from ichreport.evaluation.uncertainty.jackknife import LeftOut

_MISRANKED: Final = {
    "roc": (1 / 72, 1 / 36),
    "precision": (1 / 24, 1 / 24),
    "correlation": (1 / 8, 0),
}
"""Of one group and of one slice of each class, the shares that an area, or a correlation of calls
with the truth, is never surer of than. A group of many slices knows more than one of a slice."""

_UNSEEN: Final = {"roc": 0.5, "precision": 0.5, "correlation": 0.0, "loss": 0.6, "rate": 0.7}
"""The part of one group more, as far to a side as any, that the sample may have missed. Of areas
and rates groups of one slice have none: it is right or wrong, and there are some of either."""

_MORE_GROUPS: Final = 4
"""Groups besides a rate's own among which one whose slices all are one counts. It weighs less where
groups are few: rates of ten to twenty groups had intervals that hold the truth in 98 to 99 %. With
eight, where a group's slices are alike, a side misses in 7 %."""

_LEAST_FREEDOM: Final = 3.0
"""Degrees of freedom of an area however few groups have its rarer class: the other class has some
too. With two to ten groups intervals are then narrower, and hold the area as often."""

Area = Literal["roc", "precision", "correlation"]
"""What an area is under, the ROC curve or precision over recall; or that it stands for a
correlation, of which 0 is as much as 1 / 2 of an area."""


def area_interval(left_out: LeftOut, curve: Area = "roc", level: float = LEVEL) -> Interval:
    """The interval of an area under a curve, of the ROC curve or average precision.

    A t interval on the logit scale, where the ends stay within (0, 1). A group's step is that of
    logits with and without it, or that of areas over area · (1 - area), whichever is smaller: the
    one is endless where the others rank perfectly, the other where the group does. A small share of
    a group and of a slice of each class counts as misranked, with its own part in the variance:
    eight bleeding studies that all rank above the others do not show an area of .99. It draws the
    end that is nearer to 1 / 2. So an area of exactly 1 has the interval of an area of nearly 1.

    Args:
        left_out: Of `jackknife.auc_left_out` or `average_precision_left_out`.
        curve: Which of the two.
        level: Confidence, in (0, 1).

    Returns:
        NaN if fewer than two groups hold a class.

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    check_level(level)
    if not left_out.has_variance:
        return Interval(math.nan, math.nan, left_out.groups)
    part = _misranked(left_out, curve)
    shrunk, without = (_with_a_part(of, part) for of in (left_out.value, left_out.without))
    slope, unseen = 1 / (shrunk * (1 - shrunk)), _UNSEEN[curve]
    unseen *= 1 - left_out.slice_share / left_out.group_share
    steps = _smaller((shrunk - without) * slope, logit(shrunk) - logit(without))
    centers = sorted(logit([left_out.value, shrunk]))
    best = 1 if curve == "precision" or left_out.value >= 1 / 2 else -1
    ends = (
        beyond(
            *(steps, left_out, side, unseen, (part * slope) ** 2),
            scale=slope,
            best=side == best,
            least=_LEAST_FREEDOM,
        )
        for side in SIDES
    )
    below, above = (end.reach(level) for end in ends)
    low, high = expit([centers[0] - below, centers[1] + above])
    return Interval(float(low), float(high), left_out.groups)


def _misranked(left_out: LeftOut, curve: Area) -> float:
    """The share of a group and of a slice of each class that counts as misranked."""
    of_group, of_slice = _MISRANKED[curve]
    return of_group * left_out.group_share + of_slice * left_out.slice_share


def correlation_interval(left_out: LeftOut, level: float = LEVEL) -> Interval:
    """The interval of Matthews' correlation: Fisher's, on the scale of its arc tangent.

    That is a logit's, of (1 + correlation) / 2, and what `area_interval` says of it.

    Args:
        left_out: Of `jackknife.mcc_left_out`.
        level: Confidence, in (0, 1).

    Returns:
        Within [-1, 1]; NaN if fewer than two groups hold a class.

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    halved = replace(
        left_out,
        value=(1 + left_out.value) / 2,
        without=(1 + left_out.without) / 2,
        chance=left_out.chance.scaled(1 / 2),
    )
    ends = area_interval(halved, "correlation", level)
    return Interval(2 * ends.low - 1, 2 * ends.high - 1, ends.groups)


def loss_interval(left_out: LeftOut, level: float = LEVEL, *, most: float = math.inf) -> Interval:
    """The interval of a mean of losses, which are at least 0: a t interval on the log scale.

    Losses are skewed: most slices have hardly any, and a handful much. On the log scale the upper
    end is further away, as it should be. A group's step is that of logarithms with and without it,
    or that of losses over the loss, whichever is smaller.

    Args:
        left_out: Of `jackknife.mean_left_out`.
        level: Confidence, in (0, 1).
        most: What a loss is at most, such as 1 for a Brier score.

    Returns:
        NaN of fewer than two effective groups: one patient with nearly all slices says nothing of
        others. Nor do groups that are all alike say how they scatter: then it is that of a share of
        so many groups if there is a `most`; else (0, 0) if there is no loss, and NaN if there is.

    Raises:
        ValueError: If `level` is not in (0, 1), or the mean is negative.
    """
    check_level(level)
    value = left_out.value
    if left_out.effective < 2 or math.isnan(value):
        return Interval(math.nan, math.nan, left_out.groups)
    if value < 0:
        raise ValueError(f"a mean of losses must be at least 0, got {value!r}.")
    steps = left_out.deviations / (value or 1.0)
    if not variance_of(steps):
        if most < math.inf:
            return alike_groups_interval(left_out, 0, most, level)
        end = math.nan if value else 0.0
        return Interval(end, end, left_out.groups)
    with np.errstate(divide="ignore"):  # without a group there may be no loss
        steps = _smaller(steps, -np.log(left_out.without / value))
    below, above = (
        beyond(
            *(steps, left_out, side, _UNSEEN["loss"]), scale=1 / (value or 1.0), best=side < 0
        ).reach(level)
        for side in SIDES
    )
    low, high = value * math.exp(-min(below, 700)), value * math.exp(min(above, 700))
    return Interval(low, min(high, most), left_out.groups)


def rate_interval(left_out: LeftOut, *, units: int, level: float = LEVEL) -> Interval:
    """The interval of a rate, such as a recall, in clustered slices.

    Wilson's score interval for as many independent slices as would be equally uncertain (Wilson,
    Journal of the American Statistical Association 22 (1927) 209, with the effective size of Korn
    and Graubard, Survey Methodology 24 (1998) 193). It keeps its level near 0 and 1 and with a
    small number of groups; Clopper and Pearson's for that size is wider than it need be.

    A rate of exactly 0 or 1 says nothing of how exceptions cluster: then each group counts as one
    slice, if they are of equal size (`LeftOut.effective`). A few exceptions say little. So in that
    size one group more, whose slices all are one, counts with a variance that is shared among it
    and the groups that carry the observed one: the interval narrows step by step, and what few
    exceptions happen to say is not taken for sure. Each end has a size of its own, with a part of
    the group that is furthest to its side (`ends`).

    Args:
        left_out: Of `jackknife.mean_left_out`, over the slices of the rate's denominator.
        units: Number of these slices.
        level: Confidence, in (0, 1).

    Returns:
        NaN with fewer than two groups.

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    check_level(level)
    rate, groups = left_out.value, left_out.groups
    if not left_out.has_variance:
        return Interval(math.nan, math.nan, groups)
    squared = float(ndtri((1 + level) / 2)) ** 2
    low, high = (
        _wilson_end(rate, side, squared / _independent_slices(left_out, side, units, level))
        for side in SIDES
    )
    return Interval(0.0 if rate == 0 else low, 1.0 if rate == 1 else high, groups)


def _wilson_end(rate: float, side: Side, squared: float) -> float:
    """An end of Wilson's interval; `squared` is z² over the number of slices."""
    half_width = math.sqrt(squared * (rate * (1 - rate) + squared / 4))
    return (rate + squared / 2 + side * half_width) / (1 + squared)


def _independent_slices(rate: LeftOut, side: Side, units: int, level: float) -> float:
    """How many independent slices would know an end as well (Korn and Graubard 1998)."""
    steps, upper = rate.deviations, (1 + level) / 2
    if rate.value in (0, 1):
        return rate.effective
    part = 1 / ((rate.groups + _MORE_GROUPS) * math.sqrt(1 + carrying_groups(steps)))
    shrunk = _with_a_part(rate.value, part)
    end = beyond(steps, rate, side, _UNSEEN["rate"] * (1 - rate.groups / units), part**2)
    narrower = float(stdtrit(max(units - 1, 1), upper) / stdtrit(end.freedom, upper))
    return min(float(shrunk * (1 - shrunk) / end.variance) * narrower**2, float(units))


def alike_groups_interval(left_out: LeftOut, least: float, most: float, level: float) -> Interval:
    """The interval of a mean that is the same in all groups: that of a share of so many.

    Args:
        left_out: Of `jackknife.mean_left_out`, or a difference.
        least: What the mean is at least.
        most: What it is at most.
        level: Confidence, in (0, 1).
    """
    share = (left_out.value - least) / (most - least)
    alike = replace(left_out, value=share, without=np.full_like(left_out.without, share))
    ends = rate_interval(alike, units=left_out.groups, level=level)
    low, high = (least + (most - least) * end for end in (ends.low, ends.high))
    return Interval(low, high, left_out.groups).within(least, most)


def _smaller(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(a) < np.abs(b), a, b)


def _with_a_part(value: Any, part: float) -> Any:
    """A share, or several, drawn towards a half: a part of each kind counts more."""
    return (1 - 2 * part) * value + part

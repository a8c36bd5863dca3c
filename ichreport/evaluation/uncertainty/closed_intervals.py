"""Intervals and p-values in closed form, from scores without each group.

The variance of a score is Σ (score - score without group)² (the jackknife, which is Bell and
McCaffrey's, Survey Methodology 28 (2002) 169, for a mean). It is right where groups differ in size;
a bootstrap's is too small there. Its own uncertainty goes into the degrees of freedom of a t
distribution. `benchmarks/coverage.py` counts how often these intervals hold the truth.
"""

import math
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri, stdtr, stdtrit

from ichreport.evaluation.uncertainty.intervals import LEVEL, Interval
from ichreport.evaluation.uncertainty.jackknife import LeftOut

_MISRANKED: Final = {
    "roc": (1 / 72, 1 / 36),
    "precision": (1 / 24, 1 / 24),
    "correlation": (1 / 8, 0),
}
"""Of one group and of one slice of each class, the shares that an area, or a correlation of calls
with the truth, is never surer of than. A group of many slices knows more than one of a slice."""

_FEWEST_FREEDOM: Final = 4.0
"""Degrees of freedom that a variance has at least, if there are as many groups: with fewer,
intervals become wider without holding the truth more often."""

_FEWEST_OF_PRECISIONS: Final = 5.0
"""The same for average precisions, whose logits are less skewed."""

_UNSEEN: Final = 0.6
"""Of a group whose loss is as far above the mean as any, what the sample may have missed."""

_FURTHER: Final = 2.0
"""How far beyond the furthest of n groups, relative to it, one may be that the sample has missed;
times 1 / √n, since many groups know well how far they reach."""

_ROUNDING: Final = 1e-12
"""Smaller differences count as 0: they come from summing in another order."""


def degrees_of_freedom(
    deviations: NDArray[np.float64], effective: float, fewest: float = _FEWEST_FREEDOM
) -> float:
    """Degrees of freedom of a variance that is a sum of squares over groups.

    (Σ d²)² / Σ d⁴, the number of groups that carry the variance, and at most one less than the
    effective number of groups. Where a handful of groups have nearly all of a loss, those that the
    sample happened to miss matter, and 36 groups know no more than four.

    Args:
        deviations: (G,) what each group adds.
        effective: `LeftOut.effective`.
        fewest: The least that is taken for the groups that carry the variance.

    Returns:
        At least 1.
    """
    carrying = _carrying_groups(deviations) or math.inf
    return max(min(max(carrying, fewest), effective - 1), 1.0)


def _carrying_groups(deviations: NDArray[np.float64]) -> float:
    """How many groups carry a variance, (Σ d²)² / Σ d⁴; 0 if there is none."""
    squares = np.square(deviations)
    fourth = float(np.square(squares).sum())
    return float(squares.sum()) ** 2 / fourth if fourth > 0 else 0.0


Area = Literal["roc", "precision", "correlation"]
"""What an area is under, the ROC curve or precision over recall; or that it stands for a
correlation, of which 0 is as much as 1 / 2 of an area."""


def area_interval(left_out: LeftOut, curve: Area = "roc", level: float = LEVEL) -> Interval:
    """The interval of an area under a curve, of the ROC curve or average precision.

    A t interval on the logit scale, where the ends stay within (0, 1). A group's step is that of
    logits with and without it, or that of areas over area · (1 - area), whichever is smaller: the
    one is endless where the others rank perfectly, the other where the group does. A small share of
    a group and of a slice of each class counts as misranked, with its own part in the variance:
    eight bleeding studies that all rank above the others do not show an area of .99. So an area of
    exactly 1 has the interval of an area of nearly 1.

    Args:
        left_out: Of `jackknife.auc_left_out` or `average_precision_left_out`.
        curve: Which of the two.
        level: Confidence, in (0, 1).

    Returns:
        NaN if fewer than two groups hold a class.

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    _check_level(level)
    if left_out.groups < 2 or math.isnan(left_out.value):
        return Interval(math.nan, math.nan, left_out.groups)
    of_group, of_slice = _MISRANKED[curve]
    part = of_group * left_out.group_share + of_slice * left_out.slice_share
    area, shrunk = left_out.value, _with_a_part(left_out.value, part)
    without, slope = _with_a_part(left_out.without, part), 1 / (shrunk * (1 - shrunk))
    steps = _smaller((shrunk - without) * slope, logit(shrunk) - logit(without))
    variance, added = _variance(steps), (part * slope) ** 2
    fewest = _FEWEST_OF_PRECISIONS if curve == "precision" else _FEWEST_FREEDOM
    freedom = degrees_of_freedom(steps, left_out.effective, fewest)
    freedom = _freedom_of_a_sum(variance, added, left_out, freedom)
    half_width = float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(variance + added)
    low, high = expit(logit(shrunk) + np.array([-half_width, half_width]))
    return Interval(min(float(low), area), max(float(high), area), left_out.groups)


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
    halved = replace(left_out, value=(1 + left_out.value) / 2, without=(1 + left_out.without) / 2)
    ends = area_interval(halved, "correlation", level)
    return Interval(2 * ends.low - 1, 2 * ends.high - 1, ends.groups)


def loss_interval(left_out: LeftOut, level: float = LEVEL, *, most: float = math.inf) -> Interval:
    """The interval of a mean of losses, which are at least 0: a t interval on the log scale.

    Losses are skewed: most slices have hardly any, and a handful much. On the log scale the upper
    end is further away, as it should be. A group's step is that of logarithms with and without it,
    or that of losses over the loss, whichever is smaller. For the upper end a part of one group
    more counts (`_UNSEEN`), which adds as much as the group that adds most: the sample may have
    missed its like. The lower end has no need of that, nor of degrees of freedom that allow for it:
    all groups have a say in how small a loss is.

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
    _check_level(level)
    value = left_out.value
    if left_out.effective < 2 or math.isnan(value):
        return Interval(math.nan, math.nan, left_out.groups)
    if value < 0:
        raise ValueError(f"a mean of losses must be at least 0, got {value!r}.")
    if not _variance(left_out.deviations):
        if most < math.inf:
            return _of_alike_groups(left_out, 0, most, level)
        end = math.nan if value else 0.0
        return Interval(end, end, left_out.groups)
    with np.errstate(divide="ignore"):  # without a group there may be no loss
        deviations = _smaller(left_out.deviations / value, -np.log(left_out.without / value))
    freedom = (max(left_out.effective - 1, 1.0), degrees_of_freedom(deviations, left_out.effective))
    lower, upper = (float(q) for q in stdtrit(freedom, (1 + level) / 2))
    variance = float(np.square(deviations).sum())
    unseen = _UNSEEN * max(float(deviations.max()), 0.0)
    below = lower * math.sqrt(variance)
    above = unseen + upper * math.sqrt(variance + unseen**2)
    low, high = value * math.exp(-min(below, 700)), value * math.exp(min(above, 700))
    return Interval(low, min(high, most), left_out.groups)


def rate_interval(left_out: LeftOut, *, units: int, level: float = LEVEL) -> Interval:
    """The interval of a rate, such as a recall, in clustered slices.

    Wilson's score interval for as many independent slices as would be equally uncertain (Wilson,
    Journal of the American Statistical Association 22 (1927) 209, with the effective size of Korn
    and Graubard, Survey Methodology 24 (1998) 193). It keeps its level near 0 and 1 and with a
    small number of groups; Clopper and Pearson's for that size is wider than it need be.

    A rate of exactly 0 or 1 says nothing of how exceptions cluster: then each group counts as one
    slice. A few exceptions say little. So in that size one group more, whose slices all are one,
    counts with a variance that is shared among it and the groups that carry the observed one: the
    interval narrows step by step, and what few exceptions happen to say is not taken for sure.

    Args:
        left_out: Of `jackknife.mean_left_out`, over the slices of the rate's denominator.
        units: Number of these slices.
        level: Confidence, in (0, 1).

    Returns:
        NaN with fewer than two groups.

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    _check_level(level)
    rate, groups = left_out.value, left_out.groups
    if groups < 2 or math.isnan(rate):
        return Interval(math.nan, math.nan, groups)
    slices = _independent_slices(left_out, units, level)
    squared = float(ndtri((1 + level) / 2)) ** 2 / slices
    center = (rate + squared / 2) / (1 + squared)
    half_width = math.sqrt(squared * (rate * (1 - rate) + squared / 4)) / (1 + squared)
    low = 0.0 if rate == 0 else center - half_width
    return Interval(low, 1.0 if rate == 1 else center + half_width, groups)


def _independent_slices(rate: LeftOut, units: int, level: float) -> float:
    """How many independent slices would know a rate as well (Korn and Graubard 1998)."""
    variance = _variance(rate.deviations)
    if not variance:
        return float(rate.groups)
    part = 1 / (rate.groups * math.sqrt(1 + _carrying_groups(rate.deviations)))
    shrunk, added, upper = _with_a_part(rate.value, part), part**2, (1 + level) / 2
    freedom = degrees_of_freedom(rate.deviations, rate.effective)
    freedom = _freedom_of_a_sum(variance, added, rate, freedom)
    narrower = float(stdtrit(max(units - 1, 1), upper) / stdtrit(freedom, upper))
    slices = float(shrunk * (1 - shrunk) / (variance + added)) * narrower**2
    return min(slices, float(units))


def _smaller(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(a) < np.abs(b), a, b)


def _with_a_part(value: Any, part: float) -> Any:
    """A share, or several, drawn towards a half: a part of each kind counts more."""
    return (1 - 2 * part) * value + part


def _variance(deviations: NDArray[np.float64]) -> float:
    variance = float(np.square(deviations).sum())
    return 0.0 if variance < _ROUNDING**2 else variance


def _freedom_of_a_sum(variance: float, added: float, left_out: LeftOut, freedom: float) -> float:
    """Degrees of freedom of a variance to which a part of a group adds its own.

    Welch and Satterthwaite's rule; the added part has those of all groups.
    """
    most = max(left_out.effective - 1, 1.0)
    return (variance + added) ** 2 / (variance**2 / freedom + added**2 / most)


def difference_interval(left_out: LeftOut, level: float = LEVEL) -> Interval:
    """The t interval of a difference of two scores, or of any mean that may have either sign.

    The degrees of freedom are one less than the effective number of groups: what is common to two
    scores cancels, and with it most of the skewness.

    Args:
        left_out: The difference, such as of `LeftOut.minus`.
        level: Confidence, in (0, 1).

    Returns:
        NaN with fewer than two groups, and where all groups differ alike: how much they scatter is
        not known then, unless there is no difference at all.

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    _check_level(level)
    error = _standard_error(left_out)
    half_width = float(stdtrit(max(left_out.effective - 1, 1.0), (1 + level) / 2)) * error
    return Interval(left_out.value - half_width, left_out.value + half_width, left_out.groups)


def bounded_interval(
    left_out: LeftOut, least: float, most: float, level: float = LEVEL
) -> Interval:
    """The t interval of a mean that lies between two bounds, and no further than these.

    Groups that are all alike say nothing of how they scatter. Then it is that of a share of so many
    groups, `rate_interval`, unless there is no difference at all.

    Args:
        left_out: Of `jackknife.mean_left_out`, or a difference.
        least: What the mean is at least.
        most: What it is at most.
        level: Confidence, in (0, 1).

    Returns:
        NaN with fewer than two groups.

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    is_no_difference = least < left_out.value == 0
    if is_no_difference or _variance(left_out.deviations):
        return difference_interval(left_out, level).within(least, most)
    return _of_alike_groups(left_out, least, most, level)


def _of_alike_groups(left_out: LeftOut, least: float, most: float, level: float) -> Interval:
    """The interval of a mean that is the same in all groups: that of a share of so many."""
    share = (left_out.value - least) / (most - least)
    alike = replace(left_out, value=share, without=np.full_like(left_out.without, share))
    ends = rate_interval(alike, units=left_out.groups, level=level)
    low, high = (least + (most - least) * end for end in (ends.low, ends.high))
    return Interval(low, high, left_out.groups)


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
    _check_level(level)
    if left_out.groups < 2 or math.isnan(left_out.value):
        return Interval(math.nan, math.nan, left_out.groups)
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
    if left_out.groups < 2 or math.isnan(left_out.value):
        return math.nan
    value, error, freedom = _with_a_further_group(left_out, 1)
    return float(stdtr(freedom, value / error)) if error else 1.0


def _with_a_further_group(left_out: LeftOut, sign: int) -> tuple[float, float, float]:
    """The mean, its standard error and its degrees of freedom with one group more."""
    furthest = max(float((sign * left_out.deviations).max()), 0.0)
    further = sign * furthest * (1 + _FURTHER / math.sqrt(left_out.effective))
    deviations = np.append(left_out.deviations, further)
    freedom = degrees_of_freedom(deviations, left_out.effective, fewest=1)
    return left_out.value + further, _error(deviations, left_out.value), freedom


def difference_p_value(left_out: LeftOut) -> float:
    """The two-sided p-value of no difference, in agreement with `difference_interval`.

    Args:
        left_out: The difference.

    Returns:
        In [0, 1], 1 for two scores that are the same; NaN as `difference_interval`.
    """
    error = _standard_error(left_out)
    if not error:
        return 1.0
    return float(2 * stdtr(max(left_out.effective - 1, 1.0), -abs(left_out.value) / error))


def _standard_error(left_out: LeftOut) -> float:
    if left_out.groups < 2 or math.isnan(left_out.value):
        return math.nan
    return _error(left_out.deviations, left_out.value)


def _error(deviations: NDArray[np.float64], value: float) -> float:
    """A standard error: 0 of no difference anywhere, and NaN of one that is alike everywhere."""
    error = math.sqrt(np.square(deviations).sum())
    if error >= _ROUNDING:
        return error
    return 0.0 if abs(value) < _ROUNDING else math.nan


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level!r}.")

"""Intervals and p-values from bootstrap replicates, for small numbers of groups too."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta, norm, t

LEVEL: Final = 0.95
"""Confidence of every interval in the report."""

_RESOLVED: Final = 10
"""Replicates beyond zero that are needed to estimate their share."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval and the amount of data behind it.

    Attributes:
        low: Lower end; NaN if fewer than two groups contribute or no replicate was defined.
        high: Upper end, likewise.
        groups: Groups that contribute.
        undefined: Replicates in which the score was undefined; they are left out.
    """

    low: float
    high: float
    groups: int
    undefined: int


def interval(replicates: ArrayLike, *, groups: int, level: float = LEVEL) -> Interval:
    """The expanded percentile interval of bootstrap replicates.

    A plain percentile interval of n groups is too narrow by sqrt((n - 1) / n), and it uses normal
    quantiles where t quantiles are due. Percentiles further out correct both: at
    Φ(± sqrt(n / (n - 1)) t(n - 1)) instead of (1 ± level) / 2 (Hesterberg, The American
    Statistician 69 (2015) 371). With many groups it is the plain percentile interval.

    Args:
        replicates: (R,) values of the score; NaN where a replicate leaves it undefined.
        groups: Groups that contribute to the score: for a recall, those with positives.
        level: Confidence, in (0, 1).

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    defined, undefined = _defined(replicates, level)
    if groups < 2 or not len(defined):
        return Interval(math.nan, math.nan, groups, undefined)
    tail = _expanded_tail(groups, level)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high), groups, undefined)


@cache
def _expanded_tail(groups: int, level: float) -> float:
    return float(norm.cdf(-math.sqrt(groups / (groups - 1)) * t.ppf((1 + level) / 2, groups - 1)))


def share_interval(
    share: float, replicates: ArrayLike, *, units: int, groups: int, level: float = LEVEL
) -> Interval:
    """The interval of a share, such as a recall, in clustered slices.

    Clopper and Pearson's interval for the number of independent slices that would be equally
    uncertain (Korn and Graubard, Survey Methodology 24 (1998) 193). The replicates give the
    uncertainty. It keeps its level near 0 and 1 and with a small number of groups, where
    percentiles do not. For a share of exactly 0 or 1 all replicates are equal; then each group
    counts as one slice.

    Args:
        share: The share, in [0, 1], or NaN.
        replicates: (R,) values of the share; NaN where a replicate leaves it undefined.
        units: Number of slices in the denominator.
        groups: Number of groups with such slices.
        level: Confidence, in (0, 1).

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    defined, undefined = _defined(replicates, level)
    if groups < 2 or math.isnan(share) or not len(defined):
        return Interval(math.nan, math.nan, groups, undefined)
    # The bootstrap variance of n groups is (n - 1) / n of the share's variance.
    variance, upper = float(defined.var()) * groups / (groups - 1), (1 + level) / 2
    effective = float(groups)
    if 0 < share < 1 and variance > 0:
        narrower = t.ppf(upper, max(units - 1, 1)) / t.ppf(upper, groups - 1)
        effective = min(share * (1 - share) / variance * narrower**2, units)
    hits, misses = share * effective, (1 - share) * effective
    low = beta.ppf(1 - upper, hits, misses + 1) if hits > 0 else 0.0
    high = beta.ppf(upper, hits + 1, misses) if misses > 0 else 1.0
    return Interval(float(low), float(high), groups, undefined)


def estimate_interval(
    value: float, standard_error: float, *, groups: int, level: float = LEVEL
) -> Interval:
    """The interval of an estimate with a standard error, by the t distribution.

    Args:
        value: The estimate; NaN if undefined.
        standard_error: Its standard error; NaN if undefined.
        groups: Groups that contribute; the degrees of freedom are one less.
        level: Confidence, in (0, 1).
    """
    if groups < 2 or math.isnan(value) or math.isnan(standard_error):
        return Interval(math.nan, math.nan, groups, 0)
    half_width = float(t.ppf((1 + level) / 2, groups - 1)) * standard_error
    return Interval(value - half_width, value + half_width, groups, 0)


def area_interval(
    area: float,
    replicates: ArrayLike,
    positive: NDArray[np.bool_],
    group_codes: NDArray[np.intp],
    level: float = LEVEL,
) -> Interval:
    """The interval of an area under a curve: of the ROC curve, or average precision.

    As `interval`, with the groups of the rarer class. For an area of exactly 0 or 1 all replicates
    are equal; its interval is `share_interval` over those groups.

    Args:
        area: The area, in [0, 1], or NaN.
        replicates: (R,) values of the area; NaN where a replicate lacks a class.
        positive: (n,), true for positives.
        group_codes: (n,) the group of each slice.
        level: Confidence, in (0, 1).
    """
    groups = count_groups(group_codes, positive, ~positive)
    if area in (0, 1):
        return share_interval(area, replicates, units=groups, groups=groups, level=level)
    return interval(replicates, groups=groups, level=level)


def _defined(replicates: ArrayLike, level: float) -> tuple[NDArray[np.float64], int]:
    """The replicates with a value, and the number of those without."""
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level!r}.")
    values = np.asarray(replicates, dtype=np.float64)
    defined = values[~np.isnan(values)]
    return defined, len(values) - len(defined)


def p_value(replicates: ArrayLike, *, groups: int) -> float:
    """The two-sided p-value of a difference being zero, in agreement with `interval`.

    1 - the largest level whose expanded percentile interval excludes zero. With fewer than ten
    replicates beyond zero, their share is too uncertain for an adjustment for many comparisons;
    then the mean and the standard deviation of the replicates replace it.

    Args:
        replicates: (R,) differences; NaN where undefined.
        groups: Groups that contribute.

    Returns:
        In [0, 1]; NaN where `interval` is.
    """
    values = np.asarray(replicates, dtype=np.float64)
    defined = values[~np.isnan(values)]
    if groups < 2 or not len(defined):
        return math.nan
    beyond = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    z = norm.ppf(min((max(beyond, _RESOLVED) + 1) / (len(defined) + 1), 0.5))
    if beyond < _RESOLVED and np.ptp(defined) > 0:
        z = min(z, -abs(float(defined.mean())) / float(defined.std()))
    return float(2 * t.cdf(z / math.sqrt(groups / (groups - 1)), groups - 1))


def count_groups(group_codes: NDArray[np.intp], *classes: NDArray[np.bool_]) -> int:
    """The number of groups behind a score that needs slices of several classes.

    Args:
        group_codes: (n,) the group of each slice, from `Resamples.group_codes`.
        *classes: (n,) masks of slices; for an area the positives and the negatives.

    Returns:
        The number of groups with slices of a class, for the class with the fewest groups.
    """
    return min(len(np.unique(group_codes[members])) for members in classes)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down adjustment (Scandinavian Journal of Statistics 6 (1979) 65).

    Args:
        p_values: (n,); NaN for tests that could not be made. They do not count.

    Returns:
        (n,) adjusted p-values, at most 1; NaN where the p-value is.
    """
    p = np.asarray(p_values, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    adjusted = np.full(p.shape, math.nan)
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p[order]), 1)
    return adjusted

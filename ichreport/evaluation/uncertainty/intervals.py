"""What an interval is, those of replicates and of shares, and Holm's adjustment."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtr, stdtrit

LEVEL: Final = 0.95
"""Confidence of every interval in the report."""

ALPHA: Final = 0.05
"""Significance level of comparisons, after adjustment."""


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
    return float(ndtr(-math.sqrt(groups / (groups - 1)) * stdtrit(groups - 1, (1 + level) / 2)))


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
    variance = float(defined.var()) * groups / (groups - 1)
    slices = independent_slices(share, variance, units, groups, freedom=groups - 1, level=level)
    return Interval(*exact_interval(share, slices, level), groups, undefined)


def independent_slices(
    share: float, variance: float, units: int, groups: int, *, freedom: float, level: float
) -> float:
    """How many independent slices would know a share as well (Korn and Graubard 1998).

    Args:
        share: The share, in [0, 1].
        variance: Its variance.
        units: Number of slices in the denominator, which is the most.
        groups: Number of groups with such slices; their number for a share of exactly 0 or 1.
        freedom: Degrees of freedom of the variance.
        level: Confidence of the interval that it is for.
    """
    if not (0 < share < 1 and variance > 0):
        return float(groups)
    upper = (1 + level) / 2
    narrower = float(stdtrit(max(units - 1, 1), upper) / stdtrit(freedom, upper))
    return min(share * (1 - share) / variance * narrower**2, float(units))


def exact_interval(share: float, slices: float, level: float) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share, for a number of slices that may be broken.

    Args:
        share: The share, in [0, 1].
        slices: Independent slices.
        level: Confidence, in (0, 1).
    """
    hits, misses, upper = share * slices, (1 - share) * slices, (1 + level) / 2
    low = betaincinv(hits, misses + 1, 1 - upper) if hits > 0 else 0.0
    high = betaincinv(hits + 1, misses, upper) if misses > 0 else 1.0
    return float(low), float(high)


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
    half_width = float(stdtrit(groups - 1, (1 + level) / 2)) * standard_error
    return Interval(value - half_width, value + half_width, groups, 0)


def _defined(replicates: ArrayLike, level: float) -> tuple[NDArray[np.float64], int]:
    """The replicates with a value, and the number of those without."""
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level!r}.")
    values = np.asarray(replicates, dtype=np.float64)
    defined = values[~np.isnan(values)]
    return defined, len(values) - len(defined)


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

"""What an interval is, those of replicates and of estimates, and Holm's adjustment."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

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
    """

    low: float
    high: float
    groups: int

    def within(self, least: float, most: float) -> "Interval":
        """The interval without what lies outside of the possible."""
        return Interval(max(self.low, least), min(self.high, most), self.groups)


def interval(replicates: ArrayLike, *, groups: int, level: float = LEVEL) -> Interval:
    """The expanded percentile interval of bootstrap replicates.

    A plain percentile interval of n groups is too narrow by sqrt((n - 1) / n), and it uses normal
    quantiles where t quantiles are due. Percentiles further out correct both: at
    Φ(± sqrt(n / (n - 1)) t(n - 1)) instead of (1 ± level) / 2 (Hesterberg, The American
    Statistician 69 (2015) 371). With many groups it is the plain percentile interval.

    Args:
        replicates: (R,) values of the score; NaN, left out, where undefined.
        groups: Groups that contribute to the score: for a recall, those with positives.
        level: Confidence, in (0, 1).

    Raises:
        ValueError: If `level` is not in (0, 1).
    """
    check_level(level)
    values = np.asarray(replicates, dtype=np.float64)
    defined = values[~np.isnan(values)]
    if groups < 2 or not len(defined):
        return Interval(math.nan, math.nan, groups)
    tail = _expanded_tail(groups, level)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high), groups)


def check_level(level: float) -> None:
    """Raise a ValueError if a level is not in (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level!r}.")


@cache
def _expanded_tail(groups: int, level: float) -> float:
    return float(ndtr(-math.sqrt(groups / (groups - 1)) * stdtrit(groups - 1, (1 + level) / 2)))


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

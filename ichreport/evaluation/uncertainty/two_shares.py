"""Intervals of a sum, a difference and a ratio of two estimates, from the interval of each.

The method of variance estimates recovery, MOVER. It keeps what the intervals of the two know: that
shares near 0 or 1 have lopsided intervals, and that a share of exactly 1 is uncertain too.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq

from ichreport.evaluation.uncertainty.jackknife import LeftOut

_LEAST_P: Final = 1e-9
"""Smaller p-values are not told apart."""

_LARGEST_P: Final = 0.999
"""Larger p-values are 1: intervals of next to no level have no width that could be computed."""


@dataclass(frozen=True)
class Estimate:
    """A figure with the ends of its interval; NaN where undefined, infinite where endless."""

    value: float
    low: float
    high: float

    def __neg__(self) -> "Estimate":
        return Estimate(-self.value, -self.high, -self.low)

    def __mul__(self, factor: float) -> "Estimate":
        """The same in other units, by a factor that is not negative."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)

    @property
    def complement(self) -> "Estimate":
        """1 less the figure."""
        return Estimate(1 - self.value, 1 - self.high, 1 - self.low)


def correlation_of(first: LeftOut, second: LeftOut, between: LeftOut | None = None) -> float:
    """The correlation of two scores, from what each group adds to them and to their difference.

    The luck of trainings is part of each one's variance. Two rows have nothing of it in common.

    Args:
        first: A score.
        second: The other, without the same groups in the same order.
        between: The first less the second; where it is left out that of two rows.

    Returns:
        In [-1, 1]; 0 where a score is undefined or no group changes it.
    """
    one, other, difference = (
        float(np.square(each.deviations).sum()) + each.chance.variance
        for each in (first, second, between or first.minus(second))
    )
    size = 2 * math.sqrt(one * other)
    return float(np.clip((one + other - difference) / size, -1, 1)) if size > 0 else 0.0


def sum_of(first: Estimate, second: Estimate, correlation: float) -> Estimate:
    """The sum of two estimates (Zou and Donner, Statistics in Medicine 27 (2008) 1693).

    Args:
        first: An estimate.
        second: Another one.
        correlation: Of the two, in [-1, 1].
    """
    value = first.value + second.value
    return Estimate(
        value,
        value - _joint(first.value - first.low, second.value - second.low, correlation),
        value + _joint(first.high - first.value, second.high - second.value, correlation),
    )


def difference_of(first: Estimate, second: Estimate, correlation: float = 0.0) -> Estimate:
    """One estimate less another (for two shares Newcombe's, Statistics in Medicine 17 (1998) 873).

    Args:
        first: An estimate.
        second: Another one.
        correlation: Of the two, in [-1, 1]: 0 where they are of other patients.
    """
    return sum_of(first, -second, -correlation)


def p_value_of(at_level: Callable[[float], Estimate]) -> float:
    """The two-sided p-value of 0 that agrees with intervals: 1 less the level that just reaches it.

    Args:
        at_level: The estimate with its interval of a level, in (0, 1).

    Returns:
        In [1e-9, 1]; NaN where the estimate or an end is.
    """

    def beyond_zero(alpha: float) -> float:
        found = at_level(1 - alpha)
        return found.low if found.value > 0 else -found.high

    widest, narrowest = beyond_zero(_LEAST_P), beyond_zero(_LARGEST_P)
    if math.isnan(widest + narrowest):
        return math.nan
    if narrowest <= 0:
        return 1.0
    return _LEAST_P if widest > 0 else float(brentq(beyond_zero, _LEAST_P, _LARGEST_P))


def _joint(first: float, second: float, correlation: float) -> float:
    """The distance from a sum to its end, from those of its parts to theirs."""
    return math.sqrt(max(first**2 + second**2 + 2 * correlation * first * second, 0.0))


def ratio_of(first: Estimate, second: Estimate, correlation: float) -> Estimate:
    """The ratio of two estimates that are not negative (Donner and Zou, ibid. 31 (2012) 3).

    Args:
        first: The numerator.
        second: The denominator; where it is 0 the ratio is endless, with a lower end.
        correlation: Of the two, in [-1, 1].
    """
    if math.isnan(first.value + second.value) or first.value == second.value == 0:
        return Estimate(math.nan, math.nan, math.nan)
    value = first.value / second.value if second.value > 0 else math.inf
    low = _end(first, first.low, second, second.high, correlation, sign=-1)
    high = _end(first, first.high, second, second.low, correlation, sign=1)
    return Estimate(value, low, high)


def _end(
    first: Estimate,
    first_end: float,
    second: Estimate,
    second_end: float,
    correlation: float,
    *,
    sign: int,
) -> float:
    """An end of a ratio: where the interval of `first - ratio * second` just reaches 0.

    A root of a·R² - 2·b·R + c, and the one that is not negative.
    """
    if math.isnan(first_end + second_end):
        return math.nan
    if second_end <= 0:
        return math.inf
    product = first.value * second.value
    b = product + correlation * (first.value - first_end) * (second.value - second_end)
    a = second_end * (2 * second.value - second_end)
    c = first_end * (2 * first.value - first_end)
    root = math.sqrt(max(b * b - a * c, 0.0))
    if a == 0:
        return c / (2 * b) if b > 0 else math.nan
    return max((b + sign * root) / a, 0.0)

"""Intervals and p-values of differences of two areas, from the interval of each.

Of a network that ranks nearly all studies right a sample may have missed the ones that it does not,
and what the other misranks says nothing of them. A t test of the paired difference calls such a
network better too often. The interval of each area knows how far it may be off on either side.
"""

from ichreport.evaluation.uncertainty.closed_intervals import area_interval
from ichreport.evaluation.uncertainty.intervals import LEVEL, Interval
from ichreport.evaluation.uncertainty.jackknife import LeftOut
from ichreport.evaluation.uncertainty.two_shares import (
    Estimate,
    correlation_of,
    difference_of,
    p_value_of,
)


def difference_of_areas(
    area: LeftOut, other: LeftOut, between: LeftOut | None = None
) -> tuple[Interval, float]:
    """The interval of a difference of two areas under ROC curves, and its p-value.

    By the method of variance estimates recovery (`two_shares`), with the correlation that the areas
    have over groups: of the same slices what is hard for both cancels.

    Args:
        area: Of `jackknife.auc_left_out`, or a mean of such over trainings.
        other: The other, without the same groups in the same order.
        between: The first less the second, where they share more than their groups, such as the
            luck of a training.

    Returns:
        The interval of the first area less the second, not adjusted; NaN where either has none. And
        the two-sided p-value of no difference in agreement with it, 1 of two areas that are equal.
    """
    correlation = correlation_of(area, other, between)

    def at_level(level: float) -> Estimate:
        first, second = (
            Estimate(one.value, ends.low, ends.high)
            for one in (area, other)
            for ends in [area_interval(one, level=level)]
        )
        return difference_of(first, second, correlation)

    found = at_level(LEVEL)
    ends = Interval(found.low, found.high, min(area.groups, other.groups))
    return ends, p_value_of(at_level)

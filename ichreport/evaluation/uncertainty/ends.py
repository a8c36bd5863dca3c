"""What the two ends of an interval in closed form stand on, each its own.

Scores near their best are skewed: most groups add a little, and a handful take much away, of which
a sample may have missed the worst. So each end has the degrees of freedom of the groups that draw
the score to its side, and a part of one group more, as far to that side as any. What a sample may
have missed draws a score away from its best; so the end that is nearer to the best is known by all
groups that draw there, however few their slices weigh: `benchmarks/coverage.py` shows that.
"""

import math
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from ichreport.evaluation.uncertainty.jackknife import Chance, LeftOut

FEWEST_FREEDOM: Final = 4.0
"""Degrees of freedom that a variance has at least, if there are as many groups: with fewer,
intervals become wider without holding the truth more often."""

ROUNDING: Final = 1e-12
"""Smaller differences count as 0: they come from summing in another order."""

Side = Literal[-1, 1]
"""That of an interval's lower end, and that of its upper end."""

SIDES: Final[tuple[Side, Side]] = (-1, 1)


class Beyond(NamedTuple):
    """What may lie beyond a score on one side, on the scale of its groups' steps.

    Attributes:
        further: How far a part of one group more draws the score.
        variance: The score's.
        freedom: Degrees of freedom of the variance.
    """

    further: float
    variance: float
    freedom: float

    def reach(self, level: float) -> float:
        """How far from the score the end of a t interval is."""
        t = float(stdtrit(self.freedom, (1 + level) / 2))
        return self.further + t * math.sqrt(self.variance)


def beyond(
    steps: NDArray[np.float64],
    left_out: LeftOut,
    side: Side,
    unseen: float,
    added: float = 0,
    *,
    scale: float = 1.0,
    best: bool = False,
    least: float = 1.0,
) -> Beyond:
    """What may lie beyond a score on one side.

    Args:
        steps: (G,) what each group adds to the score, on any scale.
        left_out: The score.
        side: Of which end.
        unseen: The part of one group more, whose step is as far to that side as any.
        added: A variance besides, which all groups know.
        scale: How large the steps are beside the score's own; its chance is as much larger.
        best: Whether the score's best lies on that side.
        least: Degrees of freedom that there are in any case.
    """
    further = unseen * max(float((side * steps).max()), 0.0)
    variance = variance_of(steps) + further**2
    effective = math.inf if best else left_out.effective
    freedom = max(degrees_of_freedom(steps, effective, side=side), least)
    known = added**2 / max(left_out.effective - 1, least)
    chance = left_out.chance.scaled(scale)
    return with_chance(further, variance, freedom, chance.plus(Chance(added, known)))


def with_chance(further: float, variance: float, freedom: float, chance: Chance) -> Beyond:
    """What lies beyond a score with another part of its variance: Welch and Satterthwaite's rule.

    Args:
        further: How far a part of one group more draws the score.
        variance: What its groups tell of its variance.
        freedom: Degrees of freedom of that.
        chance: The other part. Its doubt may be of more than it adds, so freedom is kept at 1 or
            more.
    """
    if not chance.variance and not chance.doubt:
        return Beyond(further, variance, freedom)
    total = variance + chance.variance
    pooled = total**2 / (variance**2 / freedom + chance.doubt)
    return Beyond(further, total, max(pooled, 1.0))


def degrees_of_freedom(
    steps: NDArray[np.float64],
    effective: float,
    *,
    fewest: float = FEWEST_FREEDOM,
    side: Side | None = None,
) -> float:
    """Degrees of freedom of a variance that is a sum of squares over groups.

    The number of groups that carry the variance, and at most one less than the effective number of
    groups. Where a handful of groups have nearly all of a loss, those that the sample happened to
    miss matter, and 36 groups know no more than four of how large it may be; how small, all know.

    Args:
        steps: (G,) what each group adds.
        effective: `LeftOut.effective`.
        fewest: The least that is taken for the groups that carry the variance.
        side: Of which end; of both alike if left out.

    Returns:
        At least 1.
    """
    carrying = carrying_groups(steps, side) or math.inf
    return max(min(max(carrying, fewest), effective - 1), 1.0)


def carrying_groups(steps: NDArray[np.float64], side: Side | None = None) -> float:
    """How many groups carry a variance: (Σ s²)² / Σ s⁴, with the s⁴ of one side or of both.

    Args:
        steps: (G,) what each group adds.
        side: The side whose s⁴ count; both if left out.

    Returns:
        0 if there is no step to that side. Of a side whose steps are small, more than there are.
    """
    there = np.maximum(side * steps, 0) if side else steps
    fourth = float(np.power(there, 4).sum())
    return float(np.square(steps).sum()) ** 2 / fourth if fourth > 0 else 0.0


def variance_of(steps: NDArray[np.float64]) -> float:
    """The sum of squares, 0 of what is but rounding."""
    variance = float(np.square(steps).sum())
    return 0.0 if variance < ROUNDING**2 else variance

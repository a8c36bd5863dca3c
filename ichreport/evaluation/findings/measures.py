"""What is measured of the poster's rows: figures, their intervals, and the unit of their limits."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from ichreport import poster
from ichreport.evaluation.findings.criteria import Measure, Range
from ichreport.evaluation.findings.evidence import Evidence
from ichreport.evaluation.operating.thresholds import POSTER_RECALL, threshold_at_recall
from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.evaluation.uncertainty.area_differences import difference_of_areas
from ichreport.evaluation.uncertainty.closed_differences import cautious_interval
from ichreport.evaluation.uncertainty.closed_intervals import area_interval, rate_interval
from ichreport.evaluation.uncertainty.intervals import Interval
from ichreport.evaluation.uncertainty.jackknife import mean_left_out
from ichreport.labels import ANY, LABELS

_SCORE: Final = "weighted_log_loss_sum"
_UNKNOWN: Final = Interval(math.nan, math.nan, 0)


@dataclass(frozen=True)
class Figure:
    """What was measured.

    Attributes:
        measure: What that is, in words.
        value: The figure; NaN if it could not be measured.
        interval: Its 95 % interval.
        p: Two-sided p-value of no difference between two runs or labels; else NaN.
        origin: Where a declared limit of 0 lies.
        unit: What a declared limit of 1 adds to that.
    """

    measure: str
    value: float = math.nan
    interval: Interval = _UNKNOWN
    p: float = math.nan
    origin: float = 0.0
    unit: float = 1.0

    def limits(self, declared: Range) -> tuple[float, float]:
        """The ends of a declared range, in the figure's unit."""
        ends = (declared.above, -math.inf), (declared.below, math.inf)
        low, high = (open_end if end is None else self._limit(end) for end, open_end in ends)
        return low, high

    def _limit(self, declared: float) -> float:
        return self.origin + (self.unit * declared if declared else 0.0)


def _loss_above_constant(names: Sequence[str], label: str, evidence: Evidence) -> Figure:
    """A row's loss less that of the constant prevalence."""
    measure = "difference of the weighted log loss"
    if not names:
        return Figure(measure)
    above = evidence.comparison.above_floor(names[0])
    return Figure(measure, above.value, cautious_interval(above))


def _loss_difference(names: Sequence[str], label: str, evidence: Evidence) -> Figure:
    """The loss of one row less another's."""
    measure = "difference of the weighted log loss"
    if not names:
        return Figure(measure)
    row, other = names
    gap = evidence.comparison.difference(row, other, _SCORE)
    return Figure(measure, gap.difference, gap.interval, gap.p)


def _loss_gain(names: Sequence[str], label: str, evidence: Evidence) -> Figure:
    """The gain of the second row over the first, with limits in shares of the first one's loss."""
    loss = evidence.comparison.value(names[0], _SCORE) if names else math.nan
    figure = _loss_difference(names, label, evidence)
    return replace(figure, measure="gain in the weighted log loss", unit=loss)


def _area(names: Sequence[str], label: str, evidence: Evidence) -> Figure:
    """A label's area; beside it the poster's, and what its rarity makes of precision."""
    beside = f"the poster's is {_poster_area(label):.3f}"
    if names:
        beside += f"; {_precision_in_words(label, names[0], evidence)}"
    measured = replace(_area_near_poster(names, label, evidence), origin=0.0)
    return replace(measured, measure=f"{measured.measure}; {beside}")


def _area_near_poster(names: Sequence[str], label: str, evidence: Evidence) -> Figure:
    """A label's area, with limits that are counted from the poster's."""
    figure = Figure("area under the ROC curve", origin=_poster_area(label))
    if not names:
        return figure
    left_out = evidence.comparison.left_out(names[0], "auc", label)
    return replace(figure, value=left_out.value, interval=area_interval(left_out))


def _area_below_any(names: Sequence[str], label: str, evidence: Evidence) -> Figure:
    """A label's area less that of `any`, with the poster's difference beside it."""
    gap = _poster_area(label) - _poster_area(ANY)
    measure = f"difference of the area; the poster's is {gap:+.3f}".replace("-", "−")
    if not names:
        return Figure(measure)
    compared = evidence.comparison
    area, of_any = (compared.left_out(names[0], "auc", each) for each in (label, ANY))
    weaker = compared.left_out_between(names[0], "auc", label, ANY)
    ends, p = difference_of_areas(area, of_any, weaker)
    return Figure(measure, weaker.value, ends, p)


def _poster_area(label: str) -> float:
    """The test area that the poster prints for a label, of its best row."""
    return poster.operating_points()[label, "test"].auc


def _precision_in_words(label: str, name: str, evidence: Evidence) -> str:
    """The precision at the threshold that reaches 85 % recall on validation, beside chance."""
    column = LABELS.index(label)
    validation = select_split(evidence.comparison.first[name], "validation")
    threshold = threshold_at_recall(
        truths(validation)[:, column], probabilities(validation)[:, column], POSTER_RECALL
    )
    rows = evidence.comparison.rows[name]
    truth, score = truths(rows)[:, column], probabilities(rows)[:, column]
    called = score >= threshold
    if math.isnan(threshold):
        return "validation has no slice with it, and so no threshold"
    if not called.any():
        return "no slice is called at 85 % recall"
    group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
    precision = mean_left_out(truth[called].astype(np.float64), group_codes[called])
    ends = rate_interval(precision, units=int(called.sum()))
    said = "" if math.isnan(ends.low) else f" ({ends.low:.3f} to {ends.high:.3f})"
    of_first = " with the first seed" if evidence.comparison.num_trainings(name) > 1 else ""
    return (
        f"precision at 85 % recall{of_first} {precision.value:.3f}{said}, by chance "
        f"{truth.mean():.3f}"
    )


MEASURES: Final[Mapping[Measure, Callable[[Sequence[str], str, Evidence], Figure]]] = {
    "loss_above_constant": _loss_above_constant,
    "loss_difference": _loss_difference,
    "loss_gain": _loss_gain,
    "area": _area,
    "area_near_poster": _area_near_poster,
    "area_below_any": _area_below_any,
}
"""Each takes the runs of a criterion, none if one is missing, its label, and all runs."""

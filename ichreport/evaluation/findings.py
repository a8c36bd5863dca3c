"""The poster's five findings, each compared with what these runs show.

A finding rests on criteria. Each criterion is one figure with its interval, and the ranges that
support or contradict it, declared here before any run. A finding is supported if every criterion
is, contradicted if any criterion is, and otherwise undecided. A criterion is undecided if it could
not be measured, or was measured on backbones of random weights, since the poster's were
pre-trained. Where the ranges of support and contradiction overlap, support wins: a gain that is
surely there, but surely too small to be worthwhile, brings nothing.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd

from ichreport import poster
from ichreport.evaluation.comparisons import ALPHA, Comparison, paired_difference
from ichreport.evaluation.constant_prevalence import compare_with_floor
from ichreport.evaluation.operating.thresholds import POSTER_RECALL, threshold_at_recall
from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.evaluation.uncertainty.closed_intervals import area_interval, rate_interval
from ichreport.evaluation.uncertainty.intervals import Interval, holm
from ichreport.evaluation.uncertainty.jackknife import mean_left_out
from ichreport.labels import ANY, LABELS, SUBTYPES

Verdict = Literal["supported", "contradicted", "undecided"]

WORTHWHILE: Final = 0.05
"""The smallest gain that is worthwhile, as a share of the simple run's score."""

AUC_MARGIN: Final = 0.02
"""An area this close to the poster's counts as the same."""

FAILING_PRECISION: Final = 0.10
"""A label fails if less than one alarm in ten is right at 85 % recall."""

SIMPLE_BEST: Final = poster.BEST_ROW
"""The poster's row on all slices with raw HU, one slice and plain BCE."""

ALTERNATIVES: Final = {
    "weighted loss": (1, 2),
    "focal loss": (6, 5),
    "linear windows": (7, 5),
    "sigmoid windows": (8, 5),
    "adjacent slices": (9, 5),
    "adjacent slices, all data": (14, 13),
    "LSTM": (11, 10),
    "LSTM with attention": (12, 10),
}
"""The poster's alternatives to the simple choice: their row, and the row of the simple choice."""

BROUGHT_NOTHING: Final = tuple(name for name in ALTERNATIVES if name != "weighted loss")
"""The alternatives that bring nothing, according to the poster."""

_SCORE: Final = "weighted_log_loss_sum"


@dataclass(frozen=True)
class Criterion:
    """One figure that a finding rests on.

    Attributes:
        name: The name of the criterion.
        measure: What was measured; differences are the first row's less the second's.
        rows: The rows of the poster's table that the criterion needs.
        value: The figure; NaN if it could not be measured.
        interval: The interval of the figure.
        supported_if: The open range in which the whole interval must lie for support.
        contradicted_if: The open ranges, in one of which the whole interval must lie for
            contradiction.
        p: Two-sided p-value of no difference; NaN where the figure is not a difference.
        verdict: The verdict. For differences, contradiction also needs a p-value below 0.05 after
            Holm's adjustment over the criteria of the finding.
    """

    name: str
    measure: str
    rows: tuple[int, ...]
    value: float
    interval: Interval
    supported_if: tuple[float, float]
    contradicted_if: tuple[tuple[float, float], ...]
    p: float = math.nan
    verdict: Verdict = "undecided"


@dataclass(frozen=True)
class Finding:
    """A finding of the poster and the verdict on it.

    Attributes:
        number: 1 to 5, in the poster's order.
        claim: What the poster says.
        verdict: The verdict of these runs.
        criteria: What the verdict rests on.
        missing: The needed rows of the poster's table that have no run.
        random_backbones: The needed rows that ran on a backbone of random weights.
    """

    number: int
    claim: str
    verdict: Verdict
    criteria: tuple[Criterion, ...]
    missing: tuple[int, ...]
    random_backbones: tuple[int, ...]


def findings(
    runs: Mapping[int, pd.DataFrame],
    *,
    random_backbones: Collection[int] = (),
) -> list[Finding]:
    """Compare the poster's findings with runs of its rows, on their test slices.

    Args:
        runs: Predictions by row of the poster's table (1 to 14); rows may be missing.
        random_backbones: Rows that ran on a backbone of random weights.

    Returns:
        The five findings in order.
    """
    by_name = {str(row): predictions for row, predictions in runs.items()}
    comparison = Comparison(by_name)
    claims = {
        "Transfer learning with DenseNet works.": _transfer(runs, comparison),
        "The simple choice wins: raw HU, one slice, unweighted BCE.": [
            _simple_wins(name, comparison) for name in ALTERNATIVES
        ],
        "Windowing, 3-D, LSTM and focal loss bring nothing.": [
            _brings_nothing(name, comparison) for name in BROUGHT_NOTHING
        ],
        f"The test AUC for any bleeding is {_poster_area():.3f}.": [_area(comparison)],
        "Subtypes are weak, and epidural fails.": _subtypes(runs, comparison),
    }
    return [
        _conclude(number, claim, criteria, runs, random_backbones)
        for number, (claim, criteria) in enumerate(claims.items(), start=1)
    ]


def judge(
    criteria: Sequence[Criterion], random_backbones: Collection[int] = ()
) -> tuple[Criterion, ...]:
    """Give criteria their verdicts.

    Args:
        criteria: The criteria of one finding.
        random_backbones: Rows that ran on a backbone of random weights. Criteria that need one stay
            undecided, and Holm's adjustment does not count them.
    """
    excluded = [not set(random_backbones).isdisjoint(criterion.rows) for criterion in criteria]
    tested = [math.nan if out else each.p for each, out in zip(criteria, excluded, strict=True)]
    return tuple(
        replace(criterion, verdict="undecided" if out else _verdict(criterion, p))
        for criterion, p, out in zip(criteria, holm(tested), excluded, strict=True)
    )


def _verdict(criterion: Criterion, adjusted_p: float) -> Verdict:
    """The verdict of a criterion's interval; support wins where both ranges contain it."""
    if _within(criterion.interval, criterion.supported_if):
        return "supported"
    against = any(_within(criterion.interval, limits) for limits in criterion.contradicted_if)
    if against and not adjusted_p >= ALPHA:  # NaN where the figure is not a difference
        return "contradicted"
    return "undecided"


def _within(interval: Interval, limits: tuple[float, float]) -> bool:
    # false for NaN
    return limits[0] < interval.low and interval.high < limits[1]


def _conclude(
    number: int,
    claim: str,
    criteria: Sequence[Criterion],
    runs: Mapping[int, pd.DataFrame],
    random_backbones: Collection[int],
) -> Finding:
    judged = judge(criteria, random_backbones)
    verdicts = {criterion.verdict for criterion in judged}
    verdict: Verdict = "undecided"
    if "contradicted" in verdicts:
        verdict = "contradicted"
    elif verdicts == {"supported"}:
        verdict = "supported"
    needed = sorted({row for criterion in judged for row in criterion.rows})
    missing = tuple(row for row in needed if row not in runs)
    random = tuple(row for row in needed if row in random_backbones)
    return Finding(number, claim, verdict, judged, missing, random)


def _transfer(runs: Mapping[int, pd.DataFrame], comparison: Comparison) -> list[Criterion]:
    """Row 5 against constant prevalence, and against row 2's network trained from scratch."""
    value, ci = math.nan, _UNKNOWN
    if 5 in runs:
        against = compare_with_floor(runs[5])
        value, ci = against.difference, against.difference_interval
    floor = Criterion(
        "better than constant prevalence",
        "difference of the weighted log loss",
        (5,),
        value,
        ci,
        supported_if=(-math.inf, 0),
        contradicted_if=((0, math.inf),),
    )
    scratch = _gap("better than a network from scratch", 5, 2, comparison)
    return [floor, scratch]


def _gap(name: str, row: int, other: int, comparison: Comparison) -> Criterion:
    """The score of one row less another's: supported below 0, contradicted above 0."""
    value, ci, p = math.nan, _UNKNOWN, math.nan
    if {str(row), str(other)} <= comparison.rows.keys():
        gap = comparison.difference(str(row), str(other), _SCORE)
        value, ci, p = gap.difference, gap.interval, gap.p
    return Criterion(
        name,
        "difference of the weighted log loss",
        (row, other),
        value,
        ci,
        supported_if=(-math.inf, 0),
        contradicted_if=((0, math.inf),),
        p=p,
    )


def _simple_wins(name: str, comparison: Comparison) -> Criterion:
    alternative, simple = ALTERNATIVES[name]
    return _gap(name, simple, alternative, comparison)


def _brings_nothing(name: str, comparison: Comparison) -> Criterion:
    """The gain of an alternative: supported if surely less than worthwhile."""
    alternative, simple = ALTERNATIVES[name]
    criterion = _gap(name, simple, alternative, comparison)
    margin = math.nan
    if not math.isnan(criterion.value):
        margin = WORTHWHILE * comparison.value(str(simple), _SCORE)
    measure = "gain in the weighted log loss"
    return replace(criterion, measure=measure, supported_if=(-math.inf, margin))


def _area(comparison: Comparison) -> Criterion:
    """Row 13's area for any bleeding, near the poster's or surely not."""
    value, ci = math.nan, _UNKNOWN
    if str(SIMPLE_BEST) in comparison.rows:
        value = comparison.value(str(SIMPLE_BEST), "auc", ANY)
        ci = area_interval(comparison.left_out(str(SIMPLE_BEST), "auc", ANY))
    low, high = _poster_area() - AUC_MARGIN, _poster_area() + AUC_MARGIN
    return Criterion(
        "any bleeding",
        "area under the ROC curve",
        (SIMPLE_BEST,),
        value,
        ci,
        supported_if=(low, high),
        contradicted_if=((-math.inf, low), (high, math.inf)),
    )


def _poster_area() -> float:
    """The poster's test area for any bleeding (row 13)."""
    return poster.operating_points()[ANY, "test"].auc


def _subtypes(runs: Mapping[int, pd.DataFrame], comparison: Comparison) -> list[Criterion]:
    """Row 13: each subtype's area less that of `any`, and epidural's precision at 85 % recall.

    The poster judges subtypes by precision. Here areas are compared, since subtypes are rarer than
    `any`, and their precision would be lower even by chance.
    """
    epidural = _precision("epidural", runs, comparison)
    failing = Criterion(
        "epidural fails",
        f"precision at 85 % recall; by chance {epidural.chance:.3f}"
        if epidural.units
        else "precision at 85 % recall",
        (SIMPLE_BEST,),
        epidural.value,
        epidural.interval,
        supported_if=(-math.inf, FAILING_PRECISION),
        contradicted_if=((FAILING_PRECISION, math.inf),),
    )
    return [*(_weaker(label, comparison) for label in SUBTYPES), failing]


@dataclass(frozen=True)
class _Precision:
    value: float
    interval: Interval
    units: int
    chance: float


def _precision(label: str, runs: Mapping[int, pd.DataFrame], comparison: Comparison) -> _Precision:
    """The precision of row 13 at the threshold that reaches 85 % recall on validation."""
    if SIMPLE_BEST not in runs:
        return _Precision(math.nan, _UNKNOWN, 0, math.nan)
    column = LABELS.index(label)
    validation = select_split(runs[SIMPLE_BEST], "validation")
    threshold = threshold_at_recall(
        truths(validation)[:, column], probabilities(validation)[:, column], POSTER_RECALL
    )
    rows = comparison.rows[str(SIMPLE_BEST)]
    truth, score = truths(rows)[:, column], probabilities(rows)[:, column]
    called = score >= threshold
    group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
    precision = mean_left_out(truth[called].astype(np.float64), group_codes[called])
    return _Precision(
        precision.value,
        rate_interval(precision, units=int(called.sum())),
        int(called.sum()),
        float(truth.mean()) if len(truth) else math.nan,
    )


def _weaker(label: str, comparison: Comparison) -> Criterion:
    """A subtype's area in row 13 less that of `any`, with the poster's beside it."""
    row = str(SIMPLE_BEST)
    value, ci, p = math.nan, _UNKNOWN, math.nan
    if row in comparison.rows:
        scored = (comparison.left_out(row, "auc", each) for each in (label, ANY))
        weaker = paired_difference(*scored, shared_slices=1.0)
        value, ci, p = weaker.difference, weaker.interval, weaker.p
    points = poster.operating_points()
    gap = points[label, "test"].auc - points[ANY, "test"].auc
    return Criterion(
        f"{label} weaker than any",
        f"difference of the area; the poster's is {gap:+.3f}".replace("-", "−"),
        (SIMPLE_BEST,),
        value,
        ci,
        supported_if=(-math.inf, 0),
        contradicted_if=((0, math.inf),),
        p=p,
    )


_UNKNOWN: Final = Interval(math.nan, math.nan, 0, 0)

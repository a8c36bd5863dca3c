"""The poster's five findings, each held against what these runs show.

A finding comes down to parts: one figure each, with its interval and what would support or
contradict it, declared here before any run. It is supported if every part is, contradicted if any
part is, and otherwise undecided, as is whatever could not be measured, and whatever was measured on
backbones of random weights, since the poster's were pre-trained. Where what supports a part and
what contradicts it overlap, support wins: a gain that is surely there and surely too small to be
worthwhile is nothing.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport import poster
from ichreport.evaluation.comparisons import ALPHA, Comparison
from ichreport.evaluation.inference.bootstrap import REPLICATES, rate_replicates
from ichreport.evaluation.inference.intervals import (
    Interval,
    area_interval,
    contributing,
    holm,
    interval,
    p_value,
    share_interval,
)
from ichreport.evaluation.inference.score_intervals import groups_behind
from ichreport.evaluation.learning_verdict import learned_or_not
from ichreport.evaluation.operating_points import RECALL, confusion, threshold_at_recall
from ichreport.evaluation.predictions import of_split, probabilities, truths
from ichreport.labels import ANY, LABELS, SUBTYPES

Verdict = Literal["supported", "contradicted", "undecided"]

WORTHWHILE: Final = 0.05
"""The least gain that counts as bringing something, as a share of the simple run's score."""

AUC_MARGIN: Final = 0.02
"""An area this close to the poster's counts as the same."""

FAILING_PRECISION: Final = 0.10
"""A label fails if at 85 % recall fewer than one alarm in ten is right."""

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
"""What the poster tried beside the simple choice: its row, and the row of the simple choice."""

BROUGHT_NOTHING: Final = tuple(name for name in ALTERNATIVES if name != "weighted loss")
"""Those of which the poster says that they bring nothing."""

_SCORE: Final = "weighted_log_loss_sum"


@dataclass(frozen=True)
class Part:
    """One figure that a finding rests on.

    Attributes:
        name: What it is about.
        measure: What was measured; differences are the first row's less the second's.
        rows: Rows of the poster's table that it needs.
        value: The figure; NaN if it could not be measured.
        interval: Its interval.
        supported_if: The open range in which the whole interval must lie to support the part.
        contradicted_if: The open ranges, in one of which it must lie to contradict it.
        p: Two-sided p-value of no difference; NaN where the part is none.
        verdict: Which of them it does. A part that several alternatives share is contradicted only
            where its p-value stays below 0.05 after Holm's adjustment over them.
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
    """A finding of the poster and what became of it.

    Attributes:
        number: 1 to 5, in the poster's order.
        claim: What the poster says.
        verdict: What these runs say to it.
        parts: What that rests on.
        missing: Rows of the poster's table that it needs and that have no run.
        untaught: Those that it needs and that ran on a backbone of random weights.
    """

    number: int
    claim: str
    verdict: Verdict
    parts: tuple[Part, ...]
    missing: tuple[int, ...]
    untaught: tuple[int, ...]


def findings(
    runs: Mapping[int, pd.DataFrame],
    *,
    untaught: Collection[int] = (),
    replicates: int = REPLICATES,
    seed: int = 0,
) -> list[Finding]:
    """Hold the poster's findings against runs of its rows, on their test slices.

    Args:
        runs: Predictions by row of the poster's table (1 to 14); rows may be missing.
        untaught: Rows that ran on a backbone of random weights.
        replicates: Resamples of linked patient groups behind each interval.
        seed: Seed of the resamples.

    Returns:
        The five findings in order.
    """
    named = {str(row): predictions for row, predictions in runs.items()}
    comparison = Comparison(named, replicates=replicates, seed=seed)
    best = {name: run for name, run in named.items() if name == str(SIMPLE_BEST)}
    alone = Comparison(best, replicates=replicates, seed=seed)
    claims = {
        "Transfer learning with DenseNet works.": _transfer(runs, comparison, replicates, seed),
        "The simple choice wins: raw HU, one slice, unweighted BCE.": [
            _simple_wins(name, comparison) for name in ALTERNATIVES
        ],
        "Windowing, 3-D, LSTM and focal loss bring nothing.": [
            _brings_nothing(name, comparison) for name in BROUGHT_NOTHING
        ],
        f"The test AUC for any bleeding is {_poster_area():.3f}.": [_area(alone)],
        "Subtypes are weak, and epidural fails.": _subtypes(runs, alone),
    }
    return [
        _concluded(number, claim, parts, runs, untaught)
        for number, (claim, parts) in enumerate(claims.items(), start=1)
    ]


def judged(parts: Sequence[Part], untaught: Collection[int] = ()) -> tuple[Part, ...]:
    """Parts with their verdicts; those that need an untaught row stay undecided, untested."""
    open_ = [not set(untaught).isdisjoint(part.rows) for part in parts]
    tested = [math.nan if out else part.p for part, out in zip(parts, open_, strict=True)]
    return tuple(
        replace(part, verdict="undecided" if out else _verdict(part, p))
        for part, p, out in zip(parts, holm(tested), open_, strict=True)
    )


def _verdict(part: Part, adjusted_p: float) -> Verdict:
    """What a part's interval says; support is asked first, and wins where both ranges hold it."""
    if _within(part, part.supported_if):
        return "supported"
    against = any(_within(part, outside) for outside in part.contradicted_if)
    if against and not adjusted_p >= ALPHA:  # NaN where the part is no difference
        return "contradicted"
    return "undecided"


def _within(part: Part, limits: tuple[float, float]) -> bool:
    # false for NaN
    return limits[0] < part.interval.low and part.interval.high < limits[1]


def _concluded(
    number: int,
    claim: str,
    parts: Sequence[Part],
    runs: Mapping[int, pd.DataFrame],
    untaught: Collection[int],
) -> Finding:
    settled = judged(parts, untaught)
    verdicts = {part.verdict for part in settled}
    verdict: Verdict = "undecided"
    if "contradicted" in verdicts:
        verdict = "contradicted"
    elif verdicts == {"supported"}:
        verdict = "supported"
    needed = sorted({row for part in settled for row in part.rows})
    missing = tuple(row for row in needed if row not in runs)
    random = tuple(row for row in needed if row in untaught)
    return Finding(number, claim, verdict, settled, missing, random)


def _transfer(
    runs: Mapping[int, pd.DataFrame], comparison: Comparison, replicates: int, seed: int
) -> list[Part]:
    """Row 5 against constant prevalence, and against row 2's network trained from scratch."""
    value, found = math.nan, _UNKNOWN
    if 5 in runs:
        learned = learned_or_not(runs[5], replicates=replicates, seed=seed)
        value, found = learned.difference, learned.difference_interval
    floor = Part(
        "better than constant prevalence",
        "difference of the weighted log loss",
        (5,),
        value,
        found,
        supported_if=(-math.inf, 0),
        contradicted_if=((0, math.inf),),
    )
    scratch = _gap("better than a network from scratch", 5, 2, comparison)
    return [floor, scratch]


def _gap(name: str, row: int, other: int, comparison: Comparison) -> Part:
    """The score of one row less another's: supported below 0, contradicted above."""
    value, found, p = math.nan, _UNKNOWN, math.nan
    if {str(row), str(other)} <= comparison.rows.keys():
        gap = comparison.difference(str(row), str(other), _SCORE)
        value, found, p = gap.difference, gap.interval, gap.p
    return Part(
        name,
        "difference of the weighted log loss",
        (row, other),
        value,
        found,
        supported_if=(-math.inf, 0),
        contradicted_if=((0, math.inf),),
        p=p,
    )


def _simple_wins(name: str, comparison: Comparison) -> Part:
    alternative, simple = ALTERNATIVES[name]
    return _gap(name, simple, alternative, comparison)


def _brings_nothing(name: str, comparison: Comparison) -> Part:
    """The gain of an alternative: nothing if it is surely below what would be worthwhile."""
    alternative, simple = ALTERNATIVES[name]
    part = _gap(name, simple, alternative, comparison)
    margin = math.nan
    if not math.isnan(part.value):
        margin = WORTHWHILE * comparison.value(str(simple), _SCORE)
    return replace(part, measure="gain in the weighted log loss", supported_if=(-math.inf, margin))


def _area(comparison: Comparison) -> Part:
    """Row 13's area for any bleeding, near the poster's or surely not."""
    value, found = math.nan, _UNKNOWN
    if str(SIMPLE_BEST) in comparison.rows:
        rows, place = _rows_and_place(comparison)
        value = comparison.value(str(SIMPLE_BEST), "auc", ANY)
        positive = (rows[f"truth_{ANY}"] == 1).to_numpy()
        areas = comparison.replicates(str(SIMPLE_BEST), "auc", ANY)
        found = area_interval(value, areas, positive, place)
    low, high = _poster_area() - AUC_MARGIN, _poster_area() + AUC_MARGIN
    return Part(
        "any bleeding",
        "area under the ROC curve",
        (SIMPLE_BEST,),
        value,
        found,
        supported_if=(low, high),
        contradicted_if=((-math.inf, low), (high, math.inf)),
    )


def _poster_area() -> float:
    """The poster's test area for any bleeding (row 13)."""
    return poster.operating_points()[ANY, "test"].auc


def _subtypes(runs: Mapping[int, pd.DataFrame], comparison: Comparison) -> list[Part]:
    """Row 13: each subtype's area less that of `any`, and epidural's precision at 85 % recall.

    Subtypes are not judged by precision, which the poster shows: each is rarer than `any`, so that
    its precision would be the lower one even by chance.
    """
    epidural = _precision("epidural", runs, comparison)
    failing = Part(
        "epidural fails",
        f"precision at 85 % recall; by chance {epidural.chance:.3f}"
        if epidural.units
        else "precision at 85 % recall",
        (SIMPLE_BEST,),
        epidural.value,
        share_interval(
            epidural.value, epidural.replicates, units=epidural.units, groups=epidural.groups
        ),
        supported_if=(-math.inf, FAILING_PRECISION),
        contradicted_if=((FAILING_PRECISION, math.inf),),
    )
    return [*(_weaker(label, comparison) for label in SUBTYPES), failing]


@dataclass(frozen=True)
class _Precision:
    value: float
    replicates: NDArray[np.float64]
    units: int
    groups: int
    chance: float


def _precision(label: str, runs: Mapping[int, pd.DataFrame], comparison: Comparison) -> _Precision:
    """Of row 13 at the threshold that reaches 85 % recall on validation."""
    counts = comparison.resamples.counts
    if SIMPLE_BEST not in runs:
        return _Precision(math.nan, np.full(len(counts), math.nan), 0, 0, math.nan)
    column = LABELS.index(label)
    validation = of_split(runs[SIMPLE_BEST], "validation")
    threshold = threshold_at_recall(
        truths(validation)[:, column], probabilities(validation)[:, column], RECALL
    )
    rows, place = _rows_and_place(comparison)
    truth, score = truths(rows)[:, column], probabilities(rows)[:, column]
    return _Precision(
        confusion(truth, score, threshold).rates()["precision"],
        rate_replicates(truth, score, threshold, place, counts)["precision"],
        int((score >= threshold).sum()),
        contributing(place, score >= threshold),
        float(truth.mean()) if len(truth) else math.nan,
    )


def _weaker(label: str, comparison: Comparison) -> Part:
    """A subtype's area in row 13 less that of `any`, with the poster's beside it."""
    row = str(SIMPLE_BEST)
    value, found, p = math.nan, _UNKNOWN, math.nan
    if row in comparison.rows:
        groups = min(groups_behind(comparison.rows[row], "auc", of) for of in (label, ANY))
        own, of_any = (comparison.replicates(row, "auc", of) for of in (label, ANY))
        value = comparison.value(row, "auc", label) - comparison.value(row, "auc", ANY)
        found = interval(own - of_any, groups=groups)
        p = p_value(own - of_any, groups=groups)
    theirs = poster.operating_points()
    gap = theirs[label, "test"].auc - theirs[ANY, "test"].auc
    return Part(
        f"{label} weaker than any",
        f"difference of the area; the poster's is {gap:+.3f}".replace("-", "−"),
        (SIMPLE_BEST,),
        value,
        found,
        supported_if=(-math.inf, 0),
        contradicted_if=((0, math.inf),),
        p=p,
    )


def _rows_and_place(comparison: Comparison) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    rows = comparison.rows[str(SIMPLE_BEST)]
    return rows, comparison.resamples.places(rows["group"])


_UNKNOWN: Final = Interval(math.nan, math.nan, 0, 0)

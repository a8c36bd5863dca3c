"""The poster's five findings, each compared with what these runs show.

What decides a finding stands in `criteria.yaml`. Where a row is split by slice, so that its test
patients are in train too, its twin stands for it: the same row, split by patient group.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ichreport.evaluation.comparisons import Trainings
from ichreport.evaluation.findings.criteria import (
    CriteriaPart,
    DeclaredCriterion,
    DeclaredFinding,
    read_criteria,
)
from ichreport.evaluation.findings.evidence import OWN_RUNS, Basis, Evidence
from ichreport.evaluation.findings.measures import MEASURES
from ichreport.evaluation.uncertainty.intervals import Interval, holm
from ichreport.labels import ANY

Verdict = Literal["supported", "contradicted", "undecided"]


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
        p: Two-sided p-value of no difference; NaN where two runs or labels are not compared.
        verdict: The verdict. For differences, contradiction also needs a p-value below the declared
            level after Holm's adjustment over the criteria of the finding.
        basis: The runs that stand for the rows.
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
    basis: Basis = OWN_RUNS


@dataclass(frozen=True)
class Finding:
    """A finding of the poster and the verdict on it.

    Attributes:
        number: 1 to 5, in the poster's order.
        claim: What the poster says.
        verdict: The verdict of these runs.
        criteria: What the verdict rests on.
        missing: The needed rows of the poster's table that have no run, or none of the right split.
        random_backbones: The needed rows that ran on a backbone of random weights.
    """

    number: int
    claim: str
    verdict: Verdict
    criteria: tuple[Criterion, ...]
    missing: tuple[int, ...]
    random_backbones: tuple[int, ...]


def findings(
    runs: Mapping[int, Trainings],
    *,
    twins: Mapping[int, Trainings] | None = None,
    seen: Collection[int] = (),
    random_backbones: Collection[int] = (),
) -> list[Finding]:
    """Compare the poster's findings with runs of its rows, on their test slices.

    Args:
        runs: Predictions by row of the poster's table (1 to 14), of each training if it has several
            seeds; rows may be missing.
        twins: Predictions of the rows' twins, by row; rows may be missing.
        seen: Rows whose own test patients are in train.
        random_backbones: Rows that ran on a backbone of random weights.

    Returns:
        The five findings in order.
    """
    evidence = Evidence(runs, twins or {}, seen)
    return [
        _conclude(number, declared, evidence, random_backbones)
        for number, declared in enumerate(read_criteria().findings, start=1)
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
    # a figure that is no difference has a p-value of NaN
    if against and not adjusted_p >= read_criteria().alpha:
        return "contradicted"
    return "undecided"


def _within(interval: Interval, limits: tuple[float, float]) -> bool:
    # false for NaN
    return limits[0] < interval.low and interval.high < limits[1]


def _conclude(
    number: int,
    declared: DeclaredFinding,
    evidence: Evidence,
    random_backbones: Collection[int],
) -> Finding:
    measured = [_measured(one, part, evidence) for part in declared.parts for one in part.criteria]
    judged = judge(measured, random_backbones)
    verdicts = {criterion.verdict for criterion in judged}
    verdict: Verdict = "undecided"
    if "contradicted" in verdicts:
        verdict = "contradicted"
    elif verdicts == {"supported"}:
        verdict = "supported"
    needed = sorted({row for criterion in judged for row in criterion.rows})
    missing = sorted({row for criterion in judged for row in criterion.basis.missing})
    random = tuple(row for row in needed if row in random_backbones)
    return Finding(number, declared.claim, verdict, judged, tuple(missing), random)


def _measured(one: DeclaredCriterion, part: CriteriaPart, evidence: Evidence) -> Criterion:
    """A criterion with its figure, and its ranges in the figure's own unit."""
    basis = evidence.basis(one.rows)
    names = evidence.names(one.rows, basis)
    figure = MEASURES[part.measure](names, one.label or ANY, evidence)
    return Criterion(
        one.name,
        figure.measure,
        tuple(one.rows),
        figure.value,
        figure.interval,
        supported_if=figure.limits(part.supported_if),
        contradicted_if=tuple(map(figure.limits, part.contradicted_if)),
        p=figure.p,
        basis=basis,
    )

"""What these runs say to the poster's findings."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from ichreport.evaluation.findings.criteria import Criteria, read_criteria
from ichreport.evaluation.findings.evidence import Basis, basis_of
from ichreport.evaluation.findings.verdicts import Criterion, Finding, findings
from ichreport.report import trainings
from ichreport.report.html.blocks import Cell, Column, Marked, Row, Sentences, Table, Verdict
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import listed, number, with_interval
from ichreport.runs.results import Results, ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)
_VERBS: Final = {"supported": "support", "contradicted": "contradict", "undecided": "leave open"}
_VERDICTS: Final = {"supported": "good", "contradicted": "bad", "undecided": "open"}


@dataclass(frozen=True)
class JudgedFindings:
    """The poster's findings, each with what these runs say to it.

    Attributes:
        findings: In the poster's order.
        has_run: The rows that have a run, their own or their twin's.
        synthetic: Whether the runs are on synthetic heads.
    """

    findings: Sequence[Finding]
    has_run: frozenset[int]
    synthetic: bool


def judge(results: Results) -> JudgedFindings:
    """Judge the poster's five findings by the runs of a report."""
    runs = _PosterRuns.of(results)
    judged = findings(
        {row: results.trainings(run) for row, run in runs.own.items()},
        twins={row: results.trainings(run) for row, run in runs.twins.items()},
        seen=runs.seen,
        random_backbones=runs.random_backbones,
    )
    return JudgedFindings(judged, frozenset({*runs.own, *runs.twins}), results.synthetic)


def verdict(judged: JudgedFindings) -> Verdict:
    """How many of the findings the runs support, contradict and leave open."""
    by_verdict = Counter(str(finding.verdict) for finding in judged.findings)
    told = [f"{verb} {by_verdict[name]}" for name, verb in _VERBS.items() if by_verdict[name]]
    findings = len(judged.findings)
    said = _CAPTIONS.fill("findings_verdict", findings=findings, said=listed(told))
    return Verdict(f"{said} {_CAPTIONS.fill('findings_synthetic')}" if judged.synthetic else said)


def table(judged: JudgedFindings) -> Table:
    """The poster's five findings, each with what these runs say to it and why."""
    return Table(
        _CAPTIONS.fill("findings", alpha=f"{read_criteria().alpha:g}"),
        [
            *("the poster says", "these runs", Column("here", numeric=True)),
            *("supports it", "contradicts it", "measured by", "rests on"),
        ],
        [row for finding in judged.findings for row in _finding(finding, judged.has_run)],
    )


def declared(results: Results) -> Sentences:
    """When the criteria were last changed, when the runs were made, and why the ranges are such."""
    criteria = read_criteria()
    changed = criteria.changed
    said = [_CAPTIONS.fill("criteria_changed", changed=changed, digest=criteria.digest)]
    earlier = [f"{day} ({digest})" for day, digest in criteria.earlier]
    if earlier:
        said.append(_CAPTIONS.fill("criteria_changed_earlier", versions=", ".join(earlier)))
    used = _PosterRuns.of(results).used_by(criteria)
    judged_by = [training for run in used for training in results.by_row[run.name]]
    said += _trained({run.name: run.made_on for run in judged_by}, changed)
    if used:
        said.append(trainings.luck_of([run.name for run in used], results))
    reasons = [part.why for finding in criteria.findings for part in finding.parts if part.why]
    return Sentences([*said, *reasons])


@dataclass(frozen=True)
class _PosterRuns:
    """The runs of the poster's rows, and those of their twins by patient group.

    Attributes:
        own: The first run of each row.
        twins: The run of the twin of each row that has one.
        seen: The rows that are split by slice.
        random_backbones: The rows of which a run rests on a backbone of random weights.
    """

    own: Mapping[int, ScoredRun]
    twins: Mapping[int, ScoredRun]
    seen: frozenset[int]
    random_backbones: frozenset[int]

    @classmethod
    def of(cls, results: Results) -> Self:
        """Find them among the rows of a report."""
        own: dict[int, ScoredRun] = {}
        for run in results.rows.values():
            if run.poster_row:
                own.setdefault(run.poster_row, run)
        rows = {row: run.experiment for row, run in own.items()}
        for experiment in results.expected.values():  # a twin serves though the row's run failed
            if experiment.poster_row:
                rows.setdefault(experiment.poster_row, experiment)
        found = {row: results.twins_of(experiment) for row, experiment in rows.items()}
        twins = {row: of_row[0] for row, of_row in found.items() if of_row}
        runs = [*own.items(), *twins.items()]
        return cls(
            own,
            twins,
            frozenset(row for row, asked in rows.items() if asked.splits_by == "slice"),
            frozenset(row for row, run in runs if results.rests_on_random_backbone(run)),
        )

    def used_by(self, criteria: Criteria) -> list[ScoredRun]:
        """The runs that stand for the rows of criteria, each once."""
        used: dict[str, ScoredRun] = {}
        for rows in criteria.rows:
            basis = basis_of(rows, runs=self.own, twins=self.twins, seen=self.seen)
            for row in rows if not basis.missing else []:
                run = self.twins[row] if row in basis.twins else self.own[row]
                used[run.name] = run
        return list(used.values())


def _trained(days: Mapping[str, date | None], changed: date) -> list[str]:
    """When runs were trained, beside the day on which the criteria were last changed.

    Args:
        days: The day of each run, by name; None where it is not recorded.
        changed: The day of the criteria.
    """
    known = {name: day for name, day in days.items() if day is not None}
    before = [name for name, day in known.items() if day < changed]
    same_day = [name for name, day in known.items() if day == changed]
    undated = [name for name in days if name not in known]
    if known and not (before or same_day or undated):
        return [_made_later(list(known.values()))]
    said = []
    if before:
        said.append(_CAPTIONS.fill("made_before", names=", ".join(before)))
    if same_day:
        said.append(_CAPTIONS.fill("made_same_day", names=", ".join(same_day)))
    if undated:
        said.append(_CAPTIONS.fill("made_undated", names=", ".join(undated)))
    return said


def _made_later(days: Sequence[date]) -> str:
    """That all runs were trained after the day of the criteria, and when."""
    first, last = min(days), max(days)
    return _CAPTIONS.fill(
        "made_later",
        runs="The run that the findings rest on was"
        if len(days) == 1
        else f"All {len(days)} runs that the findings rest on were",
        days=f"on {first}" if first == last else f"from {first} to {last}",
    )


def _finding(finding: Finding, has_run: Collection[int]) -> list[Row]:
    """A finding, the parts that it rests on, and the rows that it lacks."""
    notes = {
        "no run of row": [row for row in finding.missing if row not in has_run],
        "no run by the split of the row beside it, of row": [
            row for row in finding.missing if row in has_run
        ],
        f"random weights in row{'s' if len(finding.random_backbones) > 1 else ''}": (
            finding.random_backbones
        ),
    }
    claim = f"{finding.number}. {finding.claim}"
    return [
        Row([claim, _verdict(finding.verdict), *[""] * 5], "marked"),
        *(Row(_criterion(criterion)) for criterion in finding.criteria),
        *(
            Row([f"{note} {', '.join(map(str, rows))}", *[""] * 6])
            for note, rows in notes.items()
            if rows
        ),
    ]


def _verdict(verdict: str) -> Marked:
    return Marked(verdict, _VERDICTS[verdict])


def _criterion(criterion: Criterion) -> list[Cell]:
    here = with_interval({"value": criterion.value, **vars(criterion.interval)})
    against = " or ".join(map(_range, criterion.contradicted_if))
    return [
        criterion.name,
        _verdict(criterion.verdict),
        here,
        _range(criterion.supported_if),
        against,
        criterion.measure,
        _basis(criterion.rows, criterion.basis),
    ]


def _basis(rows: Sequence[int], basis: Basis) -> str:
    """Which rows or twins a part rests on, and whether their test patients are in train."""
    if basis.missing:
        return "–"
    stand = [f"row {row}'s twin" if row in basis.twins else f"row {row}" for row in rows]
    words = " and ".join(stand)
    if basis.twins:
        return f"{words}, whose test patients are not in train"
    return f"{words}, whose test patients are in train" if basis.seen else words


def _range(limits: tuple[float, float]) -> str:
    """An open range in words; a dash where a limit is not known."""
    low, high = limits
    if math.isnan(low) or math.isnan(high):
        return "–"
    if math.isinf(low):
        return f"below {_limit(high)}"
    return f"above {_limit(low)}" if math.isinf(high) else f"{_limit(low)} to {_limit(high)}"


def _limit(value: float) -> str:
    return number(value) if value else "0"

"""What these runs say to the poster's findings."""

import math
from typing import Final

from ichreport.evaluation.findings import Criterion, findings
from ichreport.report.html.blocks import Cell, Column, Marked, Row, Table
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import number, with_interval
from ichreport.runs.results import Results, ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)
_VERDICTS: Final = {"supported": "good", "contradicted": "bad", "undecided": "open"}


def table(results: Results) -> Table:
    """The poster's five findings, each with what these runs say to it and why."""
    rows: list[Row] = []
    by_row = _by_poster_row(results)
    predictions = {row: run.predictions for row, run in by_row.items()}
    random = {row for row, run in by_row.items() if run.has_random_backbone}
    for finding in findings(predictions, random_backbones=random):
        claim = f"{finding.number}. {finding.claim}"
        rows.append(Row([claim, _verdict(finding.verdict), *[""] * 4], "marked"))
        rows += [Row(_criterion(criterion)) for criterion in finding.criteria]
        notes = {
            "no run of row": finding.missing,
            "random weights in row": finding.random_backbones,
        }
        rows += [
            Row([f"{note} {', '.join(map(str, numbers))}", *[""] * 5])
            for note, numbers in notes.items()
            if numbers
        ]
    return Table(
        _CAPTIONS.fill("findings"),
        [
            *("the poster says", "these runs", Column("here", numeric=True)),
            *("supports it", "contradicts it", "measured by"),
        ],
        rows,
    )


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
    ]


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


def _by_poster_row(results: Results) -> dict[int, ScoredRun]:
    """The first run of each of the poster's rows."""
    rows: dict[int, ScoredRun] = {}
    for run in results.rows.values():
        if run.poster_row:
            rows.setdefault(run.poster_row, run)
    return rows

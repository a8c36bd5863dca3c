"""Fills the templates of the papers: texts that name facts, and reasons where a fact is missing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from string import Formatter
from typing import Any, Final

from ichreport.params.yaml import read_yaml
from ichreport.report.html.blocks import Cell, Marked, Table
from ichreport.report.html.formats import counted
from ichreport.report.papers.documents import Document, Items, Point, Section
from ichreport.report.papers.facts import Facts
from ichreport.report.papers.tables import Figures

FOLDER: Final = Path(__file__).parent
CHECKLISTS: Final = ("claim-2024", "tripod-ai")
CARD: Final = "model-card"
REPORTED: Final = "Reported"
NOT_APPLICABLE: Final = "Not applicable"
NOT_DONE: Final = "Not done"
NO_RUN: Final = "a run that is still missing"
WITHOUT_RUN: Final = "no run that is split by patient has the primary endpoint."
UNDEFINED: Final = "a figure that it needs is not defined, or not recorded, of this run."

_NO_FIGURES: Final = Point("Figures", f"{NOT_DONE}: {WITHOUT_RUN}")
_TABLES: Final = {
    "splits": Figures.splits_table,
    "scores": Figures.scores_table,
    "operating_points": Figures.operating_points_table,
    "calibration": Figures.calibration_table,
    "studies": Figures.studies_table,
}


@dataclass(frozen=True)
class Answer:
    """The answer to an item.

    Attributes:
        status: `REPORTED`, `NOT_APPLICABLE` or `NOT_DONE`.
        text: A sentence or more; what is reported, or why nothing is.
    """

    status: str
    text: str


def read_template(stem: str) -> Mapping[str, Any]:
    """One of the templates beside this module."""
    return read_yaml(FOLDER / f"{stem}.yaml")


def answer(item: Mapping[str, Any], facts: Facts) -> Answer:
    """The first answer of which everything is known, or why there is none.

    Args:
        item: `answers`, each with `says` and perhaps `when`: names of facts that must be known; and
            with `applies: false` or `done: false` where it says why the item does not apply or is
            not done. `not_done`: why, where no answer is known, by facts too; without it, and with
            `of_run: true` where no run is, for want of a run.
        facts: What is known.
    """
    for candidate in item.get("answers", ()):
        if all(name in facts for name in (*candidate.get("when", ()), *named(candidate["says"]))):
            return Answer(_status(candidate), _filled(candidate["says"], facts))
    return Answer(NOT_DONE, _why_not(item, facts))


def _why_not(item: Mapping[str, Any], facts: Facts) -> str:
    """Why an item is not done: for its own reason, or for want of a run or of a figure."""
    has_run, reason = "run" in facts, item.get("not_done", UNDEFINED)
    own = "not_done" in item and (has_run or not item.get("of_run"))
    if own and all(name in facts for name in named(reason)):
        return _filled(reason, facts)
    return UNDEFINED if has_run else WITHOUT_RUN


def _filled(text: str, facts: Facts) -> str:
    return " ".join(text.format_map(facts).split())


def _status(candidate: Mapping[str, Any]) -> str:
    if not candidate.get("done", True):
        return NOT_DONE
    return REPORTED if candidate.get("applies", True) else NOT_APPLICABLE


def named(text: str) -> list[str]:
    """The facts that a template's text names in braces."""
    return [name for _, name, _, _ in Formatter().parse(text) if name]


def checklist(stem: str, facts: Facts) -> Document:
    """A reporting checklist, every item answered or said to be not applicable or not done, and why.

    Args:
        stem: One of `CHECKLISTS`.
        facts: What is known.
    """
    template = read_template(stem)
    rows: dict[str, list[list[str]]] = {}
    for item in template["items"]:
        rows.setdefault(item["section"], []).append(_row(item, facts))
    sections = [Section(name, [_table(name, items)]) for name, items in rows.items()]
    return _document(template, facts, sections, _count(list(chain(*rows.values()))))


def card(facts: Facts, figures: Figures | None) -> Document:
    """The model card of the best run.

    Args:
        facts: What is known.
        figures: What the run's predictions say; None without a run.
    """
    template = read_template(CARD)
    sections = [_section(part, facts, figures) for part in template["sections"]]
    return _document(template, facts, sections)


def _section(part: Mapping[str, Any], facts: Facts, figures: Figures | None) -> Section:
    blocks: list[Point | Table] = [_point(line, facts) for line in part.get("lines", ())]
    if "table" in part:
        blocks.append(_TABLES[part["table"]](figures) if figures else _NO_FIGURES)
    return Section(part["heading"], blocks)


def _point(line: Mapping[str, Any], facts: Facts) -> Point:
    known = answer(line, facts)
    is_done = known.status != NOT_DONE
    return Point(line["topic"], _sentence(known.text) if is_done else f"{NOT_DONE}: {known.text}")


def _row(item: Mapping[str, Any], facts: Facts) -> list[str]:
    known = answer(item, facts)
    return [item["number"], item["asks"], known.status, _sentence(known.text)]


def _table(section: str, rows: list[list[str]]) -> Items:
    return Items(
        f"{section}: {_count(rows)}",
        ["item", "what is asked", "status", "where and how"],
        [[number, asks, _shown(status), text] for number, asks, status, text in rows],
    )


def _shown(status: str) -> Cell:
    return status if status == REPORTED else Marked(status, "open")


def _count(rows: list[list[str]]) -> str:
    counts = Counter(status for _, _, status, _ in rows)
    parts = [f"{counts[REPORTED]} of {counted(len(rows), 'item is', 'items are')} reported"]
    parts += [
        f"{counts[status]} {status.lower()}"
        for status in (NOT_APPLICABLE, NOT_DONE)
        if counts[status]
    ]
    return f"{', '.join(parts)}{', each with its reason' if len(parts) > 1 else ''}."


def _document(
    template: Mapping[str, Any], facts: Facts, sections: Sequence[Section], also: str = ""
) -> Document:
    about = str(template["about"]).format_map({"run": NO_RUN, **facts})
    return Document(
        template["stem"],
        template["title"],
        f"{about} {also}".strip(),
        sections,
        synthetic="synthetic" in facts,
    )


def _sentence(text: str) -> str:
    """A text with a capital first letter."""
    return text[:1].upper() + text[1:]

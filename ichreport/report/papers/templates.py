"""Fills the templates of the papers: texts that name facts, and what is said where one lacks."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from string import Formatter
from typing import Any, Final

from ichreport.params import read_yaml
from ichreport.report.captioned import Cell, Marked, Table
from ichreport.report.papers.documents import Document, Point, Section
from ichreport.report.papers.facts import Facts
from ichreport.report.papers.figures import Figures

FOLDER: Final = Path(__file__).parent
CHECKLISTS: Final = ("claim-2024", "tripod-ai")
CARD: Final = "model-card"
NOT_DONE: Final = "Not done"
NO_RUN: Final = "a run that is still missing"
_REPORTED: Final = "Reported"

_NO_FIGURES: Final = Point(
    "Figures", f"{NOT_DONE}: no run that is split by patient has predictions."
)
_TABLES: Final = {
    "splits": Figures.splits_table,
    "scores": Figures.scores_table,
    "operating_points": Figures.operating_points_table,
    "calibration": Figures.calibration_table,
    "studies": Figures.studies_table,
}


def read_template(stem: str) -> Mapping[str, Any]:
    """One of the templates beside this module."""
    return read_yaml(FOLDER / f"{stem}.yaml")


def answer(item: Mapping[str, Any], facts: Facts) -> str | None:
    """The first answer of which everything is known; None if there is none.

    Args:
        item: `answers`, each with `says` and perhaps `when`: names of facts that must be known.
        facts: What is known.
    """
    for given in item.get("answers", ()):
        if all(name in facts for name in (*given.get("when", ()), *named(given["says"]))):
            return _sentence(str(given["says"]).format_map(facts))
    return None


def named(text: str) -> list[str]:
    """The facts that a template's text names in braces."""
    return [name for _, name, _, _ in Formatter().parse(text) if name]


def checklist(stem: str, facts: Facts) -> Document:
    """A reporting checklist, every item answered or said to be not done, and why.

    Args:
        stem: One of `CHECKLISTS`.
        facts: What is known.
    """
    template = read_template(stem)
    rows: dict[str, list[list[Cell]]] = {}
    for item in template["items"]:
        rows.setdefault(item["section"], []).append(_row(item, facts))
    sections = [Section(name, [_table(name, own)]) for name, own in rows.items()]
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


def not_done(item: Mapping[str, Any]) -> str:
    """What is said of an item without an answer."""
    return f"{NOT_DONE}: {item['not_done']}"


def _section(part: Mapping[str, Any], facts: Facts, figures: Figures | None) -> Section:
    blocks: list[Point | Table] = [
        Point(line["topic"], answer(line, facts) or not_done(line))
        for line in part.get("lines", ())
    ]
    if "table" in part:
        blocks.append(_TABLES[part["table"]](figures) if figures else _NO_FIGURES)
    return Section(part["heading"], blocks)


def _row(item: Mapping[str, Any], facts: Facts) -> list[Cell]:
    said = answer(item, facts)
    done: Cell = _REPORTED if said else Marked(NOT_DONE, "open")
    return [item["number"], item["asks"], done, said or _sentence(item["not_done"])]


def _table(section: str, rows: list[list[Cell]]) -> Table:
    return Table(
        f"{section}: {_count(rows)}", ["item", "what is asked", "status", "where and how"], rows
    )


def _count(rows: list[list[Cell]]) -> str:
    reported = sum(row[2] == _REPORTED for row in rows)
    others = "" if reported == len(rows) else "; of the others it is said why not"
    return f"{reported} of {len(rows)} items are reported{others}."


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
    """A text with a capital first letter, its spaces single."""
    flat = " ".join(text.split())
    return flat[:1].upper() + flat[1:]

"""A document of paragraphs and tables, as Markdown and as HTML, with every text escaped."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from ichreport.report.html.blocks import Cell, Column, Table

NO_CLINICAL_MODEL: Final = (
    "Synthetic heads: this is no clinical model, and its figures check the software only."
)

_MARKUP: Final = re.compile(r"([\\`*_\[\]|~$])")
_LIST: Final = re.compile(r"^(\d+)([.)])(?=\s|$)")


@dataclass(frozen=True)
class Point:
    """A line of a card: its topic, and its text."""

    topic: str
    text: str


@dataclass(frozen=True)
class Items(Table):
    """The items of a checklist: number, topic, status, text; a narrow page stacks them."""

    def _repr_html_(self) -> str:
        return f'<div class="items">{super()._repr_html_()}</div>'


@dataclass(frozen=True)
class Section:
    """A part of a document.

    Attributes:
        heading: Its heading.
        blocks: Points and tables, in their order.
    """

    heading: str
    blocks: Sequence[Point | Table]


@dataclass(frozen=True)
class Document:
    """A paper to hand in.

    Attributes:
        stem: Its file's name, without `.md`.
        title: Its title.
        about: What it is, in a sentence.
        sections: Its parts.
        synthetic: Whether it is about synthetic heads, which its first line then says.
    """

    stem: str
    title: str
    about: str
    sections: Sequence[Section]
    synthetic: bool

    def markdown(self) -> str:
        """The document as Markdown, tables as GitHub's."""
        lines = [f"**{markdown(NO_CLINICAL_MODEL)}**", ""] if self.synthetic else []
        lines += [f"# {markdown(self.title)}", "", markdown(self.about), ""]
        for section in self.sections:
            lines += [f"## {markdown(section.heading)}", ""]
            for block in section.blocks:
                lines += [*(_table(block) if isinstance(block, Table) else _point(block)), ""]
        return "\n".join(lines)

    def html(self) -> str:
        """The document as a part of a page, under a second-level heading."""
        parts = [f"<h2>{escape(self.title)}</h2>"]
        if self.synthetic:
            parts.append(f"<p><strong>{escape(NO_CLINICAL_MODEL)}</strong></p>")
        file = escape(f"{self.stem}.md")
        parts.append(f'<p>{escape(self.about)} As a file: <a href="{file}">{file}</a>.</p>')
        for section in self.sections:
            parts.append(f"<h3>{escape(section.heading)}</h3>")
            parts += [
                block._repr_html_()
                if isinstance(block, Table)
                else f"<p><strong>{escape(block.topic)}.</strong> {escape(block.text)}</p>"
                for block in section.blocks
            ]
        return "\n".join(parts)


def markdown(text: str) -> str:
    """A text as Markdown that shows it as it is, on one line."""
    flat = " ".join(text.split())
    shown = escape(_MARKUP.sub(r"\\\1", flat), quote=False)
    if _LIST.match(shown):
        return _LIST.sub(r"\1\\\2", shown)
    return f"\\{shown}" if shown.startswith(("-", "+", "=", "#")) else shown


def _point(point: Point) -> list[str]:
    return [f"**{markdown(point.topic)}.** {markdown(point.text)}"]


def _table(table: Table) -> list[str]:
    head = [markdown(_heading(column)) or " " for column in table.head]
    rule = ["---:" if column.numeric else "---" for column in table.head]
    rows = [[markdown(_text(cell)) for cell in row.cells] for row in table.lines]
    return [
        f"*{markdown(table.caption)}*",
        "",
        *(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)),
    ]


def _heading(column: Column) -> str:
    """A column's name with the heading over it, which Markdown cannot show above."""
    return f"{column.group}, {column.name}" if column.group else column.name


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.text

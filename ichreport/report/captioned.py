"""Tables and figures with a caption, as HTML that a notebook shows and a page keeps.

Every text from data or parameters is escaped here, in one place.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from typing import Any

from matplotlib.figure import Figure
from PIL import Image


@dataclass(frozen=True)
class Link:
    """A cell that leads somewhere: a path relative to the page, and its text."""

    href: str
    text: str


@dataclass(frozen=True)
class Table:
    """A table with a caption.

    Attributes:
        caption: What it shows, in a sentence or two.
        head: Column names.
        rows: Cells, each a text, a number already formatted, or a `Link`.
        numeric: Which columns hold numbers, set in tabular figures on the right.
        marked: Rows to set in bold (the best, say).
        quiet: Rows to set in grey (a floor, a failed run).
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str | Link]]
    numeric: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()
    quiet: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not self.caption:
            raise ValueError("A table needs a caption that says what it shows.")
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(
                    f"A row has {len(row)} cells under {len(self.head)} columns: {row}"
                )

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col"{self._kind(index)}>{escape(name)}</th>'
            for index, name in enumerate(self.head)
        )
        body = "".join(self._row(number, row) for number, row in enumerate(self.rows))
        return (
            f'<div class="table" tabindex="0" role="region" aria-label="{escape(self.caption)}">'
            f"<table><caption>{escape(self.caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def __repr__(self) -> str:
        lines = ["\t".join(_plain(cell) for cell in row) for row in (self.head, *self.rows)]
        return "\n".join([self.caption, *lines])

    def _row(self, number: int, row: Sequence[str | Link]) -> str:
        style = "marked" if number in self.marked else "quiet" if number in self.quiet else ""
        first, *others = row
        cells = f'<th scope="row"{self._kind(0)}>{_cell(first)}</th>' + "".join(
            f"<td{self._kind(index)}>{_cell(cell)}</td>" for index, cell in enumerate(others, 1)
        )
        return f'<tr class="{style}">{cells}</tr>' if style else f"<tr>{cells}</tr>"

    def _kind(self, column: int) -> str:
        return ' class="number"' if column in self.numeric else ""


@dataclass(frozen=True)
class Picture:
    """A figure with a caption and a text that says what it shows to who cannot see it.

    Attributes:
        caption: What it shows and how to read it.
        alternative: What is to be seen, in words.
        mime: `image/svg+xml` or `image/webp`.
        content: The image's bytes.
    """

    caption: str
    alternative: str
    mime: str
    content: bytes = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("caption", "alternative"):
            if not getattr(self, name):
                raise ValueError(f"A figure needs a text for its {name}.")

    def _repr_html_(self) -> str:
        source = base64.b64encode(self.content).decode()
        kind = "lines" if self.mime == "image/svg+xml" else "pixels"
        return (
            f'<figure class="{kind}" id="{slug(self.caption)}">'
            f'<img src="data:{self.mime};base64,{source}" alt="{escape(self.alternative)}">'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )


@dataclass(frozen=True)
class Sentences:
    """What numbers say, in sentences that were computed."""

    sentences: Sequence[str]

    def _repr_html_(self) -> str:
        return "".join(f"<p>{escape(sentence)}</p>" for sentence in self.sentences)

    def __repr__(self) -> str:
        return "\n".join(self.sentences)


def lines(figure: Figure, *, caption: str, alternative: str) -> Picture:
    """A drawing of lines as SVG."""
    buffer = BytesIO()
    figure.savefig(
        buffer, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None}
    )
    return Picture(caption, alternative, "image/svg+xml", buffer.getvalue())


def pixels(image: Any, *, caption: str, alternative: str) -> Picture:
    """A bitmap, uint8 of shape (rows, columns) or (rows, columns, 3), as WebP."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, format="webp", quality=82, method=4)
    return Picture(caption, alternative, "image/webp", buffer.getvalue())


def slug(text: str) -> str:
    """A name for an anchor: the first words of a text, in lower case."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words[:7])


def number(value: float | None, digits: int = 3) -> str:
    """A number with a fixed count of decimals; a dash where there is none."""
    if value is None or value != value:
        return "–"
    return f"{value:.{digits}f}"


def _cell(cell: str | Link) -> str:
    if isinstance(cell, Link):
        return f'<a href="{escape(cell.href)}">{escape(cell.text)}</a>'
    return escape(cell)


def _plain(cell: str | Link) -> str:
    return cell.text if isinstance(cell, Link) else cell

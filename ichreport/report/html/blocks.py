"""Tables and figures with a caption, as HTML that a notebook shows and a page keeps.

Every text from data or parameters is escaped here and nowhere else.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from io import BytesIO
from itertools import groupby
from typing import Any, Literal

from matplotlib.figure import Figure
from PIL import Image

from ichreport.report.html.svg import inline_svg


@dataclass(frozen=True)
class Link:
    """A cell that leads somewhere: a path relative to the page, and its text."""

    href: str
    text: str


@dataclass(frozen=True)
class Marked:
    """A cell with a kind that the page sets in its own way: `good`, `bad` or `open`."""

    text: str
    kind: str


Cell = str | Link | Marked


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        numeric: Whether it holds numbers, set in tabular figures on the right.
        group: A heading over it and the columns beside it that have the same; none if empty.
    """

    name: str
    numeric: bool = False
    group: str = ""


def numbers(*names: str, group: str = "") -> list[Column]:
    """Columns of numbers."""
    return [Column(name, numeric=True, group=group) for name in names]


@dataclass(frozen=True)
class Row:
    """A row that is set apart.

    Attributes:
        cells: Its cells.
        kind: `marked` (in bold: the best, say), `quiet` (in grey: a floor, a failed run), or empty.
    """

    cells: Sequence[Cell]
    kind: Literal["", "marked", "quiet"] = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption.

    Attributes:
        caption: What it shows, in a sentence or two.
        columns: Its columns; a text is a column of texts.
        rows: Cells, each a text, a number already formatted, a `Link` or a `Marked`.
        sortable: Whether a page lets the reader sort it.
    """

    caption: str
    columns: Sequence[Column | str]
    rows: Sequence[Row | Sequence[Cell]]
    sortable: bool = False

    def __post_init__(self) -> None:
        if not self.caption:
            raise ValueError("A table needs a caption that says what it shows.")
        for row in self.lines:
            if len(row.cells) != len(self.columns):
                raise ValueError(
                    f"A row has {len(row.cells)} cells under {len(self.columns)} columns: "
                    f"{row.cells}"
                )

    @cached_property
    def head(self) -> list[Column]:
        """Its columns, those of texts among them."""
        return [Column(column) if isinstance(column, str) else column for column in self.columns]

    @cached_property
    def lines(self) -> list[Row]:
        """Its rows, each with its kind."""
        return [row if isinstance(row, Row) else Row(row) for row in self.rows]

    def _repr_html_(self) -> str:
        body = "".join(self._row(row) for row in self.lines)
        kind = ' class="sortable"' if self.sortable else ""
        name = escape(first_sentence(self.caption))
        return (
            f'<div class="table" tabindex="0" role="group" aria-label="{name}">'
            f"<table{kind}><caption>{escape(self.caption)}</caption>"
            f"<thead>{self._groups()}<tr>{self._head()}</tr></thead>"
            f"<tbody>{body}</tbody></table></div>"
        )

    def __repr__(self) -> str:
        names = "\t".join(column.name for column in self.head)
        lines = ["\t".join(map(_plain, row.cells)) for row in self.lines]
        return "\n".join([self.caption, names, *lines])

    def _groups(self) -> str:
        if not any(column.group for column in self.head):
            return ""
        spans = [(text, len(list(group))) for text, group in groupby(c.group for c in self.head)]
        cells = "".join(
            f'<th scope="colgroup" colspan="{span}">{escape(text)}</th>'
            if text
            else f'<td colspan="{span}"></td>'
            for text, span in spans
        )
        return f'<tr class="groups">{cells}</tr>'

    def _head(self) -> str:
        return "".join(
            f'<th scope="col"{_class(column)}>{escape(column.name)}</th>' for column in self.head
        )

    def _row(self, row: Row) -> str:
        name, *others = zip(self.head, row.cells, strict=True)
        cells = f'<th scope="row"{_class(name[0])}>{_cell(name[1])}</th>' + "".join(
            f"<td{_class(column)}>{_in_column(column, cell)}</td>" for column, cell in others
        )
        return f'<tr class="{row.kind}">{cells}</tr>' if row.kind else f"<tr>{cells}</tr>"


@dataclass(frozen=True)
class Captioned:
    """A figure with a caption and a text that says what it shows to who cannot see it.

    Attributes:
        caption: What it shows and how to read it.
        alternative: What is to be seen, in words.
    """

    caption: str
    alternative: str

    def __post_init__(self) -> None:
        for name in ("caption", "alternative"):
            if not getattr(self, name).strip():
                raise ValueError(f"A figure needs a text for its {name}.")

    def _repr_html_(self) -> str:
        return (
            f'<figure class="{self._kind()}">{self._content()}'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )

    def _kind(self) -> str:
        raise NotImplementedError

    def _content(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class Drawing(Captioned):
    """A drawing of lines.

    Attributes:
        panels: SVG elements, as `inline_svg` makes them; they stand side by side where there is
            room.
    """

    panels: Sequence[str] = field(default=(), repr=False)

    def _kind(self) -> str:
        return "drawing"

    def _content(self) -> str:
        return (
            f'<div class="panels" role="img" aria-label="{escape(self.alternative)}">'
            f"{''.join(self.panels)}</div>"
        )


@dataclass(frozen=True)
class Picture(Captioned):
    """A bitmap.

    Attributes:
        mime: `image/webp`, say.
        content: The image's bytes.
    """

    mime: str = "image/webp"
    content: bytes = field(default=b"", repr=False)

    def _kind(self) -> str:
        return "pixels"

    def _content(self) -> str:
        return _image(self.content, self.alternative, self.mime)


@dataclass(frozen=True)
class Tile:
    """One slice of a sheet.

    Attributes:
        images: WebP files, one below the other.
        alternatives: What each of them shows, in words.
        text: A short text below them.
    """

    images: Sequence[bytes] = field(repr=False)
    alternatives: Sequence[str]
    text: str = ""

    def _repr_html_(self) -> str:
        both = zip(self.images, self.alternatives, strict=True)
        shown = "".join(_image(image, alternative) for image, alternative in both)
        text = f"<span>{escape(self.text)}</span>" if self.text else ""
        return f"<li>{shown}{text}</li>"


@dataclass(frozen=True)
class Sheet(Captioned):
    """Slices in named rows.

    Attributes:
        rows: A name and the slices of each row.
    """

    rows: Sequence[tuple[str, Sequence[Tile]]] = field(default=(), repr=False)

    def _kind(self) -> str:
        return "sheet"

    def _content(self) -> str:
        strips = "".join(
            '<div class="strip">'
            + (f'<p class="strip-name">{escape(name)}</p>' if name else "")
            + f"<ul>{''.join(tile._repr_html_() for tile in tiles)}</ul></div>"
            for name, tiles in self.rows
        )
        return f'<div role="group" aria-label="{escape(self.alternative)}">{strips}</div>'


@dataclass(frozen=True)
class Sentences:
    """What numbers say, in sentences that were computed."""

    sentences: Sequence[str]

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.sentences)
        return f'<ul class="sentences">{items}</ul>'

    def __repr__(self) -> str:
        return "\n".join(self.sentences)


@dataclass(frozen=True)
class Verdict:
    """What a section comes to, in one line that was computed; its figures follow.

    Attributes:
        text: A sentence or two.
    """

    text: str

    def _repr_html_(self) -> str:
        return f'<p class="verdict">{escape(self.text)}</p>'

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Fact:
    """A main figure of what is summed up.

    Attributes:
        name: What it is.
        value: The figure, formatted.
        text: What one has to know to read it.
        href: Where its text leads, if anywhere.
    """

    name: str
    value: str
    text: str = ""
    href: str = ""


@dataclass(frozen=True)
class Facts:
    """The main figures of what is summed up, side by side."""

    facts: Sequence[Fact]

    def _repr_html_(self) -> str:
        items = "".join(
            f"<div><dt>{escape(fact.name)}</dt><dd>{escape(fact.value)}"
            f"<small>{_cell(Link(fact.href, fact.text) if fact.href else fact.text)}</small>"
            "</dd></div>"
            for fact in self.facts
        )
        return f'<dl class="facts">{items}</dl>'

    def __repr__(self) -> str:
        return "\n".join(f"{fact.name}: {fact.value} ({fact.text})" for fact in self.facts)


def lines(figure: Figure | Sequence[Figure], *, caption: str, alternative: str) -> Drawing:
    """One or several drawings of lines under one caption."""
    figures = [figure] if isinstance(figure, Figure) else figure
    return Drawing(caption, alternative, [inline_svg(drawn) for drawn in figures])


def pixels(image: Any, *, caption: str, alternative: str) -> Picture:
    """A bitmap, uint8 of shape (rows, columns) or (rows, columns, 3), as WebP."""
    return Picture(caption, alternative, "image/webp", webp(image))


def webp(image: Any, *, quality: int = 82) -> bytes:
    """A bitmap, uint8 of shape (rows, columns) or (rows, columns, 3), as a WebP file."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, format="webp", quality=quality, method=4)
    return buffer.getvalue()


def slug(text: str) -> str:
    """A name for an anchor: the first words of a text, in lower case."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words[:9])


def first_sentence(text: str) -> str:
    """A text up to the end of its first sentence."""
    return re.split(r"(?<=[.:?])\s", text, maxsplit=1)[0]


def _image(content: bytes, alternative: str, mime: str = "image/webp") -> str:
    source = base64.b64encode(content).decode()
    return f'<img src="data:{mime};base64,{source}" alt="{escape(alternative)}">'


def _class(column: Column) -> str:
    return ' class="number"' if column.numeric else ""


def _in_column(column: Column, cell: Cell) -> str:
    """A cell; in a number with its interval, the interval may go to a line of its own."""
    parts = re.fullmatch(r"(\S+) (\(.+\))(.*)", cell) if isinstance(cell, str) else None
    if not column.numeric or parts is None:
        return _cell(cell)
    value, ends, rest = map(escape, parts.groups())
    return f'{value} <span class="interval">{ends}{rest}</span>'


def _cell(cell: Cell) -> str:
    if isinstance(cell, Link):
        return f'<a href="{escape(cell.href)}">{escape(cell.text)}</a>'
    if isinstance(cell, Marked):
        return f'<span class="{escape(cell.kind)}">{escape(cell.text)}</span>'
    return escape(cell)


def _plain(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.text

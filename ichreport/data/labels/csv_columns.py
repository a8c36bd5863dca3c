"""Some columns of a CSV file, as text, whatever its encoding, its delimiter and its spelling.

No message holds a cell, or the name of a column that is not asked for: a label file of a hospital
may hold names and birth dates. Places are lines and columns, counted from 1.
"""

import codecs
import csv
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

_LONGEST_HEAD: Final = 1_000_000
"""Bytes of a head line, at most."""
_DELIMITERS: Final = (",", ";", "\t")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_SHOWN: Final = 5
_SAVE: Final = "save the file as CSV in UTF-8"
_BLANK: Final = ord(" ")
_ASCII: Final = 127
_ALIKE: Final = 0.8
_ENCODINGS: Final = {
    codecs.BOM_UTF8: "utf8",
    codecs.BOM_UTF16_LE: "utf16",
    codecs.BOM_UTF16_BE: "utf16",
}
"""Encodings by the mark that a file begins with; without one it is `utf8`.

So called, and not `utf-8`, pyarrow reads it without a detour through Python.
"""


@dataclass(frozen=True)
class Head:
    """A CSV file's head line, and how the file is written.

    Attributes:
        path: The file.
        encoding: Its encoding.
        delimiter: What stands between two cells.
        names: The columns' names as the file has them, without blanks around them.
    """

    path: Path
    encoding: str
    delimiter: str
    names: tuple[str, ...]

    def index(self, name: str) -> int | None:
        """Where a column stands, counted from 0; None if there is none of this name.

        Raises:
            ValueError: If several columns have this name; case and blanks do not count.
        """
        found = [at for at, own in enumerate(self.names) if own.casefold() == name.casefold()]
        if len(found) > 1:
            places = ", ".join(str(at + 1) for at in found)
            raise ValueError(f"{self.path}: {name} is the name of columns {places}; leave one.")
        return found[0] if found else None

    def others(self, names: Sequence[str]) -> list[str]:
        """The places of all named columns but these, with whichever of these each is like."""
        known = {name.casefold(): name for name in names}
        places = []
        for at, own in enumerate(self.names):
            if not own or own.casefold() in known:
                continue
            alike = difflib.get_close_matches(own.casefold(), known, n=1, cutoff=_ALIKE)
            like = f" (is it {known[alike[0]]}?)" if alike else ""
            places.append(f"column {at + 1}{like}")
        return places


def read_head(path: Path) -> Head:
    """Read a CSV file's head line.

    Raises:
        ValueError: If it has none, or is not text.
    """
    with path.open("rb") as stream:
        start = stream.read(_LONGEST_HEAD)
    encoding = next((e for mark, e in _ENCODINGS.items() if start.startswith(mark)), "utf8")
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(start)
    except UnicodeDecodeError as error:
        text = start[: error.start].decode(encoding)
        if not _LINE_END.search(text):
            raise ValueError(f"{path}: its head line is no text in UTF-8; {_SAVE}.") from None
    head, *more = _LINE_END.split(text.removeprefix("\ufeff"), maxsplit=1)
    if not more and len(start) == _LONGEST_HEAD:
        raise ValueError(f"{path}: its head line has more than {_LONGEST_HEAD:,} bytes; is it CSV?")
    if "\0" in head:
        raise ValueError(f"{path} is not text; expected a CSV file.")
    delimiter = max(_DELIMITERS, key=head.count)
    try:
        cells = next(csv.reader([head], delimiter=delimiter), [])
    except csv.Error as error:
        raise ValueError(f"{path}: its head line is not readable as CSV: {error}.") from None
    return Head(path, encoding, delimiter, tuple(cell.strip() for cell in cells))


def read_columns(head: Head, names: Sequence[str], *, few_values: Sequence[str] = ()) -> pa.Table:
    """Read some columns as text, an empty cell as an empty text.

    Args:
        head: The file's head line.
        names: The columns' names; each must be there.
        few_values: Which of them to encode as dictionaries, for their few values.

    Returns:
        A table of these columns, named as asked.

    Raises:
        ValueError: If a column is missing, or the file is not readable as CSV.
    """
    indices = {name: head.index(name) for name in names}
    missing = [name for name, index in indices.items() if index is None]
    if missing:
        raise ValueError(f"{head.path}: there is no column {', '.join(missing)}.")
    chosen = {f"c{index}": name for name, index in indices.items()}
    kinds = {
        place: pa.dictionary(pa.int32(), pa.string()) if name in few_values else pa.string()
        for place, name in chosen.items()
    }
    try:
        table = _read(head, kinds)
    except (pa.ArrowException, UnicodeError):
        try:
            table = _read(head, kinds, lines_in_cells=True)  # slower, and seldom so
        except (pa.ArrowException, UnicodeError):  # its words may hold cells
            raise ValueError(_what_is_wrong(head, kinds)) from None
    return table.rename_columns([chosen[place] for place in table.column_names])


def trimmed(column: pa.ChunkedArray) -> pa.StringArray:
    """A column of text without blanks around its cells, as one array.

    Trimming the challenge's file takes time that a look at its bytes saves.
    """
    cells = column.combine_chunks()
    data = cells.buffers()[2]
    letters = np.frombuffer(data, dtype=np.uint8) if data else np.zeros(0, dtype=np.uint8)
    if letters.size and (letters.min() <= _BLANK or letters.max() > _ASCII):
        return pc.utf8_trim_whitespace(cells)
    return cells


def _read(
    head: Head,
    kinds: dict[str, pa.DataType],
    ragged: list[tuple[int | None, int]] | None = None,
    *,
    lines_in_cells: bool = False,
) -> pa.Table:
    """Read columns by place; with a list for them, rows of other lengths are noted and left out."""

    def note(row: pa.csv.InvalidRow) -> str:
        if ragged is None:
            return "error"
        ragged.append((row.number, row.actual_columns))
        return "skip"

    return pyarrow.csv.read_csv(
        head.path,
        read_options=pyarrow.csv.ReadOptions(
            column_names=[f"c{index}" for index in range(len(head.names))],
            skip_rows=1,
            block_size=2**24,
            encoding=head.encoding,
            use_threads=ragged is None,  # with threads, rows have no numbers
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=head.delimiter, invalid_row_handler=note, newlines_in_values=lines_in_cells
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=kinds, include_columns=list(kinds), strings_can_be_null=False
        ),
    )


def _what_is_wrong(head: Head, kinds: dict[str, pa.DataType]) -> str:
    """Why a file is not readable, without a cell of it."""
    ragged: list[tuple[int | None, int]] = []
    try:
        _read(head, kinds, ragged)
    except UnicodeError:
        encoding = head.encoding.upper()
        return f"{head.path} is not readable as CSV: it is no text in {encoding}; {_SAVE}."
    except pa.ArrowException as error:
        unreadable = f"a cell is no text in UTF-8; {_SAVE}"
        reason = unreadable if "UTF8" in str(error) else "the quotes do not close"
        return f"{head.path} is not readable as CSV: {reason}."
    lines = ", ".join(f"line {number} has {count}" for number, count in ragged[:_SHOWN])
    return (
        f"{head.path} is not readable as CSV: the head line has {len(head.names)} columns; lines "
        f"that have more or fewer: {len(ragged):,} ({lines})."
    )

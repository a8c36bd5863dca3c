"""A hospital's label CSV: one row a slice, `SOPInstanceUID` and any of the six labels."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ichreport.data.labels.table import UNLABELLED, LabelIssues, LabelTable
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import LABELS

SLICE_COLUMN: Final = "SOPInstanceUID"
_MEANING: Final = {"0": 0, "1": 1, "": UNLABELLED}


def read_hospital_labels(path: Path, pseudonyms: Pseudonyms | None = None) -> LabelTable:
    """Read a CSV of `SOPInstanceUID` and any of the six labels as columns of 0, 1 or nothing.

    What follows from the labels is filled in: `any` from the subtypes, and subtypes of 0 from
    an `any` of 0. Identical repeats are dropped; contradictions, labels other than 0 and 1, and an
    `any` that is not the maximum of the five stop. Other columns are counted and not read.

    Args:
        path: The CSV file.
        pseudonyms: With them, issues show slices by their pseudonyms.

    Raises:
        ValueError: If anything in it stops; all issues are listed.
    """
    issues = LabelIssues(path, pseudonyms)
    names = column_names(path)
    labels = [label for label in LABELS if label in names]
    issues.add("columns that are no label", [n for n in names if n not in (SLICE_COLUMN, *LABELS)])
    table = _read(path, [SLICE_COLUMN, *labels])
    ids = pc.utf8_trim_whitespace(table[SLICE_COLUMN].combine_chunks())
    issues.add_lines(
        "rows without a SOPInstanceUID",
        pc.equal(ids, "").to_numpy(zero_copy_only=False),
        lambda row: "",
        stops=True,
    )
    columns: dict[str, tuple[Any, Any]] = {}
    for label in labels:
        words = pc.utf8_trim_whitespace(table[label].combine_chunks()).dictionary_encode()
        known = [_MEANING.get(word, 2) for word in words.dictionary.to_pylist()]
        values = np.array(known, dtype=np.int8)[words.indices.to_numpy()]
        issues.add_lines(
            f"labels of {label} other than 0 and 1",
            values == 2,
            lambda row, words=words: f"is {words[row].as_py()!r}",  # type: ignore[misc]
            stops=True,
        )
        labelled = values != UNLABELLED
        columns[label] = ids.filter(pa.array(labelled)), values[labelled]
    return LabelTable.from_columns(columns, issues, complete=True)


def column_names(path: Path) -> list[str]:
    """The names in a CSV's head line, without blanks and quotes."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        head = stream.readline(100_000)
    return [name.strip().strip('"') for name in head.split(",") if name.strip()]


def _read(path: Path, columns: list[str]) -> pa.Table:
    try:
        return pyarrow.csv.read_csv(
            path,
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=columns,
                strings_can_be_null=False,
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise ValueError(f"{path} is not readable as CSV: {error}") from None

"""A hospital's own label CSV: one row a slice, `SOPInstanceUID` and any of the six labels."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ichreport.data.ingest.pseudonyms import Pseudonyms
from ichreport.data.labels import challenge as challenge_labels
from ichreport.data.labels.table import UNLABELLED, Findings, LabelTable
from ichreport.labels import LABELS

NAME: Final = "SOPInstanceUID"
_MEANING: Final = {"0": 0, "1": 1, "": UNLABELLED}


def read_label_file(path: Path, pseudonyms: Pseudonyms | None = None) -> LabelTable:
    """Read labels in the challenge's form (`ID,Label`) or the hospital's, by the head line.

    Raises:
        ValueError: If the file is of neither form or its labels cannot be used.
    """
    names = _column_names(path)
    if {"ID", "Label"} <= set(names):
        return challenge_labels.read_labels(path, pseudonyms)
    if NAME in names and set(names) & set(LABELS):
        return read_own_labels(path, pseudonyms)
    raise ValueError(
        f"{path}: expected a CSV with the columns ID,Label, or {NAME} and any of "
        f"{', '.join(LABELS)}; got {', '.join(names[:12]) or 'an empty head line'}."
    )


def read_own_labels(path: Path, pseudonyms: Pseudonyms | None = None) -> LabelTable:
    """Read a CSV of `SOPInstanceUID` and any of the six labels as columns of 0, 1 or nothing.

    What follows from the labels given is filled in: `any` from the subtypes, and subtypes of 0 from
    an `any` of 0. Identical repeats are dropped; contradictions, labels other than 0 and 1, and an
    `any` that is not the maximum of the five stop. Other columns are counted and not read.

    Args:
        path: The CSV file.
        pseudonyms: If given, findings show slices by their pseudonyms.

    Raises:
        ValueError: If anything in it stops; all findings are listed.
    """
    findings = Findings(path, pseudonyms)
    names = _column_names(path)
    given = [label for label in LABELS if label in names]
    findings.add("columns that are no label", [n for n in names if n not in (NAME, *LABELS)])
    table = _read(path, [NAME, *given])
    ids = pc.utf8_trim_whitespace(table[NAME].combine_chunks())
    findings.add_lines(
        "rows without a SOPInstanceUID",
        pc.equal(ids, "").to_numpy(zero_copy_only=False),
        lambda row: "",
        stops=True,
    )
    parts: dict[str, tuple[Any, Any]] = {}
    for label in given:
        words = pc.utf8_trim_whitespace(table[label].combine_chunks()).dictionary_encode()
        known = [_MEANING.get(word, 2) for word in words.dictionary.to_pylist()]
        values = np.array(known, dtype=np.int8)[words.indices.to_numpy()]
        findings.add_lines(
            f"labels of {label} other than 0 and 1",
            values == 2,
            lambda row, words=words: f"is {words[row].as_py()!r}",  # type: ignore[misc]
            stops=True,
        )
        there = values != UNLABELLED
        parts[label] = ids.filter(pa.array(there)), values[there]
    return LabelTable.from_parts(parts, findings, complete=True)


def _column_names(path: Path) -> list[str]:
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

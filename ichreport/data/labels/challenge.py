"""The challenge's label CSV: one row for each slice and subtype."""

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ichreport.data.labels.csv_columns import read_columns, read_head, trimmed
from ichreport.data.labels.table import UNKNOWN, LabelIssues, LabelTable
from ichreport.data.labels.values import meanings, shown
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import LABELS

ID_COLUMN: Final = "ID"
LABEL_COLUMN: Final = "Label"


def read_challenge_labels(path: Path, pseudonyms: Pseudonyms | None = None) -> LabelTable:
    """Read `stage_2_train.csv`: columns `ID,Label`, IDs `ID_<9 hex>_<subtype>`.

    Identical repeats are dropped and counted. Slices that lack some of the six rows keep -1 there
    and are counted. Contradicting repeats, unknown subtypes, labels other than 0 and 1, and an
    `any` that is not the maximum of the five stop.

    Args:
        path: The CSV file.
        pseudonyms: With them, issues show slices by their pseudonyms.

    Returns:
        The labels by SOP Instance UID as the file has it.

    Raises:
        ValueError: If the file is not such a CSV, or anything in it stops; all issues are listed.
    """
    issues = LabelIssues(path, pseudonyms)
    head = read_head(path)
    issues.add("columns that are no label", head.others((ID_COLUMN, LABEL_COLUMN)))
    table = read_columns(head, (ID_COLUMN, LABEL_COLUMN), few_values=(LABEL_COLUMN,))
    names = trimmed(table[ID_COLUMN])
    words = table[LABEL_COLUMN].unify_dictionaries().combine_chunks()
    values = meanings(words, empty=UNKNOWN)
    issues.add_lines(
        "labels other than 0 and 1",
        values == UNKNOWN,
        lambda row: f"is {shown(words[row].as_py())}",
        name=lambda row: _name(names[row]),
        stops=True,
    )
    columns = _split_by_label(names, values, issues)
    return LabelTable.from_columns(columns, issues, wide=False)


def _name(identifier: pa.StringScalar) -> str:
    """An ID as a message may say it: as read if it is one of the challenge's form."""
    name = str(identifier)
    return name if re.fullmatch(r"ID_[0-9a-f]+_[a-z]*", name) else "of another form"


def _split_by_label(
    names: pa.StringArray, values: NDArray[np.int8], issues: LabelIssues
) -> dict[str, tuple[pa.StringArray, NDArray[np.int8]]]:
    columns: dict[str, tuple[Any, NDArray[np.int8]]] = {}
    unknown = np.ones(len(names), dtype=bool)
    for label in LABELS:
        ending = f"_{label}"
        ends_so = pc.ends_with(names, pattern=ending)
        where = ends_so.to_numpy(zero_copy_only=False)
        unknown &= ~where
        ids = pc.utf8_slice_codeunits(names.filter(ends_so), 0, -len(ending))
        without_slice = np.zeros(len(names), dtype=bool)
        without_slice[np.flatnonzero(where)[pc.equal(ids, "").to_numpy(zero_copy_only=False)]] = (
            True
        )
        issues.add_lines("IDs without a slice", without_slice, lambda row: "", stops=True)
        columns[label] = ids, values[where]
    issues.add_lines(
        "IDs that end in no known subtype",
        unknown,
        lambda row: "",
        name=lambda row: _name(names[row]),
        stops=True,
    )
    return columns

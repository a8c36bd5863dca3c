"""A hospital's label CSV: one row a slice, `SOPInstanceUID` and any of the six labels."""

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ichreport.data.labels.csv_columns import read_columns, read_head, trimmed
from ichreport.data.labels.table import UNLABELLED, LabelIssues, LabelTable
from ichreport.data.labels.values import ALLOWED, UNKNOWN, meanings, shown
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import LABELS

SLICE_COLUMN: Final = "SOPInstanceUID"


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
    head = read_head(path)
    labels = [label for label in LABELS if head.index(label) is not None]
    issues.add("columns that are no label", head.others((SLICE_COLUMN, *LABELS)))
    table = read_columns(head, (SLICE_COLUMN, *labels), few_values=labels)
    ids = trimmed(table[SLICE_COLUMN])
    issues.add_lines(
        "rows without a SOPInstanceUID",
        pc.equal(ids, "").to_numpy(zero_copy_only=False),
        lambda row: "",
        stops=True,
    )
    columns: dict[str, tuple[Any, Any]] = {}
    for label in labels:
        words = table[label].unify_dictionaries().combine_chunks()
        values = meanings(words)
        issues.add_lines(
            f"labels of {label} other than {ALLOWED}",
            values == UNKNOWN,
            lambda row, words=words: f"is {shown(words[row].as_py())}",  # type: ignore[misc]
            stops=True,
        )
        labelled = values != UNLABELLED
        columns[label] = ids.filter(pa.array(labelled)), values[labelled]
    return LabelTable.from_columns(columns, issues, complete=True)

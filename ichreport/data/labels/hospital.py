"""A hospital's label CSV: one row a slice, `SOPInstanceUID` and any of the six labels."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ichreport.data.labels.csv_columns import Head, read_columns, read_head, trimmed
from ichreport.data.labels.table import UNKNOWN, UNLABELLED, LabelColumns, LabelIssues, LabelTable
from ichreport.data.labels.values import ALLOWED, meanings, shown
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import LABELS

SLICE_COLUMN: Final = "SOPInstanceUID"
STUDY_COLUMN: Final = "StudyInstanceUID"
PATIENT_COLUMN: Final = "PatientID"


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
    others = [name for name in (STUDY_COLUMN, PATIENT_COLUMN) if head.index(name) is not None]
    issues.add("columns that name studies, ignored where rows are of slices", others)
    issues.add("columns that are no label", head.others((SLICE_COLUMN, *others, *LABELS)))
    table = read_named_labels(head, SLICE_COLUMN)
    columns = label_columns(table, SLICE_COLUMN, issues)
    return LabelTable.from_columns(columns, issues, wide=True)


def read_named_labels(head: Head, name_column: str) -> pa.Table:
    """Read the column that says what a row is of, and those of the six labels that are there."""
    labels = [label for label in LABELS if head.index(label) is not None]
    table = read_columns(head, (name_column, *labels), few_values=labels)
    column = table.column_names.index(name_column)
    return table.set_column(column, name_column, trimmed(table[name_column]))


def label_columns(table: pa.Table, name_column: str, issues: LabelIssues) -> LabelColumns:
    """The names and values of each label's rows, empty cells left out.

    Args:
        table: As `read_named_labels` gives it.
        name_column: The column that says what a row is of.
        issues: Takes rows without a name and labels other than 0 and 1, which stop.
    """
    names = table[name_column].combine_chunks()
    issues.add_lines(
        f"rows without a {name_column}",
        pc.equal(names, "").to_numpy(zero_copy_only=False),
        lambda row: "",
        stops=True,
    )
    columns: dict[str, tuple[Any, Any]] = {}
    for label in table.column_names:
        if label != name_column:
            values = read_values(table[label], label, issues)
            labelled = values != UNLABELLED
            columns[label] = names.filter(pa.array(labelled)), values[labelled]
    return columns


def read_values(column: pa.ChunkedArray, name: str, issues: LabelIssues) -> NDArray[np.int8]:
    """What the cells of a label's column say: 0, 1, or -1 where empty.

    Args:
        column: Its cells, encoded as a dictionary.
        name: What the label is called in an issue.
        issues: Takes cells that say anything else, which stop.
    """
    words = column.unify_dictionaries().combine_chunks()
    values = meanings(words)
    issues.add_lines(
        f"labels of {name} other than {ALLOWED}",
        values == UNKNOWN,
        lambda row: f"is {shown(words[row].as_py())}",
        stops=True,
    )
    return values

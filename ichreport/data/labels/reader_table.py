"""Votes of several readers on whole studies: a CSV with a column for each reader and label."""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ichreport.data.labels.cq500 import majority
from ichreport.data.labels.csv_columns import Head, read_columns, read_head, trimmed
from ichreport.data.labels.hospital import PATIENT_COLUMN, STUDY_COLUMN, read_values
from ichreport.data.labels.reader_votes import vote_column
from ichreport.data.labels.studies import IDENTIFIERS, StudyLabels, first_lines
from ichreport.data.labels.table import LabelIssues
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import ANY, LABELS

_MOST_READERS: Final = 99


def is_reader_table(head: Head) -> bool:
    """Whether a head line names studies or patients, and a first reader's votes on any bleeding."""
    names = [name for name in (STUDY_COLUMN, PATIENT_COLUMN) if head.index(name) is not None]
    return bool(names) and head.index(vote_column(1, ANY)) is not None


def read_reader_table(path: Path, pseudonyms: Pseudonyms | None = None) -> StudyLabels:
    """Read `StudyInstanceUID` or `PatientID`, and `reader_1_any`, `reader_1_epidural`, ….

    Each reader has a column for each of the six labels: 0, 1, or nothing where he has not voted.
    The label of a study is what more than half of all readers say. Names that stand twice stop.

    Args:
        path: The CSV file.
        pseudonyms: With them, issues show no cell at all.

    Raises:
        ValueError: If a column is missing, or anything in the file stops; all issues are listed.
    """
    head = read_head(path)
    names_by = [name for name in IDENTIFIERS if head.index(name) is not None]
    if len(names_by) != 1:
        raise ValueError(
            f"{path}: {' and '.join(names_by)} both name the studies; leave one of the columns."
        )
    [name_column] = names_by
    readers = _count_readers(head)
    columns = [vote_column(1 + reader, label) for reader in range(readers) for label in LABELS]
    table = read_columns(head, (name_column, *columns), few_values=columns)
    names = trimmed(table[name_column])
    lines = first_lines(names.to_pylist())
    issues = LabelIssues(path, pseudonyms, lines=lines, rows_are="studies")
    issues.add("columns that are no label", head.others((name_column, *columns)))
    unnamed = pc.equal(names, "").to_numpy(zero_copy_only=False)
    issues.add_lines(f"rows without a {name_column}", unnamed, lambda row: "", stops=True)
    codes = names.dictionary_encode().indices.to_numpy()
    repeated = np.bincount(codes)[codes] > 1
    issues.add_lines("rows whose name stands twice", repeated, lambda row: "", stops=True)
    cells = [read_values(table[column], column, issues) for column in columns]
    issues.stop()
    votes = np.stack(cells, axis=1).reshape(-1, readers, len(LABELS))
    return StudyLabels(
        identifier=IDENTIFIERS[name_column],
        expected=name_column,
        spellings=(pa.array(names.to_pylist(), pa.string()),),
        lines=np.array([lines[name] for name in names.to_pylist()], dtype=np.int64),
        labels=majority(votes),
        votes=votes,
        issues=issues.issues,
    )


def _count_readers(head: Head) -> int:
    """The readers that a head line names, numbered from 1 without gaps."""
    count = 0
    while count < _MOST_READERS and head.index(vote_column(count + 1, ANY)) is not None:
        count += 1
    return count

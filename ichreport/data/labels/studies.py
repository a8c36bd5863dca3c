"""Labels of whole studies: a CSV of `StudyInstanceUID` or `PatientID` and any of the six labels."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ichreport.data.labels.csv_columns import read_head
from ichreport.data.labels.hospital import (
    PATIENT_COLUMN,
    STUDY_COLUMN,
    label_columns,
    read_named_labels,
)
from ichreport.data.labels.table import LabelIssue, LabelIssues, LabelTable
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import LABELS

_HEAD_LINES: Final = 2
"""What is added to a row's number, counted from 0, to have its line, counted from 1."""
IDENTIFIERS: Final = {STUDY_COLUMN: "study_instance_uid", PATIENT_COLUMN: "patient_id"}
"""The column of a store's slices that holds what such a column of a label file names."""
_ROWS_ARE: Final = {STUDY_COLUMN: "studies", PATIENT_COLUMN: "patients"}


@dataclass(frozen=True)
class StudyLabels:
    """Labels by study.

    Attributes:
        identifier: What the rows name: `study_instance_uid` or `patient_id`.
        expected: The same for a person to read, as it is written in files.
        spellings: The names of the n rows, each unique, once for each way in which DICOM files
            may write them.
        lines: The line of the file that names each first, (n,).
        labels: int8 of shape (n, 6) in the order of `LABELS`: 0, 1, or -1 where unlabelled.
        votes: int8 of shape (n, readers, 6), likewise: what each reader says. No readers where the
            file has nothing but labels.
        issues: What is odd, none of which stops.
    """

    identifier: str
    expected: str
    spellings: tuple[pa.StringArray, ...]
    lines: NDArray[np.int64]
    labels: NDArray[np.int8]
    votes: NDArray[np.int8]
    issues: list[LabelIssue] = field(default_factory=list)

    def pseudonymised(self, pseudonyms: Pseudonyms) -> Self:
        """The same labels by pseudonyms of their studies or patients."""
        hidden = (
            [pseudonyms.pseudonym(self.identifier, name) for name in names.to_pylist()]
            for names in self.spellings
        )
        return replace(self, spellings=tuple(pa.array(names, pa.string()) for names in hidden))


def read_study_labels(path: Path, pseudonyms: Pseudonyms | None = None) -> StudyLabels:
    """Read a CSV of `StudyInstanceUID` or `PatientID` and any of the six labels.

    Cells mean, and stop, what they do where rows are of slices (`read_hospital_labels`). Issues
    name lines and no study or patient: what stands for a patient may be a name.

    Args:
        path: The CSV file.
        pseudonyms: With them, issues show no cell at all.

    Raises:
        ValueError: If both columns are there, or anything in the file stops; all issues are listed.
    """
    head = read_head(path)
    columns = [name for name in IDENTIFIERS if head.index(name) is not None]
    if len(columns) != 1:
        raise ValueError(
            f"{path}: {' and '.join(columns)} both name the studies; leave one of the columns."
        )
    [name] = columns
    table = read_named_labels(head, name)
    lines = first_lines(table[name].to_pylist())
    issues = LabelIssues(path, pseudonyms, lines=lines, rows_are=_ROWS_ARE[name])
    issues.add("columns that are no label", head.others((name, *LABELS)))
    labels = LabelTable.from_columns(label_columns(table, name, issues), issues, wide=True)
    return StudyLabels(
        identifier=IDENTIFIERS[name],
        expected=name,
        spellings=(labels.ids,),
        lines=np.array([lines[each] for each in labels.ids.to_pylist()], dtype=np.int64),
        labels=labels.labels,
        votes=np.empty((len(labels.ids), 0, len(LABELS)), dtype=np.int8),
        issues=labels.issues,
    )


def first_lines(names: Iterable[str]) -> dict[str, int]:
    """The line of a file that has each name first; `names` are those of its rows, in order."""
    lines: dict[str, int] = {}
    for line, name in enumerate(names, start=_HEAD_LINES):
        lines.setdefault(name, line)
    return lines

"""A label CSV of any known form, told by its head line."""

from pathlib import Path
from typing import Final

from ichreport.data.labels.challenge import ID_COLUMN, LABEL_COLUMN, read_challenge_labels
from ichreport.data.labels.cq500 import is_reads, read_cq500_reads
from ichreport.data.labels.csv_columns import Head, read_head
from ichreport.data.labels.ct_ich import is_ct_ich, read_ct_ich_labels
from ichreport.data.labels.hospital import (
    PATIENT_COLUMN,
    SLICE_COLUMN,
    STUDY_COLUMN,
    read_hospital_labels,
)
from ichreport.data.labels.reader_table import is_reader_table, read_reader_table
from ichreport.data.labels.studies import StudyLabels, read_study_labels
from ichreport.data.labels.table import LabelTable
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import LABELS

_NAMES: Final = (SLICE_COLUMN, STUDY_COLUMN, PATIENT_COLUMN)


def read_label_file(path: Path, pseudonyms: Pseudonyms | None = None) -> LabelTable | StudyLabels:
    """Read labels of slices or of studies.

    Of slices: in the challenge's form (`ID,Label`), a hospital's (`SOPInstanceUID`), or CT-ICH's.
    Of studies: a hospital's (`StudyInstanceUID` or `PatientID`), of one or several readers, or the
    reads of CQ500.

    Args:
        path: The CSV file.
        pseudonyms: With them, issues show slices by their pseudonyms.

    Raises:
        ValueError: If the file has none of these forms or its labels cannot be used.
    """
    head = read_head(path)
    labels, names = _known(head, LABELS), _known(head, _NAMES)
    if SLICE_COLUMN in names and labels:
        return read_hospital_labels(path, pseudonyms)
    if len(_known(head, (ID_COLUMN, LABEL_COLUMN))) == 2:
        return read_challenge_labels(path, pseudonyms)
    if is_reads(head):
        return read_cq500_reads(path, pseudonyms)
    if is_reader_table(head):
        return read_reader_table(path, pseudonyms)
    if is_ct_ich(head):
        return read_ct_ich_labels(path, pseudonyms)
    if names and labels:
        return read_study_labels(path, pseudonyms)
    columns = sum(map(bool, head.names))
    raise ValueError(
        f"{path}: expected a CSV with the columns {ID_COLUMN},{LABEL_COLUMN}, or {SLICE_COLUMN} "
        f"(of slices), {STUDY_COLUMN} or {PATIENT_COLUMN} (of studies) and any of "
        f"{', '.join(LABELS)}, or CQ500's reads.csv, or CT-ICH's hemorrhage_diagnosis_raw_ct.csv; "
        f"of the file's {columns} columns these are known: {', '.join(names + labels) or 'none'}."
    )


def _known(head: Head, names: tuple[str, ...]) -> list[str]:
    """Which of these columns a file has."""
    return [name for name in names if head.index(name) is not None]

"""A label CSV of either form, told apart by its head line."""

from pathlib import Path

from ichreport.data.labels.challenge import ID_COLUMN, LABEL_COLUMN, read_challenge_labels
from ichreport.data.labels.csv_columns import read_head
from ichreport.data.labels.hospital import SLICE_COLUMN, read_hospital_labels
from ichreport.data.labels.table import LabelTable
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import LABELS


def read_label_file(path: Path, pseudonyms: Pseudonyms | None = None) -> LabelTable:
    """Read labels in the challenge's form (`ID,Label`) or a hospital's.

    Args:
        path: The CSV file.
        pseudonyms: With them, issues show slices by their pseudonyms.

    Raises:
        ValueError: If the file is of neither form or its labels cannot be used.
    """
    head = read_head(path)
    known = [name for name in (SLICE_COLUMN, *LABELS) if head.index(name) is not None]
    if SLICE_COLUMN in known and len(known) > 1:
        return read_hospital_labels(path, pseudonyms)
    if all(head.index(name) is not None for name in (ID_COLUMN, LABEL_COLUMN)):
        return read_challenge_labels(path, pseudonyms)
    columns = sum(map(bool, head.names))
    raise ValueError(
        f"{path}: expected a CSV with the columns {ID_COLUMN},{LABEL_COLUMN}, or {SLICE_COLUMN} "
        f"and any of {', '.join(LABELS)}; of the file's {columns} columns these are known: "
        f"{', '.join(known) or 'none'}."
    )

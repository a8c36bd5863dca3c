"""A label CSV of either form, told apart by its head line."""

from pathlib import Path

from ichreport.data.labels.challenge import read_challenge_labels
from ichreport.data.labels.hospital import SLICE_COLUMN, column_names, read_hospital_labels
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
    names = column_names(path)
    if {"ID", "Label"} <= set(names):
        return read_challenge_labels(path, pseudonyms)
    if SLICE_COLUMN in names and set(names) & set(LABELS):
        return read_hospital_labels(path, pseudonyms)
    raise ValueError(
        f"{path}: expected a CSV with the columns ID,Label, or {SLICE_COLUMN} and any of "
        f"{', '.join(LABELS)}; got {', '.join(names[:12]) or 'an empty head line'}."
    )

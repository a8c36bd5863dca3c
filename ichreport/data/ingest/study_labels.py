"""Labels of studies, put beside the index of a store's slices."""

from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ichreport.data.ingest.slice_index import SliceIndex
from ichreport.data.ingest.sources import Source
from ichreport.data.labels.reader_votes import vote_column
from ichreport.data.labels.studies import StudyLabels
from ichreport.data.labels.table import UNLABELLED, LabelIssue
from ichreport.data.store import OF_A_STUDY
from ichreport.labels import LABELS

_SHOWN: Final = 5


def label_studies(index: SliceIndex, labels: StudyLabels, source: Source) -> SliceIndex:
    """Add the table of a store's studies, one row a study, with their labels and readers' votes.

    Slices stay without labels: one of a bleeding study need not bleed. A label row that fits
    several studies is given to none of them, since it does not say which it means.

    Args:
        index: The index of the store.
        labels: Labels by study, pseudonymised like the index.
        source: Named where nothing fits.

    Raises:
        ValueError: If no label row fits any study, or each fits several.
    """
    order = [(name, "ascending") for name in OF_A_STUDY]
    studies = index.slices.group_by(OF_A_STUDY).aggregate([]).sort_by(order)
    row = _rows_of_labels(studies[labels.identifier], labels)
    fitting = np.bincount(row[row >= 0], minlength=len(labels.lines))
    _check_fit(fitting, labels, source)
    row[np.isin(row, np.flatnonzero(fitting > 1))] = -1
    uids = studies["study_instance_uid"].filter(pa.array(row < 0)).to_pylist()
    known = _rows_of_labels(
        pa.chunked_array([index.series[labels.identifier].combine_chunks()]), labels
    )
    is_known = np.isin(np.arange(len(fitting)), known)
    notes = (
        (
            "label rows whose study has no series that is kept",
            _lines(labels, (fitting == 0) & is_known),
        ),
        ("label rows without a study", _lines(labels, (fitting == 0) & ~is_known)),
        ("label rows that fit several studies, given to none", _lines(labels, fitting > 1)),
        ("studies without a label row", uids),
    )
    issues = [
        LabelIssue(what, len(names), tuple(names[:_SHOWN]), stops=False)
        for what, names in notes
        if names
    ]
    return replace(
        index,
        studies=_with_columns(studies, labels, row),
        issues=[*index.issues, *labels.issues, *issues],
    )


def _rows_of_labels(names: pa.ChunkedArray, labels: StudyLabels) -> NDArray[np.int64]:
    """The label row of each study, by any spelling of its name; -1 where there is none."""
    rows = np.full(len(names), -1, dtype=np.int64)
    for spelling in labels.spellings:
        found = pc.fill_null(pc.index_in(names, value_set=spelling), -1).to_numpy()
        rows = np.where(rows < 0, found, rows)
    return rows


def _check_fit(fitting: NDArray[np.int64], labels: StudyLabels, source: Source) -> None:
    if not fitting.any():
        raise ValueError(
            f"{source.labels}: no label row fits any study of {source.folder}. Expected the files' "
            f"{labels.expected}."
        )
    if not (fitting == 1).any():
        other = "StudyInstanceUID" if labels.identifier == "patient_id" else "PatientID"
        raise ValueError(
            f"{source.labels}: each label row that fits a study of {source.folder} fits several, "
            f"and does not say which it means. Name the studies by {other}."
        )


def _lines(labels: StudyLabels, where: NDArray[np.bool_]) -> list[str]:
    return [f"line {line}" for line in labels.lines[where]]


def _with_columns(studies: pa.Table, labels: StudyLabels, row: NDArray[np.int64]) -> pa.Table:
    """Append the labels, and the votes of the readers, -1 where a study has no row."""
    values = {label: labels.labels[:, column] for column, label in enumerate(LABELS)}
    for reader in range(labels.votes.shape[1]):
        for column, label in enumerate(LABELS):
            values[vote_column(1 + reader, label)] = labels.votes[:, reader, column]
    for name, column_values in values.items():
        of_studies = np.where(row >= 0, column_values[row], UNLABELLED).astype(np.int8)
        studies = studies.append_column(name, pa.array(of_studies))
    return studies

"""The labels of PhysioNet's CT-ICH, `hemorrhage_diagnosis_raw_ct.csv`: one row a slice.

Hssayeni et al., Data 5 (2020) 14. A slice is named by the number of its patient, which is the name
of a NIfTI file (`049.nii`), and its own, from 1 in the order of that file.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ichreport.data.labels.csv_columns import Head, read_columns, read_head, trimmed
from ichreport.data.labels.hospital import read_values
from ichreport.data.labels.slice_names import slice_name
from ichreport.data.labels.table import UNLABELLED, LabelIssues, LabelTable
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import SUBTYPES

_PATIENT: Final = "PatientNumber"
_SLICE: Final = "SliceNumber"
_NO_BLEED: Final = "No_Hemorrhage"
_FRACTURE: Final = "Fracture_Yes_No"
_NUMBER: Final = r"^\+?0*[0-9]{1,6}(\.0*)?$"
_DIGITS_OF_A_VOLUME: Final = 3


def is_ct_ich(head: Head) -> bool:
    """Whether a head line is that of CT-ICH's labels."""
    columns = (_PATIENT, _SLICE, _NO_BLEED, *SUBTYPES)
    return all(head.index(name) is not None for name in columns)


def read_ct_ich_labels(path: Path, pseudonyms: Pseudonyms | None = None) -> LabelTable:
    """Read CT-ICH's labels; `any` is the maximum of the five.

    Cells mean what they do in a hospital's file. A `No_Hemorrhage` that is not its opposite stops.

    Args:
        path: The CSV file.
        pseudonyms: With them, issues show slices by their pseudonyms.

    Returns:
        The labels by name of the slice, such as `049:12`.

    Raises:
        ValueError: If anything in it stops; all issues are listed.
    """
    head = read_head(path)
    labels = (*SUBTYPES, _NO_BLEED)
    table = read_columns(head, (_PATIENT, _SLICE, *labels), few_values=labels)
    issues = LabelIssues(path, pseudonyms)
    known = (_PATIENT, _SLICE, *labels, _FRACTURE)
    issues.add("columns that are no label", head.others(known))
    patients, slices = (_whole_numbers(table, name, issues) for name in (_PATIENT, _SLICE))
    values = {name: read_values(table[name], name, issues) for name in labels}
    issues.stop()
    pairs = zip(patients.tolist(), slices.tolist(), strict=True)
    names = pa.array(
        [slice_name(f"{patient:0{_DIGITS_OF_A_VOLUME}}", number) for patient, number in pairs],
        pa.string(),
    )
    highest = np.max([values[label] for label in SUBTYPES], axis=0)
    says_both = (values[_NO_BLEED] != UNLABELLED) & (values[_NO_BLEED] == highest)
    issues.add_names(f"{_NO_BLEED} contradicts the five subtypes", names, says_both, stops=True)
    columns = {}
    for label in SUBTYPES:
        labelled = values[label] != UNLABELLED
        columns[label] = names.filter(pa.array(labelled)), values[label][labelled]
    return LabelTable.from_columns(columns, issues, wide=True)


def _whole_numbers(table: pa.Table, name: str, issues: LabelIssues) -> NDArray[np.int64]:
    """A column of whole numbers; cells that are none stop, and are 0 here."""
    cells = trimmed(table[name])
    whole = pc.match_substring_regex(cells, _NUMBER)
    wrong = ~whole.to_numpy(zero_copy_only=False)
    issues.add_lines(f"cells of {name} that are no number", wrong, lambda row: "", stops=True)
    numbers: NDArray[np.int64] = pc.cast(pc.if_else(whole, cells, "0"), pa.float64()).to_numpy()
    return numbers.astype(np.int64)

"""The scores that CQ500 brings of another system, `prediction_probabilities.csv`."""

import re
from pathlib import Path
from typing import Final

import pandas as pd

from ichreport.data.labels.cq500 import FINDINGS, NAME, NAME_COLUMN, SPELLINGS
from ichreport.labels import LABELS

FILE: Final = "prediction_probabilities.csv"


def read_cq500_scores(path: Path) -> pd.DataFrame:
    """Read another system's probabilities of the labels that it knows.

    Args:
        path: The CSV: `name`, and a column for each finding whose name holds its code (ICH, IPH,
            IVH, SDH, EDH, SAH) as a word. Other columns are not read.

    Returns:
        A row for each spelling of a scan's name: `patient_id`, and a column a label, such as
        `any`; NaN where a cell is empty.

    Raises:
        ValueError: If names or all findings are missing, a name has another form or stands twice,
            or a score is no number from 0 to 1.
    """
    try:
        table = pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is not readable as CSV: {type(error).__name__}.") from error
    found = {
        label: next((c for c in table.columns if _is_of(FINDINGS[label], c)), None)
        for label in LABELS
    }
    columns = {label: name for label, name in found.items() if name is not None}
    if NAME_COLUMN not in table or not columns:
        raise ValueError(
            f"{path}: expected the columns {NAME_COLUMN} and any of "
            f"{', '.join(FINDINGS.values())}; it has {len(table.columns)} others."
        )
    number = table[NAME_COLUMN].str.strip().str.extract(NAME)["number"]
    if number.isna().any():
        raise ValueError(f"{path}: {int(number.isna().sum())} names are not CQ500-CT-<number>.")
    if number.duplicated().any():
        raise ValueError(f"{path}: {int(number.duplicated().sum())} scans stand twice.")
    scores = pd.DataFrame(
        {
            label: pd.to_numeric(table[name].str.strip().replace("", "nan"), errors="coerce")
            for label, name in columns.items()
        }
    )
    empty = table[list(columns.values())].apply(lambda cells: cells.str.strip() == "").to_numpy()
    wrong = ~(scores.ge(0) & scores.le(1)).to_numpy() & ~empty
    if wrong.any():
        raise ValueError(f"{path}: {int(wrong.sum())} scores are no numbers from 0 to 1.")
    spelled = [scores.assign(patient_id=[s.format(n) for n in number]) for s in SPELLINGS]
    return pd.concat(spelled, ignore_index=True)[["patient_id", *columns]]


def _is_of(code: str, column: str) -> bool:
    """Whether a column's name holds a finding's code, and is of no reader."""
    return code in re.split(r"[^A-Za-z0-9]+", column)

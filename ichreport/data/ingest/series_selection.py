"""Which series of a study to keep: a head, as it was scanned, and the plainest of several.

A hospital's study holds the same head several times: thin and thick, for bone, reformatted, with
contrast. One series a study is chosen by a ranked rule; the table of series says by what.
"""

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.dicom.acquisition import ORIGINAL, SHARP, class_of_kernel
from ichreport.data.store import OF_A_STUDY, series_numbers, series_starts
from ichreport.labels import LABELS

LEAST_HEAD: Final = 0.2
"""Share of a series' slices that must show the vault of a skull for it to be of a head."""
_SAME_MM: Final = 0.01
"""mm; positions that differ by less are the same, and so are steps."""
_GAP: Final = 1.5
"""How many usual steps a step must be to be a gap."""
_WHOLE: Final = 0.8
"""Share of the longest vault's length in z, of a study's series, that a whole one has."""
_MOSTLY: Final = 0.5
"""Share of slices that show the vault in a series of a head and little else."""
_USUAL_THICKNESS: Final = 5.0
"""mm, of the challenge's slices."""
_OTHER_KINDS: Final = (
    *("scout", "report", "perfusion", "projection", "reformat", "other region"),
    *("angiography", "with contrast"),
)
"""Classes of SeriesDescription that rank behind all others, in no order among them."""
_NO_HEAD: Final = "no head: few of its slices show the vault of a skull"
_CRITERIA: Final = {
    "labelled": "its slices have no labels, those of another series have",
    "is_head": _NO_HEAD,
    "usual_kind": "a special series by its description, beside a plain one",
    "original": "derived, beside an original one",
    "plain": "with contrast, beside one without",
    "whole": "shorter than another along the head",
    "mostly_head": "less than half of its slices show the vault of a skull, more of another's do",
    "not_sharp": "a sharp kernel, for bone or lung, beside a softer one",
    "known_thickness": "its slices' thickness is not known, another's is",
    "near_usual": f"its slices' thickness is farther from {_USUAL_THICKNESS:g} mm than another's",
    "no_gaps": "gaps or repeated positions, beside one without",
    "most": "fewer slices than another",
}
"""What a series is ranked by, in this order, and why one that is beaten by it is passed over."""
_LAST: Final = "as good as the one that is kept, and listed behind it"
CHOSEN: Final = "kept"
_FIRST_OF: Final = (
    *("patient_id", "study_instance_uid", "series_instance_uid"),
    *("kernel", "description", "image_type", "manufacturer", "model", "orientation"),
)


NEEDED: Final = [
    *_FIRST_OF,
    *("z", "thickness", "contrast", "shows_head", *LABELS),
]
"""The columns of slices that the table of series is made of."""


def series_table(slices: pd.DataFrame) -> pd.DataFrame:
    """What each series is like.

    Args:
        slices: Sorted as a store's slices are.

    Returns:
        A row a series, in that order: identifiers, `slices`, `length` and `step` in z (mm),
        `head_length` (mm in z between slices that show the vault; `length` where that is not
        known), `uneven` (whether steps differ), `gaps` (steps above 1.5 usual ones, and above 1.5
        times the slices' thickness), `repeated`
        (slices at a position that another has), `thickness` (mm), `kernel`, `contrast`,
        `description`, `image_type`, `manufacturer`, `model`, `orientation`, `head_share` (of the
        slices that it is known of; NaN if of none) and `labelled` (slices with any label).
    """
    start, number = np.flatnonzero(series_starts(slices)), series_numbers(slices)
    table = slices.iloc[start][list(_FIRST_OF)].reset_index(drop=True)
    table["slices"] = np.diff([*start, len(slices)])
    z = slices["z"].to_numpy(dtype=np.float64)
    same = number[1:] == number[:-1]
    step, of_series = np.diff(z)[same], number[1:][same]
    usual = _by_series(step[step > _SAME_MM], of_series[step > _SAME_MM], len(table), "median")
    thickness = slices["thickness"].to_numpy(dtype=np.float64)
    thicker = np.fmax(thickness[1:], thickness[:-1])[same]
    counted = {
        "gaps": step > _GAP * np.fmax(usual[of_series], thicker),
        "repeated": step <= _SAME_MM,
    }
    spread = _by_series(step, of_series, len(table), "max") - _by_series(
        step, of_series, len(table), "min"
    )
    table["length"] = _by_series(step, of_series, len(table), "sum")
    table["step"] = usual
    table["uneven"] = spread > _SAME_MM
    for name, where in counted.items():
        table[name] = np.bincount(of_series[where], minlength=len(table))
    table["thickness"] = _by_series(thickness, number, len(table), "median")
    contrast = slices["contrast"].to_numpy(dtype=bool)
    table["contrast"] = np.bincount(number[contrast], minlength=len(table)) > 0
    known = slices["shows_head"].notna().to_numpy()
    shows = slices["shows_head"].to_numpy()[known].astype(np.float64)
    table["head_share"] = _by_series(shows, number[known], len(table), "mean")
    vault, of_vault = z[known][shows == 1], number[known][shows == 1]
    ends = (_by_series(vault, of_vault, len(table), how) for how in ("max", "min"))
    head_length = np.subtract(*ends)
    table["head_length"] = np.where(np.isnan(head_length), table["length"], head_length)
    labelled = (slices[list(LABELS)].to_numpy() >= 0).any(axis=1)
    table["labelled"] = np.bincount(number[labelled], minlength=len(table))
    return table


def choose(table: pd.DataFrame) -> pd.DataFrame:
    """Choose one head series of each study, or all whose slices have labels.

    Args:
        table: As `series_table` gives it.

    Returns:
        The same with `kept`, and `why` in words.
    """
    if table.empty:
        return keep_all(table)
    ranked = _criteria(table)
    study = table.groupby(OF_A_STUDY, sort=False).ngroup().to_numpy()
    order = np.lexsort([*(-ranked[name].to_numpy() for name in reversed(ranked.columns)), study])
    first = np.r_[True, study[order][1:] != study[order][:-1]]
    best = order[np.flatnonzero(first)[np.cumsum(first) - 1]]
    best_of = np.empty(len(table), dtype=np.int64)
    best_of[order] = best
    values = ranked.to_numpy()
    differs = values != values[best_of]
    reasons = np.array([*_CRITERIA.values(), _LAST], dtype=object)
    beaten_by = np.where(differs.any(axis=1), differs.argmax(axis=1), len(_CRITERIA))
    is_head, labelled = (ranked[name].to_numpy() == 1 for name in ("is_head", "labelled"))
    kept = labelled | (is_head & (best_of == np.arange(len(table))))
    why = np.where(is_head, reasons[beaten_by], _NO_HEAD)
    return table.assign(kept=kept, why=np.where(kept, CHOSEN, why))


def keep_all(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with all series kept."""
    return table.assign(kept=True, why=CHOSEN)


def _criteria(table: pd.DataFrame) -> pd.DataFrame:
    """A number for each of `_CRITERIA`; more is better."""
    share = table["head_share"].to_numpy(dtype=np.float64)
    thickness = table["thickness"].to_numpy(dtype=np.float64)
    thickness = np.where(np.isnan(thickness), table["step"].to_numpy(), thickness)
    is_head = np.isnan(share) | (share >= LEAST_HEAD)
    heads = table["head_length"].where(is_head)
    longest = heads.groupby([table["patient_id"], table["study_instance_uid"]]).transform("max")
    sharp = {kernel: class_of_kernel(kernel) == SHARP for kernel in table["kernel"].unique()}
    criteria: dict[str, Any] = {
        "labelled": table["labelled"] > 0,
        "is_head": is_head,
        "usual_kind": ~table["description"].isin(_OTHER_KINDS),
        "original": table["image_type"].isin(["", ORIGINAL]),
        "plain": ~table["contrast"],
        "whole": ~(table["head_length"] < _WHOLE * longest),
        "mostly_head": np.isnan(share) | (share >= _MOSTLY),
        "not_sharp": ~table["kernel"].map(sharp).astype(bool) & (table["description"] != "bone"),
        "known_thickness": ~np.isnan(thickness),
        "near_usual": -np.abs(np.nan_to_num(thickness, nan=0) - _USUAL_THICKNESS).round(2),
        "no_gaps": (table["gaps"] == 0) & (table["repeated"] == 0),
        "most": table["slices"],
    }
    return pd.DataFrame({name: np.asarray(criteria[name], dtype=np.float64) for name in _CRITERIA})


def _by_series(
    values: NDArray[np.float64], series: NDArray[np.int64], count: int, how: str
) -> NDArray[np.float64]:
    """A statistic of the values of each series; NaN for one without, 0 for its sum."""
    grouped = pd.Series(values).groupby(series).agg(how)
    fill = 0.0 if how == "sum" else np.nan
    result: NDArray[np.float64] = grouped.reindex(range(count), fill_value=fill).to_numpy(float)
    return result

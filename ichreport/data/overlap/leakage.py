"""What the splits of a sample share: patients, studies, series, identical pixels, neighbours."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import OF_A_STUDY, series_numbers, series_starts
from ichreport.splits import SPLITS

NEIGHBOURS: Final = "neighbouring slices"
"""The kind that is shared in pairs: a slice in one split, the next of its series in the other."""

_AUDITED: Final = {
    "patients": "patient_id",
    "groups": "group",
    "studies": "study_instance_uid",
    "series": "series_instance_uid",
    "identical pixels": "pixel_hash",
}


def leak_audit(slices: pd.DataFrame, sample: Sample) -> pd.DataFrame:
    """Count what each pair of a sample's splits shares.

    Args:
        slices: The store's slices, in its order: series by series, each from its lowest slice up.
        sample: A sample of them.

    Returns:
        A row for each pair of splits and each kind (patients, groups, studies, series, identical
        pixels but those of blank slices, neighbouring slices): `first` and `second` (the splits),
        `kind`, `shared` (how many of that kind both have), `slices_in_first` and
        `slices_in_second` (how many slices these make up). Of neighbouring slices, `shared` are
        pairs of a slice and the one directly above it, of which each split has one.
    """
    audit = []
    for kind, column in _AUDITED.items():
        slices_in = _slices_by_value(slices, sample, kind, column)
        for first, second in combinations(SPLITS, 2):
            shared = (slices_in[first] > 0) & (slices_in[second] > 0)
            of_both = (slices_in[name][shared] for name in (first, second))
            audit.append(_row(first, second, kind, shared, *of_both))
    split_of = _splits_of_all(slices, sample)
    is_continued = ~series_starts(slices)[1:]
    for first, second in combinations(SPLITS, 2):
        pairs = _neighbours(split_of == first, split_of == second, is_continued)
        audit.append(_row(first, second, NEIGHBOURS, *pairs))
    return pd.DataFrame(audit)


def _row(first: str, second: str, kind: str, *counts: NDArray[Any]) -> dict[str, Any]:
    """A row of the audit: what is shared, and its slices in either split, to be summed."""
    names = ("shared", "slices_in_first", "slices_in_second")
    summed = {name: int(count.sum()) for name, count in zip(names, counts, strict=True)}
    return {"first": first, "second": second, "kind": kind, **summed}


def _slices_by_value(
    slices: pd.DataFrame, sample: Sample, kind: str, column: str
) -> Mapping[str, NDArray[np.int64]]:
    """By split, how many of its slices have each value of a column."""
    codes, uniques = pd.factorize(pd.Series(_values(slices, sample, column)))
    counted = codes >= 0
    if kind == "identical pixels" and "blank" in slices:
        counted &= ~slices["blank"].to_numpy(dtype=bool)[sample.rows]
    return {
        name: np.bincount(codes[(sample.split == name) & counted], minlength=len(uniques))
        for name in SPLITS
    }


def _values(slices: pd.DataFrame, sample: Sample, column: str) -> Any:
    """What the slices of a sample have in a column; of studies and series, their numbers.

    Files that were made anonymous carelessly share the UIDs of several patients' studies.
    """
    if column == "group":
        return sample.group
    if column == "study_instance_uid":
        return slices.groupby(OF_A_STUDY, sort=False).ngroup().to_numpy()[sample.rows]
    if column == "series_instance_uid":
        return series_numbers(slices)[sample.rows]
    return slices[column].to_numpy()[sample.rows]


def _splits_of_all(slices: pd.DataFrame, sample: Sample) -> NDArray[np.str_]:
    """The split of each slice of the store; empty where the sample leaves it out."""
    split_of = np.full(len(slices), "", dtype=sample.split.dtype)
    split_of[sample.rows] = sample.split
    return split_of


def _neighbours(
    in_first: NDArray[np.bool_], in_second: NDArray[np.bool_], is_continued: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Where a slice and the next one of its series are in different splits.

    Args:
        in_first: (n,), whether each slice of the store is in the first split.
        in_second: The same of the second.
        is_continued: (n - 1,), whether the next slice is of the same series.

    Returns:
        Whether each pair of slices in a row is such a pair, (2, n - 1) for either order, and
        whether each slice of the first and of the second split is in one, (n,).
    """
    pairs = np.stack([in_first[:-1] & in_second[1:], in_second[:-1] & in_first[1:]]) & is_continued
    lower, upper = (np.pad(pairs, [(0, 0), side]) for side in ((0, 1), (1, 0)))
    return pairs, lower[0] | upper[1], upper[0] | lower[1]

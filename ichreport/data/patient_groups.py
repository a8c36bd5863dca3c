"""Groups of patients that share pixels, and the audit of what stands on both sides of a split."""

from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ichreport.splits import SPLITS

_AUDITED: Final = {
    "patients": "patient_id",
    "groups": "group",
    "studies": "study_instance_uid",
    "series": "series_instance_uid",
    "identical pixels": "pixel_hash",
}


def linked_groups(slices: pd.DataFrame) -> "pd.Series[str]":
    """Group patients that are linked by identical pixels, directly or through others.

    Slices of one value throughout (blank ones) link nobody.

    Args:
        slices: The columns `patient_id`, `pixel_hash` and, if known, `blank`.

    Returns:
        The group of each slice, named by its smallest patient ID; the index is that of `slices`.
    """
    patient, patients = pd.factorize(slices["patient_id"], sort=True)
    pixels, _ = pd.factorize(slices["pixel_hash"])
    linking = varies_within(pixels, patient)
    if "blank" in slices:
        linking &= ~slices["blank"].to_numpy(dtype=bool)
    _, nodes = np.unique(pixels[linking], return_inverse=True)
    size = len(patients) + (nodes.max() + 1 if len(nodes) else 0)
    ends = patient[linking], nodes + len(patients)
    graph = coo_array((np.ones(len(nodes), dtype=np.int8), ends), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    component = component[: len(patients)]
    # Patients are sorted, so the first of a component is its smallest ID.
    _, first = np.unique(component, return_index=True)
    smallest = np.empty(component.max() + 1 if len(component) else 0, dtype=np.int64)
    smallest[component[first]] = first
    names = patients.take(smallest[component][patient])
    return pd.Series(names, index=slices.index, name="group", dtype="str")


def varies_within(key: NDArray[np.int64], value: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where other places with the same key have another value.

    Args:
        key: (n,), numbered from 0, such as the pixels of slices.
        value: (n,), at least 0, such as their patients.
    """
    count = key.max(initial=-1) + 1
    lowest = np.full(count, np.iinfo(np.int64).max)
    highest = np.full(count, -1)
    np.minimum.at(lowest, key, value)
    np.maximum.at(highest, key, value)
    varies: NDArray[np.bool_] = (lowest != highest)[key]
    return varies


def audit_splits(
    slices: pd.DataFrame, rows: NDArray[np.int64], split: NDArray[Any], group: NDArray[Any]
) -> pd.DataFrame:
    """Count what stands on both sides of each pair of splits.

    Args:
        slices: A store's slices.
        rows: The sample's row numbers.
        split: The split of each, one of `SPLITS`.
        group: The linked group of each.

    Returns:
        A row for each pair of splits and each kind of thing (patients, groups, studies, series,
        identical pixels but those of blank slices): `shared`, how many of that kind stand on both
        sides, and the slices they make up in each.
    """
    chosen = slices.iloc[rows]
    sides = {name: np.asarray(split) == name for name in SPLITS}
    audit = []
    for kind, column in _AUDITED.items():
        values = group if column == "group" else chosen[column]
        codes, uniques = pd.factorize(pd.Series(values))
        telling = codes >= 0
        if kind == "identical pixels" and "blank" in chosen:
            telling &= ~chosen["blank"].to_numpy(dtype=bool)
        there = {
            name: np.bincount(codes[side & telling], minlength=len(uniques))
            for name, side in sides.items()
        }
        for first, second in combinations(SPLITS, 2):
            both = (there[first] > 0) & (there[second] > 0)
            audit.append(
                {
                    "first": first,
                    "second": second,
                    "kind": kind,
                    "shared": int(both.sum()),
                    "slices_in_first": int(there[first][both].sum()),
                    "slices_in_second": int(there[second][both].sum()),
                }
            )
    return pd.DataFrame(audit)

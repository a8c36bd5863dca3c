"""Groups of patients that are linked by identical pixels."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def linked_groups(slices: pd.DataFrame) -> "pd.Series[str]":
    """Group patients that are linked by identical pixels, directly or through others.

    Blank slices, of one value throughout, link no patients.

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
    """Where other elements with the same key have another value.

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

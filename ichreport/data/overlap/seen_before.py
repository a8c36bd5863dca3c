"""Patients that a run has learned from, found again in another data set."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.patient_groups import linked_groups


@dataclass(frozen=True)
class SeenBefore:
    """What a run has learned from, as far as another data set can share it.

    Attributes:
        patients: Patient IDs.
        pixels: Hashes of the pixels of all their slices, but for blank ones.
    """

    patients: frozenset[str]
    pixels: frozenset[str]

    @classmethod
    def of(cls, slices: pd.DataFrame, patients: Set[str]) -> Self:
        """What some patients of a store are known by.

        Args:
            slices: The store's slices: `patient_id`, `pixel_hash`, `blank`.
            patients: The IDs of the patients.
        """
        theirs = slices[slices["patient_id"].isin(patients) & ~slices["blank"].astype(bool)]
        return cls(frozenset(patients), frozenset(theirs["pixel_hash"]))

    def find(self, slices: pd.DataFrame) -> "Found":
        """The patients of another store that are among those.

        Args:
            slices: The other store's slices.
        """
        same_id = slices["patient_id"].isin(self.patients).to_numpy()
        blank = slices["blank"].to_numpy(dtype=bool)
        same_pixels = slices["pixel_hash"].isin(self.pixels).to_numpy() & ~blank
        group = linked_groups(slices)
        seen = group.isin(group[same_id | same_pixels]).to_numpy()
        patients = slices["patient_id"]
        return Found(
            slices=seen,
            group=group.to_numpy(),
            same_id=patients[same_id].nunique(),
            same_pixels=patients[same_pixels].nunique(),
            patients=patients[seen].nunique(),
        )


@dataclass(frozen=True)
class Found:
    """Patients of a store that were seen before.

    Attributes:
        slices: (n,), whether each slice is of one, or of one that is linked with one.
        group: (n,), the linked patients of each slice.
        same_id: Patients with the ID of one.
        same_pixels: Patients with a slice of one.
        patients: All that are left out, those that are linked with them among them.
    """

    slices: NDArray[np.bool_]
    group: NDArray[np.object_]
    same_id: int
    same_pixels: int
    patients: int

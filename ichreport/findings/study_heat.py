"""Heat maps of a study's slices: what speaks for a label, as a network sees it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class StudyHeat:
    """Heat maps of some slices of a study for one label.

    Attributes:
        label: The label.
        method: How they were made, in the words of `model.maps.cam`.
        network: The run whose network was looked through.
        rows: Row numbers of the slices in the store, (n,), ascending.
        maps: float32 (n, size, size) in [0, 1], of the store's slices; each was scaled to its own
            maximum and multiplied by its slice's probability.
    """

    label: str
    method: str
    network: str
    rows: NDArray[np.int64]
    maps: NDArray[np.float32]

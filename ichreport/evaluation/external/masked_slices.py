"""Slices of another hospital whose masks say where it bleeds."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ichreport.data.store import Store
from ichreport.evaluation.maps.against_truth import MAX_SLICES
from ichreport.labels import ANY, LABELS

_SLICES_AT_ONCE: Final = 512


def masked_slices(
    store: Store, rows: NDArray[np.int64], *, max_slices: int = MAX_SLICES, seed: int = 0
) -> dict[str, NDArray[np.int64]]:
    """The slices in which a mask shows each label, whatever the labels of slices say.

    Args:
        store: Where they are.
        rows: Row numbers to choose from.
        max_slices: Slices of a label at most; of more, a random choice.
        seed: Seed of that choice.

    Returns:
        By label, row numbers in the store, sorted; a label that no mask shows is left out. Empty
        where there are no masks.
    """
    if not store.has_truth:
        return {}
    masked = rows[store.slices["truth_row"].to_numpy()[rows] >= 0]
    starts = range(0, len(masked), _SLICES_AT_ONCE)
    seen = [
        np.bitwise_or.reduce(store.truth(masked[start : start + _SLICES_AT_ONCE]), axis=(1, 2))
        for start in starts
    ]
    bits = np.concatenate(seen) if seen else np.empty(0, dtype=np.uint8)
    random, chosen = np.random.default_rng(seed), {}
    for label in LABELS:
        shows = bits > 0 if label == ANY else (bits >> LABELS.index(label) & 1) == 1
        if shows.any():
            chosen[label] = np.sort(random.permutation(masked[shows])[:max_slices])
    return chosen

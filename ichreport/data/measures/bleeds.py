"""The bleed in a slice by its mask: where it is, its area, its contrast, its way to bone."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from ichreport.data.store import Store
from ichreport.data.tissue import BONE_HU, BRAIN_HU
from ichreport.labels import ANY, LABELS

REACH: Final = 10.0
"""mm around a bleed within which brain is compared with it and bone counts as near."""
_SLICES_AT_ONCE: Final = 512


class BleedMeasures(NamedTuple):
    """What was measured of the bleed in one slice; NaN where there is nothing to measure.

    Attributes:
        area: Its area (cm²).
        contrast: The mean of its HU less the median of the brain within `REACH` around it (HU).
        from_bone: The median over its pixels of the distance to bone (mm), at most `REACH`.
    """

    area: float = math.nan
    contrast: float = math.nan
    from_bone: float = math.nan


def measure_bleed(
    hu: NDArray[np.int16], mask: NDArray[np.bool_], blood: NDArray[np.bool_], spacing: float
) -> BleedMeasures:
    """Measure the bleed in a slice.

    Args:
        hu: (rows, columns) HU.
        mask: (rows, columns), where the bleed is.
        blood: (rows, columns), where any bleed is; none of it counts as brain.
        spacing: Distance of the pixels (mm); NaN where the file does not say, and then nothing is
            measured.
    """
    if not (mask.any() and spacing > 0):
        return BleedMeasures()
    around = _around(mask, margin=math.ceil(REACH / spacing) + 1)
    hu, mask, blood = hu[around], mask[around], blood[around]
    away = ndimage.distance_transform_edt(~mask, sampling=spacing)
    is_brain = (hu > BRAIN_HU[0]) & (hu < BRAIN_HU[1]) & ~blood & (away <= REACH)
    contrast = hu[mask].mean() - np.median(hu[is_brain]) if is_brain.any() else math.nan
    return BleedMeasures(
        area=float(mask.sum()) * spacing**2 / 100,
        contrast=float(contrast),
        from_bone=_from_bone(hu > BONE_HU, mask, spacing),
    )


def _around(mask: NDArray[np.bool_], margin: int) -> tuple[slice, ...]:
    """The rectangle of pixels that holds a mask, with a margin."""
    ends = (np.flatnonzero(mask.any(axis=axis))[[0, -1]] for axis in (1, 0))
    return tuple(slice(max(first - margin, 0), last + margin + 1) for first, last in ends)


def _from_bone(bone: NDArray[np.bool_], mask: NDArray[np.bool_], spacing: float) -> float:
    if not bone.any():
        return REACH
    distance = ndimage.distance_transform_edt(~bone, sampling=spacing)
    return float(min(np.median(distance[mask]), REACH))


def measure_bleeds(store: Store, rows: NDArray[np.int64], label: str) -> pd.DataFrame:
    """Measure the bleed of a label in each of some slices.

    Args:
        store: A store with masks of the bleeds.
        rows: Row numbers of its slices, (n,).
        label: One of `LABELS`.

    Returns:
        (n, 3): the fields of `BleedMeasures`, indexed by `rows`.
    """
    return measure_each_bleed(store, rows, [label])[label]


def measure_each_bleed(
    store: Store, rows: NDArray[np.int64], labels: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Measure the bleed of each of several labels in some slices, which are read once.

    Args:
        store: A store with masks of the bleeds.
        rows: Row numbers of its slices, (n,).
        labels: Some of `LABELS`.

    Returns:
        By label, as `measure_bleeds`.
    """
    spacing = 10 * np.sqrt(pixel_areas(store, rows))
    measures: dict[str, list[BleedMeasures]] = {label: [] for label in labels}
    for start in range(0, len(rows), _SLICES_AT_ONCE):
        batch, of_batch = (each[start : start + _SLICES_AT_ONCE] for each in (rows, spacing))
        hu, bits = store.hu(batch), store.truth(batch)
        blood = _where(bits, ANY)
        for label, measured in measures.items():
            measured += map(measure_bleed, hu, _where(bits, label), blood, of_batch)
    return {
        label: pd.DataFrame(measured, columns=BleedMeasures._fields, index=rows, dtype=np.float64)
        for label, measured in measures.items()
    }


def truth_masks(store: Store, rows: NDArray[np.int64], label: str) -> NDArray[np.bool_]:
    """Where a label bleeds in some slices: bool (slices, size, size)."""
    return _where(store.truth(rows), label)


def _where(bits: NDArray[np.uint8], label: str) -> NDArray[np.bool_]:
    """Where a label bleeds, by a store's masks."""
    return bits > 0 if label == ANY else (bits >> LABELS.index(label) & 1).astype(bool)


def pixel_areas(store: Store, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The area that a pixel of the store covers in each slice (cm²).

    Args:
        store: The store.
        rows: Row numbers of its slices.
    """
    slices = store.slices.iloc[rows]
    # A pixel of the store covers this many of the file's along each side.
    scale = slices[["rows", "columns"]].max(axis=1).to_numpy() / store.image_size
    areas: NDArray[np.float64] = (slices["spacing"].to_numpy(dtype=float) * scale) ** 2 / 100
    return areas

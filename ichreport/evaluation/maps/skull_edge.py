"""Heat along the inner edge of the skull: what a map scores that has seen no blood, only bone.

Epidural and subdural blood lies against the skull, and subarachnoid blood near it. So a map may
point at many a bleed by looking at that edge alone, and one that shows blood has to beat it.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ichreport.data.tissue import BONE_HU

SMALLEST_INSIDE: Final = 0.01
"""Share of a slice that the inside of a skull fills at least; less are gaps within the bone."""

_TOUCHING: Final = np.ones((3, 3), dtype=np.bool_)
"""Pixels that touch at a corner belong together, and gaps of up to two pixels are closed."""


def skull_edge_heatmap(hu: ArrayLike) -> NDArray[np.float64]:
    """Heat that falls with the distance from the inner table of the skull, from HU alone.

    It is 1 in pixels inside the skull that border on it, falls in a straight line with the
    Euclidean distance to the nearest pixel of bone, and is 0 in bone and outside. Calcifications do
    not count as skull.

    Args:
        hu: (rows, columns), one slice in HU.

    Returns:
        (rows, columns) in [0, 1]. All 0 where the slice shows no closed skull, so that no measure
        of it is defined.

    Raises:
        ValueError: If `hu` is no image.
    """
    slice_hu = np.asarray(hu)
    if slice_hu.ndim != 2:
        raise ValueError(f"hu must be an image of (rows, columns), got {slice_hu.shape}.")
    skull = _largest(slice_hu > BONE_HU, _TOUCHING)
    inside = _inside(skull)
    if not inside.any():
        return np.zeros(slice_hu.shape)
    distance = ndimage.distance_transform_edt(~skull)
    first, last = distance[inside].min(), distance[inside].max()
    return np.where(inside, 1 - (distance - first) / (last - first + 1), 0)


def skull_edge_heatmaps(hu: ArrayLike) -> NDArray[np.float64]:
    """The heat of several slices: (n, rows, columns), as `skull_edge_heatmap` gives it."""
    slices = np.asarray(hu)
    heat = [skull_edge_heatmap(one) for one in slices]
    return np.array(heat, dtype=np.float64).reshape(slices.shape)


def _inside(skull: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest part that a skull encloses; none where it is too small to be a head's inside."""
    closed = ndimage.binary_closing(np.pad(skull, 1), _TOUCHING)[1:-1, 1:-1] | skull
    inside = _largest(ndimage.binary_fill_holes(closed) & ~closed)
    return inside if inside.mean() >= SMALLEST_INSIDE else np.zeros_like(inside)


def _largest(
    mask: NDArray[np.bool_], structure: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """The largest connected part of a mask, by its four neighbours if not said otherwise."""
    parts, count = ndimage.label(mask, structure)
    if not count:
        return np.zeros(mask.shape, dtype=np.bool_)
    largest: NDArray[np.bool_] = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    return largest

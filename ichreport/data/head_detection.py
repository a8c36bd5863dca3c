"""Whether a slice shows a head: a ring of bone with brain in it, as nothing else in the body has.

A cheap rule on one slice, for whole series of chests, necks and spines among heads. It looks from
the middle of the bone in all directions, as the hand of a clock goes around: in a head, nearly each
direction meets the skull, at a distance that a skull has, and what lies before it is soft tissue.
"""

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_BONE_HU: Final = 250
"""HU above which a pixel counts as bone; thin bone is averaged with what lies beside it."""
_SOFT_HU: Final = (-10, 120)
"""HU between which a pixel is brain, fluid in it or blood."""
_TISSUE_HU: Final = -200
"""HU above which the image ends within the head and not in the air around it."""
_GRID: Final = 1.5
"""mm a side of the pixels that are looked at."""
_MOST_CUT: Final = 0.4
"""Share of the directions that the image may cut off."""
_DIRECTIONS: Final = 72
_STEP: Final = 1.0
"""mm between the places that are looked at along a direction."""
_SKULL: Final = (20.0, 130.0)
"""mm from the middle at which the skull may be met; the vertex is small, a chest is larger."""
_LEAST_RING: Final = 0.75
"""Share of the directions that must meet bone; a flap taken out of the skull leaves this much."""
_LEAST_SOFT: Final = 0.7
"""Share of what lies before the bone that must be soft tissue."""
_FEWEST_BONE: Final = 20
"""Pixels of bone below which there is no ring."""


def shows_head(hu: NDArray[np.int16], spacing: float) -> bool:
    """Whether a slice shows the vault of a skull with brain in it.

    Slices below the vault, of the face or the neck, do not. Pixels are averaged to about 1.5 mm
    first, so that noise counts less and the answer does not depend on the store's size. Directions
    in which the head goes on beyond the image are not asked.

    Args:
        hu: HU in the standard orientation, shape (rows, columns), as its file has them.
        spacing: Distance of its pixels, mm.
    """
    if not spacing > 0:
        return False
    averaged, spacing = _averaged(hu, spacing)
    rows, columns = np.nonzero(averaged > _BONE_HU)
    if len(rows) < _FEWEST_BONE:
        return False
    center = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    along, within = _along_directions(averaged, center, spacing)
    near = round(_SKULL[0] / _STEP)
    bone: NDArray[np.bool_] = along[:, near:] > _BONE_HU
    met: NDArray[np.bool_] = np.any(bone, axis=1)
    last = np.take_along_axis(along, within.sum(axis=1, keepdims=True) - 1, axis=1)[:, 0]
    is_cut = ~met & ~within.all(axis=1) & (last > _TISSUE_HU)
    if is_cut.mean() > _MOST_CUT or np.mean(met, where=~is_cut) < _LEAST_RING:
        return False
    first = near + bone.argmax(axis=1)
    before = (np.arange(along.shape[1]) < np.expand_dims(first, 1)) & np.expand_dims(met, 1)
    soft = (along > _SOFT_HU[0]) & (along < _SOFT_HU[1])
    return bool(np.mean(soft, where=before) >= _LEAST_SOFT)


def _averaged(hu: NDArray[np.int16], spacing: float) -> tuple[NDArray[np.float32], float]:
    """Means of squares of pixels about as large as `_GRID`; what is left at the end is cut off."""
    side = max(1, min(round(_GRID / spacing), *hu.shape))
    rows, columns = (length // side for length in hu.shape)
    squares = hu[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return squares.mean(axis=(1, 3), dtype=np.float32), spacing * side


def _along_directions(
    hu: NDArray[np.float32], center: tuple[float, float], spacing: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What is met from the middle on, and whether that is within the image: (directions, steps)."""
    down, across = _places()
    rows = np.rint(center[0] + down / spacing).astype(np.int64)
    columns = np.rint(center[1] + across / spacing).astype(np.int64)
    height, width = hu.shape
    within = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    met = hu[rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return np.where(within, met, np.float32(-1024)), within


@lru_cache(maxsize=1)
def _places() -> tuple[NDArray[Any], NDArray[Any]]:
    """Down and across, mm from the middle, each (directions, steps)."""
    angles = np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)[:, None]
    distances = np.arange(0, _SKULL[1], _STEP)[None, :]
    return distances * np.sin(angles), distances * np.cos(angles)

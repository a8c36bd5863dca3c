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

    Slices below the vault, of the face or the neck, do not.

    Args:
        hu: HU in the standard orientation, shape (size, size).
        spacing: Distance of its pixels, mm.
    """
    if not spacing > 0:
        return False
    step = max(1, round(2.0 / spacing))  # a bone of 2 mm is met by some pixel
    rows, columns = np.nonzero(hu[::step, ::step] > _BONE_HU)
    if len(rows) < _FEWEST_BONE:
        return False
    center = step * (rows.min() + rows.max()) / 2, step * (columns.min() + columns.max()) / 2
    along = _along_directions(hu, center, spacing)
    near = round(_SKULL[0] / _STEP)
    bone: NDArray[np.bool_] = along[:, near:] > _BONE_HU
    met = bone.any(axis=1)
    if met.mean() < _LEAST_RING:
        return False
    first = near + bone.argmax(axis=1)
    before = (np.arange(along.shape[1]) < np.expand_dims(first, 1)) & np.expand_dims(met, 1)
    soft = (along > _SOFT_HU[0]) & (along < _SOFT_HU[1])
    return bool(np.mean(soft, where=before) >= _LEAST_SOFT)


def _along_directions(
    hu: NDArray[np.int16], center: tuple[float, float], spacing: float
) -> NDArray[np.int16]:
    """What is met from the middle on: (directions, steps), air beyond the slice."""
    down, across = _places()
    rows = np.rint(center[0] + down / spacing).astype(np.int64)
    columns = np.rint(center[1] + across / spacing).astype(np.int64)
    size = hu.shape[0]
    within = (rows >= 0) & (rows < size) & (columns >= 0) & (columns < size)
    along: NDArray[np.int16] = np.where(
        within, hu[rows.clip(0, size - 1), columns.clip(0, size - 1)], np.int16(-1024)
    )
    return along


@lru_cache(maxsize=1)
def _places() -> tuple[NDArray[Any], NDArray[Any]]:
    """Down and across, mm from the middle, each (directions, steps)."""
    angles = np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)[:, None]
    distances = np.arange(0, _SKULL[1], _STEP)[None, :]
    return distances * np.sin(angles), distances * np.cos(angles)

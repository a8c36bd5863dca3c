"""The cavity of the skull, which everything fits into."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.shapes import Array, Points, bump, smooth_max, smooth_step

_HALF_LENGTH = 81.0
_HALF_WIDTH = 67.0
DOME_HEIGHT = 76.0
_DOME_DROP = 112.0
_CENTER_Y = 3.0


class Cavity(NamedTuple):
    """The inside of the skull, seen from each point.

    Attributes:
        radius: Relative distance from the center: 1 on the inner table of the vault.
        vault: Distance to the inner table of the vault, negative inside (mm).
        floor: Distance below the floor of the fossae, negative above it (mm).
        wall: Distance to the cavity's surface, negative inside (mm).
        slope: How far the vault's wall leans towards the slice, 0 upright to 1 lying.
    """

    radius: Array
    vault: Array
    floor: Array
    wall: Array
    slope: Array

    def at(self, index: NDArray[np.intp]) -> "Cavity":
        """The points of a flat index."""
        return Cavity(*(field.take(index) for field in self))


def cavity(p: Points) -> Cavity:
    """Measure points against the inside of the skull.

    The vault is an ellipsoid, wider behind than in front, squared a little at its corners and
    flattened at the top.
    """
    y = (p.y - np.float32(_CENTER_Y)) * np.float32(1 / _HALF_LENGTH)
    width = _HALF_WIDTH * (1 + np.float32(0.08) * y - np.float32(0.05) * y * y)
    height = np.where(p.z > 0, np.float32(1 / DOME_HEIGHT), np.float32(1 / _DOME_DROP))
    x2, y2 = np.square(p.x / width), y * y
    z2 = np.square(p.z * height)
    squares = x2 + y2 + z2 * (np.float32(0.5) + np.float32(0.5) * z2) - np.float32(0.22) * x2 * y2
    radius = np.sqrt(np.maximum(squares, np.float32(1e-3)))
    rise = np.abs(p.z) * height * height * (np.float32(0.5) + z2)
    gradient = np.sqrt(x2 / (width * width) + y2 * np.float32(_HALF_LENGTH**-2) + rise * rise)
    gradient = np.maximum(gradient, radius * np.float32(1e-3))
    vault = (radius - 1) * radius / gradient
    slope = rise / gradient
    if p.z.min() > 0:
        return Cavity(radius, vault, np.full_like(vault, -99), vault, slope)
    floor = (_floor_height(p) - p.z) * np.float32(0.8)
    return Cavity(radius, vault, floor, smooth_max(vault, floor, 8), slope)


def petrous(p: Points) -> Array:
    """Distance in front of (negative) or behind the crests of the petrous bones (mm)."""
    return (p.y - 4 - np.float32(0.63) * (np.abs(p.x) - 10)) * np.float32(0.846)


def _floor_height(p: Points) -> Array:
    """Height of the skull's floor under each point (canonical mm).

    Three steps: the roofs of the orbits in front, the middle fossae beside the sella, the
    posterior fossa behind the petrous crests, with the clivus between the latter two and the
    foramen magnum behind it.
    """
    side = np.abs(p.x)
    behind_wings = smooth_step(p.y + 14 + np.float32(0.5) * side, -4, 5)
    crest = petrous(p)
    behind_crests = smooth_step(crest, -3, 3)
    front = -27 + 9 * bump(side, 27, 12)
    back = -50 - 13 * behind_crests
    back += (15 + 13 * behind_crests) * bump(crest, 0, 6)
    clivus = np.clip(-27 - np.float32(2.4) * (p.y + 3), -63, -31)
    middle = 1 - smooth_step(side, 8, 17)
    back += middle * (clivus - back)
    foramen = np.square(p.x * np.float32(1 / 15)) + np.square((p.y - 31) * np.float32(1 / 18))
    back -= 40 * (1 - smooth_step(foramen, 0.7, 1.1))
    height: Array = front + behind_wings * (back - front)
    return height

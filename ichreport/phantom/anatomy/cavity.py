"""The cavity of the skull, which everything fits into."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.shapes import (
    Array,
    Points,
    at_least,
    at_most,
    bump,
    smooth_max,
    smooth_step,
)

_HALF_LENGTH = 81.0
_HALF_WIDTH = 67.0
DOME_HEIGHT = 76.0
_DOME_DROP = 112.0
_CENTER_Y = 3.0

_FAR = -99.0
_FLOOR_TOP = 8.0
"""Height above which no floor is near (mm)."""

_OUTSIDE = 40.0
"""Distance outside the vault from which on there is no floor (mm)."""


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
    narrow = y * np.float32(-0.05 * _HALF_WIDTH)
    narrow += np.float32(0.08 * _HALF_WIDTH)
    narrow *= y
    narrow += np.float32(_HALF_WIDTH)
    np.reciprocal(narrow, out=narrow)
    low = bool(p.z.min() <= 0)
    height: Array | np.float32 = np.float32(1 / DOME_HEIGHT)
    if low:
        height = np.where(p.z > 0, height, np.float32(1 / _DOME_DROP))
    x2 = p.x * narrow
    x2 *= x2
    y2 = y * y
    z2 = p.z * height
    z2 *= z2
    rise = np.float32(0.5) + z2
    squares = z2 * (np.float32(0.5) + np.float32(0.5) * z2)
    squares += x2
    squares += y2
    squares -= np.float32(0.22) * x2 * y2
    radius: Array = np.sqrt(at_least(squares, 1e-3, out=squares), out=squares)
    rise *= np.abs(p.z)
    rise *= height * height
    narrow *= narrow
    narrow *= x2
    y2 *= np.float32(_HALF_LENGTH**-2)
    narrow += y2
    narrow += rise * rise
    gradient = np.sqrt(narrow, out=narrow)
    np.maximum(gradient, radius * np.float32(1e-3), out=gradient)
    vault = (radius - 1) * radius
    vault /= gradient
    rise /= gradient
    if not low:
        return Cavity(radius, vault, np.full_like(vault, _FAR), vault, rise)
    near = np.flatnonzero((p.z < _FLOOR_TOP) & (vault < _OUTSIDE))
    if len(near) > 0.8 * vault.size:
        floor = (_floor_height(p) - p.z) * np.float32(0.8)
    else:
        part = p.at(near)
        floor = np.full_like(vault, _FAR)
        floor.reshape(-1)[near] = (_floor_height(part) - part.z) * np.float32(0.8)
    return Cavity(radius, vault, floor, smooth_max(vault, floor, 8), rise)


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
    bowl = np.square(side * np.float32(1 / 50)) + np.square((p.y - 30) * np.float32(1 / 46))
    back += behind_crests * (12 * at_most(bowl, 1.3))
    trough = (side - 36) * np.float32(1 / 22)
    back += (1 - behind_crests) * (4 * at_most(trough * trough, 1.5)) * (1 - middle)
    back -= 17 * (1 - smooth_step(foramen, 0.7, 1.1))
    height: Array = front + behind_wings * (back - front)
    return height

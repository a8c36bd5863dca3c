"""One synthetic person's head: its traits, and the cavity of the skull that everything fits into.

Anatomy is drawn in canonical millimetres: the origin lies midway between the walls of the cavity
at the height of the foramina of Monro; x points to the patient's left, y to the back, z to the
vertex. A person's size and shape come in as an affine map from the scanner's frame.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.shapes import Array, Points, Vector, bump, smooth_max, smooth_step, vector

_HALF_LENGTH = 81.0
_HALF_WIDTH = 67.0
DOME_HEIGHT = 76.0
_DOME_DROP = 112.0
_CENTER_Y = 3.0


@dataclass(frozen=True)
class Head:
    """What varies from one person to the next.

    Attributes:
        age: Years.
        atrophy: Loss of brain with age, 0 to 1; it widens ventricles and sulci.
        scale: Size along x, y and z, relative to the canonical head.
        lean: Shear of the outline, as in a head flattened on one side.
        skull: Thickness of the vault (mm).
        scalp: Thickness of skin and fat over it (mm).
        ventricles: Size of the ventricles, relative to the canonical ones.
        sulci: Width of an open sulcus (mm).
        white: Intensity of white matter (HU).
        grey: Intensity of grey matter (HU).
        csf: Intensity of cerebrospinal fluid (HU).
        bone: Intensity of the skull's tables (HU).
        diploe: Intensity of the marrow between them (HU).
        leukoaraiosis: Darkening of the white matter around the ventricles (HU).
        aeration: Share of the mastoids that is air.
        origin: Where this person's folds start in the labyrinth (voxels).
        twist: Slant of the folds, as a drift along each axis (mm a mm of depth).
    """

    age: float
    atrophy: float
    scale: Vector
    lean: float
    skull: float
    scalp: float
    ventricles: float
    sulci: float
    white: float
    grey: float
    csf: float
    bone: float
    diploe: float
    leukoaraiosis: float
    aeration: float
    origin: Vector
    twist: Vector

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """Draw a person."""
        age = float(np.clip(rng.normal(58, 20), 18, 94))
        atrophy = float(np.clip((age - 40) / 55 + rng.normal(0, 0.12), 0, 1))
        size = rng.normal(1, 0.025)
        white = rng.normal(27.0, 1.0)
        return cls(
            age=age,
            atrophy=atrophy,
            scale=vector(size * rng.normal(1, (0.025, 0.025, 0.02))),
            lean=float(rng.normal(0, 0.02)),
            skull=float(np.clip(rng.normal(6.8, 1.0), 4.5, 9.5)),
            scalp=float(np.clip(rng.normal(5.5, 1.2), 3.5, 9)),
            ventricles=float(np.clip(rng.normal(0.72 + 0.55 * atrophy, 0.10), 0.5, 1.5)),
            sulci=float(np.clip(rng.normal(0.7 + 2.0 * atrophy, 0.25), 0.3, 3.2)),
            white=float(white),
            grey=float(white + rng.normal(9.5, 0.7)),
            csf=float(rng.normal(6, 1.5)),
            bone=float(rng.normal(1350, 120)),
            diploe=float(rng.normal(750, 120)),
            leukoaraiosis=float(max(0, rng.normal(10 * (atrophy - 0.35), 2))),
            aeration=float(np.clip(rng.normal(0.6, 0.15), 0.2, 0.85)),
            origin=vector(rng.uniform(0, 128, 3)),
            twist=vector(rng.normal(0, 0.35, 3)),
        )

    def canonical(self) -> NDArray[np.float64]:
        """The 3 x 3 matrix from this person's millimetres to canonical ones."""
        matrix = np.diag(1 / np.asarray(self.scale))
        matrix[0, 1] = self.lean
        return matrix


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

"""Arteries of the base and vessels on the brain: clotted, or filled with contrast."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ichreport.phantom.anatomy.brain import Brain
from ichreport.phantom.anatomy.cavity import Cavity
from ichreport.phantom.anatomy.landmarks import EDGE
from ichreport.phantom.lookalikes.lookalike import Patch
from ichreport.phantom.shapes import Points, Vector, capsule, inside, smooth_step, wander

_Tube = tuple[Vector, Vector, float]

_ARTERIES: Final[dict[str, tuple[_Tube, ...]]] = {
    "carotid": (
        ((12.0, -4.0, -29.0), (11.0, -14.0, -24.0), 2.1),
        ((11.0, -14.0, -24.0), (9.0, -13.0, -17.0), 2.0),
    ),
    "middle cerebral": (
        ((9.0, -13.0, -17.0), (22.0, -18.0, -14.5), 1.6),
        ((22.0, -18.0, -14.5), (36.0, -13.0, -9.0), 1.4),
    ),
    "insular": (
        ((36.0, -13.0, -9.0), (38.0, -8.0, 1.0), 1.1),
        ((36.0, -13.0, -9.0), (38.0, 0.0, -2.0), 1.1),
        ((38.0, 0.0, -2.0), (38.0, 10.0, 8.0), 1.0),
    ),
    "anterior cerebral": (
        ((9.0, -13.0, -17.0), (1.2, -20.0, -16.0), 1.2),
        ((1.2, -20.0, -16.0), (1.2, -40.0, -6.0), 1.1),
        ((1.2, -40.0, -6.0), (1.2, -42.0, 8.0), 1.0),
    ),
    "posterior cerebral": (
        ((0.0, -3.0, -22.0), (10.0, 0.0, -19.0), 1.2),
        ((10.0, 0.0, -19.0), (17.5, 9.0, -15.0), 1.1),
        ((17.5, 9.0, -15.0), (15.0, 23.0, -8.0), 1.0),
    ),
    "basilar": (
        ((0.0, -4.0, -46.0), (0.0, -5.0, -34.0), 1.9),
        ((0.0, -5.0, -34.0), (0.0, -3.0, -22.0), 1.8),
    ),
    "vertebral": (((9.0, 12.0, -62.0), (0.0, -4.0, -46.0), 1.6),),
}
"""Tubes of the arteries at the left: start, end, radius (mm)."""

ALL_ARTERIES: Final = tuple(_ARTERIES)


@dataclass(frozen=True)
class Arteries:
    """Arteries at the base of the brain.

    Attributes:
        name: What it is.
        hu: Intensity of the blood in them (HU).
        which: Names of the arteries.
        sides: -1 right, 1 left.
    """

    name: str
    hu: float
    which: tuple[str, ...]
    sides: tuple[int, ...] = (-1, 1)

    def patch(self, p: Points, space: Cavity, brain: Brain) -> Patch | None:
        """Where they are in a plane."""
        rest = brain.rest
        low, high = float(rest.z.min()) - 2, float(rest.z.max()) + 2
        tubes = [
            tube
            for name in self.which
            for tube in _ARTERIES[name]
            if low < max(tube[0][2], tube[1][2]) and high > min(tube[0][2], tube[1][2])
        ]
        if not tubes:
            return None
        box = (np.abs(rest.x) < 42) & (np.abs(rest.y + 10) < 36)
        if len(self.sides) == 1:
            box &= rest.x * self.sides[0] > -4
        index = np.flatnonzero(box)
        if not len(index):
            return None
        near = rest.at(index)
        mirrored = Points(np.abs(near.x), near.y, near.z)
        share = np.zeros_like(near.x)
        for start, end, radius in tubes:
            tube = capsule(mirrored, start, end, (radius, radius))
            np.maximum(share, inside(tube, EDGE), out=share)
        return Patch(index, share)


@dataclass(frozen=True)
class CorticalVessels:
    """Vessels in the sulci, cut across: dots.

    Attributes:
        name: What it is.
        hu: Intensity of the blood in them (HU).
        phase: Where they start in the labyrinth (voxels).
    """

    name: str
    hu: float
    phase: float

    def patch(self, p: Points, space: Cavity, brain: Brain) -> Patch | None:
        """Where they are in a plane."""
        index = np.flatnonzero((brain.subarachnoid > np.float32(0.15)) & (space.wall < -1))
        if not len(index):
            return None
        near = brain.rest.at(index)
        grain = wander(*(v * np.float32(1.9) + np.float32(self.phase) for v in near))
        share = smooth_step(grain, 1.25, 1.9)
        share *= smooth_step(brain.subarachnoid.take(index), 0.1, 0.4)
        return Patch(index, share)

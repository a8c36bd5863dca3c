"""Calcifications: spots of choroid plexus, pineal gland, dura, arteries' walls and nuclei."""

from dataclasses import dataclass

import numpy as np

from ichreport.phantom.anatomy.brain import Brain
from ichreport.phantom.anatomy.cavity import Cavity
from ichreport.phantom.anatomy.landmarks import EDGE
from ichreport.phantom.lookalikes.lookalike import Patch
from ichreport.phantom.shapes import Array, Points, Vector, ellipsoid, inside, vector

_Spots = list[tuple[Vector, Vector]]


@dataclass(frozen=True)
class Calcification:
    """Spots of calcium.

    Attributes:
        name: What is calcified.
        hu: Intensity of a spot (HU).
        spots: Centers and radii of the ellipsoids that it consists of (mm).
        fixed: Whether it stays with the skull when blood displaces the brain.
    """

    name: str
    hu: float
    spots: tuple[tuple[Vector, Vector], ...]
    fixed: bool = False

    def patch(self, p: Points, space: Cavity, brain: Brain) -> Patch | None:
        """Where it is in a plane; None if it is nowhere near."""
        rest = p if self.fixed else brain.rest
        low, high = float(rest.z.min()), float(rest.z.max())
        near = [
            s for s in self.spots if low - s[1][2] < s[0][2] + 2 and high + s[1][2] > s[0][2] - 2
        ]
        if not near:
            return None
        share: Array = np.maximum.reduce(
            [inside(ellipsoid(rest, center, radii), EDGE) for center, radii in near]
        )
        return Patch.where(share)


def choroid_plexus(rng: np.random.Generator) -> Calcification:
    """Lumps in the glomera, at the trigones of both lateral ventricles."""
    spots: _Spots = []
    for side in (-1, 1):
        for _ in range(int(rng.integers(1, 4))):
            center = vector(rng.normal((side * 22, 34, 9), (1.2, 2.5, 2)))
            spots.append((center, _radii(rng, 1.6, 4.0)))
    return _calcification("calcified choroid plexus", rng.uniform(100, 300), spots)


def pineal(rng: np.random.Generator) -> Calcification:
    """A spot behind the third ventricle."""
    center = vector(rng.normal((0, 22, 2), (0.6, 1, 1)))
    spots = [(center, _radii(rng, 2.2, 3.6))]
    return _calcification("calcified pineal", rng.uniform(110, 320), spots)


def falx(rng: np.random.Generator) -> Calcification:
    """Plates in the falx."""
    spots: _Spots = []
    for _ in range(int(rng.integers(1, 4))):
        angle = rng.uniform(-0.5, 2.2)
        reach = rng.uniform(0.72, 0.9)
        center = (0.0, -reach * 74 * np.cos(angle), reach * 70 * np.sin(angle))
        if center[2] > 12:
            spots.append((center, (rng.uniform(1.0, 2.2), rng.uniform(4, 11), rng.uniform(3, 7))))
    spots = spots or [((0.0, -52.0, 34.0), (1.4, 7.0, 5.0))]
    return _calcification("calcified falx", rng.uniform(120, 350), spots, fixed=True)


def small(rng: np.random.Generator) -> Calcification:
    """One to three specks anywhere in the brain, as of an old infection or a cavernoma."""
    spots: _Spots = []
    for _ in range(int(rng.integers(1, 4))):
        away = rng.normal(size=3)
        away[2] = abs(away[2])
        center = vector(away / np.linalg.norm(away) * rng.uniform(25, 55))
        spots.append((center, _radii(rng, 1.3, 2.8)))
    return _calcification("small calcification", rng.uniform(90, 260), spots)


def basal_ganglia(rng: np.random.Generator) -> Calcification:
    """Both globi pallidi."""
    size = rng.uniform(0.8, 1.3)
    spots = [
        (vector(rng.normal((side * 21, -1, 1), (0.8, 1, 1))), (2.2 * size, 5 * size, 3.5))
        for side in (-1, 1)
    ]
    return _calcification("calcified basal ganglia", rng.uniform(70, 150), spots)


def dentate_nuclei(rng: np.random.Generator) -> Calcification:
    """Both dentate nuclei of the cerebellum, faint."""
    size = rng.uniform(0.8, 1.2)
    spots = [
        (vector(rng.normal((side * 14, 41, -43), 0.8)), (5 * size, 2.6 * size, 3.5))
        for side in (-1, 1)
    ]
    return _calcification("calcified dentate nuclei", rng.uniform(65, 130), spots)


def carotid_siphons(rng: np.random.Generator) -> Calcification:
    """Flecks in the walls of the carotid arteries beside the sella."""
    spots: _Spots = []
    for side in (-1, 1):
        for _ in range(int(rng.integers(1, 4))):
            center = vector(rng.normal((side * 12, -8, -23), (1.2, 3, 3)))
            spots.append((center, vector(rng.uniform((1.0, 1.5, 2.0), (1.7, 3.5, 4.5)))))
    return _calcification("calcified carotid", rng.uniform(180, 500), spots, fixed=True)


def vertebral_arteries(rng: np.random.Generator) -> Calcification:
    """Flecks in the walls of the vertebral arteries at the foramen magnum."""
    spots: _Spots = []
    for side in (-1, 1) if rng.random() < 0.5 else (int(rng.choice((-1, 1))),):
        center = vector(rng.normal((side * 8, 10, -54), (1, 2, 4)))
        spots.append((center, vector(rng.uniform((1.1, 1.1, 2.0), (1.9, 1.9, 5.0)))))
    return _calcification("calcified vertebral artery", rng.uniform(150, 450), spots)


def petroclinoid_ligaments(rng: np.random.Generator) -> Calcification:
    """Streaks in the free edge of the tentorium, beside the sella."""
    spots = [
        (vector(rng.normal((side * 13, 0, -22), (1, 1.5, 1))), (1.1, rng.uniform(3, 6), 1.4))
        for side in (-1, 1)
        if rng.random() < 0.75
    ]
    spots = spots or [((13.0, 0.0, -22.0), (1.1, 4.0, 1.4))]
    return _calcification("calcified tentorium", rng.uniform(120, 350), spots, fixed=True)


def _radii(rng: np.random.Generator, low: float, high: float) -> Vector:
    return vector(rng.uniform(low, high, 3))


def _calcification(
    name: str, hu: float, spots: list[tuple[Vector, Vector]], *, fixed: bool = False
) -> Calcification:
    exact = tuple((vector(np.asarray(c)), vector(np.asarray(r))) for c, r in spots)
    return Calcification(name, float(hu), exact, fixed)

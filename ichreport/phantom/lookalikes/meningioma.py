"""A meningioma: a dense tumour on the dura."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ichreport.phantom.anatomy.brain import Brain
from ichreport.phantom.anatomy.cavity import Cavity
from ichreport.phantom.anatomy.cranial_vault import REGIONS, direction_to, on_vault
from ichreport.phantom.anatomy.landmarks import EDGE
from ichreport.phantom.lookalikes.lookalike import Patch
from ichreport.phantom.shapes import Array, Points, Vector, inside, sphere, vector, wander

_FAR = 60.0
"""Height above and below its center within which the brain around it lies (mm)."""

_SITES = {"convexity": 0.5, "falx": 0.25, "sphenoid wing": 0.25}


@dataclass(frozen=True)
class Meningioma:
    """A round mass with a broad base on the dura; it pushes the surface of the brain in.

    Attributes:
        hu: Its intensity (HU): a little more than grey matter, of calcium much more.
        center: Its center (mm).
        radius: Its radius (mm).
        calcified: Whether there is calcium in it.
    """

    hu: float
    center: Vector
    radius: float
    calcified: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """Draw a mass; one in five is calcified."""
        radius = float(rng.uniform(6, 17))
        site = str(rng.choice(list(_SITES), p=list(_SITES.values())))
        side = int(rng.choice((-1, 1)))
        if site == "convexity":
            place = np.asarray(on_vault(direction_to(rng, str(rng.choice(REGIONS)))))
            place *= 1 - 0.55 * radius / np.linalg.norm(place)
        elif site == "falx":
            angle = rng.uniform(-0.3, 2.4)
            away = 62 - 0.5 * radius
            place = np.array([0.75 * side * radius, -away * np.cos(angle), away * np.sin(angle)])
        else:
            place = np.array([side * 36.0, -32.0, -14.0]) + rng.normal(0, 2, 3)
        calcified = bool(rng.random() < 0.2)
        hu = rng.uniform(120, 320) if calcified else rng.uniform(46, 60)
        return cls(float(hu), vector(place), radius, calcified)

    @property
    def name(self) -> str:
        """What it is."""
        return "calcified meningioma" if self.calcified else "meningioma"

    def distance(self, p: Points, space: Cavity) -> Array:
        """Distance to the mass, negative inside (mm)."""
        low, high = float(p.z.min()), float(p.z.max())
        if high < self.center[2] - _FAR or low > self.center[2] + _FAR:
            return np.full_like(p.x, 99)
        whole = sphere(p, self.center, self.radius)
        near = np.flatnonzero(np.abs(whole) < 6)
        whole[near] += np.float32(0.1 * self.radius) * self._lumps(p.at(near), 0.6)
        if abs(self.center[0]) < self.radius:  # it stays on its side of the falx
            np.maximum(whole, 1 - np.sign(self.center[0]) * p.x, out=whole)
        np.maximum(whole, space.wall, out=whole)
        return whole

    def patch(self, p: Points, space: Cavity, brain: Brain) -> Patch | None:
        """Where it is in a plane; calcium lies in it in clumps."""
        patch = Patch.where(inside(self.distance(p, space), EDGE))
        if patch is None or not self.calcified:
            return patch
        clumps = np.float32(0.45) + np.float32(0.35) * self._lumps(p.at(patch.points), 1.3)
        return Patch(patch.points, patch.share * np.clip(clumps, 0.12, 1))

    def _lumps(self, p: Points, rate: float) -> Array:
        return wander(*(v * np.float32(rate) + np.float32(self.radius) for v in p))

"""Old disease of the brain: infarcts, lacunes, white-matter patches, cysts. All of it is dark.

None of it is a bleed, so none of it enters a truth mask. Lesions lie in the brain at rest, and move
with it.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.shapes import (
    Array,
    Points,
    Vector,
    at_least,
    at_most,
    ellipsoid,
    inside,
    vector,
    wander,
)

_EDGE = 1.5
"""Width of a lesion's edge (mm)."""

_RAGGED = 2.2
"""Standard deviation of an infarct's border about a cone (mm)."""


class Tissue(NamedTuple):
    """The brain that lesions are painted on.

    Attributes:
        hu: Intensity (HU).
        rest: Where each point's brain lies when nothing presses on it.
        depth: Depth below the dura (mm).
        below: Share of each point that is under the tentorium.
        ventricles: Share of each point that is ventricle.
        fluid: Intensity of cerebrospinal fluid (HU).
    """

    hu: Array
    rest: Points
    depth: Array
    below: Array
    ventricles: Array
    fluid: float

    def at(self, index: NDArray[np.intp]) -> "Tissue":
        """The points of a flat index."""
        hu, depth, below, ventricles = (
            v.take(index) for v in (self.hu, self.depth, self.below, self.ventricles)
        )
        return Tissue(hu, self.rest.at(index), depth, below, ventricles, self.fluid)


@dataclass(frozen=True)
class Spot:
    """An ellipsoid: a lacune, which is full of fluid, or a patch of diseased white matter.

    Attributes:
        name: "lacune" or "white-matter disease".
        center: Its center (mm).
        radii: Its radii (mm).
        loss: Darkening of the tissue (HU); a lacune's tissue is gone.
    """

    draws_ventricle: ClassVar[float] = 0.0
    pushes: ClassVar[tuple[tuple[Vector, float, float], ...]] = ()
    name: str
    center: Vector
    radii: Vector
    loss: float

    @property
    def ball(self) -> tuple[Vector, float]:
        """Center and radius of a sphere that holds it (mm)."""
        return self.center, (1 + self._softness / 2) * max(self.radii) + 1

    @property
    def _softness(self) -> float:
        """Width of its edge, relative to its smallest radius."""
        return _EDGE / min(self.radii) if self.name == "lacune" else 1.2

    def share(self, p: Points) -> Array:
        """Share of each point that is the lesion."""
        return inside(ellipsoid(p, self.center, self.radii), self._softness * min(self.radii))

    def paint(self, tissue: Tissue) -> Array:
        """Intensity of tissue with the lesion (HU)."""
        share = self.share(tissue.rest) * (tissue.depth > 0)
        above_fluid = at_least(tissue.hu - np.float32(tissue.fluid), 0)
        if self.name == "lacune":
            painted: Array = tissue.hu - np.float32(0.9) * share * above_fluid
        else:
            there = at_most(above_fluid * np.float32(1 / 15), 1)
            painted = tissue.hu - np.float32(self.loss) * share * there
        return painted


@dataclass(frozen=True)
class Infarct:
    """Brain lost where one artery supplied it: a wedge that opens towards the surface.

    Attributes:
        name: "old infarct", a defect full of fluid, or "subacute infarct", swollen and dark.
        where: The territory, by its artery.
        side: -1 right, 1 left.
        apex: Its inner end (mm).
        axis: Unit vector from there to the middle of its outer end.
        half_angle: Half its opening angle (degrees).
        reach: Distance of its outer end from the apex (mm); the dura may lie nearer.
    """

    name: str
    where: str
    side: int
    apex: Vector
    axis: Vector
    half_angle: float
    reach: float

    @classmethod
    def draw(cls, rng: np.random.Generator, name: str, where: str) -> Self:
        """Draw one in a territory."""
        side = int(rng.choice((-1, 1)))
        apex, spread, axis, bend, angles = _TERRITORIES[where]
        toward = rng.normal(axis, bend)
        return cls(
            name=name,
            where=where,
            side=side,
            apex=vector(rng.normal(apex, spread) * (side, 1, 1)),
            axis=vector(toward / np.linalg.norm(toward) * (side, 1, 1)),
            half_angle=float(rng.uniform(*angles)),
            reach=float(rng.uniform(42, 72)),
        )

    @property
    def ball(self) -> tuple[Vector, float]:
        """Center and radius of a sphere that holds it (mm)."""
        half = self.reach / 2
        center = np.asarray(self.apex) + half * np.asarray(self.axis)
        corner = self.reach * np.sqrt(1.25 - np.cos(np.deg2rad(self.half_angle)))
        return vector(center), float(corner) + 10

    @property
    def draws_ventricle(self) -> float:
        """Widening of the left lateral ventricle, negative for the right one (mm)."""
        if self.name != "old infarct" or self.where == "cerebellar":
            return 0.0
        return self.side * self.half_angle / 15

    @property
    def pushes(self) -> tuple[tuple[Vector, float, float], ...]:
        """Center, radius (mm) and strength of its swelling, as in `MassEffect`."""
        if self.name != "subacute infarct":
            return ()
        radius = 0.5 * self.reach * float(np.sin(np.deg2rad(self.half_angle)))
        return ((self.ball[0], radius, 0.15),)

    def distance(self, p: Points) -> Array:
        """Distance to its border, negative inside (mm)."""
        x, y, z = (v - np.float32(a) for v, a in zip(p, self.apex, strict=True))
        along = sum(v * np.float32(a) for v, a in zip((x, y, z), self.axis, strict=True))
        squares = x * x + y * y + z * z
        away = np.sqrt(at_least(squares - along * along, 0))
        angle = np.deg2rad(self.half_angle)
        cone = away * np.float32(np.cos(angle)) - along * np.float32(np.sin(angle))
        cone += np.float32(_RAGGED) * wander(*(v * np.float32(0.9) for v in p))
        distance: Array = np.maximum(cone, np.sqrt(squares) - np.float32(self.reach))
        return distance

    def paint(self, tissue: Tissue) -> Array:
        """Intensity of tissue with the lesion (HU)."""
        p, hu = tissue.rest, tissue.hu
        distance = self.distance(p)
        room = inside(np.float32(1.5) - np.float32(self.side) * p.x, _EDGE) * (tissue.depth > 0)
        room *= tissue.below if self.where == "cerebellar" else 1 - tissue.below
        if self.name == "subacute infarct":
            share = inside(distance, 4.0) * room * (1 - tissue.ventricles)
            swollen: Array = hu + share * (20 + np.float32(0.25) * (hu - 30) - hu)
            return swollen
        above_fluid = at_least(hu - np.float32(tissue.fluid), 0)
        scar = np.float32(0.3) * inside(distance - 2, 5.0)
        gone = np.maximum(scar, np.float32(0.92) * inside(distance + 1, 2.5))
        np.subtract(hu, gone * room * above_fluid, out=hu)
        return hu


@dataclass(frozen=True)
class Cyst:
    """An arachnoid cyst: clear fluid in place of brain.

    Attributes:
        where: "middle fossa", "behind the cerebellum" or "convexity".
        center: Its center (mm).
        radii: Its radii (mm).
        name: "arachnoid cyst".
    """

    draws_ventricle: ClassVar[float] = 0.0
    pushes: ClassVar[tuple[tuple[Vector, float, float], ...]] = ()
    where: str
    center: Vector
    radii: Vector
    name: str = "arachnoid cyst"

    @property
    def ball(self) -> tuple[Vector, float]:
        """Center and radius of a sphere that holds it (mm)."""
        return self.center, max(self.radii) + 3

    def paint(self, tissue: Tissue) -> Array:
        """Intensity of tissue with the lesion (HU)."""
        share = inside(ellipsoid(tissue.rest, self.center, self.radii), _EDGE)
        share *= tissue.depth > 0
        painted: Array = tissue.hu + share * (np.float32(tissue.fluid) - tissue.hu)
        return painted


Lesion = Spot | Infarct | Cyst

_TERRITORIES = {
    "middle cerebral": ((27, 4, 12), (4, 10, 6), (1.0, 0.1, 0.25), (0.1, 0.4, 0.3), (16, 38)),
    "posterior cerebral": ((15, 42, 4), (2, 4, 4), (0.25, 1.0, 0.0), (0.1, 0.1, 0.15), (16, 30)),
    "anterior cerebral": ((7, -20, 32), (2, 8, 4), (0.2, -0.6, 0.7), (0.1, 0.3, 0.2), (14, 24)),
    "watershed": ((24, 30, 26), (2, 5, 4), (0.6, 0.6, 0.45), (0.1, 0.15, 0.15), (11, 20)),
    "cerebellar": ((12, 38, -42), (3, 4, 4), (0.6, 0.75, -0.1), (0.2, 0.2, 0.15), (14, 28)),
}
"""Left territories: apex and its spread (mm), axis and its spread, half angles (degrees)."""

_CYSTS = {
    "middle fossa": ((50, -24, -22), (16, 16, 15)),
    "behind the cerebellum": ((12, 66, -42), (24, 14, 16)),
    "convexity": ((46, -30, 38), (15, 18, 16)),
}
"""Left cysts: center and radii (mm)."""

_LACUNE_SITES = ((24, -3, 4), (17, -16, 9), (11, 8, 5), (22, 2, 22), (6, 8, -35))
"""Where lacunes lie on the left: lentiform and caudate nuclei, thalamus, corona radiata, pons."""


def draw(rng: np.random.Generator, age: float, atrophy: float) -> tuple[Lesion, ...]:
    """Draw a person's lesions, which come with age.

    Args:
        rng: Source of randomness.
        age: Years.
        atrophy: Loss of brain with age, 0 to 1.
    """
    old = float(np.clip((age - 40) / 40, 0, 1.1))
    vessels = old * float(rng.random() ** 2) * (0.6 + 0.8 * atrophy)
    found: list[Lesion] = [_lacune(rng) for _ in range(min(int(rng.poisson(2.5 * vessels)), 5))]
    found += [_patch(rng) for _ in range(min(int(rng.poisson(12 * vessels)), 10))]
    if rng.random() < 0.02 + 0.13 * old:
        where = rng.choice(list(_TERRITORIES), p=(0.46, 0.17, 0.08, 0.14, 0.15))
        found.append(Infarct.draw(rng, "old infarct", str(where)))
    if rng.random() < 0.01 + 0.05 * old:
        where = rng.choice(list(_TERRITORIES), p=(0.56, 0.17, 0.07, 0.1, 0.1))
        found.append(Infarct.draw(rng, "subacute infarct", str(where)))
    if rng.random() < 0.025:
        found.append(_cyst(rng))
    return tuple(found)


def paint(found: tuple[Lesion, ...], tissue: Tissue) -> None:
    """Darken tissue where lesions are; changes its intensity in place."""
    low, high = float(tissue.rest.z.min()), float(tissue.rest.z.max())
    for lesion in found:
        (x, y, z), reach = lesion.ball
        if low - reach < z < high + reach:
            across = np.abs(tissue.rest.x - np.float32(x)) < reach
            near = np.flatnonzero(across & (np.abs(tissue.rest.y - np.float32(y)) < reach))
            if len(near):
                tissue.hu[near] = lesion.paint(tissue.at(near))


def _lacune(rng: np.random.Generator) -> Spot:
    site = rng.choice(_LACUNE_SITES) * (rng.choice((-1, 1)), 1, 1)
    radii = rng.uniform(1.6, 4.2) * rng.uniform(0.8, 1.3, 3)
    return Spot("lacune", vector(rng.normal(site, (2.5, 4, 2.5))), vector(radii), 0.0)


def _patch(rng: np.random.Generator) -> Spot:
    side = rng.choice((-1, 1))
    center = (side * rng.uniform(20, 32), rng.uniform(-28, 42), rng.uniform(16, 42))
    radii = rng.uniform(3.5, 8) * rng.uniform((0.7, 1.0, 0.7), (1.0, 2.2, 1.1))
    loss = float(rng.uniform(6, 15))
    return Spot("white-matter disease", vector(np.asarray(center)), vector(radii), loss)


def _cyst(rng: np.random.Generator) -> Cyst:
    where = str(rng.choice(list(_CYSTS), p=(0.5, 0.3, 0.2)))
    center, radii = (np.asarray(v) for v in _CYSTS[where])
    size = rng.uniform(0.7, 1.2)
    place = rng.normal(center, 2) * (rng.choice((-1, 1)), 1, 1)
    return Cyst(where, vector(place), vector(size * radii))

"""The bleeds, together: those within the brain and its spaces, and what all do to the brain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np

from ichreport.phantom.anatomy import Cavity
from ichreport.phantom.brain import Brain
from ichreport.phantom.cranial_vault import REGIONS, direction_to, on_vault
from ichreport.phantom.csf import LATERAL_VENTRICLE, OCCIPITAL_TIP
from ichreport.phantom.extraaxial import Epidural, Subdural, acute_hu
from ichreport.phantom.landmarks import EDGE, MassEffect
from ichreport.phantom.shapes import (
    Array,
    Points,
    Vector,
    inside,
    smooth_min,
    smooth_step,
    sphere,
    vector,
    wander,
)


@dataclass(frozen=True)
class Subarachnoid:
    """Blood mixed into the fluid of cisterns, fissures and sulci.

    Attributes:
        hu: Intensity of undiluted blood (HU).
        subtle: Whether it was drawn small and faint.
        where: "basal" as from an aneurysm, or "convexity" as after a trauma.
        center: Where it is densest (mm).
        reach: How far it spreads (mm).
    """

    subtype: ClassVar[str] = "subarachnoid"
    hu: float
    subtle: bool
    where: str
    center: Vector
    reach: float

    @classmethod
    def draw(cls, rng: np.random.Generator, *, subtle: bool) -> Self:
        """Draw a spread of blood."""
        if rng.random() < 0.5:
            where, center = "basal", rng.normal((0, -14, -16), (8, 5, 4))
            reach = rng.uniform(13, 16) if subtle else rng.uniform(21, 33)
        else:
            direction = direction_to(rng, str(rng.choice(REGIONS, p=(0.3, 0.3, 0.3, 0.1))))
            where, center = "convexity", 0.9 * np.asarray(on_vault(direction))
            reach = rng.uniform(10, 13) if subtle else rng.uniform(15, 25)
        return cls(
            hu=acute_hu(rng, subtle=subtle),
            subtle=subtle,
            where=where,
            center=vector(center),
            reach=float(reach),
        )

    def density(self, p: Points) -> Array:
        """Share of blood in the fluid at each point, 0 to 1."""
        squares = np.square(p.x - np.float32(self.center[0]))
        squares += np.square(p.y - np.float32(self.center[1]))
        squares += np.square(p.z - np.float32(self.center[2]))
        squares *= np.float32(-0.5 / self.reach**2)
        density = np.exp(squares, out=squares)
        density *= np.float32(1.7)
        return np.minimum(density, 1, out=density)


@dataclass(frozen=True)
class Intraparenchymal:
    """An irregular blob within the brain, some with oedema around it.

    Attributes:
        hu: Intensity of the blood (HU).
        subtle: Whether it was drawn small and faint.
        where: "putamen", "thalamus", "lobar", "cerebellum" or "pons".
        lobes: Centers and radii of the spheres that it melts together from (mm).
        oedema: Width of the dark rim (mm).
    """

    subtype: ClassVar[str] = "intraparenchymal"
    hu: float
    subtle: bool
    where: str
    lobes: tuple[tuple[Vector, float], ...]
    oedema: float

    SITES: ClassVar[dict[str, tuple[float, Vector, float]]] = {
        "putamen": (0.28, (27.0, -2.0, 4.0), 22.0),
        "thalamus": (0.14, (12.0, 9.0, 5.0), 14.0),
        "lobar": (0.44, (0.0, 0.0, 0.0), 24.0),
        "cerebellum": (0.09, (24.0, 44.0, -46.0), 15.0),
        "pons": (0.05, (3.0, 13.0, -34.0), 8.0),
    }
    """Probability, center on the left (mm), and largest radius (mm)."""

    @classmethod
    def draw(cls, rng: np.random.Generator, *, subtle: bool) -> Self:
        """Draw a blob."""
        names = list(cls.SITES)
        where = str(rng.choice(names, p=[cls.SITES[name][0] for name in names]))
        _, center, largest = cls.SITES[where]
        radius = rng.uniform(4, 5.5) if subtle else rng.uniform(8, largest)
        side = rng.choice((-1, 1))
        place = np.asarray(center) * (side, 1, 1) + rng.normal(0, 2.5, 3)
        if where == "lobar":
            direction = direction_to(rng, str(rng.choice(REGIONS)))
            place = np.asarray(on_vault(direction)) * rng.uniform(0.55, 0.78)
            if abs(place[0]) < radius + 4:
                place[0] = np.copysign(radius + 4, place[0])
        lobes = [(place, 0.9 * radius)]
        for _ in range(int(rng.integers(3, 6))):
            away = rng.normal(size=3)
            away *= rng.uniform(0.6, 1.0) * radius / np.linalg.norm(away)
            lobes.append((place + away, rng.uniform(0.35, 0.6) * radius))
        return cls(
            hu=acute_hu(rng, subtle=subtle),
            subtle=subtle,
            where=where,
            lobes=tuple((vector(c), float(r)) for c, r in lobes),
            oedema=float(rng.uniform(3, 9) if rng.random() < 0.6 and not subtle else 1.0),
        )

    def distance(self, p: Points) -> Array:
        """Distance to the blob, negative inside (mm)."""
        low, high = float(p.z.min()), float(p.z.max())
        (_, _, z), radius = self.lobes[0]
        reach = 3 * radius + 2 * self.oedema
        if high < z - reach or low > z + reach:
            return np.full_like(p.x, 99)
        whole = sphere(p, *self.lobes[0])
        for center, lobe in self.lobes[1:]:
            whole = smooth_min(whole, sphere(p, center, lobe), 0.25 * radius)
        near = np.flatnonzero(whole < 14)
        rough = wander(*(v * np.float32(1.1) + np.float32(radius) for v in p.at(near)))
        whole[near] += np.float32(min(1.6, 0.16 * radius)) * rough
        return whole

    @property
    def push(self) -> tuple[Vector, float, float]:
        """Center, radius and strength of what it pushes aside."""
        center, radius = self.lobes[0]
        return center, 1.2 * radius, 0.35

    @property
    def shift(self) -> float:
        """Shift of the midline towards the left (mm)."""
        center, radius = self.lobes[0]
        return float(-np.clip(center[0] / 20, -1, 1) * 0.45 * max(radius - 8, 0))


@dataclass(frozen=True)
class Intraventricular:
    """Blood in the ventricles: it settles at the back of them, and may clot into a cast.

    Attributes:
        hu: Intensity of the blood (HU).
        subtle: Whether only a little of it has settled.
        where: "left", "right" or "both".
        depth: Height of the settled blood above the lowest point (mm).
        cast: Whether a clot fills the front of the ventricles too.
        lower: Whether the third and the fourth ventricles are filled.
    """

    subtype: ClassVar[str] = "intraventricular"
    hu: float
    subtle: bool
    where: str
    depth: float
    cast: bool
    lower: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, *, subtle: bool) -> Self:
        """Draw an amount of blood."""
        return cls(
            hu=acute_hu(rng, subtle=subtle),
            subtle=subtle,
            where=str(rng.choice(("left", "right", "both"), p=(0.2, 0.2, 0.6))),
            depth=float(rng.uniform(11, 15) if subtle else rng.uniform(17, 40)),
            cast=bool(not subtle and rng.random() < 0.4),
            lower=bool(not subtle and rng.random() < 0.55),
        )

    def share(self, brain: Brain, slow: Array, down: Vector) -> Array:
        """Share of each point that is blood in a ventricle.

        Args:
            brain: The brain that holds the ventricles.
            slow: `slow_noise` at the points; clots are uneven.
            down: Unit vector of gravity in the head's frame.
        """
        p = brain.rest
        height = -(
            p.x * np.float32(down[0]) + p.y * np.float32(down[1]) + p.z * np.float32(down[2])
        )
        sides = {"left": (1,), "right": (-1,), "both": (-1, 1)}[self.where]
        share = np.zeros_like(height)
        for side in sides:
            same_side = p.x * side > 2.5
            tip = np.asarray(OCCIPITAL_TIP) * (side, 1, 1)
            level = -float(tip @ np.asarray(down)) - LATERAL_VENTRICLE[6][2][1] + self.depth
            settled = inside(height - np.float32(level), EDGE)
            if self.cast:
                clot = smooth_step(slow + np.float32(0.5), -0.1, 0.3)
                settled = np.maximum(settled, clot * smooth_step(-p.z, -30, -15))
            share = np.maximum(share, settled * same_side)
        if self.lower:
            midline = (np.abs(p.x) < 12) & (np.abs(p.x) <= 2.5 + 12 * (p.z < -20))
            share = np.maximum(share, midline & (p.z < 9))
        return share * brain.ventricles


Bleed = Epidural | Subdural | Subarachnoid | Intraparenchymal | Intraventricular

BLEED_TYPES: dict[str, type[Bleed]] = {
    kind.subtype: kind
    for kind in (Epidural, Intraparenchymal, Intraventricular, Subarachnoid, Subdural)
}


class ExtraaxialBlood(NamedTuple):
    """Blood between skull and brain.

    Attributes:
        outside: Depth of each point below the dura or below that blood (mm).
        bleeds: Each bleed with its share of each point.
    """

    outside: Array
    bleeds: list[tuple[Epidural | Subdural, Array]]


def place_extraaxial(bleeds: Sequence[Bleed], p: Points, space: Cavity) -> ExtraaxialBlood:
    """Place the epidural and subdural bleeds, which push the surface of the brain inwards."""
    outside = -space.wall
    placed: list[tuple[Epidural | Subdural, Array]] = []
    for bleed in bleeds:
        if isinstance(bleed, Epidural | Subdural):
            distance = bleed.distance(p, space)
            placed.append((bleed, inside(distance, EDGE)))
            outside = np.minimum(outside, distance)
    return ExtraaxialBlood(outside, placed)


def mass_effect(bleeds: Sequence[Bleed]) -> MassEffect:
    """How all bleeds of a head together displace its brain."""
    shift = sum(float(getattr(bleed, "shift", 0.0)) for bleed in bleeds)
    pushes = tuple(bleed.push for bleed in bleeds if isinstance(bleed, Intraparenchymal))
    return MassEffect(float(np.clip(shift, -9, 9)), pushes)

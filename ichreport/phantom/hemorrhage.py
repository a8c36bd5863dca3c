"""The five bleeds: where each lies, how large it is, and what it does to the brain around it."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np

from ichreport.phantom.anatomy import REGIONS, Cavity, beyond_region, cavity
from ichreport.phantom.brain import (
    EDGE,
    LATERAL_VENTRICLE,
    OCCIPITAL_TIP,
    Brain,
    Pressure,
    callosal_arch,
    tentorium,
)
from ichreport.phantom.shapes import (
    Array,
    Points,
    Vector,
    inside,
    smooth_max,
    smooth_min,
    smooth_step,
    sphere,
    wander,
)


def point(place: Vector) -> Points:
    """One place as points."""
    x, y, z = (np.array([v], dtype=np.float32) for v in place)
    return Points(x, y, z)


def on_vault(direction: Vector) -> Vector:
    """The place on the vault's inner table that lies in a direction from the center."""
    place = np.asarray(direction, dtype=float)
    for _ in range(6):
        place = place / float(cavity(point(tuple(place))).radius[0])
    return tuple(float(v) for v in place)  # type: ignore[return-value]


def outward(place: Vector) -> np.ndarray:
    """The vault's unit normal at a place on it."""
    steps = np.eye(3)
    slopes = [
        float(cavity(point(tuple(place + step))).vault[0])
        - float(cavity(point(tuple(place - step))).vault[0])
        for step in steps
    ]
    normal = np.asarray(slopes)
    return normal / np.linalg.norm(normal)


@dataclass(frozen=True)
class Epidural:
    """A lens between the skull and the dura it strips off; sutures bound it.

    The lens is what a sphere around a center outside the skull cuts off from the cavity.

    Attributes:
        hu: Intensity of the blood (HU).
        subtle: Whether it was drawn small and faint.
        where: One of the vault's regions.
        center: Center of the cutting sphere (mm).
        radius: Its radius (mm).
        thickness: Greatest depth of the lens (mm).
    """

    subtype: ClassVar[str] = "epidural"
    hu: float
    subtle: bool
    where: str
    center: Vector
    radius: float
    thickness: float

    @classmethod
    def draw(cls, rng: np.random.Generator, *, subtle: bool) -> Self:
        """Draw a lens that lies within one region of the vault."""
        while True:
            where = str(rng.choice(REGIONS, p=(0.16, 0.36, 0.36, 0.12)))
            place = on_vault(_direction(rng, where))
            room = -float(beyond_region(point(place), where)[0])
            if room > 14:
                break
        spread = min(rng.uniform(15, 19) if subtle else rng.uniform(20, 38), room + 3)
        sag = spread**2 / (2 * 76)
        thickness = sag * 1.25 + (rng.uniform(2, 3.5) if subtle else rng.uniform(4, 13))
        height = (spread**2 + sag**2 - thickness**2) / (2 * (thickness - sag))
        center = np.asarray(place) + height * outward(place)
        return cls(
            hu=_blood(rng, subtle=subtle),
            subtle=subtle,
            where=where,
            center=tuple(float(v) for v in center),
            radius=float(height + thickness),
            thickness=float(thickness),
        )

    def distance(self, p: Points, space: Cavity) -> Array:
        """Distance to the lens, negative inside (mm)."""
        lens = np.maximum(sphere(p, self.center, self.radius), space.vault - np.float32(0.5))
        lens = np.maximum(lens, space.floor)
        return smooth_max(lens, beyond_region(p, self.where) + np.float32(0.8), 4)

    @property
    def shift(self) -> float:
        """Shift of the midline towards the left (mm)."""
        side = -np.clip(self.center[0] / 40, -1, 1)
        return float(side * 0.3 * max(self.thickness - 8, 0))


@dataclass(frozen=True)
class Subdural:
    """A crescent between dura and arachnoid, over the convexity, the falx or the tentorium.

    It crosses sutures but never the falx.

    Attributes:
        hu: Intensity of the blood (HU).
        subtle: Whether it was drawn thin and faint.
        where: "convexity", "falx" or "tentorium".
        side: -1 right, 1 left.
        middle: y and z of its middle (mm).
        reach: Half its extent along y and z (mm).
        thickness: Greatest thickness (mm).
        sediment: Drop of intensity towards the front, as blood settles (HU).
    """

    subtype: ClassVar[str] = "subdural"
    hu: float
    subtle: bool
    where: str
    side: int
    middle: tuple[float, float]
    reach: tuple[float, float]
    thickness: float
    sediment: float

    @classmethod
    def draw(cls, rng: np.random.Generator, *, subtle: bool) -> Self:
        """Draw a crescent."""
        where = str(rng.choice(("convexity", "falx", "tentorium"), p=(0.78, 0.14, 0.08)))
        low, high = (3.0, 4.5) if subtle else (5.0, 14.0)
        reach = (rng.uniform(50, 85), rng.uniform(32, 60))
        if where != "convexity":
            low, high = (2.6, 3.4) if subtle else (3.5, 7.0)
        middle = (rng.uniform(-25, 25), rng.uniform(5, 40))
        if where == "falx":
            middle, reach = (rng.uniform(-45, 50), rng.uniform(35, 55)), (rng.uniform(30, 60), 28.0)
        return cls(
            hu=_blood(rng, subtle=subtle),
            subtle=subtle,
            where=where,
            side=int(rng.choice((-1, 1))),
            middle=tuple(float(v) for v in middle),
            reach=tuple(float(v) for v in reach),
            thickness=float(rng.uniform(low, high)),
            sediment=float(rng.uniform(8, 25) if rng.random() < 0.2 and not subtle else 0),
        )

    def distance(self, p: Points, space: Cavity) -> Array:
        """Distance to the crescent, negative inside (mm)."""
        side = np.float32(self.side)
        if self.where == "tentorium":
            height, rho = tentorium(p)
            tapered = np.float32(self.thickness) * smooth_step(rho, 0.32, 0.7)
            layer = np.maximum(-height, height - tapered)
            outside = np.maximum(np.float32(4) - side * p.x, (np.float32(0.34) - rho) * 60)
            outside = np.maximum(outside, 15 - p.y)
            return np.maximum(np.maximum(layer, outside), space.wall)
        if self.where == "falx":
            spread = self._spread(p.y, p.z)
            tapered = np.float32(self.thickness) * np.sqrt(np.maximum(1 - spread, 0))
            layer = np.maximum(np.float32(0.6) - side * p.x, side * p.x - np.float32(0.6) - tapered)
            layer = np.maximum(layer, 6 - callosal_arch(p))
            layer = np.maximum(layer, 1 - tentorium(p)[0])
            return np.maximum(np.maximum(layer, space.wall), (np.float32(0.4) - tapered) * 5)
        surface = 1 / np.maximum(space.radius, np.float32(0.3))
        spread = self._spread(p.y * surface, p.z * surface)
        tapered = np.float32(self.thickness) * np.sqrt(np.maximum(1 - spread, 0))
        tapered *= smooth_step(side * p.x * surface, 2, 16)
        tapered *= smooth_step(p.z, -42, -22)
        layer = -space.wall - tapered
        return layer + np.maximum(np.float32(0.8) - tapered, 0) * 3

    def _spread(self, y: Array, z: Array) -> Array:
        return np.square((y - np.float32(self.middle[0])) * np.float32(1 / self.reach[0])) + (
            np.square((z - np.float32(self.middle[1])) * np.float32(1 / self.reach[1]))
        )

    @property
    def shift(self) -> float:
        """Shift of the midline towards the left (mm)."""
        return -self.side * 0.6 * max(self.thickness - 5, 0)


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
            where, center = "basal", (rng.normal(0, 8), rng.normal(-14, 5), rng.normal(-16, 4))
            reach = rng.uniform(14, 18) if subtle else rng.uniform(26, 42)
        else:
            direction = _direction(rng, str(rng.choice(REGIONS, p=(0.3, 0.3, 0.3, 0.1))))
            where, center = "convexity", tuple(0.9 * v for v in on_vault(direction))
            reach = rng.uniform(10, 13) if subtle else rng.uniform(16, 28)
        return cls(
            hu=_blood(rng, subtle=subtle),
            subtle=subtle,
            where=where,
            center=tuple(float(v) for v in center),
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
        radius = rng.uniform(4, 5.5) if subtle else rng.uniform(6, largest * 0.75)
        side = rng.choice((-1, 1))
        place = np.asarray(center) * (side, 1, 1) + rng.normal(0, 2.5, 3)
        if where == "lobar":
            direction = _direction(rng, str(rng.choice(REGIONS)))
            place = np.asarray(on_vault(direction)) * rng.uniform(0.55, 0.78)
            if abs(place[0]) < radius + 4:
                place[0] = np.copysign(radius + 4, place[0])
        lobes = [(place, 0.8 * radius)]
        for _ in range(int(rng.integers(3, 6))):
            away = rng.normal(size=3)
            away *= rng.uniform(0.45, 0.85) * radius / np.linalg.norm(away)
            lobes.append((place + away, rng.uniform(0.35, 0.6) * radius))
        return cls(
            hu=_blood(rng, subtle=subtle),
            subtle=subtle,
            where=where,
            lobes=tuple((tuple(float(v) for v in c), float(r)) for c, r in lobes),
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
            whole = smooth_min(whole, sphere(p, center, lobe), 0.5 * radius)
        near = np.flatnonzero(whole < 14)
        rough = wander(*(v * np.float32(1.1) + np.float32(radius) for v in p.at(near)))
        whole[near] += np.float32(min(1.0, 0.11 * radius)) * rough
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
            hu=_blood(rng, subtle=subtle),
            subtle=subtle,
            where=str(rng.choice(("left", "right", "both"), p=(0.2, 0.2, 0.6))),
            depth=float(rng.uniform(9, 14) if subtle else rng.uniform(15, 34)),
            cast=bool(not subtle and rng.random() < 0.35),
            lower=bool(not subtle and rng.random() < 0.45),
        )

    def share(self, brain: Brain, down: Vector) -> Array:
        """Share of each point that is blood in a ventricle.

        Args:
            brain: The brain that holds the ventricles.
            down: Unit vector of gravity in the head's frame.
        """
        p = brain.rest
        height = -(
            p.x * np.float32(down[0]) + p.y * np.float32(down[1]) + p.z * np.float32(down[2])
        )
        sides = {"left": (1,), "right": (-1,), "both": (-1, 1)}[self.where]
        share = np.zeros_like(height)
        for side in sides:
            own = p.x * side > 2.5
            tip = np.asarray(OCCIPITAL_TIP) * (side, 1, 1)
            level = -float(tip @ np.asarray(down)) - LATERAL_VENTRICLE[6][2][1] + self.depth
            settled = inside(height - np.float32(level), EDGE)
            if self.cast:
                clot = smooth_step(brain.slow + np.float32(0.5), -0.1, 0.3)
                settled = np.maximum(settled, clot * smooth_step(-p.z, -30, -15))
            share = np.maximum(share, settled * own)
        if self.lower:
            midline = (np.abs(p.x) < 12) & (np.abs(p.x) <= 2.5 + 12 * (p.z < -20))
            share = np.maximum(share, midline & (p.z < 9))
        return share * brain.ventricles


Bleed = Epidural | Subdural | Subarachnoid | Intraparenchymal | Intraventricular

KINDS: dict[str, type[Bleed]] = {
    kind.subtype: kind
    for kind in (Epidural, Intraparenchymal, Intraventricular, Subarachnoid, Subdural)
}


class Extraaxial(NamedTuple):
    """Blood between skull and brain.

    Attributes:
        outside: Depth of each point below the dura or below that blood (mm).
        shares: Share of each point that is blood, one a bleed.
    """

    outside: Array
    shares: list[Array]


def strip(bleeds: list[Bleed], p: Points, space: Cavity) -> Extraaxial:
    """Place the epidural and subdural bleeds, which the brain's surface gives way to."""
    outside = -space.wall
    shares = []
    for bleed in bleeds:
        if isinstance(bleed, Epidural | Subdural):
            distance = bleed.distance(p, space)
            shares.append(inside(distance, EDGE))
            outside = np.minimum(outside, distance)
    return Extraaxial(outside, shares)


def pressure_of(bleeds: list[Bleed]) -> Pressure:
    """What all bleeds of a head together do to its brain."""
    shift = sum(getattr(bleed, "shift", 0.0) for bleed in bleeds)
    pushes = tuple(bleed.push for bleed in bleeds if isinstance(bleed, Intraparenchymal))
    return Pressure(float(np.clip(shift, -9, 9)), pushes)


def _blood(rng: np.random.Generator, *, subtle: bool) -> float:
    """Intensity of acute blood: 50 to 80 HU with the haematocrit (New and Aronow 1976)."""
    return float(rng.uniform(51, 58) if subtle else np.clip(rng.normal(66, 5), 56, 80))


def _direction(rng: np.random.Generator, region: str) -> Vector:
    """A direction from the head's center to somewhere within a region of the vault."""
    while True:
        x, y, z = rng.normal(size=3)
        direction = np.asarray([x, y, abs(z) * 0.8 - 0.15])
        direction *= 70 / np.linalg.norm(direction)
        place = on_vault(tuple(direction))
        low = -8 if region != "occipital" else -22
        if low < place[2] < 62 and float(beyond_region(point(place), region)[0]) < -6:
            return tuple(float(v) for v in direction)

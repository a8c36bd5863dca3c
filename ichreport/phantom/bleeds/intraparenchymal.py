"""Blood within the brain."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.anatomy.cavity import cavity
from ichreport.phantom.anatomy.cranial_vault import REGIONS, direction_to, on_vault, point
from ichreport.phantom.anatomy.landmarks import Crowding
from ichreport.phantom.bleeds.blood import Blood
from ichreport.phantom.shapes import Array, Points, Vector, smooth_min, sphere, vector, wander

CONTUSION_SITES: Final[dict[str, tuple[float, Vector]]] = {
    "frontal base": (0.36, (17.0, -55.0, -8.0)),
    "frontal pole": (0.16, (22.0, -66.0, 10.0)),
    "temporal pole": (0.28, (42.0, -22.0, -20.0)),
    "lateral temporal": (0.20, (54.0, 2.0, -12.0)),
}
"""Where the brain strikes bone: probability, and center on the left (mm)."""

_FARTHEST_INWARD: Final = 8
"""Steps of 1 mm that a contusion is moved away from the bone; what does not fit then is smaller."""

_LEAST_RADIUS: Final = 4.0
"""Of a contusion (mm)."""


@dataclass(frozen=True)
class Intraparenchymal:
    """An irregular blob within the brain, with oedema around it that grows for a week.

    Attributes:
        blood: Its blood.
        subtle: Whether it was drawn small and faint.
        where: One of `SITES` or of `CONTUSION_SITES`.
        lobes: Centers and radii of the spheres that it melts together from (mm).
        swelling: Width that the oedema around it tends to (mm).
    """

    subtype: ClassVar[str] = "intraparenchymal"
    blood: Blood
    subtle: bool
    where: str
    lobes: tuple[tuple[Vector, float], ...]
    swelling: float

    SITES: ClassVar[dict[str, tuple[float, Vector, float]]] = {
        "putamen": (0.28, (27.0, -2.0, 4.0), 22.0),
        "thalamus": (0.14, (12.0, 9.0, 5.0), 14.0),
        "lobar": (0.44, (0.0, 0.0, 0.0), 24.0),
        "cerebellum": (0.09, (24.0, 44.0, -46.0), 15.0),
        "pons": (0.05, (3.0, 13.0, -34.0), 8.0),
    }
    """Probability, center on the left (mm), and largest radius (mm)."""

    DEEP: ClassVar[tuple[float, ...]] = (0.38, 0.42, 0.08, 0.09, 0.03)
    """Probabilities of the same sites where blood has broken into the ventricles."""

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        subtle: bool,
        blood: Blood | None = None,
        deep: bool = False,
    ) -> Self:
        """Draw a spontaneous bleed.

        Args:
            rng: Source of randomness.
            subtle: Whether it is small and faint.
            blood: Its blood; acute if not given.
            deep: Whether it lies where blood breaks into the ventricles.
        """
        names = list(cls.SITES)
        usual = [cls.SITES[name][0] for name in names]
        where = str(rng.choice(names, p=cls.DEEP if deep else usual))
        _, center, largest = cls.SITES[where]
        radius = rng.uniform(4, 5.5) if subtle else rng.uniform(8, largest)
        side = rng.choice((-1, 1))
        place = np.asarray(center) * (side, 1, 1) + rng.normal(0, 2.5, 3)
        if where == "lobar":
            direction = direction_to(rng, str(rng.choice(REGIONS)))
            place = np.asarray(on_vault(direction)) * rng.uniform(0.55, 0.78)
            if abs(place[0]) < radius + 4:
                place[0] = np.copysign(radius + 4, place[0])
        return cls(
            blood=blood or Blood.draw(rng, subtle=subtle),
            subtle=subtle,
            where=where,
            lobes=_lobes(rng, place, radius),
            swelling=float(rng.uniform(3, 12) if not subtle else 2.0),
        )

    @classmethod
    def draw_contusion(
        cls, rng: np.random.Generator, side: int, *, subtle: bool, blood: Blood, where: str
    ) -> Self:
        """Draw a contusion: small, near the surface of the brain, patchy.

        Args:
            rng: Source of randomness.
            side: -1 right, 1 left.
            subtle: Whether it is small and faint.
            blood: Its blood.
            where: One of `CONTUSION_SITES`.
        """
        radius = rng.uniform(4, 5.5) if subtle else rng.uniform(5.5, 14)
        place = np.asarray(CONTUSION_SITES[where][1]) * (side, 1, 1) + rng.normal(0, 3, 3)
        inward = _inward(place)
        for _ in range(_FARTHEST_INWARD):
            if _wall(place) < -(radius + 2):
                break
            place = place + inward
        radius = min(radius, max(-_wall(place) - 2, _LEAST_RADIUS))
        return cls(
            blood=blood,
            subtle=subtle,
            where=where,
            lobes=_patches(rng, place, radius),
            swelling=float(rng.uniform(4, 11)),
        )

    @property
    def hu(self) -> float:
        """Intensity of its clot (HU)."""
        return self.blood.hu

    @property
    def oedema(self) -> float:
        """Width of the dark rim now (mm): it grows over days (Inaji et al. 2003)."""
        return float(0.7 + self.swelling * (1 - np.exp(-self.blood.days / 3)))

    @property
    def rim(self) -> float:
        """Width of the outer shell that has faded, from the third day on (mm)."""
        largest = 0.6 * self.lobes[0][1]
        return float(np.clip(0.3 * (self.blood.days - 3), 0, largest))

    def aged(self, days: float) -> Self:
        """The same bleed some days later: it fades from its rim, and the brain around swells."""
        return dataclasses.replace(self, blood=self.blood.aged(days))

    def distance(self, p: Points) -> Array:
        """Distance to the blob, negative inside (mm)."""
        low, high = self._box
        margin = 2 * self.oedema
        if float(p.z.max()) < low[2] - margin or float(p.z.min()) > high[2] + margin:
            return np.full_like(p.x, 99)
        box = (p.x > np.float32(low[0] - margin)) & (p.x < np.float32(high[0] + margin))
        box &= (p.y > np.float32(low[1] - margin)) & (p.y < np.float32(high[1] + margin))
        index = np.flatnonzero(box)
        distance = np.full_like(p.x, 99)
        if len(index):
            distance[index] = self._distance(p.at(index))
        return distance

    def _distance(self, p: Points) -> Array:
        radius = self.lobes[0][1]
        whole = sphere(p, *self.lobes[0])
        for center, lobe in self.lobes[1:]:
            whole = smooth_min(whole, sphere(p, center, lobe), 0.25 * radius)
        near = np.flatnonzero(whole < 14)
        rough = wander(*(v * np.float32(1.1) + np.float32(radius) for v in p.at(near)))
        whole[near] += np.float32(min(1.6, 0.16 * radius)) * rough
        return whole

    @cached_property
    def _box(self) -> tuple[Vector, Vector]:
        """Lowest and highest coordinates that it and its rough surface reach (mm)."""
        centers = np.array([center for center, _ in self.lobes])
        radii = np.array([[radius] for _, radius in self.lobes])
        return vector((centers - radii).min(axis=0) - 6), vector((centers + radii).max(axis=0) + 6)

    def level(self, down: Vector) -> float | None:
        """Height of the level of settled cells, against gravity (mm); None without one."""
        if not self.blood.cells:
            return None
        center, radius = self.lobes[0]
        return float(-np.dot(center, down) + 2 * radius * (self.blood.cells - 0.5))

    @property
    def push(self) -> tuple[Vector, float, float]:
        """Center, radius and strength of what it pushes aside."""
        center, radius = self.lobes[0]
        return center, 1.2 * radius + 0.5 * self.oedema, 0.35

    @property
    def shift(self) -> float:
        """Shift of the midline towards the left (mm)."""
        center, radius = self.lobes[0]
        size = radius + 0.3 * self.oedema
        return float(-np.clip(center[0] / 20, -1, 1) * 0.45 * max(size - 8, 0))

    @property
    def crowding(self) -> Crowding:
        """Where it narrows the sulci."""
        center, radius = self.lobes[0]
        return Crowding(center, 18 + 1.6 * radius, float(np.clip((radius - 5) / 14, 0, 0.9)))


def _lobes(
    rng: np.random.Generator, place: NDArray[np.float64], radius: float
) -> tuple[tuple[Vector, float], ...]:
    lobes = [(place, 0.9 * radius)]
    for _ in range(int(rng.integers(3, 6))):
        away = rng.normal(size=3)
        away *= rng.uniform(0.6, 1.0) * radius / np.linalg.norm(away)
        lobes.append((place + away, rng.uniform(0.35, 0.6) * radius))
    return tuple((vector(center), float(r)) for center, r in lobes)


def _wall(place: NDArray[np.float64]) -> float:
    """Distance of a place to the cavity's surface, negative inside (mm)."""
    return float(cavity(point(vector(place))).wall[0])


def _inward(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """The unit vector away from the nearest wall."""
    slope = np.array([_wall(place - step) - _wall(place + step) for step in np.eye(3)])
    inward: NDArray[np.float64] = slope / np.linalg.norm(slope)
    return inward


def _patches(
    rng: np.random.Generator, place: NDArray[np.float64], radius: float
) -> tuple[tuple[Vector, float], ...]:
    """Small spheres over an area of the surface, some apart from the others."""
    outwards = place / np.linalg.norm(place)
    patches = [(place, 0.65 * radius)]
    for _ in range(int(rng.integers(4, 9))):
        away = rng.normal(size=3)
        away -= 0.6 * (away @ outwards) * outwards
        away *= rng.uniform(0.6, 1.3) * radius / np.linalg.norm(away)
        patches.append((place + away, rng.uniform(0.3, 0.6) * radius))
    return tuple((vector(center), float(r)) for center, r in patches)

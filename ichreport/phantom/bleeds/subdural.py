"""The subdural crescent."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np

from ichreport.phantom.anatomy.cavity import Cavity, petrous
from ichreport.phantom.anatomy.landmarks import Crowding, callosal_arch, tentorium
from ichreport.phantom.bleeds.blood import CHRONIC, MIXED, SUBACUTE, Blood
from ichreport.phantom.shapes import Array, Points, Vector, at_least, smooth_step

_OVER_FLOOR: Final = 3.0
"""Thickness at most over the base of the skull, where a crescent ends (mm)."""

_GRAIN: Final = 0.4
"""Fineness of the clumps in a thin layer of blood (labyrinth voxels a mm)."""


@dataclass(frozen=True)
class Subdural:
    """A crescent between dura and arachnoid, over the convexity, the falx or the tentorium.

    It crosses sutures but never the falx.

    Attributes:
        blood: Its blood.
        subtle: Whether it was drawn thin and faint.
        where: "convexity", "falx" or "tentorium".
        side: -1 right, 1 left.
        middle: y and z of its middle (mm).
        reach: Half its extent along y and z (mm).
        thickness: Greatest thickness (mm).
        waves: Relative height and phase of the waves of its inner surface.
    """

    subtype: ClassVar[str] = "subdural"
    blood: Blood
    subtle: bool
    where: str
    side: int
    middle: tuple[float, float]
    reach: tuple[float, float]
    thickness: float
    waves: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        subtle: bool,
        blood: Blood | None = None,
        where: str | None = None,
        side: int | None = None,
    ) -> Self:
        """Draw a crescent.

        Args:
            rng: Source of randomness.
            subtle: Whether it is thin and faint.
            blood: Its blood; acute if not given.
            where: "convexity", "falx" or "tentorium"; drawn if not given.
            side: -1 right, 1 left; drawn if not given.
        """
        where = where or str(rng.choice(("convexity", "falx", "tentorium"), p=(0.78, 0.14, 0.08)))
        blood = blood or Blood.draw(rng, subtle=subtle)
        old = blood.stage in (SUBACUTE, CHRONIC, MIXED)
        low, high = (4.5, 6.0) if subtle else (8.0, 20.0) if old else (7.0, 15.0)
        reach = (rng.uniform(58, 85), rng.uniform(34, 60))
        if where != "convexity":
            low, high = (2.6, 3.4) if subtle else (3.5, 7.0)
        middle = (rng.uniform(-25, 25), rng.uniform(5, 40))
        if where == "falx":
            middle, reach = (rng.uniform(-45, 50), rng.uniform(35, 55)), (rng.uniform(30, 60), 28.0)
        return cls(
            blood=dataclasses.replace(blood, grain=_GRAIN),
            subtle=subtle,
            where=where,
            side=side or int(rng.choice((-1, 1))),
            middle=(float(middle[0]), float(middle[1])),
            reach=(float(reach[0]), float(reach[1])),
            thickness=float(min(rng.uniform(low, high), reach[0] ** 2 / (320 if old else 440))),
            waves=(float(rng.uniform(0.05, 0.25)), float(rng.uniform(0, 6.28))),
        )

    @property
    def hu(self) -> float:
        """Intensity of its clot (HU)."""
        return self.blood.hu

    def aged(self, days: float) -> Self:
        """The same bleed some days later: fresh clot is taken up, old blood stays."""
        taken_up = 1.0 if self.blood.stage in (CHRONIC, MIXED) else float(np.exp(-days / 40))
        return dataclasses.replace(
            self, blood=self.blood.aged(days), thickness=self.thickness * taken_up
        )

    def distance(self, p: Points, space: Cavity) -> Array:
        """Distance to the crescent, negative inside (mm)."""
        side = np.float32(self.side)
        near = np.flatnonzero(side * p.x > 0)
        distance = np.full_like(p.x, 99)
        if len(near):
            shape = {
                "tentorium": self._on_tentorium,
                "falx": self._on_falx,
                "convexity": self._on_convexity,
            }[self.where]
            distance[near] = shape(p.at(near), space.at(near))
        return distance

    def _on_convexity(self, p: Points, space: Cavity) -> Array:
        surface = 1 / at_least(space.radius, 0.3)
        y, z = p.y * surface, p.z * surface
        tapered = self._tapered(y, z)
        tapered *= smooth_step(np.abs(p.x) * surface, 2, 16)
        tapered *= smooth_step(p.z, -42, -22)
        over_floor = smooth_step(space.floor - space.vault, -6, 4)  # it spreads thin over the base
        tapered -= over_floor * at_least(tapered - np.float32(_OVER_FLOOR), 0)
        distance: Array = -space.wall - tapered
        distance += at_least(np.float32(2.2) - tapered, 0) * 3
        np.maximum(distance, space.wall - np.float32(0.5), out=distance)
        return distance

    def _on_tentorium(self, p: Points, space: Cavity) -> Array:
        height, rim = tentorium(p)
        tapered = np.float32(self.thickness) * smooth_step(rim, 0.32, 0.7)
        layer = np.maximum(-height, height - tapered)
        outside = np.maximum(4 - np.abs(p.x), (np.float32(0.34) - rim) * 60)
        outside = np.maximum(outside, 4 - petrous(p))
        distance: Array = np.maximum(np.maximum(layer, outside), space.wall)
        return distance

    def _on_falx(self, p: Points, space: Cavity) -> Array:
        tapered = self._tapered(p.y, p.z)
        away = np.abs(p.x) - np.float32(0.6)
        layer = np.maximum(-away, away - tapered)
        layer = np.maximum(layer, 6 - callosal_arch(p))
        layer = np.maximum(layer, 1 - tentorium(p)[0])
        thin = (np.float32(0.4) - tapered) * 5
        distance: Array = np.maximum(np.maximum(layer, space.wall), thin)
        return distance

    def _tapered(self, y: Array, z: Array) -> Array:
        """Thickness at a place on the surface (mm), 0 beyond the crescent's reach."""
        spread = np.square((y - np.float32(self.middle[0])) * np.float32(1 / self.reach[0]))
        spread += np.square((z - np.float32(self.middle[1])) * np.float32(1 / self.reach[1]))
        thickness: Array = np.float32(self.thickness) * np.sqrt(at_least(1 - spread, 0))
        height, phase = self.waves
        if height:
            wave = np.sin(np.float32(0.17) * y + np.float32(0.12) * z + np.float32(phase))
            thickness *= 1 - np.float32(height / 2) + np.float32(height / 2) * wave
        return thickness

    def level(self, down: Vector) -> float | None:
        """Height of the level of settled cells, against gravity (mm); None without one."""
        if not self.blood.cells:
            return None
        middle = np.array([self.side * 60.0, *self.middle])
        half = np.hypot(self.reach[0] * down[1], self.reach[1] * down[2])
        low, high = (float(-middle @ down + s * half) for s in (-1, 1))
        low, high = max(low, -80.0), min(high, 75.0)
        return low + self.blood.cells * (high - low)

    @property
    def shift(self) -> float:
        """Shift of the midline towards the left (mm)."""
        return -self.side * 0.6 * max(self.thickness - 5, 0)

    @property
    def crowding(self) -> Crowding:
        """Where it narrows the sulci."""
        y, z = self.middle
        return Crowding((self.side * 55.0, y, z), 75.0, float(np.clip(self.thickness / 14, 0, 0.9)))

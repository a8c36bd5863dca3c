"""The subdural crescent."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ichreport.phantom.anatomy.cavity import Cavity
from ichreport.phantom.anatomy.landmarks import callosal_arch, tentorium
from ichreport.phantom.bleeds.intensity import acute_hu
from ichreport.phantom.shapes import Array, Points, smooth_step


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
        low, high = (4.5, 6.0) if subtle else (7.0, 15.0)
        reach = (rng.uniform(58, 85), rng.uniform(34, 60))
        if where != "convexity":
            low, high = (2.6, 3.4) if subtle else (3.5, 7.0)
        middle = (rng.uniform(-25, 25), rng.uniform(5, 40))
        if where == "falx":
            middle, reach = (rng.uniform(-45, 50), rng.uniform(35, 55)), (rng.uniform(30, 60), 28.0)
        return cls(
            hu=acute_hu(rng, subtle=subtle),
            subtle=subtle,
            where=where,
            side=int(rng.choice((-1, 1))),
            middle=(float(middle[0]), float(middle[1])),
            reach=(float(reach[0]), float(reach[1])),
            thickness=float(min(rng.uniform(low, high), reach[0] ** 2 / 440)),
            sediment=float(rng.uniform(8, 25) if rng.random() < 0.2 and not subtle else 0),
        )

    def distance(self, p: Points, space: Cavity) -> Array:
        """Distance to the crescent, negative inside (mm)."""
        if self.where == "tentorium":
            return self._on_tentorium(p, space)
        if self.where == "falx":
            return self._on_falx(p, space)
        side = np.float32(self.side)
        surface = 1 / np.maximum(space.radius, np.float32(0.3))
        tapered = self._tapered(p.y * surface, p.z * surface)
        tapered *= smooth_step(side * p.x * surface, 2, 16)
        tapered *= smooth_step(p.z, -42, -22)
        distance: Array = -space.wall - tapered
        distance += np.maximum(np.float32(2.2) - tapered, 0) * 3
        np.maximum(distance, space.wall - np.float32(0.5), out=distance)
        return distance

    def _on_tentorium(self, p: Points, space: Cavity) -> Array:
        height, rim = tentorium(p)
        tapered = np.float32(self.thickness) * smooth_step(rim, 0.32, 0.7)
        layer = np.maximum(-height, height - tapered)
        outside = np.maximum(4 - np.float32(self.side) * p.x, (np.float32(0.34) - rim) * 60)
        outside = np.maximum(outside, 15 - p.y)
        distance: Array = np.maximum(np.maximum(layer, outside), space.wall)
        return distance

    def _on_falx(self, p: Points, space: Cavity) -> Array:
        tapered = self._tapered(p.y, p.z)
        away = np.float32(self.side) * p.x - np.float32(0.6)
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
        thickness: Array = np.float32(self.thickness) * np.sqrt(np.maximum(1 - spread, 0))
        return thickness

    def settled(self, p: Points) -> Array | float:
        """Loss of intensity where blood has settled away, towards the front (HU)."""
        if not self.sediment:
            return 0.0
        loss: Array = np.float32(self.sediment) * np.clip(np.float32(0.5) - p.y / 90, 0, 1)
        return loss

    @property
    def shift(self) -> float:
        """Shift of the midline towards the left (mm)."""
        return -self.side * 0.6 * max(self.thickness - 5, 0)

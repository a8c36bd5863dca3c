"""Blood between skull and brain: the epidural lens and the subdural crescent."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ichreport.phantom.anatomy import Cavity
from ichreport.phantom.cranial_vault import (
    REGIONS,
    beyond_region,
    direction_to,
    on_vault,
    outward,
    point,
)
from ichreport.phantom.landmarks import callosal_arch, tentorium
from ichreport.phantom.shapes import Array, Points, Vector, smooth_max, smooth_step, sphere, vector


def acute_hu(rng: np.random.Generator, *, subtle: bool) -> float:
    """Intensity of acute blood: 50 to 80 HU with the haematocrit (New and Aronow 1976)."""
    return float(rng.uniform(53, 60) if subtle else np.clip(rng.normal(66, 5), 56, 80))


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
            place = on_vault(direction_to(rng, where))
            room = -float(beyond_region(point(place), where)[0])
            if room > 14:
                break
        spread = min(rng.uniform(15, 19) if subtle else rng.uniform(20, 38), room + 3)
        sag = spread**2 / (2 * 76)
        thickness = sag * 1.25 + (rng.uniform(3, 4.5) if subtle else rng.uniform(5, 13))
        height = (spread**2 + sag**2 - thickness**2) / (2 * (thickness - sag))
        center = np.asarray(place) + height * outward(place)
        return cls(
            hu=acute_hu(rng, subtle=subtle),
            subtle=subtle,
            where=where,
            center=vector(center),
            radius=float(height + thickness),
            thickness=float(thickness),
        )

    def distance(self, p: Points, space: Cavity) -> Array:
        """Distance to the lens, negative inside (mm)."""
        lens = np.maximum(sphere(p, self.center, self.radius), space.vault - np.float32(0.5))
        lens = np.maximum(lens, space.floor)
        return smooth_max(lens, beyond_region(p, self.where) + np.float32(0.8), 4)

    def settled(self, p: Points) -> float:
        """Loss of intensity where blood has settled away (HU): a lens clots before it can."""
        return 0.0

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

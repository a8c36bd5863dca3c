"""The epidural lens."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ichreport.phantom.anatomy.cavity import Cavity
from ichreport.phantom.anatomy.cranial_vault import (
    REGIONS,
    beyond_region,
    direction_to,
    on_vault,
    outward,
    point,
)
from ichreport.phantom.bleeds.intensity import acute_hu
from ichreport.phantom.shapes import Array, Points, Vector, smooth_max, sphere, vector


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

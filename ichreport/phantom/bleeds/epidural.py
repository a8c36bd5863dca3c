"""The epidural lens."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final, Self

import numpy as np

from ichreport.phantom.anatomy.cavity import Cavity
from ichreport.phantom.anatomy.cranial_vault import (
    REGIONS,
    VERTEX,
    beyond_region,
    direction_to,
    on_vault,
    outward,
    point,
)
from ichreport.phantom.anatomy.landmarks import Crowding
from ichreport.phantom.bleeds.blood import Blood
from ichreport.phantom.shapes import Array, Points, Vector, smooth_max, sphere, vector

_SITES: Final = {
    "frontal": 0.15,
    "left parietal": 0.34,
    "right parietal": 0.34,
    "occipital": 0.06,
    "posterior fossa": 0.06,
    VERTEX: 0.05,
}
"""Where they are: mostly under the temporal bone, 5 to 10 % in the posterior fossa, few at the
vertex (Bullock et al. 2006)."""

_REACH: Final = 70.0
"""Height above and below its apex within which a lens and the brain around it lie (mm)."""


@dataclass(frozen=True)
class Epidural:
    """A lens between the skull and the dura it strips off; sutures bound it.

    The lens is what a sphere around a center outside the skull cuts off from the cavity.

    Attributes:
        blood: Its blood.
        subtle: Whether it was drawn small and faint.
        where: One of the vault's regions, "posterior fossa", or "vertex", where it strips the
            sagittal suture and crosses it.
        center: Center of the cutting sphere (mm).
        radius: Its radius (mm).
        thickness: Greatest depth of the lens (mm).
    """

    subtype: ClassVar[str] = "epidural"
    blood: Blood
    subtle: bool
    where: str
    center: Vector
    radius: float
    thickness: float

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        subtle: bool,
        blood: Blood | None = None,
        rare_sites: bool = False,
    ) -> Self:
        """Draw a lens that lies within one region of the vault.

        Args:
            rng: Source of randomness.
            subtle: Whether it is small and faint.
            blood: Its blood; acute if not given.
            rare_sites: Whether it may lie in the posterior fossa or at the vertex.
        """
        while True:
            if rare_sites:
                where = str(rng.choice(list(_SITES), p=list(_SITES.values())))
            else:
                where = str(rng.choice(REGIONS, p=(0.16, 0.36, 0.36, 0.12)))
            place = on_vault(_direction(rng, where))
            room = -float(beyond_region(point(place), _region(where))[0])
            if room > (14 if subtle else 19):
                break
        spread = min(rng.uniform(15, 19) if subtle else rng.uniform(20, 38), room + 3)
        sag = spread**2 / (2 * 76)
        bulge = rng.uniform(3, 4.5) if subtle else rng.uniform(5, 13)
        thickness = sag * 1.25 + min(bulge, 0.36 * spread)  # thicker ones would be half balls
        height = (spread**2 + sag**2 - thickness**2) / (2 * (thickness - sag))
        center = np.asarray(place) + height * outward(place)
        return cls(
            blood=blood or Blood.draw(rng, subtle=subtle),
            subtle=subtle,
            where=where,
            center=vector(center),
            radius=float(height + thickness),
            thickness=float(thickness),
        )

    @property
    def hu(self) -> float:
        """Intensity of its clot (HU)."""
        return self.blood.hu

    def aged(self, days: float) -> Self:
        """The same bleed some days later, not operated on: it thins as it is taken up."""
        lost = self.thickness * (1 - np.exp(-days / 30))
        return dataclasses.replace(
            self,
            blood=self.blood.aged(days),
            radius=float(self.radius - lost),
            thickness=float(self.thickness - lost),
        )

    def distance(self, p: Points, space: Cavity) -> Array:
        """Distance to the lens, negative inside (mm)."""
        apex = self.apex[2]
        if float(p.z.min()) > apex + _REACH or float(p.z.max()) < apex - _REACH:
            return np.full_like(p.x, 99)
        lens = np.maximum(sphere(p, self.center, self.radius), space.vault - np.float32(0.5))
        lens = np.maximum(lens, space.floor)
        return smooth_max(lens, beyond_region(p, _region(self.where)) + np.float32(0.8), 4)

    def level(self, down: Vector) -> None:
        """Height of the level of settled cells: a lens clots before it can have one."""

    @cached_property
    def apex(self) -> Vector:
        """Its innermost point (mm)."""
        center = np.asarray(self.center)
        return vector(center * (1 - self.radius / np.linalg.norm(center)))

    @property
    def shift(self) -> float:
        """Shift of the midline towards the left (mm)."""
        side = -np.clip(self.center[0] / 40, -1, 1)
        return float(side * 0.3 * max(self.thickness - 8, 0))

    @property
    def crowding(self) -> Crowding:
        """Where it narrows the sulci."""
        return Crowding(self.apex, 45.0, float(np.clip(self.thickness / 18, 0, 0.9)))


def _region(where: str) -> str:
    return "occipital" if where == "posterior fossa" else where


def _direction(rng: np.random.Generator, where: str) -> Vector:
    if where == "posterior fossa":
        return vector(rng.normal((0, 52, -42), (22, 6, 6)))
    if where == VERTEX:
        return vector(rng.normal((0, 22, 62), (4, 8, 4)))
    return direction_to(rng, where)

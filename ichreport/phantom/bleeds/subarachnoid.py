"""Subarachnoid blood."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ichreport.phantom.anatomy.cranial_vault import REGIONS, direction_to, on_vault
from ichreport.phantom.bleeds.intensity import acute_hu
from ichreport.phantom.shapes import Array, Points, Vector, vector


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

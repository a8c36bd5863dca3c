"""Blood within the brain."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ichreport.phantom.anatomy.cranial_vault import REGIONS, direction_to, on_vault
from ichreport.phantom.bleeds.intensity import acute_hu
from ichreport.phantom.shapes import Array, Points, Vector, smooth_min, sphere, vector, wander


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

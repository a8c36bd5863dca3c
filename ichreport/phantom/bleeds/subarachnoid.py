"""Subarachnoid blood."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple, Self

import numpy as np

from ichreport.phantom.anatomy.cranial_vault import REGIONS, direction_to, on_vault
from ichreport.phantom.bleeds.blood import Blood
from ichreport.phantom.shapes import Array, Points, Vector, at_least, at_most, vector

_SELLA: Final = (0.0, -12.0, -17.0)
_SYLVIAN: Final = (40.0, -8.0, 2.0)
_INTERHEMISPHERIC: Final = (0.0, -52.0, 6.0)
_AMBIENT: Final = (0.0, 18.0, -10.0)
_PREPONTINE: Final = (0.0, -2.0, -34.0)
_EXTENT: Final = 2.45
"""A pool ends at so many times its reach."""


class Pool(NamedTuple):
    """Blood around one place.

    Attributes:
        center: Where it is densest (mm).
        reach: How far it spreads (mm).
        amount: Blood at its center; 1 fills the fluid, more than 1 fills it further out too.
    """

    center: Vector
    reach: float
    amount: float


@dataclass(frozen=True)
class Subarachnoid:
    """Blood mixed into the fluid of cisterns, fissures and sulci.

    Attributes:
        blood: Its blood, undiluted.
        subtle: Whether it was drawn small and faint.
        where: "basal", "diffuse" and "sylvian" as from an aneurysm, "perimesencephalic", or
            "convexity" as after a trauma.
        pools: Where the blood is.
        cleared: Share of it that has been washed out.
    """

    subtype: ClassVar[str] = "subarachnoid"
    blood: Blood
    subtle: bool
    where: str
    pools: tuple[Pool, ...]
    cleared: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator, *, subtle: bool, blood: Blood | None = None) -> Self:
        """Draw one pool of blood."""
        if rng.random() < 0.5:
            where, center = "basal", rng.normal((0, -14, -16), (8, 5, 4))
            reach = rng.uniform(13, 16) if subtle else rng.uniform(21, 33)
        else:
            direction = direction_to(rng, str(rng.choice(REGIONS, p=(0.3, 0.3, 0.3, 0.1))))
            where, center = "convexity", 0.9 * np.asarray(on_vault(direction))
            reach = rng.uniform(10, 13) if subtle else rng.uniform(15, 25)
        pool = Pool(vector(center), float(reach), 1.7)
        return cls(blood or Blood.draw(rng, subtle=subtle), subtle, where, (pool,))

    @classmethod
    def draw_aneurysmal(cls, rng: np.random.Generator, *, subtle: bool, blood: Blood) -> Self:
        """Draw blood in the cisterns, which spreads into the fissures around them."""
        side = float(rng.choice((-1, 1)))
        kinds = ("diffuse", "basal", "sylvian", "perimesencephalic")
        shares = (0.0, 0.3, 0.5, 0.2) if subtle else (0.5, 0.25, 0.13, 0.12)
        where = str(rng.choice(kinds, p=shares))
        near, far = (np.asarray(_SYLVIAN) * (s, 1, 1) for s in (side, -side))
        places = {
            "diffuse": (
                (_SELLA, 20, 1.9),
                (near, 17, rng.uniform(1.3, 2.2)),
                (far, 16, rng.uniform(0.6, 1.8)),
                (_INTERHEMISPHERIC, 18, rng.uniform(0.4, 2.0)),
                (_AMBIENT, 16, rng.uniform(0.8, 1.8)),
                (_PREPONTINE, 13, rng.uniform(0.5, 1.8)),
            ),
            "basal": ((_SELLA, 19, 1.8), (near * (0.5, 1, 1), 13, rng.uniform(0.5, 1.5))),
            "sylvian": ((near, 17, 2.0), ((12 * side, *_SELLA[1:]), 12, 1.3)),
            "perimesencephalic": ((_PREPONTINE, 14, 2.0), (_AMBIENT, 13, 1.2)),
        }[where]
        size = rng.uniform(0.6, 0.75) if subtle else rng.uniform(0.9, 1.25)
        pools = tuple(
            Pool(vector(np.asarray(center) + rng.normal(0, 2, 3)), float(size * reach), amount)
            for center, reach, amount in places
        )
        return cls(blood, subtle, where, pools)

    @classmethod
    def draw_traumatic(cls, rng: np.random.Generator, *, subtle: bool, blood: Blood) -> Self:
        """Draw blood in a few sulci of the convexity, at times with some in the opposite ones."""
        pools = []
        for spread in range(1 if subtle or rng.random() < 0.6 else 2):
            direction = np.asarray(
                direction_to(rng, str(rng.choice(REGIONS, p=(0.3, 0.3, 0.3, 0.1))))
            )
            for _ in range(1 if subtle else int(rng.integers(3, 6))):
                near = on_vault(vector(direction + rng.normal(0, 18, 3)))
                reach = rng.uniform(8, 12) if subtle else rng.uniform(12, 19)
                center = vector(rng.uniform(0.86, 0.94) * np.asarray(near))
                pools.append(Pool(center, float(reach), float(rng.uniform(1.3, 2.0))))
                if spread:
                    break
        return cls(blood, subtle, "convexity", tuple(pools))

    @property
    def hu(self) -> float:
        """Intensity of its undiluted blood (HU)."""
        return self.blood.hu

    def aged(self, days: float) -> Self:
        """The same bleed some days later: fluid washes it out within one to two weeks."""
        left = (1 - self.cleared) * np.exp(-days / 6)
        return dataclasses.replace(self, blood=self.blood.aged(days), cleared=float(1 - left))

    def density(self, p: Points) -> Array:
        """Share of blood in the fluid at each point, 0 to 1."""
        density = np.zeros_like(p.x)
        low, high = float(p.z.min()), float(p.z.max())
        for center, reach, amount in self.pools:
            extent = _EXTENT * reach
            if low > center[2] + extent or high < center[2] - extent:
                continue
            index = np.flatnonzero(
                (np.abs(p.y - np.float32(center[1])) < np.float32(extent))
                & (np.abs(p.x - np.float32(center[0])) < np.float32(extent))
            )
            squares = np.square(p.x.take(index) - np.float32(center[0]))
            squares += np.square(p.y.take(index) - np.float32(center[1]))
            squares += np.square(p.z.take(index) - np.float32(center[2]))
            squares *= np.float32(-1 / extent**2)
            squares += 1
            at_least(squares, 0, out=squares)
            density[index] += np.float32(amount) * squares * squares * squares
        at_most(density, 1, out=density)
        density *= np.float32(1 - self.cleared)
        return density

"""Bright things that are no acute bleed: calcifications and a dense venous sinus."""

from dataclasses import dataclass

import numpy as np

from ichreport.phantom.anatomy.brain import Brain
from ichreport.phantom.anatomy.landmarks import EDGE
from ichreport.phantom.shapes import Array, Points, Vector, ellipsoid, inside

_SINUS = "hyperdense sinus"


@dataclass(frozen=True)
class Lookalike:
    """Something bright that a reader must not call a bleed.

    Attributes:
        name: What it is.
        hu: Its intensity (HU).
        spots: Centers and radii of the ellipsoids that it consists of (mm); none for a sinus.
    """

    name: str
    hu: float
    spots: tuple[tuple[Vector, Vector], ...]

    def share(self, p: Points, brain: Brain) -> Array | None:
        """Share of each point that is this; None if it is nowhere near.

        Args:
            p: The points, where they are now; the sinus lies in the fixed dura.
            brain: The brain, with where its points rest when nothing presses on them.
        """
        if self.name == _SINUS:
            return brain.sinus
        rest = p if self.name == "calcified falx" else brain.rest
        low, high = float(rest.z.min()), float(rest.z.max())
        near = [
            s for s in self.spots if low - s[1][2] < s[0][2] + 2 and high + s[1][2] > s[0][2] - 2
        ]
        if not near:
            return None
        shares = [inside(ellipsoid(rest, center, radii), EDGE) for center, radii in near]
        share: Array = np.maximum.reduce(shares)
        return share


def draw(rng: np.random.Generator, age: float) -> list[Lookalike]:
    """Draw a person's look-alikes; calcifications come with age, in bleeders and others alike."""
    old = float(np.clip((age - 20) / 60, 0.15, 1))
    lookalikes = []
    if rng.random() < 0.55 * old + 0.1:
        lookalikes.append(_choroid(rng))
    if rng.random() < 0.5 * old + 0.15:
        center = (rng.normal(0, 0.6), rng.normal(22, 1), rng.normal(2, 1))
        lookalikes.append(
            _spots("calcified pineal", rng.uniform(110, 320), [(center, _radii(rng, 2.2, 3.6))])
        )
    if rng.random() < 0.3 * old:
        lookalikes.append(_falx(rng))
    if rng.random() < 0.15:
        lookalikes.append(Lookalike(_SINUS, float(rng.uniform(66, 76)), ()))
    if rng.random() < 0.2:
        lookalikes.append(_parenchymal(rng))
    if rng.random() < 0.18 * old:
        lookalikes.append(_basal_ganglia(rng))
    return lookalikes


def _choroid(rng: np.random.Generator) -> Lookalike:
    spots = []
    for side in (-1, 1):
        for _ in range(int(rng.integers(1, 4))):
            center = (side * rng.normal(22, 1.2), rng.normal(34, 2.5), rng.normal(9, 2))
            spots.append((center, _radii(rng, 1.6, 4.0)))
    return _spots("calcified choroid plexus", rng.uniform(100, 300), spots)


def _falx(rng: np.random.Generator) -> Lookalike:
    spots = []
    for _ in range(int(rng.integers(1, 4))):
        angle = rng.uniform(-0.5, 2.2)
        reach = rng.uniform(0.72, 0.9)
        center = (0.0, -reach * 74 * np.cos(angle), reach * 70 * np.sin(angle))
        if center[2] > 12:
            spots.append((center, (rng.uniform(1.0, 2.2), rng.uniform(4, 11), rng.uniform(3, 7))))
    spots = spots or [((0.0, -52.0, 34.0), (1.4, 7.0, 5.0))]
    return _spots("calcified falx", rng.uniform(120, 350), spots)


def _parenchymal(rng: np.random.Generator) -> Lookalike:
    spots = []
    for _ in range(int(rng.integers(1, 4))):
        away = rng.normal(size=3)
        away[2] = abs(away[2])
        center = away / np.linalg.norm(away) * rng.uniform(25, 55)
        spots.append((tuple(center), _radii(rng, 1.3, 2.8)))
    return _spots("small calcification", rng.uniform(90, 260), spots)


def _basal_ganglia(rng: np.random.Generator) -> Lookalike:
    size = rng.uniform(0.8, 1.3)
    spots = [
        (
            (side * rng.normal(21, 0.8), rng.normal(-1, 1), rng.normal(1, 1)),
            (2.2 * size, 5 * size, 3.5),
        )
        for side in (-1, 1)
    ]
    return _spots("calcified basal ganglia", rng.uniform(70, 150), spots)


def _radii(rng: np.random.Generator, low: float, high: float) -> Vector:
    x, y, z = rng.uniform(low, high, 3)
    return float(x), float(y), float(z)


def _spots(name: str, hu: float, spots: list[tuple[Vector, Vector]]) -> Lookalike:
    exact = tuple(
        (tuple(float(v) for v in center), tuple(float(v) for v in radii)) for center, radii in spots
    )
    return Lookalike(name, float(hu), exact)  # type: ignore[arg-type]

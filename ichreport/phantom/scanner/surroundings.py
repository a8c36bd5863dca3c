"""What lies around the head: its rest, straps, tubes and wires."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ichreport.params.phantom.scanners import Rest, Scanner
from ichreport.phantom.shapes import Array, inside

AIR: Final = -1000.0
_HEAD_WIDTH: Final = 78.0
"""Half the width of a head with its skin (mm)."""

_WITH_TUBES: Final = 0.3
_WITH_WIRES: Final = 0.12
_IN_CLOTHES: Final = 0.35
"""Shares of varied people with tubes beside the face, with wires, with clothes up to the jaw."""

_FOLDS: Final = ((3, 5.0), (7, 3.0), (13, 1.5))
"""Folds of a collar: how many around the neck, and how deep (mm)."""


@dataclass(frozen=True)
class Line:
    """A tube or a wire that runs straight through several slices.

    Attributes:
        start: Where it crosses the middle of the lowest height, across and down (mm).
        drift: How far it goes across and down for each mm of height.
        heights: The lowest and the highest slice that it reaches (mm).
        radius: Of its outside (mm).
        wall: Thickness of its wall (mm); the radius for a wire.
        hu: Intensity of the wall (HU).
    """

    start: tuple[float, float]
    drift: tuple[float, float]
    heights: tuple[float, float]
    radius: float
    wall: float
    hu: float

    def paint(self, hu: Array, across: Array, down: Array, height: float) -> None:
        """Put it into a slice.

        Args:
            hu: The slice (HU), shape (rows, columns); changed in place.
            across: Places of its columns (mm).
            down: Places of its rows (mm).
            height: The slice's height (mm).
        """
        low, high = self.heights
        if not low <= height <= high:
            return
        x, y = (s + d * (height - low) for s, d in zip(self.start, self.drift, strict=True))
        pixel = float(across[1] - across[0])
        reach = self.radius + 2 * pixel
        columns, rows = np.abs(across - x) < reach, np.abs(down - y) < reach
        if not (columns.any() and rows.any()):
            return
        box = np.ix_(rows, columns)
        away = np.hypot(across[columns][None, :] - x, down[rows][:, None] - y)
        share = inside(np.abs(away - self.radius + self.wall / 2) - self.wall / 2, 1.2 * pixel)
        if self.wall >= self.radius:
            share = inside(away - self.radius, 1.2 * pixel) * min(1.0, self.radius / pixel)
        hu[box] += share * (self.hu - hu[box])


@dataclass(frozen=True)
class Collar:
    """Cloth around the neck: a folded sheet in the lowest slices.

    Attributes:
        top: The highest slice that it reaches (mm).
        radius: Its usual distance from the neck's middle (mm).
        turn: Where its folds begin (radians).
        hu: Its intensity (HU).
    """

    top: float
    radius: float
    turn: float
    hu: float

    def picture(self, x: Array, y: Array) -> Array:
        """The cloth (HU) at places from the neck's middle (mm)."""
        angle = np.arctan2(y, x)
        away = np.hypot(x, y) - np.float32(self.radius)
        for number, depth in _FOLDS:
            away += np.float32(depth) * np.sin(np.float32(number) * (angle + self.turn))
        return AIR + inside(np.abs(away) - np.float32(0.5), 1.4) * np.float32(self.hu - AIR)


@dataclass(frozen=True)
class Surroundings:
    """What lies around one person's head in one series.

    Attributes:
        rest: Form of the head rest.
        gap: Distance between head and rest (mm).
        askew: How far the rest's middle lies to the side of the head's (mm).
        stiff: Intensity of the rest's shell (HU).
        foam: Intensity of its foam (HU).
        strap: Lowest and highest slice that a strap over the forehead crosses (mm); None without.
        lines: Tubes and wires.
        collar: Clothes; None without.
    """

    rest: Rest
    gap: float
    askew: float
    stiff: float
    foam: float
    strap: tuple[float, float] | None
    lines: tuple[Line, ...]
    collar: Collar | None = None

    @classmethod
    def draw(cls, rng: np.random.Generator, scanner: Scanner, *, varied: bool) -> Self:
        """Draw what a scanner's patient lies on and in.

        Args:
            rng: Source of randomness.
            scanner: The scanner.
            varied: Whether some people have tubes and wires.
        """
        rest = scanner.rests[int(rng.integers(len(scanner.rests)))]
        gap, askew = rng.uniform(1.5, 6), rng.normal(0, 3)
        strap = None
        if rng.random() < scanner.straps:
            low = rng.uniform(0, 25)
            strap = (float(low), float(low + rng.uniform(25, 45)))
        lines: list[Line] = []
        if varied and rng.random() < _WITH_TUBES:
            lines += [_tube(rng) for _ in range(int(rng.integers(1, 4)))]
        if varied and rng.random() < _WITH_WIRES:
            lines += [_wire(rng) for _ in range(int(rng.integers(1, 4)))]
        collar = _collar(rng) if varied and rng.random() < _IN_CLOTHES else None
        return cls(
            rest=rest,
            gap=float(gap),
            askew=float(askew),
            stiff=float(rng.uniform(-150, 200)),
            foam=float(rng.uniform(-960, -900)),
            strap=strap,
            lines=tuple(lines),
            collar=collar,
        )

    def picture(self, across: Array, down: Array, occiput: float, middle: float) -> Array:
        """The head rest in every slice (HU), shape (rows, columns).

        Args:
            across: Places of the columns (mm).
            down: Places of the rows (mm).
            occiput: Where the back of the head ends, down (mm).
            middle: Where the head's middle is, across (mm).
        """
        x = across[None, :] - np.float32(middle + self.askew)
        y = down[:, None] - np.float32(occiput + self.gap)
        shell, foam = _RESTS[self.rest](x, y)
        hu = np.full(shell.shape, AIR, np.float32)
        hu += foam * np.float32(self.foam - AIR)
        hu += shell * (np.float32(self.stiff) - hu)
        return hu

    def bands(
        self, across: Array, down: Array, occiput: float, middle: float
    ) -> list[tuple[float, float, Array]]:
        """What lies around the head in some slices only: the lowest, the highest (mm), and HU.

        Arguments as for `picture`.
        """
        found = []
        if self.strap is not None:
            found.append((*self.strap, _strap(across, down, occiput, middle)))
        if self.collar is not None:
            x, y = across[None, :] - np.float32(middle), down[:, None] - np.float32(occiput - 75)
            found.append((-np.inf, self.collar.top, self.collar.picture(x, y)))
        return found


def _strap(across: Array, down: Array, occiput: float, middle: float) -> Array:
    """A strap over the forehead (HU)."""
    x = (across[None, :] - np.float32(middle)) * np.float32(1 / (_HEAD_WIDTH + 8))
    y = (down[:, None] - np.float32(occiput - 98)) * np.float32(1 / 103)
    away = (np.hypot(x, y) - 1) * np.float32(_HEAD_WIDTH)
    share = inside(np.abs(away) - np.float32(0.8), 1.4) * (y < 0.35)
    strap: Array = AIR + share * np.float32(AIR * -0.75)
    return strap


def _curved(x: Array, y: Array) -> tuple[Array, Array]:
    """A thin shell under the occiput, with foam on it."""
    away = np.hypot(x, y + 119) - np.float32(119)
    low = y > -45
    return inside(np.abs(away) - 2, 1.4) * low, inside(np.abs(away + 6) - 4, 2.0) * low


def _cradle(x: Array, y: Array) -> tuple[Array, Array]:
    """A deep shell that holds the head at both sides, lined with foam."""
    away = np.hypot(x * np.float32(1.02), y + 100) - np.float32(114)
    deep = np.where(y > -100, away, np.abs(x) - np.float32(112))
    held = y > -125
    return inside(np.abs(deep) - 1.5, 1.4) * held, inside(np.abs(deep + 7) - 5, 2.0) * held


def _flat(x: Array, y: Array) -> tuple[Array, Array]:
    """A board with a core of foam, and a cushion on it."""
    board = np.maximum(np.abs(x) - 118, np.abs(y - 26) - 12)
    cushion = np.maximum(np.abs(x) - 85 + np.float32(0.004) * y * y, np.abs(y - 6) - 8)
    skin = inside(np.abs(board) - np.float32(0.9), 1.4)
    return skin, np.maximum(inside(board, 1.4), np.float32(0.6) * inside(cushion, 3.0))


def _posts(x: Array, y: Array) -> tuple[Array, Array]:
    """Straight posts at both sides of a flat shell."""
    posts = np.maximum(np.abs(np.abs(x) - 101) - 3, np.abs(y + 62) - 62)
    plate = np.maximum(np.abs(y - 5) - 2, np.abs(x) - 104)
    pads = np.maximum(np.abs(np.abs(x) - 91) - 7, np.abs(y + 70) - 30)
    return np.maximum(inside(posts, 1.4), inside(plate, 1.4)), inside(pads, 3.0)


def _pillow(x: Array, y: Array) -> tuple[Array, Array]:
    """A soft pillow whose cover shows as a thin line."""
    bulge = np.float32(9) * np.cos(x * np.float32(np.pi / 120))
    dent = np.float32(30) * np.exp(np.square(x * np.float32(1 / 62)) * np.float32(-0.5))
    top = np.float32(-28) - bulge + dent + 2 * np.sin(x * np.float32(0.13))
    pillow = np.maximum(np.maximum(top - y, y - 42), np.abs(x) - 116)
    cover = np.float32(0.35) * inside(np.abs(pillow) - np.float32(0.5), 1.4)
    return cover, inside(pillow, 3.0)


_RESTS: Final = {
    "curved": _curved,
    "cradle": _cradle,
    "flat": _flat,
    "posts": _posts,
    "pillow": _pillow,
}


def _collar(rng: np.random.Generator) -> Collar:
    """A collar that reaches up to the jaw or less."""
    return Collar(
        top=float(rng.uniform(-80, -45)),
        radius=float(rng.uniform(92, 112)),
        turn=float(rng.uniform(0, 2 * np.pi)),
        hu=float(rng.uniform(-750, -250)),
    )


def _tube(rng: np.random.Generator) -> Line:
    """A tube for oxygen or air, in front of the face or beside it."""
    low, radius = rng.uniform(-100, -50), rng.uniform(2.2, 5.5)
    return _line(
        rng,
        start=(rng.normal(0, 65), rng.uniform(-118, -70)),
        heights=(low, low + rng.uniform(25, 110)),
        form=(radius, min(1.3, radius / 2)),
        hu=rng.uniform(20, 250),
    )


def _wire(rng: np.random.Generator) -> Line:
    """A wire of a monitor, or an ear-ring."""
    low, radius = rng.uniform(-90, 20), rng.uniform(0.5, 1.2)
    return _line(
        rng,
        start=(rng.choice((-1, 1)) * rng.uniform(84, 112), rng.uniform(-60, 60)),
        heights=(low, low + rng.uniform(8, 90)),
        form=(radius, radius),
        hu=rng.uniform(1200, 3000),
    )


def _line(
    rng: np.random.Generator,
    *,
    start: tuple[float, float],
    heights: tuple[float, float],
    form: tuple[float, float],
    hu: float,
) -> Line:
    across, down = rng.normal(0, 0.25, 2)
    return Line(
        start=(float(start[0]), float(start[1])),
        drift=(float(across), float(down)),
        heights=(float(heights[0]), float(heights[1])),
        radius=float(form[0]),
        wall=float(form[1]),
        hu=float(hu),
    )

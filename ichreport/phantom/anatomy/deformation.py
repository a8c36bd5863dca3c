"""A person's shape: a smooth deformation of the canonical head, so that no two heads are alike.

Skull, face, brain and bleeds are all drawn in the canonical head, so all of them follow it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.shapes import Array, Points, Vector, vector

_MODES = (
    # axis; whether both sides mirror each other; amplitude; wavelengths along x, and across it (mm)
    (0, True, 2.3, (300, 300), (150, 280)),
    (0, True, 1.6, (240, 300), (110, 170)),
    (0, False, 0.9, (250, 400), (220, 320)),
    (1, True, 2.2, (170, 300), (140, 260)),
    (1, True, 1.6, (150, 200), (120, 170)),
    (1, False, 2.0, (300, 400), (220, 360)),
    (2, True, 2.2, (180, 300), (150, 240)),
    (2, True, 1.8, (150, 260), (110, 160)),
    (2, False, 1.3, (280, 400), (160, 280)),
)
"""Standing waves that a deformation is made of. What moves the midline aside is small."""


@dataclass(frozen=True)
class Wave:
    """A slow wave of displacement along one axis.

    Attributes:
        axis: 0 for x, 1 for y, 2 for z.
        height: Displacement at its crest (mm).
        turn: Its phase's change along each axis (radians a mm).
        phase: Its phase at the origin (radians).
    """

    axis: int
    height: float
    turn: Vector
    phase: float


@dataclass(frozen=True)
class Deformation:
    """A map from a person's head, once scaled to canonical size, to the canonical head.

    Attributes:
        waves: Slow waves, which add up; the origin stays where it is.
    """

    waves: tuple[Wave, ...] = ()

    @classmethod
    def draw(cls, rng: np.random.Generator, amount: float) -> Self:
        """Draw a deformation.

        Args:
            rng: Source of randomness.
            amount: Its size, relative to how much people differ.
        """
        waves: list[Wave] = []
        for axis, mirrored, amplitude, along_x, across in _MODES:
            height = amount * amplitude * min(max(rng.normal(), -1.7), 1.7)
            k = 2 * np.pi / rng.uniform(*along_x)
            q = 2 * np.pi / rng.uniform(*across)
            slant, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
            # x must change its sign at the midline for both sides to mirror each other
            odd = mirrored if axis == 0 else not mirrored
            phases = (phase, phase + np.pi) if odd else (phase, phase)
            for turn, start in zip((k, -k), phases, strict=True):
                turns = (float(turn), float(q * np.cos(slant)), float(q * np.sin(slant)))
                waves.append(Wave(axis, height / 2, turns, float(start)))
        return cls(tuple(waves))

    @cached_property
    def _by_axis(self) -> tuple[tuple[Array, Array, Array], ...]:
        """Turns, phases and heights of the waves along each axis."""
        by_axis = []
        for axis in range(3):
            waves = [w for w in self.waves if w.axis == axis]
            turns = np.array([w.turn for w in waves]).reshape(-1, 3)
            phases, heights = np.array([(w.phase, w.height) for w in waves]).reshape(-1, 2).T
            by_axis.append((turns, phases, heights))
        return tuple(by_axis)

    def apply(self, p: Points) -> Points:
        """The canonical places of points of this person's head, scaled to canonical size (mm)."""
        moved = [v.astype(np.float32) for v in p]
        for wave in self.waves:
            angle: Array = np.full_like(moved[0], wave.phase)
            for value, turn in zip(p, wave.turn, strict=True):
                angle = angle + value * np.float32(turn)
            moved[wave.axis] += np.float32(wave.height) * (np.sin(angle) - np.sin(wave.phase))
        return Points(*moved)

    def on_plane(
        self,
        base: NDArray[np.float64],
        along: NDArray[np.float64],
        below: NDArray[np.float64],
        across: Array,
        down: Array,
    ) -> Points:
        """The canonical places of a plane's points: what `apply` says of them, by way of products.

        A wave over a plane is a sum of two products of its rows and its columns, which one matrix
        product adds up for all waves.

        Args:
            base: The plane's origin in the scaled head (mm).
            along: Step of a mm along a row.
            below: Step of a mm down a column.
            across: Position of each column along a row, shape (columns,) (mm).
            down: Position of each row, shape (rows,) (mm).

        Returns:
            Points of shape (rows, columns).
        """
        moved = []
        for axis, (turns, phases, heights) in enumerate(self._by_axis):
            by_row = down[:, None] * (turns @ below) + (turns @ base + phases)
            by_column = (turns @ along)[:, None] * across
            plain = base[axis] - heights @ np.sin(phases) + along[axis] * across
            rows = [np.sin(by_row) * heights, np.cos(by_row) * heights, down[:, None]]
            columns = [np.cos(by_column), np.sin(by_column), np.full((1, len(across)), below[axis])]
            left = np.hstack([*rows, np.ones((len(down), 1))]).astype(np.float32)
            moved.append(left @ np.vstack([*columns, plain[None]]).astype(np.float32))
        return Points(*moved)

    def undo(self, place: Vector) -> Vector:
        """Where in the scaled head a canonical place lies (mm): the inverse of `apply`."""
        target = np.asarray(place, dtype=float)
        guess = target.copy()
        for _ in range(12):
            moved = self.apply(Points(*(np.array([v]) for v in guess)))
            guess += target - np.array([float(v[0]) for v in moved])
        return vector(guess)

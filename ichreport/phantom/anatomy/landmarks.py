"""Where a point inside the dura lies: its side, its depth, its position to falx and tentorium."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from ichreport.phantom.anatomy.cavity import Cavity, petrous
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.shapes import (
    Array,
    Points,
    Vector,
    at_least,
    at_most,
    inside,
    smooth_step,
    sphere,
    wander,
)

EDGE = 1.25
"""Width of the edge response inside the brain (mm)."""

_SLOW_RATE = 0.17
"""Labyrinth voxels a mm of the noise that varies over centimetres."""

_TENTORIUM_TOP = -1.0
"""Height above which there is neither tentorium nor brainstem (mm)."""

_MARGIN = -31.0
"""Height of the tentorium's attachment to the skull (mm)."""

_RIDGE = 27.0
"""Height of the front end of its ridge above that (mm)."""


class Crowding(NamedTuple):
    """Pressure that narrows the sulci around a place.

    Attributes:
        center: Where it is largest (mm).
        reach: Distance at which it ends (mm).
        strength: Share of the sulci's fluid that it presses out at its center, 0 to 1.
    """

    center: Vector
    reach: float
    strength: float


@dataclass(frozen=True)
class MassEffect:
    """The mass effect of blood: how it displaces the brain.

    Attributes:
        shift: Shift of the midline towards the patient's left (mm).
        pushes: Center, radius (mm) and strength (0 to 1) of what pushes brain aside.
        squeeze: How far the walls of the right and of the left lateral ventricle are pressed in
            (mm); negative where they widen.
        crowds: Where the sulci are narrowed.
    """

    shift: float = 0.0
    pushes: tuple[tuple[Vector, float, float], ...] = ()
    squeeze: tuple[float, float] = (0.0, 0.0)
    crowds: tuple[Crowding, ...] = ()

    def narrow(self, gaps: Array, p: Points) -> None:
        """Press fluid out of the spaces on the brain, in place.

        Args:
            gaps: Share of each point that is fluid outside the ventricles.
            p: The points.
        """
        low, high = float(p.z.min()), float(p.z.max())
        for center, reach, strength in self.crowds:
            if low < center[2] + reach and high > center[2] - reach:
                near = sphere(p, center, reach) * np.float32(-2 / reach)
                gaps *= 1 - np.float32(strength) * np.clip(near, 0, 1)

    def squeezed(self, chambers: Array, around: Array, rest: Points) -> tuple[Array, Array]:
        """The ventricles with one side's pressed in, the other's widened.

        Args:
            chambers: Share of each point that is ventricle.
            around: Distance to the lateral ventricles (mm).
            rest: The points, where nothing presses on them.

        Returns:
            The two, as they are under pressure.
        """
        if not any(self.squeeze):
            return chambers, around
        right, left = (np.float32(v) for v in self.squeeze)
        wall = around + np.where(rest.x > 0, left, right)
        lateral = np.flatnonzero(np.minimum(around, wall) < EDGE)
        chambers = chambers.copy()
        chambers[lateral] = inside(wall.take(lateral), EDGE)
        return chambers, wall

    def undo(self, p: Points, space: Cavity) -> Points:
        """Where the brain that is now at `p` would be without the mass effect."""
        x, y, z = p
        if self.shift:
            x = x - np.float32(self.shift) * at_least(1 - space.radius * space.radius, 0)
        for center, radius, strength in self.pushes:
            away = sphere(p, center, radius)
            factor = np.exp(at_most(-away, 0) * np.float32(1 / (0.8 * radius)))
            factor *= np.float32(strength * radius) / at_least(away + np.float32(radius), radius)
            x = x - factor * (p.x - np.float32(center[0]))
            y = y - factor * (p.y - np.float32(center[1]))
            z = z - factor * (p.z - np.float32(center[2]))
        return Points(x, y, z)


class Landmarks(NamedTuple):
    """Points inside the dura, measured against its partitions and the brain's surface.

    Attributes:
        rest: Where each point's brain lies when nothing presses on it.
        mirrored: The same, on the left side.
        outside: Depth below the dura, or below blood outside the arachnoid (mm).
        middle: Distance to the midsagittal plane, which is wavy (mm).
        arch: Distance outwards from the corpus callosum, seen from the side (mm).
        tent: Height above the tentorium (mm); like the next two, 0 unless `low`.
        rim: Relative distance from the tentorium's opening: 0 in its middle, 1 at the skull.
        behind: Distance behind the petrous crests (mm).
        low: Whether any point lies low enough for tentorium and brainstem to matter.
        below: Share of each point that is under the tentorium.
        slow: Noise that varies over centimetres, variance 1.
    """

    rest: Points
    mirrored: Points
    outside: Array
    middle: Array
    arch: Array
    tent: Array
    rim: Array
    behind: Array
    low: bool
    below: Array
    slow: Array

    @classmethod
    def find(
        cls,
        p: Points,
        space: Cavity,
        *,
        mass_effect: MassEffect,
        outside: Array,
        slow: Array,
    ) -> Self:
        """Measure points.

        Args:
            p: The points, one-dimensional.
            space: The cavity, measured at `p`.
            mass_effect: What displaces the brain.
            outside: Depth below the dura or below blood outside the arachnoid (mm).
            slow: `slow_noise` at or near the points.
        """
        rest = mass_effect.undo(p, space)
        mirrored = Points(np.abs(rest.x), rest.y, rest.z)
        low = bool(rest.z.min() < _TENTORIUM_TOP)
        tent = rim = behind = below = np.zeros_like(slow)
        if low:
            tent, rim = tentorium(rest)
            behind = petrous(rest)
            below = smooth_step(-tent, -0.8, 0.8) * smooth_step(behind, -3, 1)
        return cls(
            rest=rest,
            mirrored=mirrored,
            outside=outside,
            middle=np.abs(rest.x + np.float32(0.7) * slow),
            arch=callosal_arch(rest),
            tent=tent,
            rim=rim,
            behind=behind,
            low=low,
            below=below,
            slow=slow,
        )


def callosal_arch(p: Points) -> Array:
    """Distance outwards from the corpus callosum and what it arches over (mm)."""
    y, z = (p.y + 3) * np.float32(1 / 38), p.z * np.float32(1 / 27)
    return (np.sqrt(y * y + z * z) - 1) * np.float32(30)


def tentorium(p: Points) -> tuple[Array, Array]:
    """Height above the tentorium (mm), and relative distance from its opening's middle.

    Its ridge, the straight sinus, falls backwards from the vein of Galen to the transverse
    sinuses. From the ridge it falls sideways, steeply at first, so that an axial slice cuts two
    limbs that part forwards, towards the petrous crests.
    """
    beside = p.x * np.float32(1 / 62)
    rim: Array = np.square((p.y - 20) * np.float32(1 / 62))
    rim += beside * beside
    np.sqrt(rim, out=rim)
    beside = 1 - at_most(np.abs(beside, out=beside), 1)
    ridge = np.clip(91 - p.y, 4, 58)
    ridge *= np.float32(_RIDGE / 58)
    squares = beside * beside
    height: Array = p.z - np.float32(_MARGIN)
    height -= ridge * beside * (np.float32(0.35) + np.float32(0.65) * squares)
    squares *= np.float32(1.95 / 62)
    squares += np.float32(0.35 / 62)
    squares *= ridge  # how much it falls a mm sideways
    squares *= squares
    squares += np.float32(1.1)
    height /= np.sqrt(squares, out=squares)
    return height, rim


def slow_noise(head: Head, p: Points) -> Array:
    """Noise that varies over centimetres, variance 1."""
    coordinates = [
        v * np.float32(_SLOW_RATE) + np.float32(start + 31)
        for v, start in zip(p, head.origin, strict=True)
    ]
    return wander(*coordinates)

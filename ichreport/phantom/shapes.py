"""Signed distances and smooth noise: what anatomy is drawn with.

Distances are in mm, negative inside. They are good near a surface, where they are used, and only
roughly right far from it. Everything works on float32 arrays of any shape.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Array = NDArray[Any]
Vector = tuple[float, float, float]

_LABYRINTH_SIZE = 128
"""Voxels a side of the periodic labyrinth; a power of two, so that indices wrap by a bit mask."""

_LABYRINTH_UNIT = 32
"""Steps of the stored labyrinth to a standard deviation."""


class Points(NamedTuple):
    """Places in the head, in mm: x to the patient's left, y to the back, z to the vertex."""

    x: Array
    y: Array
    z: Array

    def at(self, index: NDArray[np.intp]) -> "Points":
        """The points of a flat index."""
        return Points(self.x.take(index), self.y.take(index), self.z.take(index))


def vector(values: NDArray[Any]) -> Vector:
    """Three numbers as a plain tuple."""
    x, y, z = (float(v) for v in values)
    return x, y, z


def inside(distance: Array, width: float | Array) -> Array:
    """The share of a voxel within a surface, from its distance: 1 deep inside, 0 far outside.

    Args:
        distance: Signed distance to the surface (mm).
        width: Width of the voxel's edge response (mm); partial volume falls linearly over it.
    """
    share = distance * np.float32(-1 / width) if isinstance(width, float) else -distance / width
    share += np.float32(0.5)
    return np.clip(share, 0, 1, out=share)


def ellipsoid(p: Points, center: Vector, radii: Vector) -> Array:
    """Distance to an axis-aligned ellipsoid, scaled by its smallest radius."""
    squares: Array = np.square((p.x - np.float32(center[0])) * np.float32(1 / radii[0]))
    squares += np.square((p.y - np.float32(center[1])) * np.float32(1 / radii[1]))
    squares += np.square((p.z - np.float32(center[2])) * np.float32(1 / radii[2]))
    np.sqrt(squares, out=squares)
    squares -= 1
    squares *= np.float32(min(radii))
    return squares


def sphere(p: Points, center: Vector, radius: float) -> Array:
    """Distance to a sphere, exact."""
    squares = np.square(p.x - np.float32(center[0]))
    squares += np.square(p.y - np.float32(center[1]))
    squares += np.square(p.z - np.float32(center[2]))
    np.sqrt(squares, out=squares)
    squares -= np.float32(radius)
    return squares


def capsule(p: Points, start: Vector, end: Vector, radii: tuple[float, float]) -> Array:
    """Distance to a tube with round ends whose radius changes linearly along it."""
    axis = np.subtract(end, start)
    length2 = float(axis @ axis)
    x, y, z = (v - np.float32(s) for v, s in zip(p, start, strict=True))
    along = x * np.float32(axis[0] / length2)
    along += y * np.float32(axis[1] / length2)
    along += z * np.float32(axis[2] / length2)
    np.clip(along, 0, 1, out=along)
    x -= along * np.float32(axis[0])
    y -= along * np.float32(axis[1])
    z -= along * np.float32(axis[2])
    squares: Array = x * x
    squares += y * y
    squares += z * z
    np.sqrt(squares, out=squares)
    along *= np.float32(radii[1] - radii[0])
    along += np.float32(radii[0])
    squares -= along
    return squares


def smooth_min(a: Array, b: Array, radius: float) -> Array:
    """The union of two shapes, its crease filled over `radius` mm (Quilez's polynomial minimum)."""
    blend: Array = np.maximum(np.float32(radius) - np.abs(a - b), 0)
    blend *= blend
    blend *= np.float32(-0.25 / radius)
    blend += np.minimum(a, b)
    return blend


def smooth_max(a: Array, b: Array, radius: float) -> Array:
    """The intersection of two shapes, its edge rounded over `radius` mm."""
    return -smooth_min(-a, -b, radius)


def smooth_step(value: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, a cubic between."""
    t: Array = (value - np.float32(low)) * np.float32(1 / (high - low))
    np.clip(t, 0, 1, out=t)
    t *= t * (3 - 2 * t)
    return t


def bump(value: Array, center: float, width: float) -> Array:
    """A Gaussian of unit height."""
    t: Array = np.square((value - np.float32(center)) * np.float32(1 / width))
    t *= np.float32(-0.5)
    np.exp(t, out=t)
    return t


def any_of(shares: Sequence[Array]) -> Array:
    """The largest of several shares."""
    best = shares[0].copy()
    for share in shares[1:]:
        np.maximum(best, share, out=best)
    return best


@cache
def labyrinth() -> NDArray[np.int8]:
    """Periodic noise of one wavelength, 16 voxels: its zero crossings wind like sulci.

    Returns:
        int8, flat, `_LABYRINTH_SIZE` voxels a side, mean 0, standard deviation `_LABYRINTH_UNIT`.
        The same in every process; small, so that it stays in the processor's cache.
    """
    frequency = fft.fftfreq(_LABYRINTH_SIZE) ** 2
    last = fft.rfftfreq(_LABYRINTH_SIZE) ** 2
    radius = np.sqrt(frequency[:, None, None] + frequency[:, None] + last)
    band = np.exp(-0.5 * ((radius - 1 / 16) / 0.014) ** 2).astype(np.float32)
    white = np.random.default_rng(7).standard_normal((_LABYRINTH_SIZE,) * 3, dtype=np.float32)
    noise = fft.irfftn(fft.rfftn(white) * band, s=white.shape)
    noise *= _LABYRINTH_UNIT / noise.std()
    return np.clip(np.rint(noise), -127, 127).astype(np.int8).ravel()


def wander(x: Array, y: Array, z: Array) -> Array:
    """Sample the labyrinth by trilinear interpolation.

    Args:
        x: First coordinate, in voxels; it wraps around, as do the others. It lies along memory:
            points that follow each other should differ in it.
        y: Second coordinate.
        z: Third coordinate.
    """
    flat = labyrinth()
    lows, highs, parts = [], [], []
    for axis, value in enumerate((x, y, z)):
        floor = np.floor(value)
        low = floor.astype(np.intp) & (_LABYRINTH_SIZE - 1)
        high = (low + 1) & (_LABYRINTH_SIZE - 1)
        stride = _LABYRINTH_SIZE**axis
        lows.append(low * stride)
        highs.append(high * stride)
        parts.append(value - floor)

    def line(base: NDArray[np.intp]) -> Array:
        first = flat.take(base + lows[0], mode="clip").astype(np.float32)
        step: Array = flat.take(base + highs[0], mode="clip").astype(np.float32)
        step -= first
        step *= parts[0]
        step += first
        return step

    def plane(base: NDArray[np.intp]) -> Array:
        first = line(base + lows[1])
        step = line(base + highs[1])
        step -= first
        step *= parts[1]
        step += first
        return step

    first = plane(lows[2])
    step: Array = plane(highs[2])
    step -= first
    step *= parts[2]
    step += first
    step *= np.float32(1 / _LABYRINTH_UNIT)
    return step

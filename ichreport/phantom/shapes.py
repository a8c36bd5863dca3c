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
Number = np.floating[Any]

_LABYRINTH_SIZE = 128
"""Voxels a side of the periodic labyrinth; a power of two, so that indices wrap by a bit mask."""

_LABYRINTH_UNIT = 32
"""Steps of the stored labyrinth to a standard deviation."""

_CREASE_UNIT = 16
"""Steps of the stored creases to a voxel."""


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


def at_least(values: Array | Number, least: float | Number, out: Array | None = None) -> Array:
    """The larger of values and a number.

    `np.maximum` takes several times as long where one of the two is a number.
    """
    larger: Array = values.clip(least, np.inf, out=out)
    return larger


def at_most(values: Array | Number, most: float | Number, out: Array | None = None) -> Array:
    """The smaller of values and a number, as `at_least`."""
    smaller: Array = values.clip(-np.inf, most, out=out)
    return smaller


def inside(distance: Array, width: float | Array) -> Array:
    """The share of a voxel within a surface, from its distance: 1 deep inside, 0 far outside.

    Args:
        distance: Signed distance to the surface (mm).
        width: Width of the voxel's edge response (mm); partial volume falls linearly over it.
    """
    share: Array
    if isinstance(width, float):
        share = distance * np.float32(-1 / width)
        share += np.float32(0.5)
    else:
        share = distance / width
        np.subtract(np.float32(0.5), share, out=share)
    return share.clip(0, 1, out=share)


def ellipsoid(p: Points, center: Vector, radii: Vector) -> Array:
    """Distance to an axis-aligned ellipsoid, scaled by its smallest radius."""
    x, y, z = (v - np.float32(c) for v, c in zip(p, center, strict=True))
    for axis, radius in zip((x, y, z), radii, strict=True):
        axis *= np.float32(1 / radius)
    squares = _squares(x, y, z)
    np.sqrt(squares, out=squares)
    squares -= 1
    squares *= np.float32(min(radii))
    return squares


def _squares(x: Array, y: Array, z: Array) -> Array:
    """The sum of three squares; all three arrays are used up."""
    x *= x
    y *= y
    x += y
    z *= z
    x += z
    return x


def sphere(p: Points, center: Vector, radius: float) -> Array:
    """Distance to a sphere, exact."""
    squares = _squares(*(v - np.float32(c) for v, c in zip(p, center, strict=True)))
    np.sqrt(squares, out=squares)
    squares -= np.float32(radius)
    return squares


def capsule(p: Points, start: Vector, end: Vector, radii: tuple[float, float]) -> Array:
    """Distance to a tube with round ends whose radius changes linearly along it."""
    axis = tuple(b - a for a, b in zip(start, end, strict=True))
    length2 = sum(v * v for v in axis)
    x, y, z = (v - np.float32(s) for v, s in zip(p, start, strict=True))
    along = x * np.float32(axis[0] / length2)
    along += y * np.float32(axis[1] / length2)
    along += z * np.float32(axis[2] / length2)
    along.clip(0, 1, out=along)
    x -= along * np.float32(axis[0])
    y -= along * np.float32(axis[1])
    z -= along * np.float32(axis[2])
    squares = _squares(x, y, z)
    np.sqrt(squares, out=squares)
    along *= np.float32(radii[1] - radii[0])
    along += np.float32(radii[0])
    squares -= along
    return squares


def smooth_min(a: Array, b: Array, radius: float) -> Array:
    """The union of two shapes, its crease filled over `radius` mm (Quilez's polynomial minimum)."""
    blend = _nearness(a, b, radius)
    blend *= np.float32(-0.25 / radius)
    blend += np.minimum(a, b)
    return blend


def smooth_max(a: Array, b: Array, radius: float) -> Array:
    """The intersection of two shapes, its edge rounded over `radius` mm."""
    blend = _nearness(a, b, radius)
    blend *= np.float32(0.25 / radius)
    blend += np.maximum(a, b)
    return blend


def _nearness(a: Array, b: Array, radius: float) -> Array:
    """Square of how far two distances lie nearer to each other than `radius` (mm²)."""
    near: Array = a - b
    np.abs(near, out=near)
    np.subtract(np.float32(radius), near, out=near)
    at_least(near, 0, out=near)
    near *= near
    return near


def smooth_step(value: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, a cubic between."""
    t: Array = (value - np.float32(low)) * np.float32(1 / (high - low))
    t.clip(0, 1, out=t)
    bend = t * np.float32(-2)
    bend += np.float32(3)
    bend *= t
    t *= bend
    return t


def bump(value: Array, center: float, width: float) -> Array:
    """A Gaussian of unit height."""
    t: Array = value - np.float32(center)
    t *= np.float32(1 / width)
    t *= t
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
def _labyrinth() -> NDArray[np.int8]:
    """Periodic noise of one wavelength, 16 voxels: its zero crossings wind like sulci.

    Returns:
        int8, `_LABYRINTH_SIZE` voxels a side, mean 0, standard deviation `_LABYRINTH_UNIT`.
        The same in every process.
    """
    frequency = fft.fftfreq(_LABYRINTH_SIZE) ** 2
    last = fft.rfftfreq(_LABYRINTH_SIZE) ** 2
    radius = np.sqrt(frequency[:, None, None] + frequency[:, None] + last)
    band = np.exp(-0.5 * ((radius - 1 / 16) / 0.014) ** 2).astype(np.float32)
    white = np.random.default_rng(7).standard_normal((_LABYRINTH_SIZE,) * 3, dtype=np.float32)
    noise = fft.irfftn(fft.rfftn(white) * band, s=white.shape)
    noise *= _LABYRINTH_UNIT / noise.std()
    return np.clip(np.rint(noise), -127, 127).astype(np.int8)


def _creases() -> NDArray[np.int8]:
    """Distance to the labyrinth's zero crossings, signed: sheets that wind like sulci.

    It is the noise over its slope. A share of the mean slope in the latter keeps it finite, and
    makes a sheet look thicker where the noise is shallow: sulci differ in width.

    Returns:
        int8, like the labyrinth, in steps of `_CREASE_UNIT` to a voxel.
    """
    noise = _labyrinth().astype(np.float32)
    squares = np.zeros_like(noise)
    for axis in range(3):
        squares += np.square((np.roll(noise, -1, axis) - np.roll(noise, 1, axis)) / 2)
    slope = 0.7 * np.sqrt(squares) + 0.3 * np.sqrt(squares.mean())
    distance: Array = np.clip(np.rint(noise / slope * _CREASE_UNIT), -127, 127)
    return distance.astype(np.int8)


def _with_neighbours(cube: NDArray[np.int8]) -> NDArray[np.int32]:
    """Each voxel with its next ones along x, y and both in one word, so that one look finds four.

    Returns:
        int32, flat; bytes in the order of the plane's corners, the lowest first.
    """
    words = np.empty((*cube.shape, 4), np.int8)
    words[..., 0], words[..., 1] = cube, np.roll(cube, -1, 2)
    words[..., 2:] = np.roll(words[..., :2], -1, 1)
    flat: NDArray[np.int32] = words.view("<i4").ravel()
    return flat


@cache
def _table(name: str) -> NDArray[np.int32]:
    """The labyrinth or its creases, ready to be looked up."""
    return _with_neighbours(_labyrinth() if name == "labyrinth" else _creases())


def wander(x: Array, y: Array, z: Array) -> Array:
    """Sample the labyrinth by trilinear interpolation.

    Args:
        x: First coordinate, in voxels; it wraps around, as do the others. It lies along memory:
            points that follow each other should differ in it.
        y: Second coordinate.
        z: Third coordinate.
    """
    noise = _look_up(_table("labyrinth"), x, y, z)
    noise *= np.float32(1 / _LABYRINTH_UNIT)
    return noise


def to_crease(x: Array, y: Array, z: Array) -> Array:
    """Distance to the nearest zero crossing of the labyrinth (voxels), roughly.

    Args:
        x: First coordinate, as for `wander`.
        y: Second coordinate.
        z: Third coordinate.
    """
    distance = _look_up(_table("creases"), x, y, z)
    distance *= np.float32(1 / _CREASE_UNIT)
    return np.abs(distance, out=distance)


def _look_up(table: NDArray[np.int32], x: Array, y: Array, z: Array) -> Array:
    floors = [np.floor(value) for value in (x, y, z)]
    parts = [value - floor for value, floor in zip((x, y, z), floors, strict=True)]
    across, down, low = (floor.astype(np.int32) & (_LABYRINTH_SIZE - 1) for floor in floors)
    number = np.stack([low, (low + 1) & (_LABYRINTH_SIZE - 1)])  # of the planes below and above
    number *= _LABYRINTH_SIZE
    number += down
    number *= _LABYRINTH_SIZE
    number += across
    words = table.take(number, mode="wrap")
    near = _between(words << 24 >> 24, words << 16 >> 24, parts[0])
    far = _between(words << 8 >> 24, words >> 24, parts[0])
    below, above = _between(near, far, parts[1])
    return _between(below, above, parts[2])


def _between(begin: Array, end: Array, part: Array) -> Array:
    """Interpolate linearly: `part` is 0 at `begin`, 1 at `end`, which is used up."""
    first, step = (v.astype(np.float32, copy=False) for v in (begin, end))
    step -= first
    step *= part
    step += first
    return step

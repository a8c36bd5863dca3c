"""A part of a slice that one piece of anatomy is drawn in, and the simple shapes it is drawn of."""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.shapes import Array, Points, Vector, capsule, ellipsoid, inside, smooth_step

AIR = -990.0

_MARGIN = 2.0
"""Distance beyond a shape at which it still touches a point (mm)."""

Range = tuple[float, float]


class Tube(NamedTuple):
    """A tube with round ends whose radius changes linearly along it (mm)."""

    start: Vector
    end: Vector
    radii: tuple[float, float]

    @property
    def heights(self) -> Range:
        """Its lowest and highest point (mm)."""
        (low, wide), (high, narrow) = sorted(
            zip((self.start[2], self.end[2]), self.radii, strict=True)
        )
        return min(low - wide, high - narrow), max(low + wide, high + narrow)

    def distance(self, p: Points) -> Array:
        """Distance to it, negative inside (mm)."""
        return capsule(p, self.start, self.end, self.radii)


class Ball(NamedTuple):
    """An ellipsoid along the axes (mm)."""

    center: Vector
    radii: Vector

    @property
    def heights(self) -> Range:
        """Its lowest and highest point (mm)."""
        return self.center[2] - self.radii[2], self.center[2] + self.radii[2]

    def distance(self, p: Points) -> Array:
        """Distance to it, negative inside (mm)."""
        return ellipsoid(p, self.center, self.radii)


class Region:
    """Points of a box, on one side or both, and the intensities there.

    Attributes:
        p: The points; x points away from the midline on the side that was asked for.
        low: Lowest of them (mm).
        high: Highest of them (mm).
        skin: Distance to the skin, negative inside (mm).
        hu: Intensities (HU); `keep` writes them back.
        edge: Width of an edge in the slice (mm).
    """

    def __init__(
        self, index: NDArray[np.intp], p: Points, skin: Array, hu: Array, edge: float
    ) -> None:
        self._index = index
        self.p = p
        self.low, self.high = float(p.z.min()), float(p.z.max())
        self.skin = skin
        self.hu = hu
        self.edge = edge

    @property
    def mirrored(self) -> Points:
        """The points as if both sides were the left one."""
        return Points(np.abs(self.p.x), self.p.y, self.p.z)

    def select(self, x: Range, y: Range, z: Range, *, side: int = 1) -> Self | None:
        """The points within a box, under the skin; None if it holds none.

        Args:
            x: From where to where, away from the midline towards `side` (mm).
            y: The same to the back.
            z: The same to the vertex.
            side: 1 for the left, -1 for the right, whose x turns its sign.
        """
        p = self.p
        if self.high < z[0] or self.low > z[1]:
            return None
        near = (p.x > x[0]) & (p.x < x[1]) if side == 1 else (p.x < -x[0]) & (p.x > -x[1])
        near &= self.skin < -0.5
        near &= p.y > y[0]
        near &= p.y < y[1]
        if self.low < z[0]:
            near &= p.z > z[0]
        if self.high > z[1]:
            near &= p.z < z[1]
        index = np.flatnonzero(near)
        if not len(index):
            return None
        part = p.at(index)
        if side == -1:
            part = Points(-part.x, part.y, part.z)
        return type(self)(index, part, self.skin.take(index), self.hu.take(index), self.edge)

    def keep(self, whole: "Region") -> None:
        """Write the intensities back into the region that this one was selected from."""
        whole.hu[self._index] = self.hu

    def reaches(self, *heights: float) -> bool:
        """Whether any of the points lies near some height between two (mm)."""
        return min(heights) < self.high + _MARGIN and max(heights) > self.low - _MARGIN

    def nearest(self, *shapes: Tube | Ball, p: Points | None = None) -> Array | None:
        """Distance to the union of shapes (mm); None if none is at these points' height.

        Args:
            shapes: The shapes.
            p: The points as the shapes see them, where a person's differ a little; as they are if
                not given.
        """
        at = self.p if p is None else p
        near = [shape.distance(at) for shape in shapes if self.reaches(*shape.heights)]
        if not near:
            return None
        distance = near[0]
        for other in near[1:]:
            np.minimum(distance, other, out=distance)
        return distance

    def put(self, distance: Array | None, value: Array | float) -> None:
        """Fill a surface's inside with an intensity (HU)."""
        if distance is not None:
            self.cover(inside(distance, self.edge), value)

    def put_around_bone(self, distance: Array | None, value: float) -> None:
        """Fill a surface's inside with an intensity (HU), but for where bone is."""
        if distance is not None:
            self.cover(inside(distance, self.edge) * smooth_step(-self.hu, -350, -120), value)

    def cover(self, share: Array, value: Array | float) -> None:
        """Mix an intensity (HU) in."""
        new = value if isinstance(value, np.ndarray) else np.float32(value)
        self.hu += share * (new - self.hu)

    def bone(
        self, distance: Array | None, cortex: float, marrow: float, shell: float = 1.6
    ) -> None:
        """Fill a surface's inside with a shell of compact bone around marrow (HU)."""
        if distance is not None:
            core = smooth_step(-distance, shell, shell + 1.5)
            self.put(distance, np.float32(cortex) + core * np.float32(marrow - cortex))

"""The points that anatomy is drawn on, and the way from them to pixels."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ichreport.phantom.shapes import Array

_FINEST = 1.1
"""Spacing of the points that anatomy is drawn on (mm), unless the pixels are coarser."""


class Grid(NamedTuple):
    """Points over a slice, and the matrices that turn them into pixels.

    Attributes:
        down: Distance of each row of points below the slice's middle (mm).
        across: Distance of each column to the right of it (mm).
        to_rows: Sparse (rows, len(down)); cubic B-splines, which blur like a soft kernel.
        to_columns: Sparse (columns, len(across)).
        kernel_rows: The same after the reconstruction kernel.
        kernel_columns: The same after the reconstruction kernel.
    """

    down: Array
    across: Array
    to_rows: sparse.csr_array
    to_columns: sparse.csr_array
    kernel_rows: sparse.csr_array
    kernel_columns: sparse.csr_array

    @property
    def step(self) -> float:
        """Distance between points (mm)."""
        return float(self.down[1] - self.down[0])

    @classmethod
    def over(cls, rows: int, columns: int, pixel: float, edge: float = 0.0) -> "Grid":
        """Lay points over a slice.

        Args:
            rows: Pixels down the slice.
            columns: Pixels across it.
            pixel: Width of a pixel (mm).
            edge: How much the kernel sharpens, or blurs where it is negative; see `Kernel`.
        """
        step = max(_FINEST, pixel)
        down, to_rows = _splines(rows, pixel, step)
        across, to_columns = _splines(columns, pixel, step)
        sharp = [(each @ _kernel(each.shape[1], edge)).tocsr() for each in (to_rows, to_columns)]
        return cls(down, across, to_rows, to_columns, *sharp)

    def pixels(self, values: Array) -> Array:
        """Interpolate values at the points to the slice's pixels; nothing overshoots."""
        return _separably(self.to_rows, self.to_columns, values)

    def reconstruct(self, values: Array) -> Array:
        """Interpolate values at the points to the slice's pixels, by the kernel."""
        return _separably(self.kernel_rows, self.kernel_columns, values)


def _separably(to_rows: sparse.csr_array, to_columns: sparse.csr_array, values: Array) -> Array:
    half = np.ascontiguousarray((to_rows @ values).T)
    return np.ascontiguousarray((to_columns @ half).T)


def _kernel(points: int, edge: float) -> sparse.csr_array:
    """A share of both neighbours is taken from each point; no pixel looks beyond the last ones."""
    aside = sparse.eye_array(points, k=1) + sparse.eye_array(points, k=-1)
    kernel = (1 + 2 * edge) * sparse.eye_array(points) - edge * aside
    return sparse.csr_array(kernel.astype(np.float32))


def _splines(pixels: int, pixel: float, step: float) -> tuple[Array, sparse.csr_array]:
    """Points along one axis, and the cubic B-spline weights of each pixel on them."""
    half = pixels * pixel / 2
    points = np.arange(-np.ceil(half / step) - 2, np.ceil(half / step) + 3) * step
    centers = (np.arange(pixels) - (pixels - 1) / 2) * pixel
    position = (centers - points[0]) / step
    first = np.floor(position).astype(int) - 1
    t = position - np.floor(position)
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1
    )
    matrix = sparse.csr_array(
        (
            (weights / 6).astype(np.float32).ravel(),
            (first[:, None] + np.arange(4)).ravel(),
            np.arange(0, 4 * pixels + 1, 4),
        ),
        shape=(pixels, len(points)),
    )
    return points.astype(np.float32), matrix

"""Resampling a slice by area to the store's square size, in exact integer arithmetic.

Hand-written so that a slice has the same bytes on every machine. Pillow's `Image.BOX` filter gives
other values wherever the sizes are no multiples of each other: it weighs an old pixel by whether it
lies in the new one, not by how much of it does. Where they are, as 512 and 256 pixels, both give
the same, and Pillow takes four to six times as long (`benchmarks/ingest.py`).
"""

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

HU_MIN: Final = -1024
"""Air: the lowest intensity a store holds (HU)."""
HU_MAX: Final = 3071
"""The highest intensity a store holds (HU): 12 bits above air."""


def _to_square(pixels: NDArray[Any], fill: int) -> NDArray[Any]:
    """Pad the shorter side equally on both ends, so that the aspect is kept.

    Args:
        pixels: Any (rows, columns) array.
        fill: The value to pad with; `HU_MIN` pads with air.

    Returns:
        An array of (side, side), side the longer of the two; `pixels` itself where it is square.
    """
    rows, columns = pixels.shape
    if rows == columns:
        return pixels
    side = max(rows, columns)
    square = np.full((side, side), fill, dtype=pixels.dtype)
    top, left = (side - rows) // 2, (side - columns) // 2
    square[top : top + rows, left : left + columns] = pixels
    return square


def resample_hu(hu: NDArray[np.int16], size: int) -> NDArray[np.int16]:
    """Resample a slice by area: each new pixel is the mean of what it covers, rounded half up.

    Args:
        hu: int16 intensities in [`HU_MIN`, `HU_MAX`], shape (rows, columns).
        size: Rows and columns of the result.

    Returns:
        int16 intensities in the same range, shape (size, size). A slice that is not square keeps
        its aspect and is padded with air.
    """
    square = _to_square(hu, HU_MIN)
    side = square.shape[0]
    if side == size:
        return np.ascontiguousarray(square)
    if side == 2 * size:
        return _halve(square)
    above_air = square.astype(np.int64) - HU_MIN
    area = side * side
    mean = (area_sums(above_air, size) + area // 2) // area
    resampled: NDArray[np.int16] = (mean + HU_MIN).astype(np.int16)
    return resampled


def resample_mask(mask: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resample a bit mask by area: a bit is set where it covers at least half of the new pixel.

    Args:
        mask: uint8 bits, shape (rows, columns).
        size: Rows and columns of the result.

    Returns:
        uint8 bits of shape (size, size), padded with 0 where the mask is not square.
    """
    square = _to_square(mask, 0)
    side = square.shape[0]
    if side == size:
        return np.ascontiguousarray(square)
    resampled = np.zeros((size, size), dtype=np.uint8)
    for bit in range(8):
        plane = (square >> bit) & 1
        if plane.any():
            covered = 2 * area_sums(plane.astype(np.int64), size) >= side * side
            resampled |= (covered << bit).astype(np.uint8)
    return resampled


def area_means(side: int, size: int) -> NDArray[np.float32]:
    """The shares of old pixels in new ones along an axis: float32 (size, side), rows summing to 1.

    With it on both axes a matrix product resamples by area, as `resample_hu` does but for rounding.
    """
    old, overlap = _overlaps(side, size)
    shares = np.zeros((size, side), dtype=np.float32)
    np.add.at(shares, (np.arange(size)[None, :], old), (overlap / side).astype(np.float32))
    return shares


def area_sums(pixels: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Sums over the areas of new pixels, in units where an old pixel is size x size.

    Divided by side², these are the exact area means.

    Args:
        pixels: Shape (side, side).
        size: Rows and columns of the result.
    """
    return _shrink_rows(_shrink_rows(pixels, size).T, size).T


def _shrink_rows(pixels: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    source, weight = _overlaps(pixels.shape[0], size)
    sums: NDArray[np.int64] = pixels[source[0]] * weight[0][:, None]
    for rows, weights in zip(source[1:], weight[1:], strict=True):
        sums += pixels[rows] * weights[:, None]
    return sums


@lru_cache(maxsize=64)
def _overlaps(side: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which old pixels a new one covers, and how much of each.

    In units of 1/(side · size) of the axis, old pixel j is [j·size, (j+1)·size) and new pixel i is
    [i·side, (i+1)·side). Returns two arrays of (k, size): the old pixel and its overlap.
    """
    start = np.arange(size, dtype=np.int64) * side
    steps = np.arange(side // size + 2, dtype=np.int64)[:, None]
    old = start // size + steps
    overlap = np.minimum((old + 1) * size, start + side) - np.maximum(old * size, start)
    return np.minimum(old, side - 1), np.maximum(overlap, 0)


def _halve(hu: NDArray[np.int16]) -> NDArray[np.int16]:
    """Means of 2 x 2 pixels. Two neighbours are added as the halves of one 32-bit word.

    Each sum of two rows is lifted by 2049: 2 x 1024 makes it positive, and 1 of it twice is the
    half that rounds the sum of four up.
    """
    pairs = np.add(hu[0::2], hu[1::2]).view(np.uint16)
    pairs += np.uint16(2049)
    words = pairs.view(np.uint32)
    low = words & np.uint32(0xFFFF)
    low += np.right_shift(words, 16, out=words)
    low >>= np.uint32(2)
    mean = low.astype(np.int16)
    mean += np.int16(HU_MIN)
    return mean

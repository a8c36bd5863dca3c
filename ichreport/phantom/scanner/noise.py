"""Quantum noise with the texture of filtered back-projection."""

from functools import cache

import numpy as np
from scipy import fft

from ichreport.phantom.shapes import Array


def grain(cutoff: float, rows: int, columns: int, rng: np.random.Generator) -> Array:
    """Correlated noise of variance 1: two random cut-outs of a large tile, mixed.

    Args:
        cutoff: Where its spectrum falls off (cycles a pixel), to two decimals.
        rows: Pixels down a slice.
        columns: Pixels across it.
        rng: Source of randomness.
    """
    tile = noise_tile(cutoff, 1 << (max(rows, columns) - 1).bit_length())
    angle = rng.uniform(0, 2 * np.pi)
    total = _cut(tile, rows, columns, rng) * np.float32(np.cos(angle))
    total += _cut(tile, rows, columns, rng) * np.float32(np.sin(angle))
    return total


def _cut(tile: Array, rows: int, columns: int, rng: np.random.Generator) -> Array:
    top, left = (int(rng.integers(tile.shape[0] - n)) for n in (rows, columns))
    cut = tile[top : top + rows, left : left + columns]
    if rng.random() < 0.5:
        cut = cut[::-1]
    return cut[:, ::-1] if rng.random() < 0.5 else cut


@cache
def noise_tile(cutoff: float, size: int) -> Array:
    """CT noise of variance 1 on `size * 5 / 4` pixels a side, the same in every process.

    Its power rises with frequency, as filtered back-projection makes it, and falls off with the
    reconstruction kernel (Riederer, Pelc and Chesler 1978).
    """
    size = size * 5 // 4
    frequency, white = _white_noise(size)
    power = frequency * np.exp(-np.square(frequency / cutoff))
    noise = fft.irfft2(white * np.sqrt(power), s=(size, size))
    tile: Array = (noise / noise.std()).astype(np.float32)
    return tile


@cache
def _white_noise(size: int) -> tuple[Array, Array]:
    """The spectrum of white noise on `size` pixels a side, and each coefficient's frequency."""
    frequency = np.hypot(fft.fftfreq(size)[:, None], fft.rfftfreq(size)[None, :])
    white = np.random.default_rng(size).standard_normal((size, size))
    return frequency, fft.rfft2(white)

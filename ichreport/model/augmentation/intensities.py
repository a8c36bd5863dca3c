"""What changes the HU of a batch, each slice by numbers of its own."""

from functools import lru_cache
from typing import Any, Final

import numpy as np
from keras import ops
from numpy.typing import NDArray

from ichreport.data.resample import HU_MIN

AIR: Final = -900.0
"""HU up to which there is air or padding, which noise and contrast leave alone."""

NOISE_VALUES: Final = 2**18
"""Values of noise that there are; each slice takes them from a place of its own on."""


def noisy(hu: Any, deviation: Any, place: Any) -> Any:
    """White Gaussian noise on all that is no air.

    Args:
        hu: float32 HU (batch, slices, h, w).
        deviation: Its standard deviation (HU), (batch,).
        place: The first of its values, int32 (batch, slices).
    """
    height, width = hu.shape[-2:]
    pixels = np.arange(height * width, dtype=np.int32).reshape(height, width)
    noise = ops.take(_white_noise(), (place[..., None, None] + pixels) % NOISE_VALUES, axis=0)
    return ops.where(hu > AIR, hu + noise * _by_slice(deviation), hu)


@lru_cache(maxsize=1)
def _white_noise() -> NDArray[np.float32]:
    """Of mean 0 and standard deviation 1; the same whatever the seed, which draws the places."""
    return np.random.default_rng(0).standard_normal(NOISE_VALUES, dtype=np.float32)


def blurred(hu: Any, deviation: Any, most: float) -> Any:
    """A Gaussian blur; outside of the picture is air.

    Args:
        hu: float32 HU (batch, slices, h, w).
        deviation: Its standard deviation (pixels), (batch,); 0 leaves a slice as it is.
        most: What that is at most; the kernel reaches three times as far.
    """
    reach = int(np.ceil(3 * most))
    squares = np.arange(-reach, reach + 1, dtype=np.float32) ** 2
    kernel = ops.exp(-squares / (2 * deviation[:, None] ** 2 + 1e-12))
    kernel = kernel / ops.sum(kernel, axis=1, keepdims=True)
    return _convolved(_convolved(hu, kernel, axis=2), kernel, axis=3)


def _convolved(hu: Any, kernel: Any, *, axis: int) -> Any:
    """Along an axis, with a kernel (batch, taps) for each item: shifted, weighted and added up."""
    taps, side = kernel.shape[1], hu.shape[axis]
    frame = [(taps // 2, taps // 2) if number == axis else (0, 0) for number in range(4)]
    framed = ops.pad(hu, frame, constant_values=float(HU_MIN))
    total = 0.0
    for tap in range(taps):
        part = [slice(None)] * 4
        part[axis] = slice(tap, tap + side)
        total = total + framed[tuple(part)] * _by_slice(kernel[:, tap])
    return total


def contrasted(hu: Any, gain_and_offset: Any) -> Any:
    """HU times a gain, plus an offset, for all that is no air.

    Args:
        hu: float32 HU (batch, slices, h, w).
        gain_and_offset: (batch, 2), the offset in HU.
    """
    gain, offset = gain_and_offset[:, 0], gain_and_offset[:, 1]
    return ops.where(hu > AIR, hu * _by_slice(gain) + _by_slice(offset), hu)


def erased(hu: Any, box: Any) -> Any:
    """Air in a rectangle.

    Args:
        hu: float32 HU (batch, slices, h, w).
        box: First and last row, first and last column, in sides of the picture, (batch, 4); pixels
            are in it whose middle is.
    """
    height, width = hu.shape[-2:]
    middles = ((np.arange(side) + 0.5) / side for side in (height, width))
    y, x = (ops.convert_to_tensor(middle.astype(np.float32)) for middle in middles)
    y = y[:, None]
    top, bottom, left, right = (_by_slice(box[:, side]) for side in range(4))
    rows = ops.logical_and(ops.greater_equal(y, top), ops.less(y, bottom))
    columns = ops.logical_and(ops.greater_equal(x, left), ops.less(x, right))
    return ops.where(ops.logical_and(rows, columns), float(HU_MIN), hu)


def _by_slice(values: Any) -> Any:
    """A number for each item of a batch, (batch,), as wide as its slices: (batch, 1, 1, 1)."""
    return values[:, None, None, None]

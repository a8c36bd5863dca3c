"""Bilinear resampling of a batch, each slice by a transform of its own.

Written with gathers, which every backend compiles. TensorFlow's own transform, behind
`keras.ops.image.affine_transform`, takes a third of the time on a CPU, but XLA compiles none of
it, and Keras' on JAX multiplies coordinates in the precision of matrices.
"""

from typing import Any

import numpy as np
from keras import ops

from ichreport.data.resample import HU_MIN


def resampled(hu: Any, sampling: Any) -> Any:
    """Take each pixel from between four others; outside of the picture is air.

    Args:
        hu: float32 HU (batch, slices, h, w).
        sampling: float32 (batch, 2, 3), from where a pixel is to where it is taken, (x, y) in sides
            of the picture from its middle.

    Returns:
        float32 HU of the same shape. Between the outermost pixels and air one pixel further out
        there is interpolation too.
    """
    _, slices, height, width = hu.shape
    column, right = _places(sampling[:, 0, :, None, None], width, height, side=width)
    row, below = _places(sampling[:, 1, :, None, None], width, height, side=height)
    framed = ops.pad(hu, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=float(HU_MIN))
    flat = ops.reshape(framed, (-1,))
    pictures = ops.reshape(ops.arange(ops.shape(hu)[0] * slices, dtype="int32"), (-1, slices, 1, 1))
    first = pictures * ((height + 2) * (width + 2)) + (row * (width + 2) + column)[:, None]

    def corner(down: int, along: int) -> Any:
        return ops.take(flat, first + (down * (width + 2) + along), axis=0)

    right, below = right[:, None], below[:, None]
    above = _between(corner(0, 0), corner(0, 1), right)
    under = _between(corner(1, 0), corner(1, 1), right)
    return _between(above, under, below)


def _between(first: Any, second: Any, share: Any) -> Any:
    return first + (second - first) * share


def _places(row: Any, width: int, height: int, *, side: int) -> tuple[Any, Any]:
    """Where pixels are taken along an axis of the picture in its frame of air.

    Args:
        row: That row of the transforms, (batch, 3, 1, 1).
        width: Columns of the picture.
        height: Rows of the picture.
        side: Pixels along this axis.

    Returns:
        The pixel before each place, int32, and how far behind it that is, in [0, 1]; each of shape
        (batch, h, w).
    """
    x = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32((height - 1) / 2)
    place = row[:, 0] * x * (side / width) + row[:, 1] * y * (side / height) + row[:, 2] * side
    place = ops.clip(place + (side - 1) / 2, -1.0, float(side))
    before = ops.minimum(ops.floor(place), side - 1.0)
    return ops.cast(before, "int32") + 1, place - before

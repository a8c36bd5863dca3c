"""Slopes of a training whose norm is kept from growing."""

from collections.abc import Sequence
from typing import Any

from keras import ops


def clipped(slopes: Sequence[Any], most: Any) -> list[Any]:
    """Slopes, made smaller by one factor where their norm is too large.

    The norm is that of all of them together, as of one vector (Pascanu, Mikolov and Bengio,
    arXiv:1211.5063, algorithm 1). What is not finite comes out not finite: a scaled loss has to
    meet its overflows.

    Args:
        slopes: Of all variables, over all devices.
        most: The largest norm that they may have.
    """
    squares = [ops.sum(ops.square(ops.cast(slope, "float32"))) for slope in slopes]
    norm = ops.sqrt(sum(squares[1:], squares[0]))
    factor = most / ops.maximum(norm, most)
    return [slope * ops.cast(factor, slope.dtype) for slope in slopes]

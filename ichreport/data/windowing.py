"""Windows: the bands of CT intensities that radiologists look at, as functions of HU."""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.params.inputs import NAMED_WINDOWS, Window

__all__ = [
    "BONE", "BRAIN", "EPSILON", "SUBDURAL", "WINDOWS", "Window", "linear_window",
    "sigmoid_slope_and_offset",
]  # fmt: skip

EPSILON: Final = 1 / 255
"""What a sigmoid window gives at its lower end: one grey level of 255, as in the paper's code."""


BRAIN: Final = NAMED_WINDOWS["brain"]
SUBDURAL: Final = NAMED_WINDOWS["subdural"]
BONE: Final = NAMED_WINDOWS["bone"]
WINDOWS: Final = {"brain": BRAIN, "subdural": SUBDURAL, "bone": BONE}
"""The poster's three windows by name, in the order in which they become channels."""


def linear_window(hu: NDArray[Any], window: Window) -> NDArray[np.float32]:
    """Map a window of HU linearly onto [0, 1], clipping what falls outside.

    The LINEAR_EXACT function of DICOM PS3.3 C.11.2.1.3.2.

    Args:
        hu: Intensities in HU, any shape.
        window: The band to keep.

    Returns:
        float32 array of the shape of `hu`.

    Example:
        >>> linear_window(np.array([-1000, 40, 1000]), BRAIN)
        array([0. , 0.5, 1. ], dtype=float32)
    """
    low, _ = window.ends
    scaled = (np.asarray(hu, dtype=np.float32) - np.float32(low)) / np.float32(window.width)
    clipped: NDArray[np.float32] = np.clip(scaled, np.float32(0), np.float32(1))
    return clipped


def sigmoid_slope_and_offset(window: Window, epsilon: float = EPSILON) -> tuple[float, float]:
    """The slope w and offset b of a sigmoid window, 1 / (1 + exp(-(w x + b))).

    w = (2 / width) ln(1/ε - 1) and b = -center · w (Lee, Kim and Do, arXiv:1812.00572), so that
    the window's ends map to ε and 1 - ε.

    Args:
        window: The band.
        epsilon: The value at the lower end, in (0, 0.5).

    Raises:
        ValueError: If `epsilon` is not in (0, 0.5).
    """
    if not 0 < epsilon < 0.5:
        raise ValueError(f"epsilon of a sigmoid window must be in (0, 0.5), got {epsilon!r}.")
    slope = 2 / window.width * math.log(1 / epsilon - 1)
    return slope, -window.center * slope

"""How a slice lies in its file, and how it is turned to the standard orientation.

In the standard orientation, a row runs from the patient's right to the left and a column from the
front to the back, as radiologists look at a head (ImageOrientationPatient 1, 0, 0, 0, 1, 0; DICOM
PS3.3 section C.7.6.2.1.1). A file may hold it mirrored, upside down or turned.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

STANDARD: Final = "standard"
UNKNOWN: Final = "unknown"
"""The orientation of a slice whose file does not say how it lies; it stays as it is."""
_SLACK: Final = 0.02
"""How far directions may be from unit length and from a right angle."""
_NAMES: Final = {
    (False, False, False): STANDARD,
    (False, False, True): "left and right swapped",
    (False, True, False): "front and back swapped",
    (False, True, True): "turned by 180°",
    (True, False, False): "rows and columns swapped",
    (True, False, True): "turned by 90° clockwise",
    (True, True, False): "turned by 90° counterclockwise",
    (True, True, True): "rows and columns swapped, then turned by 180°",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What brings a slice into the standard orientation: transposing first, then flipping.

    Attributes:
        transpose: Whether rows become columns.
        flip_rows: Whether the order of the rows is then reversed.
        flip_columns: Whether the order of the columns is then reversed.
        known: Whether the file says how the slice lies.
    """

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False
    known: bool = True

    @classmethod
    def from_directions(cls, row: Sequence[float], column: Sequence[float]) -> "Turn":
        """The turn for a slice nearest to one of the eight ways to lie in the axial plane.

        Args:
            row: The direction of a row, x to the patient's left and y to the back.
            column: The direction of a column.
        """
        transpose = abs(row[0]) < abs(row[1])
        across, down = (column, row) if transpose else (row, column)
        return _TURNS[transpose, down[1] < 0, across[0] < 0]

    @property
    def name(self) -> str:
        """What was done, in words; `standard` if nothing was, `unknown` if it cannot be known."""
        return _NAMES[self.transpose, self.flip_rows, self.flip_columns] if self.known else UNKNOWN

    @property
    def changes(self) -> bool:
        """Whether it changes a slice at all."""
        return self.transpose or self.flip_rows or self.flip_columns

    def __call__(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Turn an array of (rows, columns)."""
        if not self.changes:
            return pixels
        turned = pixels.T if self.transpose else pixels
        turned = turned[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]
        return np.ascontiguousarray(turned)


_TURNS: Final = {flags: Turn(*flags) for flags in _NAMES}


def are_directions(row: Sequence[float], column: Sequence[float]) -> bool:
    """Whether two vectors are of unit length and at a right angle, but for rounding."""
    lengths = math.hypot(*row), math.hypot(*column)
    product = sum(a * b for a, b in zip(row, column, strict=True))
    return all(abs(length - 1) <= _SLACK for length in lengths) and abs(product) <= _SLACK

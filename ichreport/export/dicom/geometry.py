"""Where the pixels of a store's slice lie in the patient.

A store's slice came of a file's in three steps: it was turned to the standard orientation, padded
to a square and resampled by area. Each of them is undone here for the place of the pixels alone, so
that a map of the store's slice can be shown on the file's (DICOM PS3.3 section C.7.6.2.1.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ichreport.data.dicom.orientation import Turn, are_directions

_SAME: Final = 1e-4
"""How far directions may differ, and spacings in mm, that are written as one."""


@dataclass(frozen=True)
class Plane:
    """Where a slice's pixels lie, in mm towards the patient's left, back and head.

    Attributes:
        position: The center of the first pixel, (3,).
        along_row: The step from a pixel to the next one of its row, (3,).
        along_column: The step from a pixel to the next one of its column, (3,).
    """

    position: NDArray[np.float64]
    along_row: NDArray[np.float64]
    along_column: NDArray[np.float64]

    @classmethod
    def from_attributes(
        cls, position: Sequence[float], orientation: Sequence[float], spacing: Sequence[float]
    ) -> "Plane":
        """The plane of a file, by the standard's attributes.

        Args:
            position: ImagePositionPatient.
            orientation: ImageOrientationPatient: the directions of a row and of a column.
            spacing: PixelSpacing: the distance of the rows and that of the columns, mm.

        Raises:
            ValueError: If they are no place in space; the message says which is wrong.
        """
        if len(position) != 3:
            raise ValueError("ImagePositionPatient is missing or damaged")
        if len(orientation) != 6 or not are_directions(orientation[:3], orientation[3:]):
            raise ValueError("ImageOrientationPatient is missing or damaged")
        if len(spacing) != 2 or not min(spacing) > 0:
            raise ValueError("PixelSpacing is missing or damaged")
        row, column = np.array(orientation, dtype=np.float64).reshape(2, 3)
        down, across = spacing
        row, column = row / np.linalg.norm(row), column / np.linalg.norm(column)
        return cls(np.array(position, dtype=np.float64), across * row, down * column)

    @property
    def spacing(self) -> tuple[float, float]:
        """PixelSpacing: the distance of the rows and that of the columns, mm."""
        return float(np.linalg.norm(self.along_column)), float(np.linalg.norm(self.along_row))

    @property
    def orientation(self) -> NDArray[np.float64]:
        """ImageOrientationPatient, (6,)."""
        down, across = self.spacing
        return np.concatenate([self.along_row / across, self.along_column / down])

    @property
    def normal(self) -> NDArray[np.float64]:
        """The direction across the slice, of unit length, (3,)."""
        across = np.cross(self.along_row, self.along_column)
        normal: NDArray[np.float64] = across / np.linalg.norm(across)
        return normal

    def point(self, row: float, column: float) -> NDArray[np.float64]:
        """Where a pixel's center lies, mm, (3,)."""
        return self.position + row * self.along_column + column * self.along_row

    def is_parallel(self, other: "Plane") -> bool:
        """Whether two slices have one orientation and spacing, but for rounding."""
        same_directions = np.allclose(self.orientation, other.orientation, rtol=0, atol=_SAME)
        return bool(
            same_directions and np.allclose(self.spacing, other.spacing, rtol=0, atol=_SAME)
        )


def plane_in_store(file: Plane, rows: int, columns: int, size: int) -> Plane:
    """The plane of the store's slice that came of a file's.

    Args:
        file: The plane of the file's slice.
        rows: Rows of the file's slice.
        columns: Its columns.
        size: Rows and columns of the store's slice.
    """
    turned, shape = _turned(file, rows, columns)
    side = max(shape)
    # As `resample` pads: the smaller half comes first.
    top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
    scale = side / size
    # A new pixel begins where `scale` old ones do, and its center is in their middle.
    first = (scale - 1) / 2
    return Plane(
        turned.point(first - top, first - left),
        scale * turned.along_row,
        scale * turned.along_column,
    )


def _turned(file: Plane, rows: int, columns: int) -> tuple[Plane, tuple[int, int]]:
    """The plane in the standard orientation, with its rows and columns."""
    turn = Turn.from_directions(file.along_row.tolist(), file.along_column.tolist())
    along_row, along_column, shape = file.along_row, file.along_column, (rows, columns)
    if turn.transpose:
        along_row, along_column, shape = along_column, along_row, (columns, rows)
    position = file.position
    if turn.flip_rows:
        position, along_column = position + (shape[0] - 1) * along_column, -along_column
    if turn.flip_columns:
        position, along_row = position + (shape[1] - 1) * along_row, -along_row
    return Plane(position, along_row, along_column), shape

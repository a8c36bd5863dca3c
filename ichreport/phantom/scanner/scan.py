"""How one series was taken: matrix, pose, tilt, heights, and what the measurement adds."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.scanner.grid import Grid
from ichreport.phantom.shapes import Vector, vector

_BOTTOM, _TOP = -57.0, 80.0
"""Height of the lowest and the highest slice of a typical series in the canonical head (mm)."""


@dataclass(frozen=True)
class Scan:
    """How one series was taken.

    Attributes:
        rows: Pixels down a slice.
        columns: Pixels across it.
        pixel: Width of a pixel (mm).
        tilt: Tilt of the gantry about the left-right axis (degrees).
        heights: Table position of each slice, from the neck up (mm, about 0 at the head's center).
        pose: Roll, pitch and yaw of the head (degrees).
        offset: Where the head's center lies in the scanner's frame (mm).
        table: Where the scanner's frame has its origin, as written in the headers (mm).
        noise: Standard deviation of the quantum noise in the head's middle (HU).
        sharpness: Frequency (cycles a pixel) where the noise's spectrum falls off.
        cupping: Brightening of the brain next to the bone (HU).
        streaks: Strength of the streaks between the petrous bones (HU).
        seed: Seed of the noise.
    """

    rows: int
    columns: int
    pixel: float
    tilt: float
    heights: tuple[float, ...]
    pose: Vector
    offset: Vector
    table: Vector
    noise: float
    sharpness: float
    cupping: float
    streaks: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, rows: int, columns: int, slices: int) -> Self:
        """Draw a pose and a protocol.

        Args:
            rng: Source of randomness.
            rows: Pixels down a slice.
            columns: Pixels across it.
            slices: Slices of a typical series; this one has about as many.
        """
        count = max(6, round(slices * rng.uniform(0.88, 1.12)))
        tilt = float(rng.uniform(8, 19)) if rng.random() < 0.65 else 0.0
        low, high = _BOTTOM + rng.normal(0, 4), _TOP + rng.normal(0, 2.5)
        gaps = np.ones(count - 1)
        if rng.random() < 0.12:
            gaps[: count // 3] = 0.5
        heights = low + (high - low) * np.concatenate([[0], np.cumsum(gaps)]) / gaps.sum()
        pitch = tilt - rng.normal(5, 4)
        field = rng.uniform(222, 244)
        return cls(
            rows=rows,
            columns=columns,
            pixel=round(float(field / min(rows, columns)), 6),
            tilt=round(tilt, 2),
            heights=tuple(round(float(v), 3) for v in heights),
            pose=(float(rng.normal(0, 3)), float(pitch), float(rng.normal(0, 4.5))),
            offset=vector(rng.normal((0, 3, 0), (3, 3, 1))),
            table=vector(rng.uniform((-5, -40, -150), (5, 40, 250)).round(3)),
            noise=float(rng.uniform(2.2, 4.4)),
            sharpness=float(rng.uniform(0.16, 0.26)),
            cupping=float(rng.uniform(1, 5)),
            streaks=float(rng.uniform(2, 9)),
            seed=int(rng.integers(2**32)),
        )

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Distance that each slice stands for along the table (mm)."""
        gaps: NDArray[np.float64] = np.abs(np.gradient(np.asarray(self.heights)))
        return gaps

    @property
    def orientation(self) -> tuple[Vector, Vector]:
        """Directions of a row and of a column in the scanner's frame (DICOM PS3.3 C.7.6.2.1.1)."""
        angle = np.deg2rad(self.tilt)
        return (1.0, 0.0, 0.0), (0.0, float(np.cos(angle)), float(-np.sin(angle)))

    def corner(self, number: int) -> Vector:
        """Center of a slice's first pixel, as written in the header (mm)."""
        row, column = np.asarray(self.orientation)
        across, down = (self.columns - 1) / 2, (self.rows - 1) / 2
        corner = np.array([0, 0, self.heights[number]]) + self.table
        corner -= self.pixel * (across * row + down * column)
        return vector(corner)

    def rotation(self) -> NDArray[np.float64]:
        """The 3 x 3 rotation from the scanner's frame into the head's."""
        roll, pitch, yaw = np.deg2rad(self.pose)
        about_y = _turn(roll, 2, 0)
        about_x = _turn(pitch, 1, 2)
        about_z = _turn(yaw, 0, 1)
        return about_y @ about_x @ about_z

    @cached_property
    def grid(self) -> Grid:
        """The points that each slice is drawn on."""
        return Grid.over(self.rows, self.columns, self.pixel)

    def body_frame(self, head: Head) -> NDArray[np.float64]:
        """The 3 x 3 matrix from the scanner's millimetres to the canonical head's."""
        return head.canonical() @ self.rotation()

    def down(self, head: Head) -> Vector:
        """The direction of gravity in the canonical head; the patient lies on the back."""
        gravity = self.body_frame(head) @ np.array([0.0, 1.0, 0.0])
        x, y, z = gravity / np.linalg.norm(gravity)
        return float(x), float(y), float(z)


def _turn(angle: float, first: int, second: int) -> NDArray[np.float64]:
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second] = -np.sin(angle)
    matrix[second, first] = np.sin(angle)
    return matrix

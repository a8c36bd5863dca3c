"""How one series was taken: matrix, pose, tilt, heights, and what the measurement adds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ichreport.params.phantom.scanners import Scanner, Span
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.scanner.grid import Grid
from ichreport.phantom.scanner.surroundings import Surroundings
from ichreport.phantom.shapes import Vector, vector

_TOP = 80.0
"""Height of the highest slice of a typical series in the canonical head (mm)."""

_FEWEST = 6
"""Slices of a series, at least."""

_RESTLESS = 0.06
"""Share of varied people who move while they are scanned."""

_TURNED = 0.15
"""Share of varied people whose head is turned much more than usual."""


@dataclass(frozen=True)
class Response:
    """What a scanner makes of intensities.

    Attributes:
        noise: Standard deviation of the quantum noise in the head's middle (HU).
        cutoff: Frequency where the noise's spectrum falls off (cycles a pixel).
        edge: How much the kernel sharpens; negative blurs. See `Kernel`.
        offset: What all within the skin is off by (HU).
        gain: Intensity of soft tissue, relative to the right one.
        bone: Intensity of bone, relative to that at 120 kV.
        cupping: Brightening of the brain next to the bone (HU).
        streaks: Strength of the streaks between the petrous bones (HU).
        shading: Slopes of the intensity across and down the head (HU over 100 mm).
        seed: Seed of the noise.
    """

    noise: float
    cutoff: float
    edge: float
    offset: float
    gain: float
    bone: float
    cupping: float
    streaks: float
    shading: tuple[float, float]
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, scanner: Scanner, pixel: float) -> Self:
        """Draw what a scanner does in one series.

        Args:
            rng: Source of randomness.
            scanner: The scanner.
            pixel: Width of a pixel (mm).
        """
        return cls(
            noise=_within(rng, scanner.noise),
            cutoff=round(_within(rng, scanner.kernel.cutoff) * pixel, 2),
            edge=scanner.kernel.edge,
            offset=_within(rng, scanner.offset),
            gain=_within(rng, scanner.gain),
            bone=_within(rng, scanner.bone),
            cupping=_within(rng, scanner.cupping),
            streaks=_within(rng, scanner.streaks),
            shading=(_within(rng, scanner.shading), _within(rng, scanner.shading)),
            seed=int(rng.integers(2**32)),
        )


@dataclass(frozen=True)
class Scan:
    """How one series was taken.

    Attributes:
        scanner: Name of the scanner.
        rows: Pixels down a slice.
        columns: Pixels across it.
        pixel: Width of a pixel (mm).
        tilt: Tilt of the gantry about the left-right axis (degrees).
        heights: Table position of each slice, from the neck up (mm, about 0 at the head's center).
        thickness: Width of a slice (mm).
        pose: Roll, pitch and yaw of the head (degrees).
        offset: Where the head's center lies in the scanner's frame (mm).
        table: Where the scanner's frame has its origin, as written in the headers (mm).
        moved: How far the head moved during some slices, across and down (mm), by their number.
        response: What the scanner makes of intensities.
        surroundings: What lies around the head.
    """

    scanner: str
    rows: int
    columns: int
    pixel: float
    tilt: float
    heights: tuple[float, ...]
    thickness: float
    pose: Vector
    offset: Vector
    table: Vector
    moved: Mapping[int, tuple[float, float]]
    response: Response
    surroundings: Surroundings

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        scanner: Scanner,
        *,
        rows: int,
        columns: int,
        slices: int,
        varied: bool,
    ) -> Self:
        """Draw a pose and a protocol.

        Args:
            rng: Source of randomness.
            scanner: The scanner.
            rows: Pixels down a slice.
            columns: Pixels across it.
            slices: Slices of a typical series; this one has about as many.
            varied: Whether some people turn their heads far, and some move.
        """
        heights = _draw_heights(rng, scanner, slices)
        tilt = _within(rng, scanner.tilt) if rng.random() < scanner.tilts else 0.0
        turned = 2.5 if varied and rng.random() < _TURNED else 1.0
        roll, yaw = rng.normal(0, (3 * turned, 4.5 * turned))
        pixel = round(_within(rng, scanner.field) / min(rows, columns), 6)
        return cls(
            scanner=scanner.name,
            rows=rows,
            columns=columns,
            pixel=pixel,
            tilt=round(tilt, 2),
            heights=heights,
            thickness=float(rng.choice(scanner.thickness)),
            pose=(float(roll), float(tilt - rng.normal(5, 4)), float(yaw)),
            offset=vector(rng.normal((0, 3, 0), (scanner.astray, scanner.astray, 1))),
            table=vector(rng.uniform((-5, -40, -150), (5, 40, 250)).round(3)),
            moved=_draw_motion(rng, len(heights), share=_RESTLESS if varied else 0.0),
            response=Response.draw(rng, scanner, pixel),
            surroundings=Surroundings.draw(rng, scanner, varied=varied),
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
        return Grid.over(self.rows, self.columns, self.pixel, self.response.edge)

    @cached_property
    def places(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Distance of each column and each row of pixels from the slice's middle (mm)."""
        across, down = (
            ((np.arange(n) - (n - 1) / 2) * self.pixel).astype(np.float32)
            for n in (self.columns, self.rows)
        )
        return across, down

    def body_frame(self, head: Head) -> NDArray[np.float64]:
        """The 3 x 3 matrix from the scanner's millimetres to the canonical head's."""
        return head.canonical() @ self.rotation()

    def place(self, head: Head, of_scaled_head: Vector) -> Vector:
        """Where a place of a head, once scaled to canonical size, lies in the scanner.

        Returns:
            Place across and down a slice, and the height of that slice (mm).
        """
        row, column = np.asarray(self.orientation)
        to_slices = np.linalg.inv(np.stack([row, column, (0.0, 0.0, 1.0)], axis=1))
        in_scanner = np.linalg.inv(self.body_frame(head)) @ of_scaled_head
        return vector(to_slices @ (in_scanner + np.asarray(self.offset)))

    def down(self, head: Head) -> Vector:
        """The unit normal of level planes in the canonical head; the patient lies on the back."""
        gravity = np.linalg.inv(self.body_frame(head))[1]  # planes map by the inverse transpose
        return vector(gravity / np.linalg.norm(gravity))


def _within(rng: np.random.Generator, span: Span) -> float:
    return float(rng.uniform(*span))


def _draw_heights(rng: np.random.Generator, scanner: Scanner, slices: int) -> tuple[float, ...]:
    count = max(_FEWEST, round(slices * scanner.density * rng.uniform(0.88, 1.12)))
    low, high = _within(rng, scanner.lowest), _TOP + rng.normal(0, 2.5)
    gaps = np.ones(count - 1)
    if rng.random() < scanner.uneven:
        gaps[: count // 3] = 0.5
    heights = low + (high - low) * np.concatenate([[0], np.cumsum(gaps)]) / gaps.sum()
    return tuple(round(float(v), 3) for v in heights)


def _draw_motion(
    rng: np.random.Generator, slices: int, *, share: float
) -> dict[int, tuple[float, float]]:
    """How far a head moves during slices: a share of people do, for a part of the series."""
    if rng.random() >= share:
        return {}
    first, number = int(rng.integers(slices)), int(rng.integers(1, slices // 2 + 1))
    moves = rng.normal(0, 2.2, (number, 2)).tolist()
    return {k: (x, y) for k, (x, y) in enumerate(moves, first) if k < slices}


def _turn(angle: float, first: int, second: int) -> NDArray[np.float64]:
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second] = -np.sin(angle)
    matrix[second, first] = np.sin(angle)
    return matrix

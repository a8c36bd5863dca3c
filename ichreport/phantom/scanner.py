"""The scanner: pose and tilt, slices of finite thickness, point spread, noise, beam hardening."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import fft, sparse

from ichreport.phantom import section
from ichreport.phantom.anatomy import Head
from ichreport.phantom.section import Patient, Section
from ichreport.phantom.shapes import Array, Points, Vector, vector

_FINEST = 1.1
"""Spacing of the points that anatomy is drawn on (mm), unless the pixels are coarser."""

_BOTTOM, _TOP = -57.0, 80.0
"""Height of the lowest and the highest slice of a typical series in the canonical head (mm)."""

_VISIBLE_SHARE = 0.45
"""A pixel belongs to a bleed's truth mask if at least this share of it is blood."""

_AIR = -1000.0
_LIMITS = (-1024, 3071)


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
    def grid(self) -> "Grid":
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


class Grid(NamedTuple):
    """Points over a slice, and the matrices that turn them into pixels.

    Attributes:
        down: Distance of each row of points below the slice's middle (mm).
        across: Distance of each column to the right of it (mm).
        to_rows: Sparse (rows, len(down)); cubic B-splines, which blur like a soft kernel.
        to_columns: Sparse (columns, len(across)).
    """

    down: Array
    across: Array
    to_rows: sparse.csr_array
    to_columns: sparse.csr_array

    @property
    def step(self) -> float:
        """Distance between points (mm)."""
        return float(self.down[1] - self.down[0])

    @classmethod
    def over(cls, rows: int, columns: int, pixel: float) -> "Grid":
        """Lay points over a slice."""
        step = max(_FINEST, pixel)
        down, to_rows = _splines(rows, pixel, step)
        across, to_columns = _splines(columns, pixel, step)
        return cls(down, across, to_rows, to_columns)

    def pixels(self, values: Array) -> Array:
        """Interpolate values at the points to the slice's pixels."""
        half = np.ascontiguousarray((self.to_rows @ values).T)
        return np.ascontiguousarray((self.to_columns @ half).T)


def _splines(pixels: int, pixel: float, step: float) -> tuple[Array, sparse.csr_array]:
    """Points along one axis, and the cubic B-spline weights of each pixel on them."""
    half = pixels * pixel / 2
    points = np.arange(-np.ceil(half / step) - 2, np.ceil(half / step) + 3) * step
    centers = (np.arange(pixels) - (pixels - 1) / 2) * pixel
    position = (centers - points[0]) / step
    first = np.floor(position).astype(int) - 1
    t = position - np.floor(position)
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1
    )
    matrix = sparse.csr_array(
        (
            (weights / 6).astype(np.float32).ravel(),
            (first[:, None] + np.arange(4)).ravel(),
            np.arange(0, 4 * pixels + 1, 4),
        ),
        shape=(pixels, len(points)),
    )
    return points.astype(np.float32), matrix


class ScannedSlice(NamedTuple):
    """One slice as it leaves the scanner.

    Attributes:
        hu: int16 (rows, columns), within `_LIMITS`.
        masks: For each subtype that bleeds here, where: bool (rows, columns).
        volumes: For each subtype, its blood in this slice (ml).
        lookalikes: Area of each look-alike (mm²), in the order of the patient's.
    """

    hu: NDArray[np.int16]
    masks: dict[str, NDArray[np.bool_]]
    volumes: dict[str, float]
    lookalikes: list[float]


def scan_series(scan: Scan, patient: Patient) -> Iterator[ScannedSlice]:
    """Scan a patient, slice by slice from the neck up."""
    rng = np.random.default_rng(scan.seed)
    rest = _head_rest(scan, patient.head)
    spacing = scan.spacing
    for number, height in enumerate(scan.heights):
        drawn = _slab(scan, patient, height, min(5.0, float(spacing[number])))
        hu = _expose(scan, patient.head, scan.grid.pixels(drawn.hu), rest, height, rng)
        area = scan.grid.step**2
        volume = area * spacing[number] * np.cos(np.deg2rad(scan.tilt)) / 1000
        yield ScannedSlice(
            hu=hu,
            masks={k: scan.grid.pixels(v) >= _VISIBLE_SHARE for k, v in drawn.blood.items()},
            volumes={k: float(v.sum() * volume) for k, v in drawn.blood.items()},
            lookalikes=[v * area for v in drawn.lookalikes],
        )


def _slab(scan: Scan, patient: Patient, height: float, thickness: float) -> Section:
    """Average the planes of one slice; anatomy is drawn only where the head can be."""
    grid, frame = scan.grid, scan.body_frame(patient.head)
    row, column = np.asarray(scan.orientation)
    along, below = frame @ row, frame @ column
    base = frame @ (np.array([0, 0, height]) - np.asarray(scan.offset))
    hu = np.full((len(grid.down), len(grid.across)), _AIR, np.float32)
    total = Section(hu, lookalikes=[0.0] * len(patient.lookalikes))
    window = _window(grid, scan, patient.head, base)
    if window is None:
        return total
    rows, columns = window
    down, across = grid.down[rows, None], grid.across[None, columns]
    lift = frame @ np.array([0, 0, thickness])
    p = Points(
        *(
            np.float32(o) + np.float32(b) * down + np.float32(a) * across
            for o, b, a in zip(base, below, along, strict=True)
        )
    )
    part = section.draw(patient, p, lift=vector(lift), edge=grid.step * 1.1, thickness=thickness)
    hu[window] = part.hu
    blood = {subtype: np.zeros_like(hu) for subtype in part.blood}
    for subtype, share in part.blood.items():
        blood[subtype][window] = share
    return Section(hu, blood, part.lookalikes)


def _window(
    grid: Grid, scan: Scan, head: Head, base: NDArray[np.float64]
) -> tuple[slice, slice] | None:
    """The rows and columns of points that the head can reach in a slice at `base`."""
    z = float(base[2])
    narrow = 1.0
    if z > 15:
        narrow = np.sqrt(max(0.0, 1 - ((z - 15) / 92) ** 2))
    if narrow == 0:
        return None
    lean = abs(np.sin(np.deg2rad(scan.tilt - scan.pose[1]))) * 40
    wide, center = 94 * head.scale[0] * narrow + 8, scan.offset[0]
    front, back = 116 * head.scale[1] * narrow + lean, 108 * head.scale[1] * narrow + lean
    rows = np.flatnonzero(
        (grid.down > scan.offset[1] - front) & (grid.down < scan.offset[1] + back)
    )
    columns = np.flatnonzero(np.abs(grid.across - center) < wide)
    if not len(rows) or not len(columns):
        return None
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _head_rest(scan: Scan, head: Head) -> Array:
    """The head rest in every slice: a thin curved shell under the occiput, with foam on it (HU)."""
    grid = scan.grid
    occiput = 90 + head.skull + head.scalp
    low = occiput * head.scale[1] + scan.offset[1] + 2
    x, y = grid.across[None, :], grid.down[:, None] - np.float32(low - 119)
    radius = np.sqrt(np.square(x) + np.square(y)) - np.float32(119)
    shell = np.clip(2 - np.abs(radius), 0, 1) * (y > 60)
    foam = np.clip(5 - np.abs(radius + 7), 0, 1) * (y > 64)
    hu = np.full(radius.shape, _AIR, np.float32) + 60 * foam
    return grid.pixels((hu + shell * (150 - hu)).astype(np.float32))


def _expose(
    scan: Scan,
    head: Head,
    hu: Array,
    rest: Array,
    height: float,
    rng: np.random.Generator,
) -> NDArray[np.int16]:
    """Add what the measurement adds: head rest, streaks, noise; then round."""
    hu = np.maximum(hu, rest)
    body = np.clip((hu + np.float32(900)) * np.float32(1 / 800), np.float32(0.25), 1)
    y = (np.arange(scan.rows, dtype=np.float32) - (scan.rows - 1) / 2) * scan.pixel
    x = (np.arange(scan.columns, dtype=np.float32) - (scan.columns - 1) / 2) * scan.pixel
    middle = 1.15 - np.square(x / 130)[None, :] - np.square(y / 130)[:, None]
    level = np.maximum(middle, np.float32(0.35)) * np.float32(scan.noise)
    grain = _grain(scan.sharpness, scan.rows, scan.columns, rng)
    petrous = np.exp(-0.5 * ((height + 38) / 9) ** 2)
    if petrous > 0.05:
        bands = _streaks(y, rng) * np.float32(scan.streaks * petrous)
        grain *= 1 + np.float32(0.5 * petrous)
        hu += bands[:, None] * np.exp(-np.square(x / 52))[None, :] * body
    grain *= level
    grain *= body
    hu += grain
    np.clip(hu, *_LIMITS, out=hu)
    return np.rint(hu, out=hu).astype(np.int16)


def _streaks(y: Array, rng: np.random.Generator) -> Array:
    """The dark band between the petrous bones, with finer streaks in it (Hounsfield's bar)."""
    band = -1.2 * np.exp(-0.5 * np.square((y - 14) / 9))
    ripple = np.zeros_like(y)
    for wavelength in (11, 17, 29):
        ripple += np.sin(y * np.float32(2 * np.pi / wavelength) + np.float32(rng.uniform(0, 6.28)))
    return band + np.float32(0.35) * ripple * np.exp(-0.5 * np.square((y - 14) / 24))


def _grain(sharpness: float, rows: int, columns: int, rng: np.random.Generator) -> Array:
    """Correlated noise of variance 1: two random cut-outs of a large tile, mixed."""
    tile = noise_tile(round(sharpness, 2), 1 << (max(rows, columns) - 1).bit_length())
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
def noise_tile(sharpness: float, size: int) -> Array:
    """CT noise of variance 1 on `size * 5 / 4` pixels a side, the same in every process.

    Its power rises with frequency, as filtered back-projection makes it, and falls off with the
    reconstruction kernel (Riederer, Pelc and Chesler 1978).
    """
    size = size * 5 // 4
    frequency = np.hypot(fft.fftfreq(size)[:, None], fft.rfftfreq(size)[None, :])
    power = frequency * np.exp(-np.square(frequency / sharpness))
    white = np.random.default_rng(size).standard_normal((size, size))
    noise = fft.irfft2(fft.rfft2(white) * np.sqrt(power), s=white.shape)
    tile: Array = (noise / noise.std()).astype(np.float32)
    return tile

"""A series: slices of finite thickness, point spread, noise, beam hardening."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom import section
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.scanner.artefacts import petrous_streaks
from ichreport.phantom.scanner.grid import Grid
from ichreport.phantom.scanner.noise import grain
from ichreport.phantom.scanner.scan import Scan
from ichreport.phantom.scanner.surroundings import head_rest
from ichreport.phantom.section import Patient, Section
from ichreport.phantom.shapes import Array, Points, vector

_VISIBLE_SHARE = 0.45
"""A pixel belongs to a bleed's truth mask if at least this share of it is blood."""

_AIR = -1000.0
_LIMITS = (-1024, 3071)


class ScannedSlice(NamedTuple):
    """One slice as it leaves the scanner.

    Attributes:
        hu: int16 (rows, columns), within `_LIMITS`.
        masks: For each subtype that bleeds here, where: bool (rows, columns).
        volumes: For each subtype, its blood in this slice (ml).
        bleeds: Volume of each bleed in this slice (ml), in the order of the patient's; where two
            overlap, each counts whole.
        lookalikes: Area of each look-alike (mm²), in the order of the patient's.
    """

    hu: NDArray[np.int16]
    masks: dict[str, NDArray[np.bool_]]
    volumes: dict[str, float]
    bleeds: list[float]
    lookalikes: list[float]


def scan_series(scan: Scan, patient: Patient) -> Iterator[ScannedSlice]:
    """Scan a patient, slice by slice from the neck up."""
    rng = np.random.default_rng(scan.seed)
    rest = head_rest(scan, patient.head)
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
            bleeds=[float(v * volume) for v in drawn.bleeds],
            lookalikes=[v * area for v in drawn.lookalikes],
        )


def _slab(scan: Scan, patient: Patient, height: float, thickness: float) -> Section:
    """Average the planes of one slice; anatomy is drawn only where the head can be."""
    grid, frame = scan.grid, scan.body_frame(patient.head)
    row, column = np.asarray(scan.orientation)
    along, below = frame @ row, frame @ column
    base = frame @ (np.array([0, 0, height]) - np.asarray(scan.offset))
    hu = np.full((len(grid.down), len(grid.across)), _AIR, np.float32)
    total = Section.empty(hu, patient)
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
    return Section(hu, blood, part.bleeds, part.lookalikes)


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
    texture = grain(scan.sharpness, scan.rows, scan.columns, rng)
    petrous = np.exp(-0.5 * ((height + 38) / 9) ** 2)
    if petrous > 0.05:
        bands = petrous_streaks(y, rng) * np.float32(scan.streaks * petrous)
        texture *= 1 + np.float32(0.5 * petrous)
        hu += bands[:, None] * np.exp(-np.square(x / 52))[None, :] * body
    texture *= level
    texture *= body
    hu += texture
    np.clip(hu, *_LIMITS, out=hu)
    return np.rint(hu, out=hu).astype(np.int16)

"""A series: slices of finite thickness through a head, one by one."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom import section
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.scanner.artefacts import MetalInSlice
from ichreport.phantom.scanner.exposure import Exposure
from ichreport.phantom.scanner.grid import Grid
from ichreport.phantom.scanner.scan import Scan
from ichreport.phantom.scanner.surroundings import AIR
from ichreport.phantom.section import Patient, Section
from ichreport.phantom.shapes import Array, Vector, vector

_VISIBLE_SHARE: Final = 0.45
"""A pixel belongs to a bleed's truth mask if at least this share of it is blood."""

_STREAKS_PER_MM: Final = {False: 7.0, True: 26.0}
"""Strength of streaks for each mm of a metal's radius (HU), of titanium and of heavier metals."""

_HEAVY: Final = 3000.0
"""Intensity from which on a metal is a heavy one (HU)."""

_STRONGEST_STREAKS: Final = 140.0

_REACH_OF_DEFORMATION: Final = 15.0
"""How far a person's shape can move a place along the table (mm), and some more."""


class ScannedSlice(NamedTuple):
    """One slice as it leaves the scanner.

    Attributes:
        hu: int16 (rows, columns), within `exposure.LIMITS`.
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
    exposure, grid, spacing = Exposure(scan, patient.head), scan.grid, scan.spacing
    metal = _places_of_metal(scan, patient)
    area = grid.step**2
    for number, height in enumerate(scan.heights):
        drawn = _slab(scan, patient, height)
        if number in scan.moved:
            _move(drawn, grid, scan.moved[number])
        volume = area * spacing[number] * np.cos(np.deg2rad(scan.tilt)) / 1000
        yield ScannedSlice(
            hu=exposure.expose(
                grid.reconstruct(drawn.hu), height, list(_seen_metal(metal, scan, height))
            ),
            masks={k: grid.pixels(v) >= _VISIBLE_SHARE for k, v in drawn.blood.items()},
            volumes={k: float(v.sum() * volume) for k, v in drawn.blood.items()},
            bleeds=[float(v * volume) for v in drawn.bleeds],
            lookalikes=[v * area for v in drawn.lookalikes],
        )


class _PlacedMetal(NamedTuple):
    """A piece of metal in the scanner's frame (mm), and the strength of its streaks (HU)."""

    across: float
    down: float
    height: float
    radius: float
    strength: float


def _places_of_metal(scan: Scan, patient: Patient) -> list[_PlacedMetal]:
    """Where a patient's metal lies in the scanner."""
    frame = np.linalg.inv(scan.body_frame(patient.head))
    row, column = np.asarray(scan.orientation)
    to_slices = np.linalg.inv(np.stack([row, column, (0.0, 0.0, 1.0)], axis=1))

    def place(of_scaled_head: Vector) -> NDArray[np.float64]:
        at: NDArray[np.float64] = to_slices @ (frame @ of_scaled_head + np.asarray(scan.offset))
        return at

    places = []
    lowest = scan.heights[0] - _REACH_OF_DEFORMATION
    for center, radius, hu in patient.metal:
        if place(center)[2] + radius > lowest:  # most teeth are below all slices
            across, down, height = place(patient.head.build.deformation.undo(center))
            strength = min(_STREAKS_PER_MM[hu > _HEAVY] * radius, _STRONGEST_STREAKS)
            at = (float(across), float(down), float(height))
            places.append(_PlacedMetal(*at, radius, strength))
    return places


def _seen_metal(
    places: Sequence[_PlacedMetal], scan: Scan, height: float
) -> Iterator[MetalInSlice]:
    """The metal that streaks a slice: that within it, and less so that next to it."""
    for metal in places:
        beyond = max(0.0, abs(metal.height - height) - metal.radius - scan.thickness / 2)
        strength = float(metal.strength * np.exp(-beyond / 2))
        if strength > 1:
            yield MetalInSlice(metal.across, metal.down, strength)


def _move(drawn: Section, grid: Grid, way: tuple[float, float]) -> None:
    """Show everything twice, a step apart, as when a head moves while it is scanned."""
    columns, rows = (round(mm / grid.step) for mm in way)

    def blurred(values: Array) -> Array:
        return (values + np.roll(values, (rows, columns), axis=(0, 1))) * np.float32(0.5)

    drawn.hu = blurred(drawn.hu)
    drawn.blood = {subtype: blurred(share) for subtype, share in drawn.blood.items()}


def _slab(scan: Scan, patient: Patient, height: float) -> Section:
    """Average the planes of one slice; anatomy is drawn only where the head can be."""
    grid, frame = scan.grid, scan.body_frame(patient.head)
    row, column = np.asarray(scan.orientation)
    along, below = frame @ row, frame @ column
    base = frame @ (np.array([0, 0, height]) - np.asarray(scan.offset))
    hu = np.full((len(grid.down), len(grid.across)), AIR, np.float32)
    total = Section.empty(hu, patient)
    window = _window(grid, scan, patient.head, base)
    if window is None:
        return total
    rows, columns = window
    thickness = scan.thickness
    lift = frame @ np.array([0, 0, thickness])
    shape = patient.head.build.deformation
    p = shape.on_plane(base, along, below, grid.across[columns], grid.down[rows])
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
    if z < head.build.neck.shoulders + 45:
        wide = np.inf
    front, back = 116 * head.scale[1] * narrow + lean, 108 * head.scale[1] * narrow + lean
    rows = np.flatnonzero(
        (grid.down > scan.offset[1] - front) & (grid.down < scan.offset[1] + back)
    )
    columns = np.flatnonzero(np.abs(grid.across - center) < wide)
    if not len(rows) or not len(columns):
        return None
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

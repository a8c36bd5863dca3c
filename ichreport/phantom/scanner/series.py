"""A series: slices of finite thickness through a head, one by one."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichreport.phantom import section
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.scanner.artefacts import MetalInSlice
from ichreport.phantom.scanner.exposure import Exposure
from ichreport.phantom.scanner.grid import Grid
from ichreport.phantom.scanner.scan import Scan
from ichreport.phantom.scanner.surroundings import AIR
from ichreport.phantom.section import Patient, Section
from ichreport.phantom.shapes import Array, vector

_VISIBLE_SHARE: Final = 0.45
"""A pixel belongs to a bleed's truth mask if at least this share of it is blood."""

_VISIBLE_TWICE: Final = 0.55
"""The same in a slice that shows everything twice, each at half its strength."""

_MOST_OF_BLOOD: Final = 120.0
"""Intensity above which nobody sees blood in a pixel, since it is mostly bone (HU)."""

_STREAKS_PER_MM: Final = {False: 24.0, True: 60.0}
"""Strength of streaks for each mm of a metal's radius (HU), of titanium and of heavier metals."""

_HEAVY: Final = 3000.0
"""Intensity from which on a metal is a heavy one (HU)."""

_STRONGEST_STREAKS: Final = 280.0

_LONGEST: Final = 118.0
"""Farthest that a head reaches from its long axis (mm), relative to its size."""

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
        drawn, least = _slab(scan, patient, height), _VISIBLE_SHARE
        if number in scan.moved:
            _move(drawn, grid, scan.moved[number])
            least = _VISIBLE_TWICE
        hu = grid.reconstruct(drawn.hu)
        soft = hu < _MOST_OF_BLOOD
        volume = area * spacing[number] * np.cos(np.deg2rad(scan.tilt)) / 1000
        yield ScannedSlice(
            hu=exposure.expose(hu, height, list(_seen_metal(metal, scan, height))),
            masks={k: (grid.pixels(v) >= least) & soft for k, v in drawn.blood.items()},
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
    places, head = [], patient.head
    lowest = scan.heights[0] - _REACH_OF_DEFORMATION
    for center, radius, hu in patient.metal:
        if scan.place(head, center)[2] + radius > lowest:  # most teeth are below all slices
            place = scan.place(head, head.build.deformation.undo(center))
            strength = min(_STREAKS_PER_MM[hu > _HEAVY] * radius, _STRONGEST_STREAKS)
            places.append(_PlacedMetal(*place, radius, strength))
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

    def doubled(values: Array, beyond: float) -> Array:
        moved = ndimage.shift(values, (rows, columns), order=0, cval=beyond)
        return (values + moved) * np.float32(0.5)

    drawn.hu = doubled(drawn.hu, AIR)
    drawn.blood = {subtype: doubled(share, 0.0) for subtype, share in drawn.blood.items()}


def _slab(scan: Scan, patient: Patient, height: float) -> Section:
    """Average the planes of one slice; anatomy is drawn only where the head can be."""
    grid, frame = scan.grid, scan.body_frame(patient.head)
    row, column = np.asarray(scan.orientation)
    along, below = frame @ row, frame @ column
    base = frame @ (np.array([0, 0, height]) - np.asarray(scan.offset))
    hu = np.full((len(grid.down), len(grid.across)), AIR, np.float32)
    total = Section.empty(hu, patient)
    window = _window(grid, patient.head, base, along, below)
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
    grid: Grid,
    head: Head,
    base: NDArray[np.float64],
    along: NDArray[np.float64],
    below: NDArray[np.float64],
) -> tuple[slice, slice] | None:
    """The rows and columns of points that the head can reach in a plane.

    Args:
        grid: The points.
        head: The person.
        base: The plane's middle in the head's frame (mm).
        along: Step of a mm along a row, in the head's frame.
        below: Step of a mm down a column.
    """
    (ax, ay), (bx, by), (x, y) = along[:2], below[:2], base[:2]
    area = ax * by - bx * ay
    across, down = (bx * y - by * x) / area, (ay * x - ax * y) / area  # where x and y are 0
    on_axis = base[2] + across * along[2] + down * below[2]  # where the head's long axis is cut
    lowest = on_axis - _LONGEST * (abs(along[2]) + abs(below[2])) - _REACH_OF_DEFORMATION
    narrow = np.sqrt(max(0.0, 1 - max(0.0, (lowest - 15) / 92) ** 2))
    if narrow == 0:
        return None
    wide, long = (94 * head.scale[0] * narrow + 20, _LONGEST * head.scale[1] * narrow + 14)
    if lowest < head.build.neck.shoulders + 45:
        wide = np.inf
    rows = np.flatnonzero(np.abs(grid.down - down) < long)
    columns = np.flatnonzero(np.abs(grid.across - across) < wide)
    if not len(rows) or not len(columns):
        return None
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

"""The scanners that synthetic heads are taken on: three hospitals' worth of them.

None is a maker's product. Each is a bundle of habits that real scanners have, so far apart that
together they span what was measured on real slices (`benchmarks/realism.py`).
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

Span = tuple[float, float]
"""From, to: a series draws its value evenly between them."""

Rest = Literal["curved", "cradle", "flat", "posts", "pillow"]


class Kernel(NamedTuple):
    """What reconstruction does to edges and noise.

    Attributes:
        cutoff: Frequency at which the noise's spectrum falls off (cycles a mm).
        edge: Share of each neighbouring point that is taken from a point on either side, which
            makes edges overshoot; negative blurs.
    """

    cutoff: Span
    edge: float


class Scanner(NamedTuple):
    """A scanner and the protocol of the place where it stands.

    Attributes:
        name: Its name, which begins with its hospital's.
        kernel: Its kernel for brain.
        noise: Standard deviation of the quantum noise in the head's middle (HU).
        thickness: Width of a slice (mm).
        density: Slices of a series, relative to the typical number.
        uneven: Share of series whose lowest slices lie at half the distance.
        tilts: Share of series that are taken with a tilted gantry.
        tilt: Tilt of those (degrees).
        field: Width of the field of view (mm).
        astray: Standard deviation of the head's place in it (mm).
        lowest: Height of the lowest slice in the canonical head (mm).
        offset: What all within the skin is off by (HU).
        gain: Intensity of soft tissue, relative to the right one.
        bone: Intensity of bone, relative to that at 120 kV.
        cupping: Brightening of the brain next to the bone (HU).
        streaks: Strength of the streaks between the petrous bones (HU).
        shading: Slope of the intensity across the head (HU).
        circle: Whether pixels outside the circle that is measured hold `padding`.
        padding: Stored value of those pixels.
        rests: The head rests that it has.
        straps: Share of patients who are strapped to it.
        bits: 12 bits without sign, or 16 bits with one.
        intercept: Rescale intercept that it writes (HU).
        windows: Window's center and width as it writes them, one or several values each.
        decimals: Whether it writes numbers with six decimals.
    """

    name: str
    kernel: Kernel
    noise: Span
    thickness: tuple[float, ...]
    density: float
    uneven: float
    tilts: float
    tilt: Span
    field: Span
    astray: float
    lowest: Span
    offset: Span
    gain: Span
    bone: Span
    cupping: Span
    streaks: Span
    shading: Span
    circle: bool
    padding: int
    rests: tuple[Rest, ...]
    straps: float
    bits: Literal[12, 16]
    intercept: int
    windows: tuple[tuple[str, ...], tuple[str, ...]]
    decimals: bool = False

    @property
    def hospital(self) -> str:
        """The hospital that it stands in."""
        return self.name.rpartition("-")[0]


SCANNERS: Final = (
    # A university hospital: the reference, a thin-slice scanner of the emergency room, one with
    # smooth iterative reconstruction, and one that is old.
    Scanner(
        "harbour-1", Kernel((0.30, 0.36), 0.04), (2.6, 3.8), (5.0,), 1.0, 0.1,
        0.65, (8, 19), (240, 252), 4, (-62, -54), (-1, 1), (0.98, 1.02), (0.96, 1.04),
        (1, 4), (2, 8), (-0.5, 0.5), False, 0, ("curved",), 0.2,
        12, -1024, (("00036", "00036"), ("00080", "00080")),
    ),
    Scanner(
        "harbour-2", Kernel((0.36, 0.44), 0.12), (3.6, 5.2), (0.625, 1.25), 1.2, 0.0,
        0.0, (0, 0), (214, 236), 6, (-80, -60), (0, 4), (1.0, 1.06), (1.05, 1.2),
        (-2, 3), (4, 12), (-1, 1), True, -2000, ("cradle", "curved"), 0.4,
        16, -1024, (("40",), ("100",)),
    ),
    Scanner(
        "harbour-3", Kernel((0.22, 0.28), -0.08), (1.8, 2.8), (3.0, 5.0), 0.9, 0.0,
        0.0, (0, 0), (250, 250), 4, (-66, -56), (-6, -2), (0.94, 1.0), (0.76, 0.90),
        (0, 3), (1, 5), (-0.5, 0.5), False, 0, ("cradle",), 0.3,
        12, -1024, (("00040", "00040"), ("00080", "00080")),
    ),
    Scanner(
        "harbour-4", Kernel((0.27, 0.33), 0.0), (3.0, 4.6), (5.0,), 0.85, 0.5,
        1.0, (10, 20), (250, 250), 5, (-60, -50), (4, 9), (0.98, 1.06), (0.82, 0.96),
        (4, 10), (8, 18), (-2, 2), True, 0, ("curved", "pillow"), 0.2,
        12, -1000, (("00030", "00030"), ("00080", "00080")),
    ),
    # A group of smaller hospitals.
    Scanner(
        "hills-1", Kernel((0.32, 0.38), 0.18), (3.0, 4.2), (5.0,), 1.0, 0.3,
        0.8, (5, 18), (250, 250), 6, (-64, -52), (-7, -2), (0.97, 1.02), (1.00, 1.14),
        (2, 6), (4, 12), (-1, 1), True, -2000, ("posts", "curved"), 0.5,
        16, -1024, (("35.000000",), ("80.000000",)), True,
    ),
    Scanner(
        "hills-2", Kernel((0.26, 0.32), -0.05), (2.2, 3.4), (2.5, 5.0), 1.1, 0.0,
        0.2, (2, 10), (220, 235), 5, (-84, -62), (0, 3), (1.0, 1.08), (0.90, 1.02),
        (-3, 1), (2, 7), (-1, 1), False, 0, ("flat", "pillow"), 0.1,
        16, -1024, (("40",), ("80",)),
    ),
    Scanner(
        "hills-3", Kernel((0.38, 0.48), 0.25), (3.8, 5.6), (1.0, 2.0), 1.0, 0.0,
        0.0, (0, 0), (238, 274), 9, (-92, -66), (-2, 1), (0.95, 1.02), (1.14, 1.36),
        (0, 4), (5, 14), (-2, 2), False, 0, ("flat", "cradle"), 0.2,
        12, -1024, (("00047", "00047"), ("00080", "00080")),
    ),
    Scanner(
        "hills-4", Kernel((0.29, 0.34), -0.02), (2.4, 3.6), (4.0, 5.0), 0.95, 0.4,
        1.0, (8, 22), (230, 250), 5, (-58, -46), (5, 10), (1.02, 1.1), (0.70, 0.86),
        (3, 8), (6, 14), (-1, 1), True, 0, ("posts",), 0.6,
        12, -1024, (("00036", "00036"), ("00080", "00080")),
    ),
    # A hospital far away, with other habits.
    Scanner(
        "river-1", Kernel((0.34, 0.42), 0.10), (3.2, 4.8), (0.625, 1.25), 1.25, 0.0,
        0.3, (5, 21), (224, 250), 7, (-90, -64), (2, 7), (1.0, 1.1), (1.04, 1.24),
        (-1, 4), (3, 10), (-1, 1), True, -2000, ("cradle", "flat"), 0.3,
        16, -1024, (("40",), ("150",)),
    ),
    Scanner(
        "river-2", Kernel((0.27, 0.33), -0.06), (2.4, 3.4), (5.0,), 0.9, 0.2,
        0.9, (10, 21), (236, 268), 8, (-64, -48), (5, 11), (1.0, 1.08), (0.92, 1.06),
        (2, 7), (5, 16), (-2, 2), True, -1024, ("curved", "posts"), 0.4,
        16, -1024, (("35.000000",), ("100.000000",)), True,
    ),
    Scanner(
        "river-3", Kernel((0.37, 0.46), 0.20), (3.4, 5.0), (2.0, 3.0), 1.05, 0.0,
        0.0, (0, 0), (246, 264), 6, (-88, -60), (-8, -3), (0.94, 1.0), (1.10, 1.30),
        (0, 5), (3, 9), (-1, 1), False, 0, ("pillow", "cradle"), 0.1,
        12, -1024, (("00040", "00040"), ("00080", "00080")),
    ),
    Scanner(
        "river-4", Kernel((0.24, 0.29), -0.10), (1.9, 3.0), (5.0,), 0.85, 0.6,
        0.7, (6, 18), (250, 262), 5, (-60, -52), (-3, 2), (0.96, 1.04), (0.80, 0.96),
        (3, 9), (6, 16), (-2, 2), False, 0, ("flat", "curved"), 0.5,
        16, -1024, (("40",), ("80",)),
    ),
)  # fmt: skip
"""All of them; the first is the one of `scanners: one`."""

HOSPITALS: Final = tuple(dict.fromkeys(scanner.hospital for scanner in SCANNERS))

ELSEWHERE: Final = (
    # A hospital that nobody who learned from the others has seen: low dose, sharp kernels, thick
    # slices, and soft tissue that comes out brighter.
    Scanner(
        "island-1", Kernel((0.42, 0.50), 0.30), (5.5, 7.5), (5.0, 7.0), 0.9, 0.2,
        0.5, (8, 20), (214, 236), 8, (-70, -54), (7, 13), (1.06, 1.14), (0.70, 0.84),
        (4, 10), (10, 20), (-3, 3), True, -2000, ("posts", "flat"), 0.5,
        16, -1024, (("40",), ("80",)),
    ),
    Scanner(
        "island-2", Kernel((0.20, 0.25), -0.15), (3.0, 4.5), (7.0,), 0.9, 0.3,
        0.3, (5, 15), (250, 274), 9, (-64, -50), (-12, -7), (0.86, 0.94), (1.16, 1.36),
        (-4, 1), (8, 16), (-2, 2), False, 0, ("pillow", "curved"), 0.3,
        12, -1024, (("00040", "00040"), ("00080", "00080")),
    ),
)  # fmt: skip
"""Scanners of a hospital far from all others, which only recipes that name it have."""

ONE, VARIED = "one", "varied"


def named(names: str | Sequence[str]) -> tuple[Scanner, ...]:
    """The scanners that a recipe asks for.

    Args:
        names: `one`, `varied`, or names of scanners and of hospitals, which stand for all theirs.

    Raises:
        ValueError: If a name is no scanner's and no hospital's, none is given, or a scanner twice.
    """
    if names == ONE:
        return SCANNERS[:1]
    if names == VARIED:
        return SCANNERS
    every = (*SCANNERS, *ELSEWHERE)
    known = (*dict.fromkeys(s.hospital for s in every), *(scanner.name for scanner in every))
    asked = (names,) if isinstance(names, str) else names
    if not isinstance(asked, Sequence) or not asked or any(name not in known for name in asked):
        raise ValueError(f"{ONE}, {VARIED}, or a list of some of {', '.join(known)}")
    for scanner in every:
        if (*asked,).count(scanner.name) + (*asked,).count(scanner.hospital) > 1:
            raise ValueError(f"scanners that each come once, and {scanner.name} comes twice")
    return tuple(s for s in every if s.name in asked or s.hospital in asked)

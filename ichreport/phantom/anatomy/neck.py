"""Below the skull: muscles and fat, jaw and teeth, tongue and airway, upper spine, shoulders."""

from typing import NamedTuple

import numpy as np

from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.region import AIR, Ball, Region, Tube
from ichreport.phantom.shapes import (
    Array,
    Points,
    Vector,
    at_least,
    at_most,
    smooth_step,
    wander,
)

TOP = -28.0
"""Height below which anything of this is drawn (mm)."""

SHOULDER_REACH = 16.0
"""How far the slope from neck to shoulder rises above the shoulder's top (mm)."""

_FAT = -92.0
_MUSCLE = 56.0
_ENAMEL = 2300.0
_DENTIN = 1500.0
_METAL = 3071.0

_ARCH = (26.0, 38.0)
"""Half axes of the dental arch from above (mm); its center lies `_ARCH_Y` behind the origin."""

_ARCH_Y = -46.0

_BITE = -105.0
"""Height of the plane where the teeth meet (mm)."""

_CHEWING = (
    Ball((52, -28, -46), (6.5, 19, 26)),
    Ball((57, -21, -84), (6.5, 18, 28)),
    Ball((36, -16, -84), (6.5, 14, 22)),
    Tube((22, -24, -58), (43, -4, -64), (8.0, 6.0)),
    Ball((18.5, -22, -70), (4, 7, 13)),
    Ball((9, 4, -96), (7.5, 5.5, 36)),
    Ball((40, 14, -84), (5, 9, 18)),
)
"""Temporal muscle, masseter, pterygoids; long muscle of the neck, digastric."""

_PLATES_AND_STYLOID = (
    Ball((23, -26, -68), (1.0, 6, 13)),
    Ball((14, -27, -68), (0.9, 5, 14)),
    Tube((38, 10, -58), (34, 3, -84), (1.8, 1.0)),
)

_JAW = (
    Tube((50, -2, -66), (49, -8, -84), (3.6, 4.6)),
    Ball((47, -26, -78), (2.8, 8, 15)),
    Ball((49, -15, -98), (4.6, 17, 24)),
    Tube((47, -22, -116), (38, -54, -122), (6.5, 6.5)),
    Tube((38, -54, -122), (0, -86, -124), (6.5, 7.5)),
)

_NAPE = (
    (13, 66, 15, 11, 96),
    (15, 46, 14, 8, 20),
    (31, 61, 21, 8, 122),
    (20, 83, 19, 5, 158),
    (53, 32, 18, 7, 104),
    (37, 36, 10, 8, 100),
    (42, 50, 12, 6, 122),
)
"""Semispinal muscle, deep ones between skull and C2, splenius, trapezius, sternomastoid, scalenes
and levator: center's x and y, half axes (mm), and the longer one's angle from x to y (degrees)."""

_VERTEBRAE = (
    Ball((16, 20, -66), (6.5, 10, 5)),
    Ball((20, 25, -76), (8, 9, 6.5)),
    Tube((24, 27, -77), (37, 29, -78), (4.5, 3.5)),
    Tube((0, 17, -72), (0, 17, -94), (4.6, 5.6)),
    Ball((0, 11, -99), (12, 9, 8.5)),
    Ball((17, 20, -92), (7, 7, 6)),
    Tube((3, 46, -96), (5, 62, -99), (3.5, 3.5)),
    Tube((0, 10, -112), (0, 10, -140), (11.0, 11.0)),
)
"""Occipital condyle, lateral mass and transverse process of C1, dens, body, joint and spine of C2,
and what is below."""

_RINGS = ((-77.0, 4.5), (-96.0, 8.0), (-116.0, 6.0))
"""Height and half height of the arches of C1 to C3 (mm)."""


class Metal(NamedTuple):
    """A piece of metal.

    Attributes:
        center: Where it is in the canonical head (mm).
        radius: Its radius (mm).
        hu: Its intensity (HU).
    """

    center: Vector
    radius: float
    hu: float


def dental_metal(head: Head) -> tuple[Metal, ...]:
    """Crowns and fillings."""
    half_width, half_length = _ARCH
    pieces = []
    for angle, upper in head.build.neck.metal:
        z = _BITE - head.build.face.length + (4.5 if upper else -4.5)
        x, y = half_width * np.sin(angle), _ARCH_Y - half_length * np.cos(angle)
        pieces.append(Metal((float(x), float(y), float(z)), 3.6, _METAL))
    return tuple(pieces)


def draw(head: Head, whole: Region) -> None:
    """Draw what lies below the skull.

    Args:
        head: The person.
        whole: Everything outside the dura in one slice; changed in place.
    """
    chin = -100.0 if whole.low < -95 else -64.0
    front = whole.select((-80, 80), (chin, 24), (-140, -14))
    if front is not None:
        _muscles_of_chewing(head, front)
        _jaw(head, front)
        front.keep(whole)
    parts = (
        (_mouth, (-40.0, 40.0), (-104.0, 8.0), (-140.0, -76.0)),
        (_airway, (-20.0, 20.0), (-36.0, 12.0), (-140.0, -48.0)),
        (_spine, (-44.0, 44.0), (-4.0, 72.0), (-140.0, -60.0)),
    )
    for part, x, y, z in parts:
        region = whole.select(x, y, z)
        if region is not None:
            part(head, region)
            region.keep(whole)
    if whole.low < head.build.neck.shoulders + SHOULDER_REACH:
        for side in (1, -1):
            region = whole.select((56, 200), (-60, 100), (-160, -60), side=side)
            if region is not None:
                _shoulder(head, region)
                region.keep(whole)


def soft_tissue(head: Head, p: Points, depth: Array) -> Array:
    """Muscles with planes of fat between them behind; mostly fat in front.

    Args:
        head: The person.
        p: Points below the skull.
        depth: Depth under the skin (mm).

    Returns:
        Intensity (HU).
    """
    traits = head.build.neck
    fat = np.float32(head.build.face.fat * 0.8 + 2)
    # a thin sheet of muscle under the fat of the cheeks
    sheet = at_least(1 - np.abs(depth - fat) * np.float32(1 / 1.3), 0)
    muscle: Array = np.float32(0.4) * sheet
    back = np.flatnonzero((p.y + np.float32(0.25) * np.abs(p.x) > 8) & (depth > fat))
    if len(back):
        at = p.at(back)
        noise = wander(at.x * 0.3, at.y * 0.3, at.z * 0.15)
        full = smooth_step(_bellies(at, noise), 0.1, 0.9 + 1.3 * traits.fat)
        full *= np.float32(1 - 0.12 * traits.fat) + np.float32(0.02) * noise
        full *= smooth_step(depth.take(back) - fat, 0, 1.6)
        full *= smooth_step(at.y + np.float32(0.25) * np.abs(at.x), 8, 14)
        muscle[back] = np.maximum(muscle.take(back), full)
    return np.float32(_FAT) + muscle * np.float32(_MUSCLE - _FAT)


def _bellies(p: Points, noise: Array) -> Array:
    """Depth in the nearest muscle of the nape, below its border and next to its neighbors (mm)."""
    side, y_warped = np.abs(p.x + np.float32(1.6) * noise), p.y + np.float32(1.6) * noise
    nearest, second = np.full_like(side, 99), np.full_like(side, 99)
    for x, y, long, short, degrees in _NAPE:
        turn = np.deg2rad(degrees)
        across, down = side - np.float32(x), y_warped - np.float32(y)
        along = across * np.float32(np.cos(turn) / long) + down * np.float32(np.sin(turn) / long)
        beside = down * np.float32(np.cos(turn) / short) - across * np.float32(np.sin(turn) / short)
        distance = (np.sqrt(along * along + beside * beside) - 1) * np.float32(short)
        np.minimum(second, np.maximum(nearest, distance), out=second)
        np.minimum(nearest, distance, out=nearest)
    border = np.float32(3.5) + noise - nearest
    return np.minimum(np.minimum(border, np.float32(1.6) * (second - nearest)), side)


def _muscles_of_chewing(head: Head, part: Region) -> None:
    traits, m = head.build.neck, part.mirrored
    under = part.skin + np.float32(head.build.vault.skin + 1.5)

    def put(distance: Array | None, value: float) -> None:
        if distance is not None:
            part.put_around_bone(np.maximum(distance, under), value)

    sheath = Tube((29, 8, -62), (28, 8, -130), (9.0, 9.5))
    put(part.nearest(sheath, p=m), -8 - 30 * traits.fat)
    muscles = part.nearest(*_CHEWING, p=m)
    if muscles is not None:
        put(muscles - np.float32(6 * (traits.muscle - 1)), _MUSCLE - 4)
    put(part.nearest(Ball((55, 5, -88), (9, 15, 24)), p=m), 10.0 - 45 * traits.fat)
    vessels = part.nearest(
        Tube((26, 4, -66), (24, 6, -130), (2.6, 3.0)),
        Tube((31, 10, -66), (32, 9, -130), (3.6, 4.4)),
        p=m,
    )
    put(vessels, 36.0)


def _jaw(head: Head, part: Region) -> None:
    m = part.mirrored
    part.put(part.nearest(*_PLATES_AND_STYLOID, p=m), head.bone * 0.4)
    cortex, marrow = head.bone * 0.95, head.bone * 0.38
    part.bone(part.nearest(Ball((50, -1, -61), (9, 4.6, 5.5)), p=m), cortex, marrow)
    lower = np.float32(head.build.face.length / 2)
    part.bone(part.nearest(*_JAW, p=Points(m.x, m.y, m.z + lower)), cortex, marrow)


def _mouth(head: Head, part: Region) -> None:
    p, z = part.p, part.p.z + np.float32(head.build.face.length)
    lips = np.maximum(np.abs(p.y + 90) - 5, np.abs(p.x) - 30)
    part.put(np.maximum(lips, p.z + 84), _MUSCLE - 10)
    part.put(part.nearest(Ball((0, -50, -110), (21, 33, 19)), p=Points(p.x, p.y, z)), _MUSCLE - 4)
    part.put(part.nearest(Ball((0, -26, -87), (14, 10, 4))), _MUSCLE - 8)
    across, along = p.x * np.float32(1 / _ARCH[0]), (_ARCH_Y - p.y) * np.float32(1 / _ARCH[1])
    ring = (np.sqrt(across * across + along * along) - 1) * np.float32(30)
    behind = np.float32(-9) - along * np.float32(_ARCH[1])
    upper = np.maximum(np.abs(ring) - 5.5, np.abs(z + 91) - 6)
    lower = np.maximum(np.abs(ring) - 5.5, np.abs(z + 121) - 8)
    ridges = np.maximum(np.minimum(upper, lower), behind)
    part.bone(ridges, head.bone * 0.85, head.bone * 0.45)
    if head.build.neck.teeth and part.low < _BITE + 22:
        _teeth(head, part, across, along, np.maximum(np.abs(ring) - 4.2, behind), z)
    for center, radius, hu in dental_metal(head):
        part.put(part.nearest(Ball(center, (radius, radius, radius))), hu)


def _teeth(head: Head, part: Region, across: Array, along: Array, ring: Array, z: Array) -> None:
    angle = np.arctan2(across, along)
    place = angle * np.float32(4.4) + 40
    number = np.floor(place)
    side = np.abs(place - number - np.float32(0.5)) * np.float32(7.4)
    # which teeth are left differs by person, as the start of the folds does
    kept = np.sin(number * np.float32(12.9) + np.float32(head.origin[2]))
    kept = np.float32(0.5) + np.float32(0.5) * kept
    tooth = np.maximum(ring, side - np.float32(3.1)) + 6 * (kept > head.build.neck.teeth)
    height = np.abs(z - np.float32(_BITE))
    crown = np.maximum(tooth, np.abs(height - 4) - 3.5)
    part.put(np.maximum(tooth + np.float32(1.3), np.abs(height - 12) - 6), _DENTIN)
    part.put(crown, _ENAMEL)
    part.put(crown + np.float32(2.2), _DENTIN)


def _airway(head: Head, part: Region) -> None:
    p = part.p
    part.put(part.nearest(Tube((0, -13, -60), (0, -7, -130), (13.0, 14.0))), _MUSCLE - 12)
    flat = Points(p.x * np.float32(6 / head.build.neck.airway), p.y, p.z)
    part.put(part.nearest(Tube((0, -16, -64), (0, -10, -132), (5.5, 5.5)), p=flat), AIR)


def _spine(head: Head, part: Region) -> None:
    forwards = np.float32(head.build.neck.tilt) * at_most(part.p.z + 70, 0)
    p = Points(part.p.x, part.p.y - forwards, part.p.z)
    m = Points(np.abs(p.x), p.y, p.z)
    canal = np.sqrt(np.square(p.x) + np.square(p.y - 31))
    canal -= 14 - 4 * smooth_step(-p.z, 80, 92)
    bone = part.nearest(*_VERTEBRAE, p=m)
    for height, half in _RINGS:
        if part.reaches(height - half, height + half):
            arch = np.maximum(np.abs(canal - np.float32(2.7)) - 2.6, np.abs(p.z - height) - half)
            bone = arch if bone is None else np.minimum(bone, arch)
    if bone is not None:
        hollow = np.where(p.y > 23, -canal, -99)
        part.bone(np.maximum(bone, hollow), head.bone * 0.85, head.bone * 0.3)
    dural = np.maximum(np.maximum(canal + np.float32(1), p.z + 72), 22 - p.y)
    part.put(dural, 9.0)
    cord = np.sqrt(np.square(p.x * np.float32(0.75)) + np.square(p.y - 31)) - np.float32(4.8)
    part.put(np.maximum(cord, p.z + 72), 37.0)


def _shoulder(head: Head, part: Region) -> None:
    top = head.build.neck.shoulders
    part.cover(smooth_step(-part.skin, 8, 11), _MUSCLE)
    bones = part.nearest(
        Ball((138, 26, top - 32), (22, 22, 24)),
        Tube((58, 2, top - 26), (118, 20, top - 10), (5.0, 5.5)),
        Tube((96, 62, top - 30), (126, 40, top - 10), (4.0, 6.0)),
    )
    part.bone(bones, head.bone * 0.9, head.bone * 0.28, 2.2)

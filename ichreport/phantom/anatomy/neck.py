"""Below the skull: muscles and fat, jaw and teeth, tongue and airway, upper spine, shoulders."""

from typing import NamedTuple

import numpy as np

from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.region import AIR, Ball, Region, Tube
from ichreport.phantom.shapes import Array, Points, Vector, smooth_step, wander

TOP = -28.0
"""Height below which anything of this is drawn (mm)."""

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
    Tube((57, -30, -24), (47, -26, -76), (10.0, 6.0)),
    Tube((60, -30, -58), (55, -16, -108), (7.0, 8.0)),
    Tube((24, -18, -66), (41, -12, -106), (6.0, 7.0)),
    Tube((22, -24, -58), (43, -4, -64), (8.0, 6.0)),
    Tube((8, 4, -62), (9, 5, -130), (6.0, 6.0)),
    Tube((28, 4, -80), (18, -30, -112), (5.0, 6.0)),
)
"""Temporal muscle, masseter, pterygoids; long muscle of the neck, digastric."""

_PTERYGOID_AND_STYLOID = (
    Tube((22, -30, -54), (27, -19, -82), (1.7, 1.3)),
    Tube((14, -30, -54), (14, -24, -84), (1.6, 1.1)),
    Tube((38, 10, -58), (34, 3, -84), (2.0, 1.3)),
)

_JAW = (
    Tube((50, -2, -66), (49, -8, -84), (4.0, 5.0)),
    Tube((46, -30, -66), (48, -22, -88), (2.6, 5.0)),
    Ball((49, -15, -98), (4.6, 17, 24)),
    Tube((47, -22, -116), (38, -54, -122), (6.5, 6.5)),
    Tube((38, -54, -122), (0, -86, -124), (6.5, 7.5)),
)

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
    front = whole.select((-80, 80), (chin, 18), (-140, -14))
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
    if whole.low < head.build.neck.shoulders:
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
    noise = wander(p.x * 0.5, p.y * 0.5, p.z * 0.2)
    around = np.sqrt(np.square(p.x) + np.square(p.y - 20))
    layers = around * np.float32(0.06) + np.float32(0.3) * noise
    layers -= np.floor(layers)
    plane = np.abs(layers - np.float32(0.5)) * np.float32(15)
    raphe = np.abs(p.x + np.float32(0.8) * noise) + np.float32(0.03) * np.maximum(60 - p.y, 0)
    plane = np.minimum(
        np.minimum(plane, raphe), np.abs(noise) * np.float32(8) + np.float32(0.8 - traits.fat)
    )
    muscle = smooth_step(plane, 0.9 * traits.fat - 0.5, 1.2 + 1.1 * traits.fat)
    behind = smooth_step(p.y + np.float32(0.25) * np.abs(p.x), 8, 16)
    front = np.float32(0.28) * smooth_step(noise, 0.2, 1.2)
    muscle = front + behind * (muscle - front)
    fat = head.build.face.fat * 0.8 + np.float32(2)
    muscle *= smooth_step(depth - fat - np.float32(0.8) * noise, 0, 1.6)
    return np.float32(_FAT) + muscle * np.float32(_MUSCLE - _FAT)


def _muscles_of_chewing(head: Head, part: Region) -> None:
    traits, m = head.build.neck, part.mirrored
    muscles = part.nearest(*_CHEWING, p=m)
    if muscles is not None:
        part.put_around_bone(muscles - np.float32(6 * (traits.muscle - 1)), _MUSCLE)
    parotid = part.nearest(Ball((56, 6, -88), (11, 13, 24)), p=m)
    part.put_around_bone(parotid, 10.0 - 45 * traits.fat)
    vessels = part.nearest(
        Tube((26, 4, -66), (24, 6, -130), (3.2, 3.6)),
        Tube((31, 10, -66), (32, 9, -130), (4.4, 5.0)),
        p=m,
    )
    part.put_around_bone(vessels, 43.0)


def _jaw(head: Head, part: Region) -> None:
    m = part.mirrored
    part.put(part.nearest(*_PTERYGOID_AND_STYLOID, p=m), head.bone * 0.8)
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
    forwards = np.float32(head.build.neck.tilt) * np.minimum(part.p.z + 70, 0)
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

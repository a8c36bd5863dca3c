"""The low slices: orbits, sinuses, ears, mastoid cells and the bones of the face."""

from collections.abc import Callable
from functools import partial

import numpy as np

from ichreport.phantom.anatomy.build import FaceSide, FaceTraits
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.region import AIR, Ball, Range, Region, Tube
from ichreport.phantom.shapes import (
    Array,
    Points,
    Vector,
    at_least,
    bump,
    ellipsoid,
    inside,
    smooth_max,
    smooth_min,
    smooth_step,
    wander,
)

_FAT = -95.0
_MUSCLE = 55.0
_MUCOSA = 38.0
_FLUID = 18.0

_CELLS_RATE = 2.1
"""Labyrinth voxels a mm of the noise that walls off air cells: they are about 4 mm wide."""

_SHOULDER_JOINT = 40
"""How far neck and shoulder are rounded into each other (mm)."""

_BROW = Tube((12, -83, -25), (46, -66, -29), (4.4, 4.8))


def skin(head: Head, p: Points) -> Array:
    """Distance to the skin of face and neck, negative inside (mm)."""
    face, neck = head.build.face, head.build.neck
    plump = 0.5 * (face.fat - 7)
    length, wide, high = face.nose
    cheeks = ellipsoid(p, (0, -34, -68), (65 + plump + face.zygoma / 2, 60, 64))
    back = ellipsoid(p, (0, 34, -75), (64 * neck.muscle + plump, 62 + plump, 72))
    outline = smooth_min(cheeks, back, 26)
    low, top = float(p.z.min()), float(p.z.max())
    # each from as far as its rounded joint reaches, so that nothing begins in the midst of it
    if low < -62 + 22 * high + 12 and top > -62 - 22 * high - 12:
        nose = ellipsoid(p, (0, -96, -62), (12 * wide, 17 * length, 22 * high))
        outline = smooth_min(outline, nose, 12)
    if low < -70 - face.length + 14:
        jaw = ellipsoid(p, (0, -44, -114 - face.length), (52 + plump, 52, 44))
        outline = smooth_min(outline, jaw, 14)
    if low < neck.shoulders + 4 + _SHOULDER_JOINT:
        apart = Points(np.abs(p.x), p.y, p.z)
        shoulder = ellipsoid(apart, (112, 30, neck.shoulders - 46), (66, 46, 50))
        outline = smooth_min(outline, shoulder, _SHOULDER_JOINT)
    return outline


def near_ears(p: Points) -> Array:
    """Which points an auricle may reach."""
    near: Array = (np.abs(p.x) > 50) & (np.abs(p.y - 26) < 34) & (p.z > -70)
    return near


def ears(head: Head, p: Points, skin: Array) -> Array:
    """Distance to the auricles, negative inside (mm).

    They are thin plates that stand off the `skin` (mm) more and more to the back; their front lies
    on it at every height.
    """
    best = np.full_like(p.x, 99)
    index = np.flatnonzero(near_ears(p) & (skin < 30))
    if len(index):
        m = p.at(index)
        height, depth, off = (
            np.where(m.x > 0, np.float32(left), np.float32(right))
            for left, right in zip(head.build.face.left.ear, head.build.face.right.ear, strict=True)
        )
        upright = (m.z + 38) / height
        room = np.sqrt(at_least(1 - upright * upright, 0))
        away = m.y - 8 - depth
        back = np.float32(0.5) * (away / depth + room)
        plate = skin.take(index) - off * back * np.abs(back)
        reach = np.abs(away) - depth * room
        best[index] = np.maximum(np.abs(plate) - 1 - np.float32(1.2) * room, reach)
    return best


def draw(head: Head, whole: Region) -> None:
    """Put the face's bones, orbits and air spaces over soft tissue and skull.

    Args:
        head: The person.
        whole: Everything outside the dura in one slice; changed in place.
    """
    face = head.build.face
    sides = ((1, face.left), (-1, face.right))

    def within(part: Callable[[Region], None], x: Range, y: Range, z: Range, side: int = 1) -> None:
        region = whole.select(x, y, z, side=side)
        if region is not None:
            part(region)
            region.keep(whole)

    for side, one in sides:
        within(partial(_temporal_bone, head, one), (8, 96), (-14, 46), (-74, -20), side)
    within(partial(_nose, head, face), (-26, 26), (-112, -24), (-94, -36))
    for side, one in sides:
        within(partial(_maxillary, head, face, one), (8, 54), (-88, -32), (-90, -44), side)
    within(partial(_central_sinuses, head, face), (-22, 22), (-86, 8), (-62, -20))
    within(partial(_cheek, head), (-78, 78), (-76, 6), (-60, -18))
    for side, one in sides:
        within(partial(_orbit, head, one), (8, 54), (-98, -26), (-62, -14), side)


def _cells(p: Points, start: float) -> Array:
    rate = np.float32(_CELLS_RATE)
    return wander(p.x * rate + np.float32(start), p.y * rate, p.z * rate)


def _temporal_bone(head: Head, traits: FaceSide, part: Region) -> None:
    m, extent = part.p, traits.mastoid
    cortex, marrow = head.bone * 0.88, head.bone * head.build.vault.base * 0.7
    size = max(extent, 1.0)
    process = Ball((56, 24, -49), (8 + 4 * size, 14 * size, 21 * size))
    part.bone(part.nearest(process), cortex, marrow)
    dx, dy, dz = traits.petrous
    inner = Points(m.x - np.float32(dx), m.y - np.float32(dy), m.z - np.float32(dz))
    part.put(part.nearest(Ball((17, 5, -45), (6, 3.5, 5)), p=inner), traits.apex)
    fluid = 25.0 if traits.mastoid_fluid else AIR
    aired = part.nearest(Ball((53, 23, -46), (11 * extent, 13 * extent, 20 * extent)))
    if aired is not None:
        if extent > 0.85:  # cells reach up into the squama and round the sigmoid sinus
            aired = smooth_min(aired, ellipsoid(m, (61, 14, -32), (4, 12, 12 * extent)), 4)
        close = np.flatnonzero(aired < 3)
        threshold = 2.2 * traits.mastoid_air - 0.9
        hollow = inside(aired.take(close), 3.0)
        hollow *= smooth_step(threshold - _cells(m.at(close), head.origin[0]), 0.0, 0.6)
        hollow *= part.skin.take(close) < -6
        hollow *= smooth_step(part.hu.take(close), 150, 400)  # cells are in bone alone
        part.hu[close] += hollow * (np.float32(fluid) - part.hu.take(close))
    wide = traits.canal
    canal = part.nearest(Tube((88, 10, -46), (47, 9, -45), (wide + 0.8, wide - 0.4)))
    if canal is not None:
        part.put(np.maximum(canal - np.float32(1.4), m.x - 69), marrow)
        part.put(canal, AIR)
    part.put(part.nearest(Ball((44, 9, -43), (3.5, 5, 7)), p=inner), fluid)
    part.put(part.nearest(Tube((15, 14, -41), (29, 12, -41), (2.6, 1.6)), p=inner), 20.0)


def _nose(head: Head, face: FaceTraits, part: Region) -> None:
    m = part.mirrored
    bone, length = head.bone * head.build.vault.base, face.nose[0]
    ridge = Tube((3.5, -88, -38), (5, -88 - 8 * length, -54), (2.2, 1.6))
    part.put(part.nearest(ridge, p=m), bone)
    height = m.z + np.float32(67)
    along = smooth_max(np.abs(m.y + 59) - 30, np.abs(height) - 17, 10)
    tapered = np.float32(9.5) - np.float32(0.14) * height - np.float32(0.006) * np.square(m.y + 56)
    cavity = smooth_max(along, (m.x - tapered) * np.float32(0.9), 3)
    part.put(np.maximum(cavity - np.float32(0.7), along - 1), bone * 0.8)
    part.put(cavity, _MUCOSA)
    off = np.float32(face.septum) * bump(part.p.y, -66, 12)
    gap = np.abs(part.p.x - off)
    conchae = part.nearest(
        Ball((7.5, -58, -77), (3.6, 22, 5.5)), Ball((6.5, -54, -63), (2.8, 18, 5)), p=m
    )
    lumen = np.maximum(cavity + np.float32(1.3), np.float32(1.7) - gap)
    if conchae is not None:
        lumen = np.maximum(lumen, -conchae)
    part.put(lumen, AIR)
    part.put(np.maximum(gap - np.float32(0.5), cavity), bone * 0.7)
    part.put(part.nearest(Tube((5, -86, -80), (5.5, -99, -76), (4.2, 3.0)), p=m), AIR)
    if part.low < -84:
        roof = np.square(m.x * np.float32(1 / 23)) + np.square((m.y + 50) * np.float32(1 / 33))
        palate = np.abs(m.z + 91 - 5 * at_least(1 - roof, 0)) - np.float32(1.2)
        palate = np.maximum(palate, np.maximum((roof - 1) * 11, m.y + 34))
        part.put(palate, bone)


def _maxillary(head: Head, face: FaceTraits, traits: FaceSide, part: Region) -> None:
    p, size = part.p, traits.maxillary
    center = (31 + 4 * (size - 1), -58.0, -68.0 - face.length / 4)
    sinus = part.nearest(Ball(center, (15 * size, 18 * size, 16 * size)))
    if sinus is None:
        return
    corner = np.float32(0.75) * (p.x - np.float32(center[0])) + np.float32(0.66) * (p.y + 58)
    sinus = smooth_max(sinus, np.maximum(np.float32(13.5) - p.x, corner - np.float32(9 * size)), 4)
    wall = np.float32(0.7) - np.float32(0.014) * (p.y + 58)  # thicker in front
    part.put(sinus - np.clip(wall, 0.45, 1), head.bone * 0.45)
    part.put(sinus, _MUCOSA)
    lumen = sinus + np.float32(0.5 + traits.maxillary_lining)
    if traits.maxillary_level > -90:
        part.put(lumen, _FLUID)
        down = np.float32(0.95) * (p.y - np.float32(center[1])) - np.float32(0.3) * (
            p.z - np.float32(center[2])
        )
        lumen = np.maximum(lumen, down - np.float32(traits.maxillary_level))
    part.put(lumen, AIR)


def _central_sinuses(head: Head, face: FaceTraits, part: Region) -> None:
    m = part.mirrored
    cells = _cells(part.p, head.origin[1])
    wide = face.ethmoid
    ethmoid = part.nearest(Tube((4.0, -74, -42), (5.5, -38, -42), (wide - 0.8, wide + 1.2)), p=m)
    if ethmoid is not None:
        ethmoid = np.maximum(ethmoid, np.abs(m.z + 42) - 12)
        septa = np.float32(0.8) * inside(np.abs(cells) * 2 - np.float32(0.5), 0.8)
        septa = np.maximum(septa, inside(m.x - np.float32(0.7), 1.0))
        part.put(ethmoid - np.float32(1.2), head.bone * 0.5)
        filled: Array | float = AIR
        if face.ethmoid_fluid:
            full = smooth_step(np.float32(face.ethmoid_fluid * 2 - 1) + cells, -0.1, 0.1)
            filled = np.float32(AIR) + full * np.float32(_MUCOSA - AIR)
        part.cover(inside(ethmoid, part.edge) * (1 - septa), filled)
    _sphenoid(head, face, part, cells)
    clinoids = part.nearest(
        Tube((24, -24, -25), (12, -14, -26), (2.6, 1.6)),
        Tube((0, -1, -29), (7, -2, -27), (2.4, 1.8)),
        p=m,
    )
    part.put(clinoids, head.bone * 0.9)


def _sphenoid(head: Head, face: FaceTraits, part: Region, cells: Array) -> None:
    wide, deep, high = face.sphenoid
    body = part.nearest(Ball((0, -12, -46), (18, 20, 13)))
    part.bone(body, head.bone * 0.75, head.bone * 0.32)
    sinus = part.nearest(Ball((0, -32 + deep, -44), (wide, deep, high)))
    if sinus is None:
        return
    sinus += np.float32(0.9) * cells
    off = part.p.x - np.float32(face.sphenoid_septum) * (1 + np.float32(0.02) * part.p.y)
    part.put(sinus - np.float32(1.5), head.bone * 0.65)
    lumen = np.maximum(sinus, np.float32(0.7) - np.abs(off))
    part.put(lumen, _FLUID if face.sphenoid_fluid else AIR)


def _orbit(head: Head, traits: FaceSide, part: Region) -> None:
    part.bone(part.nearest(_BROW), head.bone, head.bone * 0.55)
    dx, dy, dz = traits.orbit
    m = Points(*(v - np.float32(d) for v, d in zip(part.p, (dx, dy, dz), strict=True)))
    cone = part.nearest(Tube((32, -68, -38), (15, -32, -35), (17.6 * traits.orbit_size, 5.0)), p=m)
    if cone is None:
        return
    wall = inside(cone - np.float32(1.8), part.edge) * smooth_step(m.y, -80, -72)
    part.cover(np.minimum(wall, smooth_step(-part.hu, -900, 300)), head.bone * 0.75)
    part.put(cone, _FAT)
    close = np.flatnonzero(cone < 2)
    if len(close):
        eye = Region(close, m.at(close), part.skin.take(close), part.hu.take(close), part.edge)
        _eye(traits, eye, cone.take(close))
        eye.keep(part)


def _cheek(head: Head, part: Region) -> None:
    aside = head.build.face.zygoma
    zygoma = part.nearest(
        Tube((48 + aside, -68, -52), (66 + aside, -24, -52), (5.0, 2.8)),
        Tube((66 + aside, -24, -52), (62 + aside, 2, -50), (2.6, 3.2)),
        Tube((46, -66, -29), (49 + aside, -66, -50), (4.0, 4.4)),
        p=part.mirrored,
    )
    part.bone(zygoma, head.bone * 0.92, head.bone * 0.5)


def _eye(traits: FaceSide, part: Region, cone: Array) -> None:
    m = part.p
    cords = part.nearest(
        Tube((31, -62, -38), (15, -32, -35), (2.1, 1.9)),
        Tube((20.5, -68, -38), (14, -36, -36), (1.5, 2.0)),
        Tube((45, -64, -38), (20, -34, -36), (1.3, 1.8)),
        Tube((31, -66, -27), (17, -34, -30), (1.4, 1.9)),
        Tube((31, -66, -49), (17, -34, -40), (1.4, 1.9)),
        Ball((46, -72, -31), (4, 6, 6)),
    )
    if cords is not None:
        part.put(np.maximum(cords, cone), _MUSCLE - 9)
    lid = smooth_step(-m.y, 83, 87) * inside(cone - np.float32(3), part.edge)
    part.cover(lid, 40.0)
    r = traits.globe
    globe = part.nearest(Ball((32, -74, -38), (r, r, r)))
    if globe is None:
        return
    part.put(globe - np.float32(0.9), np.float32(9) + np.float32(46) * bump(globe, 0, 0.9))
    gx, gz = traits.gaze
    lens: Vector = (32 + gx, -73 - r + 3.2, -38 + gz)
    part.put(part.nearest(Ball(lens, (4.5, traits.lens, 4.5))), 95.0)

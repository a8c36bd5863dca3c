"""What lies outside the brain: the skull with its tables, diploe and sutures, scalp and skin."""

import numpy as np

from ichreport.phantom.anatomy import face, neck
from ichreport.phantom.anatomy.cavity import Cavity, petrous
from ichreport.phantom.anatomy.cranial_vault import sutures
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.region import Region
from ichreport.phantom.anatomy.surgery import NONE, Surgery
from ichreport.phantom.shapes import (
    Array,
    Points,
    at_least,
    at_most,
    bump,
    inside,
    smooth_min,
    smooth_step,
    sphere,
    wander,
)

_AIR = -1000.0
_FAT = -95.0
_MUSCLE = 55.0
_SKIN = 62.0

_FACE_TOP = -8.0
"""Height below which there is more outside the skull than scalp (mm)."""

_BASE_REACH = 24.0
"""Distance below the cavity's floor to which bone of the skull reaches (mm)."""

_THIN_BASE = 11.0
"""The same but for petrous bones and clivus (mm)."""

_LOWEST_BASE = -71.0
"""Height below which the skull's base ends (mm)."""

_FORAMINA = ((21.0, -7.0, 3.0), (25.0, 1.0, 2.0), (25.0, 5.0, 3.2), (25.0, 22.0, 5.0))
"""Oval and spinous foramina, carotid canal, jugular foramen: x, y and radius (mm)."""


def shell(
    head: Head,
    p: Points,
    space: Cavity,
    edge: float,
    thickness: float,
    surgery: Surgery = NONE,
) -> Array:
    """Draw everything outside the dura.

    Args:
        head: The person.
        p: Where to draw.
        space: The cavity, measured at `p`.
        edge: Width of a voxel's edge response in the slice (mm).
        thickness: Width of the slice (mm); surfaces that lean towards the slice blur over it.
        surgery: What operations have left.

    Returns:
        Intensity (HU); deep inside the cavity it is not drawn.
    """
    hu = np.full(p.x.shape, _AIR, np.float32)
    low = float(p.z.min())
    near = space.wall > -3
    if low > head.build.neck.shoulders + neck.SHOULDER_REACH:
        aside = np.square(p.x * np.float32(1 / 100))
        aside += np.square((p.y + np.float32(4)) * np.float32(1 / 118))
        near &= aside < 1
    if low > _FACE_TOP:
        near &= space.vault < _reach(head, low)
    index = np.flatnonzero(near)
    if not len(index):
        return hu
    outlines: Array | None = None
    if low < _FACE_TOP:
        part = p.at(index)
        outline = face.skin(head, part)
        vault, reach = space.vault.take(index), _reach(head, low)
        close = (outline < 3) | (vault < reach)
        close |= face.near_ears(part) & ((outline < 20) | (vault < reach + 17))
        kept = np.flatnonzero(close)
        index = index.take(kept)
        outlines = outline.take(kept)
    part, room = p.at(index), space.at(index)
    # a ramp as wide as the voxel's edge and the slab's depth together, by their variances
    blur = np.sqrt(np.float32(edge**2) + np.square(np.float32(thickness) * room.slope))
    hu.reshape(-1)[index] = _draw(head, part, room, blur, edge, thickness, outlines, surgery)
    return hu


def _reach(head: Head, low: float) -> float:
    """Greatest distance of the skin from the inner table in a slice from some height up (mm)."""
    traits = head.build.vault
    relative = max(traits.front, traits.back, 1.0) + 2.2 * traits.uneven + abs(traits.tilt)
    reach = relative * head.skull + 1.28 * head.scalp + traits.thick_front + traits.swollen + 1.5
    return reach + (traits.temporalis if low < 30 else 0) + (4 if low < 0 else 0)


def _draw(
    head: Head,
    p: Points,
    space: Cavity,
    blur: Array,
    edge: float,
    thickness: float,
    outlines: Array | None,
    surgery: Surgery,
) -> Array:
    """Intensity of the points near skull and face (HU)."""
    width, bone = np.full_like(p.x, head.skull), np.full_like(p.x, head.bone)
    above = (space.vault > -4) & (space.floor < _BASE_REACH)
    band = np.flatnonzero(above & (space.vault < _reach(head, 0.0)))
    if len(band):
        over, vault = p.at(band), space.vault.take(band)
        rough = wander(over.x * 0.3, over.y * 0.3, over.z * 0.3)
        relief = _vault_thickness(head, over, rough)
        width[band], bone[band] = relief, _bone(head, over, vault, relief, rough)
    pocket = _frontal_sinus(head, p, space, width)
    outer = space.vault - width
    skin = outer - _scalp_thickness(head, p)
    if head.build.vault.swelling:
        skin -= _swelling(head, p)
    if surgery.flap:
        skin += surgery.sunken(p, width)
    if outlines is not None:
        skin = smooth_min(skin, outlines, 14)
        np.minimum(skin, face.ears(head, p, skin), out=skin)
        # below the vault its slope says nothing of the skin
        blur = at_most(blur, np.float32(edge + 0.4 * thickness))
    if pocket:
        front, share = pocket
        bone[front] += share * (np.float32(_AIR) - bone.take(front))
    hu = _soft_tissue(head, p, skin, blur)
    if outlines is not None:
        _base(head, p, space, outer, bone)
        _under_the_skull(head, p, np.minimum(space.floor, outer + 3), skin, hu)
    dermis = inside(-skin - np.float32(head.build.vault.skin), blur)
    hu += dermis * (np.float32(_SKIN) - hu)
    share = inside(outer, blur)
    if surgery is not NONE:
        share = share * surgery.bone_left(p)
    hu += share * (bone - hu)
    if outlines is not None:
        whole = Region(np.arange(0), p, skin, hu, edge + 0.25 * thickness)
        if whole.low < neck.TOP:
            neck.draw(head, whole)
        face.draw(head, whole)
    for device, value in surgery.devices(p, edge):
        hu += device * (np.float32(value) - hu)
    return _AIR + inside(skin, blur) * (hu - np.float32(_AIR))


def _vault_thickness(head: Head, p: Points, rough: Array) -> Array:
    """Thickness of the vault (mm): thin at the temples, thick at forehead and occiput."""
    traits = head.build.vault
    y = p.y * np.float32(1 / 80)
    relative = y * np.float32((traits.front + traits.back) / 2 - 0.86)
    relative += np.float32((traits.back - traits.front) / 2)
    relative *= y
    relative += np.float32(0.86)
    relative += p.x * np.float32(traits.tilt / 60)
    relative += rough * np.float32(traits.uneven)
    if p.z.min() < 24:
        temples = bump(p.y, -8, 27) * smooth_step(-p.z, -24, 14)
        relative -= np.float32(traits.temples) * temples
        knob = bump(p.x, 0, 14) * bump(p.y, 84, 14) * bump(p.z, -24, 18)
        relative += np.float32(0.55) * knob
    at_least(relative, 0.3, out=relative)
    relative *= np.float32(head.skull)
    if traits.thick_front:
        front = smooth_step(-p.y, 5, 60) * smooth_step(p.z, -25, 10) * smooth_step(-p.z, -72, -30)
        relative += np.float32(traits.thick_front) * front
    return relative


def _frontal_sinus(
    head: Head, p: Points, space: Cavity, width: Array
) -> tuple[Array, Array] | None:
    """Points near the frontal sinuses, and the share of each that is their air.

    The bone around them grows thicker, in `width`.
    """
    right, left = (side.frontal for side in (head.build.face.right, head.build.face.left))
    if p.z.min() > 14 or p.z.max() < -36 or max(right[0], left[0]) < 1:
        return None
    index = np.flatnonzero((p.y < -48) & (np.abs(p.x) < 32) & (p.z < 14) & (p.z > -36))
    if not len(index):
        return None
    at, vault = p.at(index), space.vault.take(index)
    wide, high, middle = (
        np.where(at.x > 0, np.float32(a), np.float32(b)) for a, b in zip(left, right, strict=True)
    )
    side, up = np.abs(at.x) / wide, (at.z - middle) / high
    lobes = np.sin(at.x * np.float32(0.55) + np.float32(head.origin[0]))
    within = np.sqrt(side * side + up * up)
    between = np.float32(0.15 * (left[1] + right[1]))  # the forehead has no step at the midline
    width[index] += between * at_least(1 - np.float32(0.7) * within, 0)
    half = width.take(index) * np.float32(0.5)
    within += np.float32(0.16) * lobes
    depth = np.abs(vault - half) - half * at_least(1 - within * within, 0) + np.float32(1.4)
    septum = np.float32(0.5) - np.abs(at.x - np.float32(head.build.face.septum))
    distance = np.maximum(np.maximum(depth, (within - 1) * high), septum)
    return index, inside(distance, 1.6)


def _scalp_thickness(head: Head, p: Points) -> Array:
    """Thickness of skin, fat and muscle over the vault (mm)."""
    thickness = p.y * np.float32(0.0028 * head.scalp) + np.float32(head.scalp)
    if p.z.max() > 30:
        thickness -= np.float32(0.28 * head.scalp) * smooth_step(p.z, 30, 70)
    if p.z.min() < 30:
        temporal = bump(p.y, -20, 25) * smooth_step(-p.z, -32, 28)
        temporal *= smooth_step(np.abs(p.x), 25, 50)
        thickness += np.float32(head.build.vault.temporalis) * temporal
    return thickness


def _swelling(head: Head, p: Points) -> Array | float:
    """Added thickness of a swollen scalp (mm)."""
    traits = head.build.vault
    if traits.swelling is None:
        return 0.0
    (x, y, z), radius = traits.swelling
    away = sphere(p, (74 * x, 88 * y, 84 * z), 0.0)
    near = at_least(1 - np.square(away * np.float32(1 / radius)), 0)
    swollen: Array = np.float32(traits.swollen) * near
    return swollen


def _soft_tissue(head: Head, p: Points, skin: Array, blur: Array) -> Array:
    """Fat under the skin, galea and temporal muscle under that (HU)."""
    traits = head.build.vault
    muscle = inside(skin + np.float32(head.scalp - 0.7), blur)
    hu: Array = _FAT + muscle * np.float32(_MUSCLE - _FAT)
    if traits.swelling:
        share = at_most(np.float32(0.5) * _swelling(head, p), 0.92)
        hu += share * (np.float32(traits.swelling_hu) - hu)
    return hu


def _under_the_skull(head: Head, p: Points, below: Array, skin: Array, hu: Array) -> None:
    """Put the soft tissue of face and neck into `hu`, `below` the floor and outside the bone."""
    index = np.flatnonzero((skin < -1) & (below > 0))
    if len(index):
        deep = neck.soft_tissue(head, p.at(index), -skin.take(index))
        hu[index] += smooth_step(below.take(index), 0, 3) * (deep - hu.take(index))


def _bone(head: Head, p: Points, vault: Array, width: Array, rough: Array) -> Array:
    """Intensity of the vault: two tables, marrow between them, sutures, pits (HU)."""
    traits = head.build.vault
    half = width * np.float32(0.5)
    depth = half - np.abs(vault - half)
    marrow = smooth_step(depth, traits.tables - 0.2, traits.tables + 0.9)
    hu = head.bone + marrow * (np.float32(head.diploe - head.bone) + 130 * rough)
    if traits.sutures > 0.05:
        coronal, lambdoid, sagittal = sutures(p)
        zigzag = np.float32(0.9) * rough + np.float32(0.7) * np.sin(np.float32(1.4) * p.z)
        between = np.maximum(np.abs(sagittal + zigzag), np.maximum(-coronal, -lambdoid))
        seam = np.minimum(np.minimum(np.abs(coronal + zigzag), np.abs(lambdoid + zigzag)), between)
        hu *= 1 - np.float32(0.7 * traits.sutures) * inside(seam - np.float32(0.4), 1.0)
    for x, y, radius in traits.granulations:
        height = 74 * np.sqrt(max(0.0, 1 - (y / 84) ** 2 - (x / 70) ** 2))
        if p.z.min() < height + 6 and p.z.max() > height - 6:
            pit = inside(sphere(p, (x, y, float(height) + 1), radius), 1.4)
            hu += pit * (np.float32(15) - hu)
    return hu


def _base(head: Head, p: Points, space: Cavity, outer: Array, bone: Array) -> None:
    """Bound the skull below by the outer side of its base, and put the base's bone there."""
    index = np.flatnonzero((space.floor > -7) & (outer < 3))
    if not len(index):
        return
    at, floor = p.at(index), space.floor.take(index)
    ridge = petrous(at)
    massive = (np.abs(ridge) < 22) | (np.abs(at.x) < 20) & (at.y < 20)
    massive |= space.vault.take(index) > -5
    near = (floor < _THIN_BASE) | massive & (floor < _BASE_REACH)
    outer[index] = np.maximum(outer.take(index), np.where(near, -99, 3).astype(np.float32))
    kept = np.flatnonzero(near)
    if not len(kept):
        return
    index, floor, ridge = index.take(kept), floor.take(kept), ridge.take(kept)
    thickness, value = _base_bone(head, p.at(index), space.vault.take(index), ridge)
    bone[index] += smooth_step(floor, -4, 0) * (value - bone.take(index))
    under = np.maximum(floor - thickness, np.float32(_LOWEST_BASE) - p.z.take(index))
    outer[index] = np.maximum(outer.take(index), under)


def _base_bone(head: Head, p: Points, vault: Array, ridge: Array) -> tuple[Array, Array]:
    """Thickness of the skull's base (mm) and its intensity (HU).

    Thin over the orbits, massive in the petrous bones, whose crests lie where `ridge` is 0.
    """
    side = np.abs(p.x)
    lumpy: Array = np.zeros_like(side)
    rugged = np.flatnonzero(ridge < 14)  # the occiput is smooth
    if len(rugged):
        at = p.at(rugged)
        lumpy[rugged] = wander(at.x * 0.8, at.y * 0.8, at.z * 0.8)
    lumpy *= 1 - smooth_step(ridge, 3, 14)
    crest = bump(ridge, -2, 8) * (side > 8)
    clivus = bump(side, 0, 9) * bump(p.y, -2, 14)
    wings = bump(p.y + 14 + np.float32(0.5) * side, 0, 5)
    thickness = 2.2 + 3 * wings + np.float32(2.2) * smooth_step(p.y, -20, -5)
    thickness += 15 * crest + 8 * clivus
    thickness *= 1 + np.float32(0.25) * lumpy
    walls = smooth_step(vault, -4, 1) * smooth_step(-p.y, -6, 4)
    thickness += 7 * walls  # the temples go on below the floor
    value = head.build.vault.base * (1 + np.float32(0.24) * lumpy)
    value += np.float32(0.55) * crest - np.float32(0.12) * clivus
    value *= np.float32(head.bone)
    if p.z.min() < -44:
        for x, y, radius in _FORAMINA:
            hole = np.sqrt(np.square(side - np.float32(x)) + np.square(p.y - np.float32(y)))
            value += inside(hole - np.float32(radius), 1.4) * (np.float32(40) - value)
    return thickness, value

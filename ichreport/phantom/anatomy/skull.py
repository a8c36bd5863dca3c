"""What lies outside the brain: the skull with its tables, diploe and sutures, scalp and skin."""

import numpy as np

from ichreport.phantom.anatomy import face
from ichreport.phantom.anatomy.cavity import Cavity, petrous
from ichreport.phantom.anatomy.cranial_vault import sutures
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.shapes import Array, Points, bump, inside, smooth_min, smooth_step, wander

_AIR = -1000.0
_FAT = -95.0
_MUSCLE = 55.0
_SKIN = 45.0


def shell(head: Head, p: Points, space: Cavity, edge: float, thickness: float) -> Array:
    """Draw everything outside the dura.

    Args:
        head: The person.
        p: Where to draw.
        space: The cavity, measured at `p`.
        edge: Width of a voxel's edge response in the slice (mm).
        thickness: Width of the slice (mm); surfaces that lean towards the slice blur over it.

    Returns:
        Intensity (HU); deep inside the cavity it is not drawn.
    """
    hu = np.full(p.x.shape, _AIR, np.float32)
    low = bool(p.z.min() < -8)
    reach = 1.45 * head.skull + head.scalp + 6
    near = space.vault < reach
    outline = None
    if low:
        outline = face.skin(p)
        near |= outline < 4
    index = np.flatnonzero(near & (space.wall > -3))
    if len(index):
        outline = None if outline is None else outline.take(index)
        flat = _draw(head, p.at(index), space.at(index), edge, thickness, outline)
        hu.reshape(-1)[index] = flat
    return hu


def _draw(
    head: Head,
    p: Points,
    space: Cavity,
    edge: float,
    thickness: float,
    outline: Array | None,
) -> Array:
    low = outline is not None
    blur = np.float32(edge) + np.float32(thickness) * space.slope
    rough = wander(p.x * 0.3, p.y * 0.3, p.z * 0.3)
    bone_width = _vault_thickness(head, p, space) + np.float32(0.35) * rough
    outer = space.vault - bone_width
    scalp = head.scalp + 3 * bump(space.slope, 0, 0.25) * bump(p.y, -8, 22) * (np.abs(p.x) > 20)
    skin = outer - scalp
    if outline is not None:
        skin = smooth_min(skin, outline, 14)
        outer = np.maximum(outer, space.floor - _base_thickness(p))
    soft = _soft_tissue(head, p, space, skin, rough)
    hu = _AIR + inside(skin, blur) * (soft - np.float32(_AIR))
    bone = _bone(head, p, space, bone_width, rough, low=low)
    hu += inside(outer, blur) * (bone - hu)
    if low:
        hu = face.draw(head, p, hu, skin, edge)
    return hu


def _vault_thickness(head: Head, p: Points, space: Cavity) -> Array:
    """Thickness of the vault (mm): thin at the temples, thick at forehead and occiput."""
    forward = p.y * np.float32(1 / 80)
    temples = bump(p.y, -5, 30) * smooth_step(-p.z, -25, 15)
    protuberance = bump(p.x, 0, 14) * bump(p.y, 82, 14) * bump(p.z, -22, 18)
    relative = 0.88 + np.float32(0.28) * forward * forward - np.float32(0.42) * temples
    return np.float32(head.skull) * (relative + np.float32(0.7) * protuberance)


def _base_thickness(p: Points) -> Array:
    """Thickness of the skull's floor (mm): thin over the orbits, massive in the petrous bones."""
    side = np.abs(p.x)
    crest = bump(petrous(p), -2, 8)
    clivus = bump(side, 0, 9) * bump(p.y, -2, 14)
    wings = bump(p.y + 14 + np.float32(0.5) * side, 0, 5)
    thickness: Array = 3 + 3 * wings + 3 * smooth_step(p.y, -20, -5)
    thickness += 16 * crest * (side > 8) + 9 * clivus
    return thickness


def _bone(head: Head, p: Points, space: Cavity, width: Array, rough: Array, *, low: bool) -> Array:
    across = np.abs(space.vault / width - np.float32(0.5))
    marrow = np.float32(0.95) * (1 - smooth_step(across, 0.16, 0.30))
    if low:
        marrow *= smooth_step(-space.floor, 0, 6)
    hu = head.bone + marrow * (np.float32(head.diploe - head.bone) + 90 * rough)
    coronal, lambdoid, sagittal = sutures(p)
    zigzag = np.float32(0.9) * rough + np.float32(0.7) * np.sin(np.float32(1.4) * p.z)
    between = np.maximum(np.abs(sagittal + zigzag), np.maximum(-coronal, -lambdoid))
    seam = np.minimum(np.minimum(np.abs(coronal + zigzag), np.abs(lambdoid + zigzag)), between)
    return hu * (1 - np.float32(0.75) * inside(seam - np.float32(0.5), 1.0))


def _soft_tissue(head: Head, p: Points, space: Cavity, skin: Array, rough: Array) -> Array:
    """Skin, fat under it, the temporal muscles beside the vault and the neck's below it."""
    temporal = bump(p.y, -12, 26) * smooth_step(-p.z, -38, -8) * (np.abs(p.x) > 25)
    neck = smooth_step(space.floor, 2, 8)
    depth_of_fat = head.scalp * (1 - np.float32(0.55) * np.maximum(temporal, 0))
    muscle = np.maximum(
        smooth_step(-skin - np.float32(1.0) * depth_of_fat, 0.0, 1.2),
        neck * smooth_step(np.abs(rough), 0.04, 0.16) * smooth_step(-skin, 4, 6),
    )
    galea = inside(np.abs(-skin - np.float32(head.scalp)) - np.float32(0.6), 1.2)
    muscle = np.maximum(muscle, np.float32(0.75) * galea)
    hu: Array = _FAT + muscle * np.float32(_MUSCLE - _FAT)
    dermis = inside(-skin - np.float32(2.0), 1.2)
    hu += dermis * (np.float32(_SKIN) - hu)
    return hu

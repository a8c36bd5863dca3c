"""The low slices: orbits, sinuses, ears, mastoid cells and the bones of the face."""

import numpy as np

from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.shapes import (
    Array,
    Points,
    bump,
    capsule,
    ellipsoid,
    inside,
    smooth_min,
    smooth_step,
    wander,
)

_AIR = np.float32(-990)
_ORBITAL_FAT = np.float32(-92)
_BONE = np.float32(1150)


def skin(p: Points) -> Array:
    """Distance to the skin of face and neck, negative inside (mm)."""
    cheeks = ellipsoid(p, (0, -34, -66), (64, 60, 60))
    nose = ellipsoid(p, (0, -96, -62), (13, 17, 24))
    neck = ellipsoid(p, (0, 34, -75), (66, 66, 70))
    outline = smooth_min(smooth_min(cheeks, nose, 16), neck, 30)
    mirrored = Points(np.abs(p.x), p.y, p.z)
    auricle = ellipsoid(mirrored, (79, 20, -38), (6, 13, 22))
    return np.minimum(outline, auricle)


def draw(head: Head, p: Points, hu: Array, skin: Array, edge: float) -> Array:
    """Put the face's bones, orbits and air spaces over soft tissue and skull.

    Args:
        head: The person.
        p: Where to draw.
        hu: What is there so far (HU); changed in place.
        skin: Distance to the skin, negative inside (mm).
        edge: Width of a voxel's edge response (mm).

    Returns:
        `hu`.
    """
    mirrored = Points(np.abs(p.x), p.y, p.z)
    within = skin < -2
    cells = wander(p.x * 2.1 + 40, p.y * 2.1, p.z * 2.1)
    _bones(mirrored, hu, within, edge)
    _mastoid(head, mirrored, hu, within, cells, edge)
    _sinuses(mirrored, hu, within, cells, edge)
    _orbits(mirrored, hu, within, edge)
    return hu


def _paint(hu: Array, share: Array, value: Array | np.float32) -> None:
    hu += share * (value - hu)


def _bones(m: Points, hu: Array, within: Array, edge: float) -> None:
    zygoma = capsule(m, (50, -66, -52), (67, -22, -52), (5.5, 3.0))
    arch = capsule(m, (67, -22, -52), (62, 2, -50), (3.0, 3.5))
    jaw = ellipsoid(m, (52, -2, -62), (7, 6, 12))
    nasal = capsule(m, (3.5, -90, -38), (5, -97, -54), (2.6, 2.0))
    brow = capsule(m, (12, -84, -24), (46, -68, -28), (5.0, 5.5))
    bones = np.minimum(np.minimum(zygoma, arch), np.minimum(np.minimum(jaw, nasal), brow))
    _paint(hu, inside(bones, edge) * within, _BONE)


def _mastoid(head: Head, m: Points, hu: Array, within: Array, cells: Array, edge: float) -> None:
    bone = ellipsoid(m, (56, 24, -48), (13, 15, 22))
    _paint(hu, inside(bone, edge) * within, _BONE)
    aired = inside(ellipsoid(m, (54, 24, -47), (10, 12, 18)), 4.0)
    threshold = 2.2 * head.aeration - 0.9
    _paint(hu, aired * smooth_step(threshold - cells, 0.0, 0.7), _AIR)
    canal = capsule(m, (84, 10, -46), (48, 9, -45), (4.0, 3.2))
    _paint(hu, inside(canal, edge), _AIR)
    ear_drum = ellipsoid(m, (45, 9, -43), (4, 5, 6))
    _paint(hu, inside(ear_drum, edge), _AIR)


def _sinuses(m: Points, hu: Array, within: Array, cells: Array, edge: float) -> None:
    septa = np.float32(0.8) * inside(np.abs(cells) * 2 - np.float32(0.7), 0.8)
    septa = np.maximum(septa, inside(m.x - np.float32(0.6), 1.0))
    ethmoid = capsule(m, (4.5, -72, -42), (5.5, -38, -42), (6.0, 7.5))
    ethmoid = np.maximum(ethmoid, np.abs(m.z + 42) - 12)
    walls = inside(ethmoid - np.float32(1.8), edge) * within
    _paint(hu, walls, np.float32(650))
    _paint(hu, inside(ethmoid, edge) * (1 - septa), _AIR)
    sphenoid = ellipsoid(m, (0, -20, -43), (15, 13, 10)) + np.float32(0.9) * cells
    sphenoid = np.maximum(sphenoid, np.float32(0.8) - m.x)
    _paint(hu, inside(sphenoid - np.float32(2), edge) * within, np.float32(900))
    _paint(hu, inside(sphenoid, edge), _AIR)
    frontal = ellipsoid(m, (10, -81, -15), (8, 2.4, 9))
    _paint(hu, inside(frontal, edge) * (m.x > 0.8), _AIR)
    nose = np.maximum(np.abs(m.x - 6) - 4, np.maximum(np.abs(m.y + 62) - 30, m.z + 56))
    maxillary = ellipsoid(m, (30, -56, -69), (15, 18, 16))
    _paint(hu, inside(maxillary - np.float32(1.8), edge) * within, np.float32(900))
    _paint(hu, inside(np.minimum(nose, maxillary), edge) * within, _AIR)


def _orbits(m: Points, hu: Array, within: Array, edge: float) -> None:
    cone = capsule(m, (32, -68, -38), (15, -32, -35), (18.0, 5.5))
    rim = inside(cone - np.float32(2.2), edge) * within * smooth_step(m.y, -82, -74)
    _paint(hu, np.minimum(rim, smooth_step(-hu, -900, 300)), np.float32(800))
    _paint(hu, inside(cone, edge) * within, _ORBITAL_FAT)
    nerve = capsule(m, (31, -62, -38), (15, -32, -35), (2.0, 1.9))
    medial = capsule(m, (20.5, -70, -38), (14, -36, -36), (1.6, 2.0))
    lateral = capsule(m, (45, -64, -38), (20, -34, -36), (1.5, 1.8))
    _paint(hu, inside(np.minimum(nerve, np.minimum(medial, lateral)), edge), np.float32(42))
    globe = ellipsoid(m, (32, -74, -38), (12.2, 12.4, 12.2))
    wall = bump(globe, 0, 0.9)
    _paint(hu, inside(globe - np.float32(0.8), edge), np.float32(8) + np.float32(42) * wall)
    lens = ellipsoid(m, (32, -83.5, -38), (4.6, 2.1, 4.6))
    _paint(hu, inside(lens, edge), np.float32(92))
    lid = smooth_step(-m.y, 84, 88) * inside(cone, edge) * within
    _paint(hu, lid * (globe > 1), np.float32(40))

"""Cerebrospinal fluid inside and under the brain: ventricles and basal cisterns."""

import numpy as np

from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.landmarks import EDGE, Landmarks
from ichreport.phantom.shapes import (
    Array,
    Points,
    Vector,
    any_of,
    at_most,
    capsule,
    ellipsoid,
    inside,
    smooth_min,
    smooth_step,
)

LATERAL_VENTRICLE = (
    ((13.0, -38.0, 6.0), (9.0, -22.0, 8.5), (4.0, 6.2)),
    ((9.0, -22.0, 8.5), (5.0, -9.0, 9.0), (6.0, 4.4)),
    ((8.0, -14.0, 14.0), (11.0, 2.0, 20.0), (5.5, 6.0)),
    ((11.0, 2.0, 20.0), (16.0, 20.0, 19.0), (6.0, 6.8)),
    ((16.0, 20.0, 19.0), (23.0, 34.0, 9.0), (6.8, 7.8)),
    ((23.0, 34.0, 9.0), (20.0, 50.0, 3.0), (7.4, 4.6)),
    ((20.0, 50.0, 3.0), (17.0, 62.0, 1.0), (4.6, 2.6)),
    ((23.0, 34.0, 9.0), (33.0, 24.0, -8.0), (6.0, 2.8)),
    ((33.0, 24.0, -8.0), (31.0, 2.0, -21.0), (2.8, 2.2)),
)
"""One side's chain of tubes: start, end (mm), and the radii there (mm)."""

OCCIPITAL_TIP: Vector = (17.0, 62.0, 1.0)


def cleft(distance: Array, width: Array | np.float32) -> Array:
    """Share of a gap at a distance from its middle, after the edge response.

    Args:
        distance: Distance to the gap's middle (mm).
        width: Width of the gap (mm); one narrower than the edge response fills no point.
    """
    edge = np.float32(EDGE)
    share = (width + edge) * np.float32(0.5 / EDGE) - distance * np.float32(1 / EDGE)
    np.clip(share, 0, 1, out=share)
    share *= at_most(width * np.float32(1 / EDGE), 1)
    return share


def ventricles(head: Head, at: Landmarks) -> tuple[Array, Array]:
    """Share of each point that is ventricle, and the distance to the lateral ones (mm)."""
    share, around = np.zeros_like(at.slow), np.full_like(at.slow, 40)
    low, high = float(at.rest.z.min()), float(at.rest.z.max())
    reach = 9 * head.ventricles + 4
    if low < 20 + reach and high > -21 - reach:
        beside = at.mirrored.x < 44 + 3 * head.ventricles
        near = np.flatnonzero(beside & (np.abs(at.rest.y - 12) < 58 + 4 * head.ventricles))
        around[near] = lateral = _lateral(head, at.mirrored.at(near), at.rest.x.take(near))
        share[near] = inside(lateral, EDGE)
        for tube in _midline(head, at.rest.at(near), low, high):
            share[near] = np.maximum(share[near], tube)
    if low < -22:
        near = np.flatnonzero((at.mirrored.x < 22) & (np.abs(at.rest.y - 35) < 16))
        fourth = inside(_fourth(head, at.rest.at(near)), EDGE)
        share[near] = np.maximum(share.take(near), fourth)
    return share, around


def _lateral(head: Head, mirrored: Points, x: Array) -> Array:
    """Distance to the lateral ventricles (mm)."""
    size, traits = head.ventricles, head.brain
    low, high = float(mirrored.z.min()), float(mirrored.z.max())
    spread = 0.85 + 0.15 * size
    lateral = np.full_like(x, 40)
    for start, end, (first, last) in LATERAL_VENTRICLE:
        reach = 9 * size + 3
        if low - reach < max(start[2], end[2]) and high + reach > min(start[2], end[2]):
            begin, finish = ((v[0] * spread, v[1], v[2]) for v in (start, end))
            tube = capsule(mirrored, begin, finish, (first * size, last * size))
            lateral = smooth_min(lateral, tube, 3)
    lateral -= np.sign(x) * np.float32(traits.ventricles)
    septum = np.float32(0.7) - mirrored.x
    if traits.cavum:
        septum += np.float32(traits.cavum / 2 + 1) * smooth_step(-mirrored.y, -12, 8)
    return np.maximum(lateral, septum)


def _midline(head: Head, rest: Points, low: float, high: float) -> list[Array]:
    """Shares of the third ventricle, and of a cavum between the leaves of the septum."""
    size, shares = head.ventricles, []
    if low < 14 and high > -14:
        slit = 0.9 + 3.0 * max(size - 0.6, 0)
        shares.append(inside(ellipsoid(rest, (0, 0, 0), (slit, 13, 12)), EDGE))
    if head.brain.cavum and low < 20 and high > 0:
        half = head.brain.cavum / 2
        shares.append(inside(ellipsoid(rest, (0, -16, 10), (half, 15, 9)), EDGE))
    return shares


def _fourth(head: Head, rest: Points) -> Array:
    """Distance to the fourth ventricle, whose recesses bend backwards (mm)."""
    bent = Points(rest.x, rest.y - np.float32(0.03) * rest.x * rest.x, rest.z)
    size = head.ventricles
    return ellipsoid(bent, (0, 34, -40), (5 * size + 4, 2.6 * size + 1.6, 14))


def brainstem(head: Head, at: Landmarks) -> tuple[Array, Array]:
    """Shares of the brainstem, and of the cisterns around it and under the brain."""
    stem, pools = np.zeros_like(at.slow), np.zeros_like(at.slow)
    near = np.flatnonzero((at.mirrored.x < 42) & (np.abs(at.rest.y - 2) < 38))
    if len(near):
        rest, mirrored, slow = at.rest.at(near), at.mirrored.at(near), at.slow.take(near)
        stem[near], pools[near] = _brainstem(head, rest, mirrored, slow)
    if at.rest.z.min() < -36:
        size = head.brain.cisterna_magna
        magna = ellipsoid(at.rest, (0, 66, -60), (13 * size, 9 * size, 11 * size))
        np.maximum(pools, inside(magna, EDGE), out=pools)
    return stem, pools


def _brainstem(head: Head, rest: Points, m: Points, slow: Array) -> tuple[Array, Array]:
    low, high = float(rest.z.min()), float(rest.z.max())
    size = head.brain.cisterns + 0.5 * head.atrophy
    stem = np.full_like(slow, 40)
    pools = np.zeros_like(slow)
    if high > -32:
        stem = _midbrain(rest, m)
        pools = _around_midbrain(head, rest, m, slow, stem)
    if low < -20:
        pons = ellipsoid(rest, (0, 17, -35), (15, 12, 14))
        bridge = capsule(m, (10, 21, -38), (23, 34, -42), (8, 6))
        pons = smooth_min(pons, bridge, 5)
        pons = smooth_min(pons, capsule(rest, (0, 22, -48), (0, 27, -75), (8.5, 8)), 5)
        stem = smooth_min(stem, pons, 4)
        before = smooth_step(-rest.y, -15, -9) * smooth_step(-rest.z, 24, 29)
        corner = inside(ellipsoid(m, (21, 13, -40), (6.5 * size, 5 * size, 6)), EDGE)
        pools = any_of([pools, inside(stem - np.float32(5 * size), EDGE) * before, corner])
    stem = inside(stem, EDGE)
    return stem, pools * (1 - stem)


def _midbrain(rest: Points, m: Points) -> Array:
    peduncle = ellipsoid(m, (9, 6, -15), (7, 9.5, 13))
    midbrain = smooth_min(peduncle, ellipsoid(rest, (0, 13, -14), (13, 9, 12)), 3)
    return smooth_min(midbrain, ellipsoid(m, (5, 21, -12), (5, 4.5, 8)), 2)


def _around_midbrain(head: Head, rest: Points, m: Points, slow: Array, midbrain: Array) -> Array:
    """Shares of the cisterns around the midbrain, and of the star above the sella."""
    size = head.brain.cisterns + 0.5 * head.atrophy
    width = np.float32(0.4) + smooth_step(rest.y, 2, 24) * np.float32(1.9)
    width *= np.float32(size) * (1 + np.float32(0.35) * slow)
    girdle = np.abs(midbrain - width * np.float32(0.7) + np.float32(1.2) * slow)
    heights = smooth_step(-rest.z, 2, 8) * smooth_step(rest.z, -30, -24)
    low = np.float32(0.6) * (rest.z + 18) - 18  # its rays are taller than wide
    star = ellipsoid(Points(rest.x, rest.y, low), (0, -8, -18), (4.6 * size, 4.2 * size, 4.2))
    stretched = Points(m.x, m.y, low)
    for start, end, radii in _RAYS:
        ray = capsule(stretched, start, end, (radii[0] * size, radii[1] * size))
        star = smooth_min(star, ray, 2.5)
    between = ellipsoid(rest, (0, 1, -17), (3.8 * size, 5, 6))
    star = smooth_min(star, between, 4)
    pools = [
        cleft(girdle, width) * heights,
        inside(star, EDGE),
        inside(ellipsoid(rest, (0, 28, -5), (9 * size, 3.6 * size, 7)), EDGE),
    ]
    return any_of(pools)


_RAYS = (
    ((0.0, -10.0, -18.0), (0.0, -34.0, -16.0), (3.4, 0.7)),
    ((3.0, -10.0, -18.0), (18.0, -19.0, -16.0), (3.6, 1.5)),
    ((18.0, -19.0, -16.0), (38.0, -26.0, -13.0), (1.5, 0.9)),
    ((3.0, -6.0, -18.0), (17.0, 5.0, -16.0), (3.2, 1.1)),
)
"""Rays of the star above the sella, one side: start, end (mm), and the radii there (mm)."""

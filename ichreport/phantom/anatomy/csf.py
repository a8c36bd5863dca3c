"""Cerebrospinal fluid: ventricles, sulci and fissures, cisterns."""

import numpy as np

from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.landmarks import EDGE, Landmarks
from ichreport.phantom.shapes import (
    Array,
    Points,
    Vector,
    any_of,
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
    share *= np.minimum(width * np.float32(1 / EDGE), 1)
    return share


def ventricles(head: Head, at: Landmarks) -> tuple[Array, Array]:
    """Share of each point that is ventricle, and the distance to the lateral ones (mm)."""
    size, rest = head.ventricles, at.rest
    low, high = float(rest.z.min()), float(rest.z.max())
    lateral = np.full_like(rest.x, 40)
    for start, end, (first, last) in LATERAL_VENTRICLE:
        reach = 12 * size
        if low - reach < max(start[2], end[2]) and high + reach > min(start[2], end[2]):
            tube = capsule(at.mirrored, start, end, (first * size, last * size))
            lateral = smooth_min(lateral, tube, 3)
    lateral = np.maximum(lateral, np.float32(0.7) - at.mirrored.x)
    shares = [inside(lateral, EDGE)]
    if low < 12 and high > -16:
        slit = 0.9 + 3.2 * max(size - 0.6, 0)
        shares.append(inside(ellipsoid(rest, (0, -1, -2), (slit, 13, 10)), EDGE))
    if high > -60 and low < -22:
        fourth = ellipsoid(rest, (0, 31, -40), (6.5 * size + 2, 3.5 * size + 1.2, 10))
        shares.append(inside(fourth, EDGE))
    return any_of(shares), lateral


def sulci(head: Head, at: Landmarks, clogged: Array | None) -> tuple[Array, Array]:
    """Share of fluid on the brain, and depth below the nearest surface of cortex (mm).

    Args:
        head: The person.
        at: The points.
        clogged: Share of blood in the fluid (0 to 1); blood widens what it fills.
    """
    atrophy = head.atrophy
    layer = np.float32(0.7 + 1.5 * atrophy) * (1 + np.float32(0.3) * at.slow)
    layer *= 1 + np.float32(0.4) * smooth_step(-at.rest.y, 10, 60)
    width = np.float32(head.sulci) * np.maximum(1 + np.float32(0.35) * at.slow, 0.35)
    width *= np.float32(0.85) + np.float32(0.4) * smooth_step(at.rest.z, 0, 60)
    fissure_width: Array | np.float32 = np.float32(0.9 + 2.0 * atrophy)
    sylvian_width: Array | np.float32 = np.float32(1.2 + 3.2 * atrophy)
    if clogged is not None:
        extra = np.float32(2.6) * clogged
        width += extra
        layer += np.float32(0.6) * clogged
        fissure_width, sylvian_width = fissure_width + extra, sylvian_width + extra
    surface = np.minimum(at.outside, at.middle + 3 * np.maximum(6 - at.arch, 0))
    fold = np.abs(at.ridge) * np.float32(3.4)
    fold += np.float32(0.8) * np.maximum(surface - 17 - 3 * at.slow, 0)
    fissure = np.sqrt(np.square(at.middle) + np.square(np.minimum(at.arch, 0)))
    clefts = [cleft(fold, width), cleft(fissure, fissure_width)]
    depths = [fold - width * np.float32(0.5), fissure - fissure_width * np.float32(0.5)]
    if at.rest.z.min() < 40:
        sylvian = _sylvian(at)
        clefts.append(cleft(sylvian, sylvian_width))
        depths.append(sylvian - sylvian_width * np.float32(0.5))
    share, depth = any_of(clefts), at.outside - layer
    if at.low:
        share *= 1 - at.below
        depths.append(np.abs(at.tent) + 40 * smooth_step(-at.behind, 0, 2) - np.float32(0.6))
    np.maximum(share, inside(depth, EDGE), out=share)
    for other in depths:
        np.minimum(depth, other, out=depth)
    return share, depth


def _sylvian(at: Landmarks) -> Array:
    """Distance to the middle of the Sylvian fissure: over the insula, and out to the surface."""
    m = at.mirrored
    wavy = np.float32(2) * at.slow + np.float32(1.6) * at.ridge
    over_insula = m.x - 37 + np.float32(0.009) * np.square(m.y + 2) + np.float32(0.7) * wavy
    beyond = np.maximum(np.abs(m.y + 3) - 17, np.abs(m.z - 2) - 11)
    insula = np.square(over_insula) + np.square(np.maximum(beyond, 0))
    along = m.y + 16 - np.float32(0.9) * m.z - np.float32(0.35) * (m.x - 38)
    along = (along + np.float32(2) * wavy) * np.float32(0.75)
    beyond = np.maximum(38 - m.x, np.abs(m.z - 3) - 20)
    lips = np.square(along) + np.square(np.maximum(beyond, 0))
    distance: Array = np.sqrt(np.minimum(insula, lips))
    return distance


def brainstem(head: Head, at: Landmarks) -> tuple[Array, Array]:
    """Shares of the brainstem, and of the cisterns around it and under the brain."""
    rest: Points = at.rest
    midbrain = ellipsoid(rest, (0, 12, -14), (15.5, 11, 12))
    pons = ellipsoid(rest, (0, 12, -34), (16, 12.5, 14))
    medulla = capsule(rest, (0, 20, -48), (0, 26, -75), (9, 8))
    stem = inside(smooth_min(smooth_min(midbrain, pons, 4), medulla, 5), EDGE)
    wavy = at.slow - np.float32(0.9) * at.ridge
    girdle = np.abs(midbrain - np.float32(2.2) + wavy) - np.float32(0.8 + 1.2 * head.atrophy)
    heights = smooth_step(-rest.z, 5, 11) * smooth_step(rest.z, -28, -22)
    pools = [
        inside(girdle, EDGE) * heights * (0.3 + np.float32(0.7) * smooth_step(rest.y, 8, 19)),
        inside(ellipsoid(rest, (0, -10, -19), (13, 9, 6.5)), EDGE),
        inside(ellipsoid(rest, (0, 2, -21), (7, 6, 7)), EDGE),
        inside(ellipsoid(rest, (0, 27, -5), (11, 4.5, 7)), EDGE),
        inside(capsule(at.mirrored, (8, -13, -18), (35, -16, -12), (2.4, 2.2)), EDGE),
    ]
    if rest.z.min() < -24:
        pools += [
            inside(ellipsoid(rest, (0, -2, -36), (12, 4.5, 14)), EDGE),
            inside(ellipsoid(at.mirrored, (22, 9, -40), (7, 5, 6)), EDGE),
            inside(ellipsoid(rest, (0, 64, -60), (13, 9, 9)), EDGE),
        ]
    return stem, any_of(pools) * (1 - stem)

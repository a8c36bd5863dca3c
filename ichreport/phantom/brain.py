"""What lies inside the dura: grey and white matter, ventricles, cisterns, falx and tentorium."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ichreport.phantom.anatomy import Cavity, Head, petrous
from ichreport.phantom.shapes import (
    Array,
    Points,
    Vector,
    any_of,
    bump,
    capsule,
    ellipsoid,
    inside,
    smooth_min,
    smooth_step,
    sphere,
    wander,
)

EDGE = 1.3
"""Width of the edge response inside the brain (mm)."""

DURA = 46.0
CORTEX = 3.3
FOLD_RATE = 0.62
"""Labyrinth voxels a mm: folds lie about 13 mm apart."""

LATERAL_VENTRICLE = (
    ((12.0, -38.0, 7.0), (8.0, -22.0, 8.5), (3.2, 5.2)),
    ((8.0, -22.0, 8.5), (4.5, -9.0, 9.0), (5.2, 4.0)),
    ((7.0, -14.0, 14.0), (11.0, 2.0, 20.0), (4.5, 5.2)),
    ((11.0, 2.0, 20.0), (16.0, 20.0, 19.0), (5.2, 6.0)),
    ((16.0, 20.0, 19.0), (23.0, 34.0, 9.0), (6.0, 7.2)),
    ((23.0, 34.0, 9.0), (20.0, 50.0, 3.0), (7.0, 4.2)),
    ((20.0, 50.0, 3.0), (17.0, 62.0, 1.0), (4.2, 2.2)),
    ((23.0, 34.0, 9.0), (33.0, 24.0, -8.0), (6.0, 2.8)),
    ((33.0, 24.0, -8.0), (31.0, 2.0, -21.0), (2.8, 2.2)),
)
"""One side's chain of tubes: start, end (mm), and the radii there (mm)."""

OCCIPITAL_TIP: Vector = (17.0, 62.0, 1.0)


@dataclass(frozen=True)
class Pressure:
    """How blood displaces the brain.

    Attributes:
        shift: Shift of the midline towards the patient's left (mm).
        pushes: Center, radius (mm) and strength (0 to 1) of what pushes brain aside.
    """

    shift: float = 0.0
    pushes: tuple[tuple[Vector, float, float], ...] = ()

    def undo(self, p: Points, space: Cavity) -> Points:
        """Where the brain that is now at `p` would be without the pressure."""
        x, y, z = p
        if self.shift:
            x = x - np.float32(self.shift) * np.maximum(1 - space.radius * space.radius, 0)
        for center, radius, strength in self.pushes:
            away = sphere(p, center, radius)
            factor = np.exp(np.minimum(-away, 0) * np.float32(1 / (0.8 * radius)))
            factor *= np.float32(strength * radius) / np.maximum(away + np.float32(radius), radius)
            x = x - factor * (p.x - np.float32(center[0]))
            y = y - factor * (p.y - np.float32(center[1]))
            z = z - factor * (p.z - np.float32(center[2]))
        return Points(x, y, z)


class Brain(NamedTuple):
    """The content of the dura.

    Attributes:
        hu: Intensity without any blood (HU).
        subarachnoid: Share of each point that is cerebrospinal fluid outside the ventricles.
        ventricles: Share that is ventricle.
        sinus: Share that is a venous sinus.
        slow: Noise that varies over centimetres, variance 1.
        rest: Where each point's brain lies when nothing presses on it.
    """

    hu: Array
    subarachnoid: Array
    ventricles: Array
    sinus: Array
    slow: Array
    rest: Points


class _Partitions(NamedTuple):
    middle: Array  # distance to the midsagittal plane
    arch: Array  # distance outwards from the corpus callosum, in the midsagittal plane
    tent: Array  # height above the tentorium
    rho: Array  # 0 at the middle of the tentorium's opening, 1 at its rim
    behind: Array  # distance behind the petrous crests


def draw(
    head: Head,
    p: Points,
    space: Cavity,
    *,
    pressure: Pressure,
    outside: Array,
    clogged: Array | None,
) -> Brain:
    """Draw the content of the dura without its blood.

    Args:
        head: The person.
        p: Points within the cavity, one-dimensional.
        space: The cavity, measured at `p`.
        pressure: What displaces the brain.
        outside: Depth of each point below the dura or below blood outside the arachnoid (mm).
        clogged: Share of subarachnoid blood (0 to 1), which widens the spaces that it fills.
    """
    rest = pressure.undo(p, space)
    mirrored = Points(np.abs(rest.x), rest.y, rest.z)
    parts = _partitions(rest, mirrored)
    slow = wander(
        *(v * np.float32(0.17) + np.float32(o + 31) for v, o in zip(rest, head.origin, strict=True))
    )
    infra = smooth_step(-parts.tent, -0.8, 0.8) * smooth_step(parts.behind, -3, 1)
    chambers, around = _ventricles(head, rest, mirrored)
    gaps, cortex = _spaces(head, rest, mirrored, space, parts, slow, outside, infra, clogged)
    stem, cisterns = _brainstem(rest, mirrored)
    tissue = _tissue(head, mirrored, slow, cortex, around, infra, stem, outside)
    gaps = np.maximum(gaps * (1 - stem), cisterns)
    hu = tissue + gaps * (np.float32(head.csf) - tissue)
    hu += chambers * (np.float32(head.csf) - hu)
    sinus = _sinuses(p, space, parts) * inside(-outside, EDGE)
    dura = _dura(parts, space, atrophy=head.atrophy)
    hu += dura * (np.float32(DURA) - hu)
    hu += sinus * (np.float32(DURA + 7) - hu)
    solid = 1 - np.maximum(sinus, dura)
    return Brain(hu, gaps * (1 - chambers) * solid, chambers * solid, sinus, slow, rest)


def callosal_arch(p: Points) -> Array:
    """Distance outwards from the corpus callosum and what it arches over (mm)."""
    y, z = (p.y + 3) * np.float32(1 / 38), p.z * np.float32(1 / 27)
    return (np.sqrt(y * y + z * z) - 1) * np.float32(30)


def tentorium(p: Points) -> tuple[Array, Array]:
    """Height above the tentorium (mm), and relative distance from its opening's middle."""
    rho2 = np.square(p.x * np.float32(1 / 62)) + np.square((p.y - 20) * np.float32(1 / 62))
    return (p.z + 6 + np.float32(26) * np.minimum(rho2, 1.3)) * np.float32(0.85), np.sqrt(rho2)


def _partitions(rest: Points, mirrored: Points) -> _Partitions:
    tent, rho = tentorium(rest)
    return _Partitions(mirrored.x, callosal_arch(rest), tent, rho, petrous(rest))


def _ventricles(head: Head, rest: Points, mirrored: Points) -> tuple[Array, Array]:
    """Share of ventricle, and distance to the lateral ones (mm)."""
    size = head.ventricles
    low, high = float(rest.z.min()), float(rest.z.max())
    lateral = np.full_like(rest.x, 40)
    for start, end, (first, last) in LATERAL_VENTRICLE:
        reach = 12 * size
        if low - reach < max(start[2], end[2]) and high + reach > min(start[2], end[2]):
            tube = capsule(mirrored, start, end, (first * size, last * size))
            lateral = smooth_min(lateral, tube, 3)
    lateral = np.maximum(lateral, np.float32(0.7) - mirrored.x)
    shares = [inside(lateral, EDGE)]
    slit = 0.9 + 3.2 * max(head.ventricles - 0.6, 0)
    if low < 12 and high > -16:
        shares.append(inside(ellipsoid(rest, (0, -1, -2), (slit, 13, 10)), EDGE))
    if high > -60 and low < -22:
        fourth = ellipsoid(rest, (0, 31, -40), (6.5 * size + 2, 3.5 * size + 1.2, 10))
        shares.append(inside(fourth, EDGE))
    return any_of(shares), lateral


def _spaces(
    head: Head,
    rest: Points,
    mirrored: Points,
    space: Cavity,
    parts: _Partitions,
    slow: Array,
    outside: Array,
    infra: Array,
    clogged: Array | None,
) -> tuple[Array, Array]:
    """Share of fluid in sulci and fissures, and depth below the nearest surface of cortex (mm)."""
    supra = 1 - infra
    layer = np.float32(0.7 + 1.5 * head.atrophy) * (1 + np.float32(0.3) * slow)
    layer *= 1 + np.float32(0.4) * smooth_step(-rest.y, 10, 60)
    width = np.float32(head.sulci) * np.maximum(1 + np.float32(0.5) * slow, 0.3)
    width *= np.float32(0.85) + np.float32(0.4) * smooth_step(rest.z, 0, 60)
    extra = np.float32(0)
    if clogged is not None:
        extra = np.float32(1.5) * clogged
        width += extra
        layer = layer + np.float32(0.6) * clogged
    fold, sulcus_depth = _folds(head, rest, space, slow, outside)
    sulcus = fold + np.float32(0.8) * np.maximum(outside - sulcus_depth, 0)
    fissure = np.sqrt(np.square(parts.middle) + np.square(np.minimum(parts.arch, 0)))
    fissure_width = np.float32(0.9 + 2.0 * head.atrophy) + extra
    sylvian = _sylvian(mirrored)
    sylvian_width = np.float32(1.2 + 3.2 * head.atrophy) + extra
    clefts = (
        _cleft(sulcus, width) * supra,
        _cleft(fissure, fissure_width) * supra,
        _cleft(sylvian, sylvian_width) * supra,
        inside(outside - layer, EDGE),
    )
    under = np.abs(parts.tent) + 40 * smooth_step(-parts.behind, 0, 2)
    cortex = np.minimum(sulcus - width * np.float32(0.5), outside - layer)
    cortex = np.minimum(cortex, fissure - fissure_width * np.float32(0.5))
    cortex = np.minimum(cortex, sylvian - sylvian_width * np.float32(0.5))
    return any_of(clefts), np.minimum(cortex, under - np.float32(0.6))


def _cleft(distance: Array, width: Array | np.float32) -> Array:
    """Share of a gap of `width` mm at a distance from its middle, after the edge response."""
    edge = np.float32(EDGE)
    share = np.clip((width * np.float32(0.5) + edge * np.float32(0.5) - distance) / edge, 0, 1)
    return share * np.minimum(width / edge, 1)


def _folds(
    head: Head, rest: Points, space: Cavity, slow: Array, outside: Array
) -> tuple[Array, Array]:
    """Distance to the middle of the nearest sulcus, and how deep sulci reach there (mm).

    Folds are the labyrinth's zero crossings, looked up on the surface above each point so that
    they run inwards, slanted by the person's twist.
    """
    outwards = np.float32(0.22) + np.float32(0.78) / np.maximum(space.radius, np.float32(0.35))
    coordinates = []
    for value, start, twist in zip(rest, head.origin, head.twist, strict=True):
        on_surface = value * outwards + np.float32(twist) * outside
        coordinates.append(on_surface * np.float32(FOLD_RATE) + np.float32(start))
    fold = np.abs(wander(*coordinates)) * np.float32(4.0)
    return fold, 13 + 5 * slow


def _sylvian(m: Points) -> Array:
    """Distance to the middle of the Sylvian fissure: over the insula, and out to the surface."""
    over_insula = m.x - 38 + np.float32(0.004) * np.square(m.y + 2)
    beyond = np.maximum(np.abs(m.y + 1) - 21, np.abs(m.z - 3) - 13)
    insula = np.sqrt(np.square(over_insula) + np.square(np.maximum(beyond, 0)))
    along = (m.y + 10 - np.float32(0.9) * m.z) * np.float32(0.75)
    beyond = np.maximum(38 - m.x, np.abs(m.z - 3) - 20)
    lips = np.sqrt(np.square(along) + np.square(np.maximum(beyond, 0)))
    return np.minimum(insula, lips)


def _brainstem(rest: Points, mirrored: Points) -> tuple[Array, Array]:
    """Shares of the brainstem and of the cisterns around it and under the brain."""
    low, high = float(rest.z.min()), float(rest.z.max())
    nothing = np.zeros_like(rest.x)
    if low > 6:
        return nothing, nothing
    midbrain = ellipsoid(rest, (0, 12, -12), (16, 11, 12))
    pons = ellipsoid(rest, (0, 12, -34), (16, 12.5, 14))
    medulla = capsule(rest, (0, 20, -48), (0, 26, -75), (9, 8))
    stem = inside(smooth_min(smooth_min(midbrain, pons, 4), medulla, 5), EDGE)
    girdle = np.abs(midbrain - np.float32(2.2)) - np.float32(1.6)
    pools = [
        inside(girdle, EDGE) * smooth_step(-rest.z, 0, 6) * smooth_step(rest.z, -28, -22),
        inside(ellipsoid(rest, (0, -10, -19), (13, 9, 6.5)), EDGE),
        inside(ellipsoid(rest, (0, 2, -21), (7, 6, 7)), EDGE),
        inside(ellipsoid(rest, (0, 27, -5), (11, 4.5, 7)), EDGE),
        inside(capsule(mirrored, (8, -13, -18), (35, -16, -12), (2.4, 2.2)), EDGE),
    ]
    if low < -24:
        pools += [
            inside(ellipsoid(rest, (0, -2, -36), (12, 4.5, 14)), EDGE),
            inside(ellipsoid(mirrored, (22, 9, -40), (7, 5, 6)), EDGE),
            inside(ellipsoid(rest, (0, 64, -60), (13, 9, 9)), EDGE),
        ]
    return stem * (high > -80), any_of(pools) * (1 - stem)


def _tissue(
    head: Head,
    m: Points,
    slow: Array,
    cortex: Array,
    around: Array,
    infra: Array,
    stem: Array,
    outside: Array,
) -> Array:
    """Intensity of the brain's substance (HU)."""
    ribbon = inside(cortex - np.float32(CORTEX), 1.6)
    nuclei = any_of(
        [
            inside(ellipsoid(m, (16.5, -20, 8), (5, 10, 9)), 2.0),
            inside(ellipsoid(m, (26, -3, 2), (7, 16, 10)), 2.5),
            inside(ellipsoid(m, (10.5, 9, 4), (8.5, 13, 9)), 2.5),
        ]
    )
    white = head.white + np.float32(0.7) * slow
    caps = np.exp(np.minimum(-around, 0) * np.float32(1 / 7))
    white -= np.float32(head.leukoaraiosis) * caps * (1 - nuclei)
    hu = white + np.maximum(ribbon, np.float32(0.9) * nuclei) * (np.float32(head.grey) - white)
    folia = np.sin(outside * np.float32(1.9) + 2 * slow)
    core = bump(m.x, 14, 10) * bump(m.y, 44, 12) * bump(m.z, -44, 8)
    cerebellum = np.float32(head.grey - 1.5) + np.float32(1.0) * folia - 5 * core
    hu += infra * (cerebellum - hu)
    hu += stem * (np.float32(head.white + 3) - hu)
    return hu


def _dura(parts: _Partitions, space: Cavity, *, atrophy: float) -> Array:
    falx = _cleft(parts.middle, np.float32(1.0))
    falx *= smooth_step(parts.arch, 5, 10) * smooth_step(parts.tent, -1, 1)
    tent = _cleft(np.abs(parts.tent), np.float32(1.0))
    tent *= smooth_step(parts.behind, 0, 4) * smooth_step(parts.rho, 0.30, 0.36)
    lining = inside(-space.wall - np.float32(0.6), 1.2)
    return np.maximum(np.maximum(falx, tent), np.float32(0.7) * lining)


def _sinuses(p: Points, space: Cavity, parts: _Partitions) -> Array:
    """Share of the superior sagittal and the transverse sinuses."""
    depth = -space.wall
    sagittal = np.abs(p.x) + np.float32(0.6) * depth - np.float32(4.2)
    sagittal = np.maximum(sagittal, np.maximum(-28 - p.z, -parts.arch - p.y * np.float32(0.1)))
    share = inside(sagittal, EDGE) * smooth_step(p.z + np.float32(0.8) * p.y, 5, 30)
    if p.z.min() > -18:
        return share
    transverse = np.sqrt(np.square(p.z + 31) + np.square(depth - 2)) - np.float32(3.6)
    return np.maximum(share, inside(transverse, EDGE) * smooth_step(parts.behind, 4, 10))

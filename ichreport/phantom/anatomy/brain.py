"""The content of the dura without blood: grey and white matter, fluid, falx, tentorium."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.anatomy import lesions
from ichreport.phantom.anatomy.cavity import Cavity
from ichreport.phantom.anatomy.fluid import csf, sulci
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.landmarks import EDGE, Landmarks, MassEffect
from ichreport.phantom.anatomy.lesions import Tissue
from ichreport.phantom.shapes import (
    Array,
    Points,
    any_of,
    at_least,
    ellipsoid,
    inside,
    smooth_step,
    wander,
)

_DURA = 53.0
_VENOUS = 53.0
_HALO = 12.0
"""Distance from the ventricles that white-matter disease around them reaches (mm)."""

_TENT = 1.1
"""Thickness of the tentorium (mm)."""

_SPREAD = 1.7
"""Distance from the tentorium at which a plane still shows it (mm).

A slice cuts it obliquely, and is the mean of planes that would each show a line of it."""

_FOLIA = 11.0
"""Depth below the cerebellum's surface at which its folia are too fine to be seen (mm)."""

_CORTEX = 3.8
"""Thickness of the cortex (mm)."""


class Brain(NamedTuple):
    """The content of the dura.

    Attributes:
        hu: Intensity without any blood (HU).
        subarachnoid: Share of each point that is cerebrospinal fluid outside the ventricles.
        ventricles: Share that is ventricle.
        sinus: Share that is a venous sinus.
        dura: Share that is falx, tentorium or the lining of the skull.
        rest: Where each point's brain lies when nothing presses on it.
    """

    hu: Array
    subarachnoid: Array
    ventricles: Array
    sinus: Array
    dura: Array
    rest: Points


def draw(
    head: Head,
    p: Points,
    space: Cavity,
    *,
    mass_effect: MassEffect,
    outside: Array,
    clogged: Array | None,
    slow: Array,
) -> Brain:
    """Draw the content of the dura.

    Args:
        head: The person.
        p: Points within the cavity, one-dimensional.
        space: The cavity, measured at `p`.
        mass_effect: What displaces the brain.
        outside: Depth of each point below the dura or below blood outside the arachnoid (mm).
        clogged: Share of subarachnoid blood (0 to 1), which widens the spaces that it fills.
        slow: `slow_noise` at or near the points.
    """
    swollen = tuple(push for lesion in head.brain.lesions for push in lesion.pushes)
    mass_effect = replace(mass_effect, pushes=mass_effect.pushes + swollen)
    at = Landmarks.find(p, space, mass_effect=mass_effect, outside=outside, slow=slow)
    chambers, around = mass_effect.squeezed(*csf.ventricles(head, at), at.rest)
    gaps, cortex = sulci.surface(head, at, space, clogged)
    mass_effect.narrow(gaps, p)
    hu = _cerebrum(head, at, cortex, around)
    if at.low:
        under = np.flatnonzero(at.below)
        hu[under] += at.below.take(under) * (_cerebellum(head, at, under) - hu.take(under))
        stem, cisterns = csf.brainstem(head, at)
        hu += stem * (np.float32(head.white + 3) - hu)
        gaps *= 1 - stem
        np.maximum(gaps, cisterns, out=gaps)
    hu += np.maximum(gaps, chambers) * (np.float32(head.csf) - hu)
    if head.brain.lesions:
        tissue = Tissue(hu, at.rest, outside, at.below, chambers, head.csf)
        lesions.paint(head.brain.lesions, tissue)
    sinus = _sinuses(p, space, at) * inside(-outside, EDGE)
    dura = _dura(head, at, space)
    hu += dura * (np.float32(_DURA) - hu)
    hu += sinus * (np.float32(_VENOUS) - hu)
    soft = 1 - np.maximum(sinus, dura)
    return Brain(
        hu=hu,
        subarachnoid=gaps * (1 - chambers) * soft,
        ventricles=chambers * soft,
        sinus=sinus,
        dura=dura,
        rest=at.rest,
    )


def _cerebrum(head: Head, at: Landmarks, cortex: Array, around: Array) -> Array:
    grey = inside(cortex - np.float32(_CORTEX), 1.6)
    white: Array = np.float32(0.7) * at.slow
    white += np.float32(head.white)
    near = np.flatnonzero(around < _HALO)
    if head.leukoaraiosis and len(near):
        caps = np.square(1 - at_least(around.take(near), 0) * np.float32(1 / _HALO))
        caps *= np.float32(head.leukoaraiosis) * (1 + np.float32(0.4) * at.slow.take(near))
        white[near] -= caps
    if at.rest.z.max() > -13 and at.rest.z.min() < 20:
        core = np.flatnonzero((at.mirrored.x < 36) & (np.abs(at.rest.y + 2) < 32))
        grey[core] = np.maximum(grey.take(core), _nuclei(at.mirrored.at(core)))
    white += grey * (np.float32(head.grey) - white)
    return white


def _nuclei(m: Points) -> Array:
    """Share of the caudate and lentiform nuclei and the thalamus; the capsule lies between."""
    wedge = ellipsoid(m, (21, -3, 3), (12, 21, 12))
    front = np.float32(-0.42) * m.y - np.float32(0.91) * (m.x - 14) - np.float32(1.5)
    back = np.float32(0.55) * m.y - np.float32(0.83) * (m.x - 15)
    lentiform = np.maximum(np.maximum(wedge, front), back)
    shares = [
        inside(ellipsoid(m, (15, -21, 8), (5, 9, 10)), 2.0),
        inside(lentiform, 2.0),
        inside(ellipsoid(m, (10, 10, 5), (8.5, 12, 9)), 2.5),
    ]
    return np.float32(0.9) * any_of(shares)


def _cerebellum(head: Head, at: Landmarks, under: NDArray[np.intp]) -> Array:
    """Cerebellar tissue at some points: faint folia near its surface, white matter within (HU)."""
    rest, slow = at.rest.at(under), at.slow.take(under)
    depth = np.minimum(at.outside.take(under), -at.tent.take(under))
    tissue: Array = np.full_like(slow, head.grey - 1.5)
    outer = np.flatnonzero(depth < _FOLIA)
    across, y, z = (
        v * np.float32(rate) + np.float32(start)
        for v, rate, start in zip(rest.at(outer), (1.1, 3.2, 2.6), head.origin, strict=True)
    )
    folia = wander(across, y, z)
    folia *= np.float32(0.4 + 1.2 * head.atrophy) * smooth_step(-depth.take(outer), -_FOLIA, -4)
    tissue[outer] += folia
    mirrored = Points(np.abs(rest.x), rest.y, rest.z)
    hemisphere = ellipsoid(mirrored, (20, 46, -42), (15, 13, 8)) + 2 * slow
    tissue -= inside(hemisphere, 5.0) * np.float32(0.8 * (head.grey - head.white))
    return tissue


def _dura(head: Head, at: Landmarks, space: Cavity) -> Array:
    """Share of the falx, the tentorium, and the dura that lines the skull."""
    share = inside(-space.wall - np.float32(0.6), 1.2)
    share *= np.float32(0.7)
    near = np.flatnonzero(at.middle < 3)
    falx = csf.cleft(at.middle.take(near), np.float32(head.brain.falx))
    falx *= smooth_step(at.arch.take(near), 4, 8)
    if at.low:
        falx *= smooth_step(at.tent.take(near), -1, 1)
        tent = at_least(1 - np.abs(at.tent) * np.float32(1 / _SPREAD), 0)
        tent *= np.float32(_TENT / _SPREAD)
        tent *= smooth_step(at.behind, 0, 4) * smooth_step(at.rim, 0.30, 0.36)
        np.maximum(share, tent, out=share)
    share[near] = np.maximum(share.take(near), falx)
    return share


def _sinuses(p: Points, space: Cavity, at: Landmarks) -> Array:
    """Share of the superior sagittal, the transverse and the straight sinuses."""
    share = np.zeros_like(at.slow)
    near = np.flatnonzero((np.abs(p.x) < 5) & (space.wall > -10))
    share[near] = _sagittal(p.at(near), -space.wall.take(near), at.arch.take(near))
    if p.z.min() < -18:
        near = np.flatnonzero(at.behind > 4)
        depth = -space.wall.take(near)
        transverse = np.sqrt(np.square(p.z.take(near) + 31) + np.square(depth - 2))
        transverse = inside(transverse - np.float32(3.6), EDGE)
        transverse *= smooth_step(at.behind.take(near), 4, 10)
        share[near] = np.maximum(share.take(near), transverse)
    if at.low:
        near = np.flatnonzero((at.middle < 3.5) & (at.rest.y > 36))
        straight = np.hypot(at.middle.take(near), at.tent.take(near) + np.float32(0.8))
        straight = inside(straight - np.float32(1.3), EDGE)
        share[near] = np.maximum(share.take(near), straight)
    return share


def _sagittal(p: Points, depth: Array, arch: Array) -> Array:
    share = np.abs(p.x) + np.float32(0.6) * depth - np.float32(4.2)
    share = np.maximum(share, np.maximum(-28 - p.z, -arch - p.y * np.float32(0.1)))
    return inside(share, EDGE) * smooth_step(p.z + np.float32(0.8) * p.y, 5, 30)

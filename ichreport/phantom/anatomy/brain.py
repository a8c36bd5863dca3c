"""The content of the dura without blood: grey and white matter, fluid, falx, tentorium."""

from typing import NamedTuple

import numpy as np

from ichreport.phantom.anatomy import csf
from ichreport.phantom.anatomy.cavity import Cavity
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.landmarks import EDGE, Landmarks, MassEffect
from ichreport.phantom.shapes import Array, Points, any_of, bump, ellipsoid, inside, smooth_step

_DURA = 46.0
_VENOUS = 53.0
_CORTEX = 3.3
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
    at = Landmarks.find(head, p, space, mass_effect=mass_effect, outside=outside, slow=slow)
    chambers, around = mass_effect.squeezed(*csf.ventricles(head, at), at.rest)
    gaps, cortex = csf.sulci(head, at, clogged)
    mass_effect.narrow(gaps, p)
    hu = _cerebrum(head, at, cortex, around)
    if at.low:
        hu += at.below * (_cerebellum(head, at) - hu)
        stem, cisterns = csf.brainstem(head, at)
        hu += stem * (np.float32(head.white + 3) - hu)
        gaps *= 1 - stem
        np.maximum(gaps, cisterns, out=gaps)
    hu += np.maximum(gaps, chambers) * (np.float32(head.csf) - hu)
    sinus = _sinuses(p, space, at) * inside(-outside, EDGE)
    dura = _dura(at, space)
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
    caps = np.float32(head.leukoaraiosis) * np.exp(np.minimum(-around, 0) * np.float32(1 / 7))
    if at.rest.z.max() > -13 and at.rest.z.min() < 20:
        nuclei = any_of(
            [
                inside(ellipsoid(at.mirrored, (16.5, -20, 8), (5, 10, 9)), 2.0),
                inside(ellipsoid(at.mirrored, (26, -3, 2), (7, 16, 10)), 2.5),
                inside(ellipsoid(at.mirrored, (10.5, 9, 4), (8.5, 13, 9)), 2.5),
            ]
        )
        caps *= 1 - nuclei
        nuclei *= np.float32(0.9)
        np.maximum(grey, nuclei, out=grey)
    white -= caps
    white += grey * (np.float32(head.grey) - white)
    return white


def _cerebellum(head: Head, at: Landmarks) -> Array:
    folia: Array = np.sin(at.outside * np.float32(1.9) + 2 * at.slow)
    core = bump(at.mirrored.x, 14, 10) * bump(at.rest.y, 44, 12) * bump(at.rest.z, -44, 8)
    folia += np.float32(head.grey - 2.5) - 5 * core
    return folia


def _dura(at: Landmarks, space: Cavity) -> Array:
    """Share of the falx, the tentorium, and the dura that lines the skull."""
    share: Array = csf.cleft(at.middle, np.float32(0.8)) * smooth_step(at.arch, 5, 10)
    if at.low:
        share *= smooth_step(at.tent, -1, 1)
        tent = csf.cleft(np.abs(at.tent), np.float32(1.0))
        tent *= smooth_step(at.behind, 0, 4) * smooth_step(at.rim, 0.30, 0.36)
        np.maximum(share, tent, out=share)
    lining = inside(-space.wall - np.float32(0.6), 1.2)
    lining *= np.float32(0.7)
    np.maximum(share, lining, out=share)
    return share


def _sinuses(p: Points, space: Cavity, at: Landmarks) -> Array:
    """Share of the superior sagittal and the transverse sinuses."""
    depth = -space.wall
    sagittal = np.abs(p.x) + np.float32(0.6) * depth - np.float32(4.2)
    sagittal = np.maximum(sagittal, np.maximum(-28 - p.z, -at.arch - p.y * np.float32(0.1)))
    share: Array = inside(sagittal, EDGE) * smooth_step(p.z + np.float32(0.8) * p.y, 5, 30)
    if p.z.min() < -18:
        transverse = np.sqrt(np.square(p.z + 31) + np.square(depth - 2)) - np.float32(3.6)
        behind = inside(transverse, EDGE) * smooth_step(at.behind, 4, 10)
        np.maximum(share, behind, out=share)
    return share

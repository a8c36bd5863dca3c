"""The surface of the brain: sulci, fissures, and the fluid in and over them."""

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.anatomy.cavity import Cavity
from ichreport.phantom.anatomy.fluid.csf import cleft
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.anatomy.landmarks import EDGE, Landmarks
from ichreport.phantom.shapes import (
    Array,
    Points,
    at_least,
    at_most,
    inside,
    smooth_step,
    to_crease,
)

_DEEPEST = 20.5
"""Depth below the brain's surface that neither a sulcus nor its cortex reaches (mm)."""

_MEDIAL = 1.4
"""Depth below the medial surface counts so much more: its sulci are shallow."""

_FOLD_RATE = 0.72
"""Labyrinth voxels a mm: sulci lie about 11 mm apart."""

_UPRIGHT = 0.6
"""Rate of the folds along z, relative to the other axes: sulci stand rather than lie."""


class _Surface:
    """Fluid and cortex at points, as one fissure after another is cut into them.

    Attributes:
        fluid: Share of each point that is fluid.
        cortex: Depth below the nearest surface of cortex (mm).
    """

    def __init__(self, cortex: Array) -> None:
        self.fluid: Array = np.zeros_like(cortex)
        self.cortex = cortex

    def cut(self, near: NDArray[np.intp], distance: Array, width: Array) -> None:
        """Cut a fissure.

        Args:
            near: Flat index of the points near it.
            distance: Their distance to its middle (mm).
            width: Distance between its banks (mm).
        """
        self.fluid[near] = np.maximum(self.fluid.take(near), cleft(distance, width))
        bank = distance - np.float32(0.5) * width
        self.cortex[near] = np.minimum(self.cortex.take(near), bank)


def surface(head: Head, at: Landmarks, space: Cavity, clogged: Array | None) -> tuple[Array, Array]:
    """Share of fluid on the brain, and depth below the nearest surface of cortex (mm).

    Args:
        head: The person.
        at: The points.
        space: The cavity at the points.
        clogged: Share of blood in the fluid (0 to 1); blood widens what it fills.
    """
    traits = head.brain
    loss = np.float32(traits.lopsided) * np.sign(at.rest.x)
    front: Array | float = 0.0
    if traits.frontal or traits.frontal_fluid:
        front = smooth_step(-at.rest.y, 0, 50)
        loss += np.float32(traits.frontal) * front
    layer = np.float32(0.6 + 1.6 * head.atrophy) + loss
    layer *= 1 + np.float32(0.35) * at.slow
    if traits.frontal_fluid:
        layer += front * (np.float32(traits.frontal_fluid) * smooth_step(at.rest.z, -25, 5))
    at_least(layer, 0.3, out=layer)
    if clogged is not None:
        loss += np.float32(3.2) * clogged
        layer += np.float32(1.0) * clogged
    over = at.outside - layer
    drawn = _Surface(over.copy())
    _interhemispheric(head, at, loss, drawn)
    _folds(head, at, space, loss, drawn)
    _sylvian(head, at, loss, drawn)
    if at.low:
        drawn.fluid *= 1 - at.below
        tent = np.abs(at.tent) + 40 * smooth_step(-at.behind, 0, 2) - np.float32(0.6)
        np.minimum(drawn.cortex, tent, out=drawn.cortex)
    np.maximum(drawn.fluid, inside(over, EDGE), out=drawn.fluid)
    return drawn.fluid, drawn.cortex


def _interhemispheric(head: Head, at: Landmarks, loss: Array, drawn: _Surface) -> None:
    near = np.flatnonzero(at.middle < 10)
    middle, arch = at.middle.take(near), at.arch.take(near)
    distance = np.sqrt(np.square(middle) + np.square(at_most(arch, 0)))
    width = np.float32(0.8 + 2.0 * head.atrophy) + loss.take(near)
    drawn.cut(near, distance, width)


def _folds(head: Head, at: Landmarks, space: Cavity, loss: Array, drawn: _Surface) -> None:
    """Cut the sulci, which run inwards from the surface, narrowing with depth."""
    medial = np.float32(_MEDIAL) * at.middle + 3 * at_least(6 - at.arch, 0)
    depth = np.minimum(at.outside, medial)
    wanted = depth < _DEEPEST
    if at.low:
        wanted &= at.below < 1
    near = np.flatnonzero(wanted)
    if not len(near):
        return
    depth, slow, rest = depth.take(near), at.slow.take(near), at.rest.at(near)
    fold, reach = _fold(head, rest, slow, space.radius.take(near), depth)
    width = np.float32(head.sulci) + loss.take(near)
    width *= 1 + np.float32(0.35) * slow
    width *= np.float32(0.65) + np.float32(0.65) * smooth_step(rest.z, -25, 50)
    at_least(width, 0.25, out=width)
    width *= np.float32(0.7) + np.float32(0.3) * (medial.take(near) > depth)
    width *= np.clip(np.float32(1.6) * (1 - depth / reach), 0, 1)
    beyond = at_least(depth - reach, 0)
    bottomed = np.sqrt(fold * fold + beyond * beyond)
    drawn.cut(near, bottomed, width)


def _fold(
    head: Head, rest: Points, slow: Array, radius: Array, depth: Array
) -> tuple[Array, Array]:
    """Distance to the nearest sulcus's sheet, and the depth of its bottom (mm).

    The labyrinth is looked up on the surface above each point, so that sulci run inwards, slanted
    and bent. Near the midline it is looked up on the medial surface.
    """
    lateral = smooth_step(np.abs(rest.x), 6, 22)
    outwards = lateral / at_least(radius, 0.4)
    medial = 1 - lateral
    along = outwards + np.float32(0.7) * medial
    across = outwards + np.float32(0.25) * medial
    across *= rest.x
    across += np.float32(25) * np.sign(rest.x)
    bend = np.float32(0.3) * slow
    across += depth * (np.float32(head.twist[0]) + bend)
    y = rest.y * along + depth * (np.float32(head.twist[1]) - bend)
    z = rest.z * along
    reach = np.sin((y + z - across) * (np.float32(0.11) + np.float32(0.13) * medial))
    reach *= np.float32(3.7) + np.float32(4.5) * medial  # on the midline some are mere dimples
    reach += np.float32(12.8) + np.float32(1.5) * slow - 4 * medial
    at_least(reach, 1, out=reach)
    z *= np.float32(_UPRIGHT)
    x, y, z = (
        v * np.float32(_FOLD_RATE) + np.float32(start)
        for v, start in zip((across, y, z), head.origin, strict=True)
    )
    fold = to_crease(x, y, z)
    fold *= np.float32(1 / _FOLD_RATE)
    return fold, reach


def _sylvian(head: Head, at: Landmarks, loss: Array, drawn: _Surface) -> None:
    """Cut the Sylvian fissure: over the insula, and out to the surface."""
    low, high = float(at.rest.z.min()), float(at.rest.z.max())
    if low > 34 or high < -24:
        return
    first, last = -16 + 0.9 * low, -16 + 0.9 * high
    within = (at.mirrored.x > 24) & (at.rest.y > min(first - 8, -28))
    near = np.flatnonzero(within & (at.rest.y < max(last + 18, 22)))
    m, slow = at.mirrored.at(near), at.slow.take(near)
    beside = m.x - 38
    over_insula = m.x - 37 + np.float32(0.009) * np.square(m.y + 2) + np.float32(1.8) * slow
    gyri = np.sin(np.float32(0.21) * m.y + np.float32(0.16) * m.z + 2 * slow)
    over_insula += np.float32(0.5) * gyri
    beyond = np.maximum(np.abs(m.y + 3) - 17, np.abs(m.z - 2) - 11)
    insula = np.square(over_insula) + np.square(at_least(beyond, 0))
    lower_on_the_left = np.float32(2.5) * np.sign(at.rest.x.take(near))
    lips = m.y + 16 - np.float32(0.9) * m.z + lower_on_the_left - np.float32(0.7) * beside
    lips += np.float32(0.02) * beside * beside + 3 * slow
    lips *= np.float32(0.75)
    beyond = np.maximum(-beside, np.abs(m.z - 3) - 20)
    distance = np.sqrt(np.minimum(insula, np.square(lips) + np.square(at_least(beyond, 0))))
    width = np.float32(0.9 + 4.5 * head.atrophy * head.brain.sylvian) + 2 * loss.take(near)
    width *= 1 + np.float32(0.2) * gyri
    width *= 1 - np.float32(0.6) * smooth_step(m.z, 8, 26) * (1 - smooth_step(beside, 2, 20))
    drawn.cut(near, distance, width)

"""The five kinds of bleeds, and what all of a head's do to its brain."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ichreport.phantom.anatomy.cavity import Cavity
from ichreport.phantom.anatomy.landmarks import EDGE, MassEffect
from ichreport.phantom.bleeds.epidural import Epidural
from ichreport.phantom.bleeds.intraparenchymal import Intraparenchymal
from ichreport.phantom.bleeds.intraventricular import Intraventricular
from ichreport.phantom.bleeds.subarachnoid import Subarachnoid
from ichreport.phantom.bleeds.subdural import Subdural
from ichreport.phantom.shapes import Array, Points, inside

Bleed = Epidural | Subdural | Subarachnoid | Intraparenchymal | Intraventricular

BLEED_TYPES: dict[str, type[Bleed]] = {
    kind.subtype: kind
    for kind in (Epidural, Intraparenchymal, Intraventricular, Subarachnoid, Subdural)
}


_MOST_SQUEEZED = 4.0
"""Most that the wall of a ventricle is pushed in (mm)."""

_TRAPS_FROM = 5.0
"""Shift of the midline that blocks the outflow of the other ventricle (mm)."""


class ExtraaxialBlood(NamedTuple):
    """Blood between skull and brain.

    Attributes:
        outside: Depth of each point below the dura or below that blood (mm).
        placed: Each bleed and its share of each point, by the bleed's number.
    """

    outside: Array
    placed: dict[int, tuple[Epidural | Subdural, Array]]


def place_extraaxial(bleeds: Sequence[Bleed], p: Points, space: Cavity) -> ExtraaxialBlood:
    """Place the epidural and subdural bleeds, which push the surface of the brain inwards."""
    outside = -space.wall
    placed: dict[int, tuple[Epidural | Subdural, Array]] = {}
    for number, bleed in enumerate(bleeds):
        if isinstance(bleed, Epidural | Subdural):
            distance = bleed.distance(p, space)
            placed[number] = bleed, inside(distance, EDGE)
            outside = np.minimum(outside, distance)
    return ExtraaxialBlood(outside, placed)


def mass_effect(bleeds: Sequence[Bleed]) -> MassEffect:
    """How all bleeds of a head together displace its brain.

    The ventricle on the side of a large bleed is squeezed; where the midline shifts far, the
    other one, whose outflow is blocked, widens.
    """
    large = [b for b in bleeds if isinstance(b, Epidural | Subdural | Intraparenchymal)]
    shift = float(np.clip(sum(bleed.shift for bleed in large), -9, 9))
    right, left = (
        0.55 * sum(max(side * bleed.shift, 0) for bleed in large)
        - 0.5 * max(-side * shift - _TRAPS_FROM, 0)
        for side in (1, -1)  # a bleed on the right shifts the midline to the left
    )
    return MassEffect(
        shift=shift,
        pushes=tuple(bleed.push for bleed in large if isinstance(bleed, Intraparenchymal)),
        squeeze=(min(right, _MOST_SQUEEZED), min(left, _MOST_SQUEEZED)),
        crowds=tuple(b.crowding for b in large if b.crowding.strength > 0.2),
    )

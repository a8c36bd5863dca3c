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


class ExtraaxialBlood(NamedTuple):
    """Blood between skull and brain.

    Attributes:
        outside: Depth of each point below the dura or below that blood (mm).
        bleeds: Each bleed with its share of each point.
    """

    outside: Array
    bleeds: list[tuple[Epidural | Subdural, Array]]


def place_extraaxial(bleeds: Sequence[Bleed], p: Points, space: Cavity) -> ExtraaxialBlood:
    """Place the epidural and subdural bleeds, which push the surface of the brain inwards."""
    outside = -space.wall
    placed: list[tuple[Epidural | Subdural, Array]] = []
    for bleed in bleeds:
        if isinstance(bleed, Epidural | Subdural):
            distance = bleed.distance(p, space)
            placed.append((bleed, inside(distance, EDGE)))
            outside = np.minimum(outside, distance)
    return ExtraaxialBlood(outside, placed)


def mass_effect(bleeds: Sequence[Bleed]) -> MassEffect:
    """How all bleeds of a head together displace its brain."""
    shift = sum(float(getattr(bleed, "shift", 0.0)) for bleed in bleeds)
    pushes = tuple(bleed.push for bleed in bleeds if isinstance(bleed, Intraparenchymal))
    return MassEffect(float(np.clip(shift, -9, 9)), pushes)

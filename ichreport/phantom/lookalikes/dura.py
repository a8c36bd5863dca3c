"""Dense blood in the venous sinuses, and a dense falx and tentorium."""

from dataclasses import dataclass

import numpy as np

from ichreport.phantom.anatomy.brain import Brain
from ichreport.phantom.anatomy.cavity import Cavity, petrous
from ichreport.phantom.anatomy.landmarks import tentorium
from ichreport.phantom.lookalikes.lookalike import Patch
from ichreport.phantom.shapes import Points, at_least, smooth_step

_LINING = 2.5
"""Depth that the dura along the skull reaches (mm)."""

_SPREAD = 2.6
"""Distance over which a tentorium 1 mm thick is smeared out in a slice that cuts it obliquely (mm).

Its planes, which lie apart, would show it as two lines."""


@dataclass(frozen=True)
class Sinus:
    """Venous sinuses of another intensity: of thick blood, or with contrast.

    Attributes:
        name: What it is.
        hu: Intensity of the blood in them (HU).
        highest: Height up to which they are so (mm).
    """

    name: str
    hu: float
    highest: float = 99.0

    def patch(self, p: Points, space: Cavity, brain: Brain) -> Patch | None:
        """Where the sinuses are in a plane."""
        if float(p.z.min()) > self.highest:
            return None
        return Patch.where(brain.sinus)


@dataclass(frozen=True)
class Dura:
    """A falx and a tentorium of another intensity; the lining of the skull is left as it is.

    Attributes:
        name: What it is.
        hu: Their intensity (HU).
    """

    name: str
    hu: float

    def patch(self, p: Points, space: Cavity, brain: Brain) -> Patch | None:
        """Where falx and tentorium are in a plane."""
        height, rim = tentorium(brain.rest)
        sheet = at_least(1 - np.abs(height) * np.float32(1 / _SPREAD), 0)
        sheet *= smooth_step(rim, 0.30, 0.36) * smooth_step(petrous(brain.rest), 0, 4)
        sheet *= np.float32(1 / _SPREAD)
        share = np.where(height > _SPREAD, brain.dura, sheet)
        share[space.wall > -_LINING] = 0
        return Patch.where(share)

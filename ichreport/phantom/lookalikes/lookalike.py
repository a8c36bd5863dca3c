"""What all look-alikes have in common."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ichreport.phantom.anatomy.brain import Brain
from ichreport.phantom.anatomy.cavity import Cavity
from ichreport.phantom.shapes import Array, Points


class Patch(NamedTuple):
    """Where something is in a plane.

    Attributes:
        points: The points that it reaches, as a flat index.
        share: Its share of each of them.
    """

    points: NDArray[np.intp]
    share: Array

    @classmethod
    def where(cls, share: Array) -> "Patch | None":
        """The points where a share is not zero; None if there are none."""
        index = np.flatnonzero(share > np.float32(0.01))
        return cls(index, share.take(index)) if len(index) else None


class Lookalike(Protocol):
    """Something bright that a reader must not call a bleed."""

    @property
    def name(self) -> str:
        """What it is."""

    @property
    def hu(self) -> float:
        """Its intensity (HU)."""

    def patch(self, p: Points, space: Cavity, brain: Brain) -> Patch | None:
        """Where it is in a plane; None if it is nowhere near.

        Args:
            p: The points, where they are now; the dura stays fixed in the skull.
            space: The cavity, measured at `p`.
            brain: The brain, with where its points rest when nothing presses on them.
        """

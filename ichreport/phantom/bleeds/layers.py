"""Bleeds painted over tissue."""

import numpy as np

from ichreport.phantom.anatomy.brain import Brain
from ichreport.phantom.anatomy.head import Head
from ichreport.phantom.bleeds.blood import level_above
from ichreport.phantom.bleeds.intraparenchymal import Intraparenchymal
from ichreport.phantom.bleeds.kinds import Bleed
from ichreport.phantom.shapes import (
    Array,
    Points,
    Vector,
    at_least,
    at_most,
    inside,
    smooth_step,
)

_OEDEMA = 11.0
"""Darkening of white matter by oedema (HU); cortex takes up half as much."""

_FADED = 38.0
"""Intensity of the faded shell of a bleed within the brain (HU)."""


class Layers:
    """Bleeds over the content of the dura; each later one replaces what is under it.

    Attributes:
        hu: Intensity (HU).
        blood: Share of each point that is blood, by subtype.
        p: The points, one-dimensional.
        slow: `slow_noise` at the points.
    """

    def __init__(self, hu: Array, p: Points, slow: Array, down: Vector) -> None:
        """Start without blood.

        Args:
            hu: Intensity of what is under the blood (HU); it is painted over in place.
            p: The points, one-dimensional.
            slow: `slow_noise` at the points.
            down: Unit vector of gravity in the head's frame.
        """
        self.hu = hu
        self.blood: dict[str, Array] = {}
        self.slow = slow
        self.p, self._down = p, down

    def put(
        self,
        bleed: Bleed,
        share: Array,
        *,
        level: float | None = None,
        depth: Array | None = None,
        rim: float = 0.0,
    ) -> float:
        """Put a bleed.

        Args:
            bleed: The bleed.
            share: Its share of each point.
            level: Height of the level of its cells, against gravity (mm); None without one.
            depth: Depth of each point within it (mm), if it has a rim.
            rim: Width of the outer shell that has faded (mm).

        Returns:
            Its total share (points).
        """
        index = np.flatnonzero(share > np.float32(0.01))
        if not len(index):
            return 0.0
        amount, p = share.take(index), self.p.at(index)
        above = None if level is None else level_above(p, self._down, level)
        value = bleed.blood.intensity(p, self.slow.take(index), above)
        if rim and depth is not None:
            shell = 1 - smooth_step(depth.take(index), 0.3 * rim, rim + 1)
            value += shell * at_most(np.float32(_FADED) - value, 0)
        under = self.hu.take(index)
        self.hu[index] = under + amount * (value - under)
        for other in self.blood.values():
            other[index] *= 1 - amount
        whole = self.blood.setdefault(bleed.subtype, np.zeros_like(self.hu))
        whole[index] = np.maximum(whole.take(index), amount)
        return float(amount.sum())

    def put_within(
        self, bleed: Intraparenchymal, brain: Brain, outside: Array, head: Head
    ) -> float:
        """Put a bleed within the brain, with the oedema around it.

        Where the brain has fluid, in ventricles and fissures, it leaves that as it is: blood there
        has other names.

        Args:
            bleed: The bleed.
            brain: The brain that it lies in.
            outside: Depth of each point below the brain's surface (mm).
            head: The person.

        Returns:
            Its total share (points).
        """
        distance = np.maximum(bleed.distance(self.p), np.float32(1.5) - outside)
        index = np.flatnonzero(distance < bleed.oedema + 1.5)
        if not len(index):
            return 0.0
        tissue = at_least(1 - brain.subarachnoid.take(index) - brain.ventricles.take(index), 0)
        swollen = inside(distance.take(index) - np.float32(bleed.oedema), 3.0)
        swollen *= tissue
        hu = self.hu.take(index)
        cortex = np.clip(
            (hu - np.float32(head.white)) * np.float32(1 / (head.grey - head.white)), 0, 1
        )
        drop = np.float32(_OEDEMA) * swollen * (1 - np.float32(0.5) * cortex)
        self.hu[index] = hu - drop
        share = inside(distance, 1.6)
        share[index] *= tissue
        return self.put(
            bleed,
            share,
            level=bleed.level(self._down),
            depth=-distance,
            rim=bleed.rim,
        )

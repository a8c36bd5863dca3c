"""Which slices of a batch are mixed, and how: drawn on the host, from the seed.

Each slice's partner lies in the same batch, wherever devices cut it: a batch brings the partners'
HU beside its own, gathered on the host. So the mixed slices are the same on any number of devices.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

PARTNER: Final = "partner_"
"""Before the names of what a batch brings of its slices' partners."""


@dataclass(frozen=True)
class Pairs:
    """What is made of each slice of a batch.

    Attributes:
        partner: The place in the batch of the slice that it is mixed with, int64 (size,).
        blend: What mixup leaves of it, float32 (size,); its partner gives the rest.
        box: What CutMix takes from its partner instead, int32 (size, 4): the first and the
            one-past-last row and column, in pixels that the network sees; empty where nothing is.
        side: Pixels a side that the network sees.
    """

    partner: NDArray[np.int64]
    blend: NDArray[np.float32]
    box: NDArray[np.int32]
    side: int

    @classmethod
    def alone(cls, size: int, side: int) -> Self:
        """Of `size` slices that stay as they are."""
        box = np.zeros((size, 4), dtype=np.int32)
        return cls(np.arange(size), np.ones(size, dtype=np.float32), box, side)

    @property
    def share(self) -> NDArray[np.float32]:
        """The share of its pixels' values that each slice keeps, (size,): that of its labels."""
        top, bottom, left, right = self.box.T
        cut = (bottom - top) * (right - left) / self.side**2
        share: NDArray[np.float32] = (self.blend * (1 - cut)).astype(np.float32)
        return share

    def in_order(self, order: NDArray[np.int64]) -> "Pairs":
        """The same pairs of slices, where place k of the batch is of the slice `order[k]` now."""
        place = np.argsort(order)
        return Pairs(place[self.partner[order]], self.blend[order], self.box[order], self.side)

    def beside(self, inputs: Any) -> dict[str, NDArray[Any]]:
        """A batch's inputs with those of its partners, and how the two are mixed."""
        own = inputs if isinstance(inputs, Mapping) else {"hu": inputs}
        partners = {f"{PARTNER}{name}": array[self.partner] for name, array in own.items()}
        return {**own, **partners, "blend": self.blend, "box": self.box}

    def mixed(self, truth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Labels (size, 6), mixed by the same share as the slices."""
        share = self.share[:, None]
        return share * truth + (1 - share) * truth[self.partner]


@dataclass(frozen=True)
class Mixing:
    """Draws the pairs of batches.

    Shares are drawn for each slice, from Beta(alpha, alpha). Mixup takes a mean of two slices
    (Zhang et al., arXiv:1710.09412); CutMix a rectangle whose sides are sqrt(1 - share) of the
    picture's, about a pixel of a uniform draw, as far as it lies in the picture (Yun et al.,
    arXiv:1905.04899). Where there are both, each slice takes one of them by the toss of a coin.

    Attributes:
        mixup: Alpha of mixup; 0 has none.
        cutmix: Alpha of CutMix; 0 has none. One of the two is above 0.
        side: Pixels a side that the network sees.
    """

    mixup: float
    cutmix: float
    side: int

    def draw(self, size: int, count: int, random: np.random.Generator) -> Pairs:
        """The pairs of a batch.

        Args:
            size: Slices of the batch.
            count: How many of them, the first ones, count; the others fill it up, and are neither
                mixed nor the partner of one that counts.
            random: Draws.
        """
        alone = Pairs.alone(size, self.side)
        partner = np.r_[random.permutation(count), np.arange(count, size)]
        cuts = random.random(size) < (0.5 if self.mixup else 1.0)
        cuts &= self.cutmix > 0
        counts = np.arange(size) < count
        blend, box = alone.blend, alone.box
        if self.mixup:
            share = random.beta(self.mixup, self.mixup, size).astype(np.float32)
            blend = np.where(counts & ~cuts, share, blend)
        if self.cutmix:
            boxes = self._boxes(random.beta(self.cutmix, self.cutmix, size), random)
            box = np.where((counts & cuts)[:, None], boxes, box)
        return Pairs(partner, blend, box, self.side)

    def _boxes(self, share: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int32]:
        """A rectangle for each share that is to be left."""
        sides = np.floor(self.side * np.sqrt(1 - share)).astype(np.int32)
        first = random.integers(self.side, size=(2, len(share))) - sides // 2
        ends = np.clip([first, first + sides], 0, self.side)  # (first or last, row or column, size)
        boxes: NDArray[np.int32] = ends.transpose(2, 1, 0).reshape(-1, 4).astype(np.int32)
        return boxes

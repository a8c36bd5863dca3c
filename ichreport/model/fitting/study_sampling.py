"""Some slices of each study, drawn anew for each epoch: long studies count no more than others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class StudySampling:
    """Draws slices of studies, half of them positive where a study has both.

    Attributes:
        study: The number of each slice's study, (slices,).
        positive: Whether each slice bleeds, bool (slices,).
        most: Slices that a study gives, at most.
    """

    study: NDArray[np.int64]
    positive: NDArray[np.bool_]
    most: int

    @property
    def count(self) -> int:
        """Slices that are drawn, the same number each time: of each study `most`, or all."""
        return int(np.minimum(np.bincount(self.study), self.most).sum())

    def draw(self, random: np.random.Generator) -> NDArray[np.int64]:
        """The places of the slices of an epoch, ascending, (count,).

        Each study gives as many positive slices as negative ones, and of an odd number one more of
        either by the toss of a coin. Where it has too few of one kind, the other fills up. Those of
        a kind are drawn without replacement, all with the same chance.
        """
        kinds = np.stack([np.bincount(self.study, self.positive), np.bincount(self.study)])
        positives, slices = kinds.astype(np.int64)
        wanted = np.minimum(slices, self.most)
        coin = random.integers(2, size=len(slices))
        half = (wanted + coin) // 2
        from_positives = np.clip(half, wanted - (slices - positives), positives)
        quota = np.stack([wanted - from_positives, from_positives], axis=1)
        taken = _rank_within(2 * self.study + self.positive, random)
        return np.flatnonzero(taken < quota[self.study, self.positive.astype(np.int64)])


def _rank_within(kind: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """The place of each item in a random order of those of its kind, from 0."""
    order = np.lexsort([random.random(len(kind)), kind])
    starts = np.flatnonzero(np.r_[True, np.diff(kind[order]) != 0])
    lengths = np.diff(np.r_[starts, len(kind)])
    rank = np.empty(len(kind), dtype=np.int64)
    rank[order] = np.arange(len(kind)) - np.repeat(starts, lengths)
    return rank

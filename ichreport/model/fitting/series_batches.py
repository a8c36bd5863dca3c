"""Training batches of whole series of features, shuffled by seed, as a stream gathers them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ichreport.model import prefetch
from ichreport.model.fitting.batches import Batch
from ichreport.model.prefetch import Chosen


@dataclass(frozen=True)
class SeriesBatches:
    """Batches of whole series of features, padded to one length, with the padding masked.

    Attributes:
        features: Features of all slices, (slices, features), in series order.
        truth: Their labels, (slices, 6).
        series: First and one-past-last slice of each series, (series, 2).
        length: Slices that every series is padded to.
        size: Series a batch.
    """

    features: NDArray[np.float32]
    truth: NDArray[np.float32]
    series: NDArray[np.int64]
    length: int
    size: int
    generators: ClassVar[tuple[np.random.Generator, ...]] = ()
    """Nothing is drawn but the order."""

    @property
    def steps(self) -> int:
        """Batches of one pass."""
        return -(-len(self.series) // self.size)

    def plan(self, random: np.random.Generator | None) -> Iterator[Chosen]:
        """The batches of one pass over the series: shuffled, or in order."""
        everything = np.arange(len(self.series))
        order = everything if random is None else random.permutation(everything)
        return prefetch.in_batches(order, self.size)

    def gather(self, chosen: Chosen) -> Batch:
        """One batch; series that only fill it up have slices, which count nothing."""
        indices, count = chosen
        starts, stops = self.series[indices].T
        steps = np.arange(self.length)
        present = steps < (stops - starts)[:, None]
        slices = np.where(present, starts[:, None] + steps, starts[:, None])
        features = self.features[slices] * present[..., None]
        truth = self.truth[slices] * present[..., None]
        weights = (present & (np.arange(self.size) < count)[:, None]).astype(np.float32)
        return Batch({"features": features, "present": present}, truth, weights)

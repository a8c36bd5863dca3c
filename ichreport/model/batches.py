"""Training batches: slices or whole series, shuffled by seed, as a stream gathers them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ichreport.model import prefetch
from ichreport.model.prefetch import Chosen


class Batch(NamedTuple):
    """What a step takes.

    Attributes:
        inputs: The model's input: an array, or arrays by name.
        truth: Labels, float32 (items, 6) or (items, slices, 6).
        weights: float32 (items,) or (items, slices): 1 for what counts, 0 for what fills up.
    """

    inputs: Any
    truth: NDArray[np.float32]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class SliceBatches:
    """Batches of slices.

    Attributes:
        read: From indices of slices, (n,), and which of them to mirror, bool (n,), to the model's
            input for them.
        truth: Labels of all slices, (slices, 6), by index.
        indices: Which of them.
        size: Slices a batch.
        mirroring: Draws which half of the slices is mirrored; none is without.
    """

    read: Callable[[NDArray[np.int64], NDArray[np.bool_]], Any]
    truth: NDArray[np.float32]
    indices: NDArray[np.int64]
    size: int
    mirroring: np.random.Generator | None = None

    def plan(
        self, random: np.random.Generator | None
    ) -> Iterator[tuple[Chosen, NDArray[np.bool_]]]:
        """The batches of one pass over the data, shuffled or in order, and what to mirror."""
        for chosen in prefetch.in_batches(_order(self.indices, random), self.size):
            mirror = np.zeros(self.size, dtype=bool)
            if self.mirroring is not None:
                mirror = self.mirroring.random(self.size) < 0.5
            yield chosen, mirror

    def gather(self, planned: tuple[Chosen, NDArray[np.bool_]]) -> Batch:
        """One batch, its slices in the order of the store."""
        (indices, count), mirror = planned
        order = np.argsort(indices, kind="stable")
        counts = (np.arange(self.size) < count).astype(np.float32)
        indices = indices[order]
        return Batch(self.read(indices, mirror), self.truth[indices], counts[order])


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

    def plan(self, random: np.random.Generator | None) -> Iterator[Chosen]:
        """The batches of one pass over the series: shuffled, or in order."""
        return prefetch.in_batches(_order(np.arange(len(self.series)), random), self.size)

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


def _order(indices: NDArray[np.int64], random: np.random.Generator | None) -> NDArray[np.int64]:
    return indices if random is None else random.permutation(indices)

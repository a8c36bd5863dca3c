"""Training batches of series of features, shuffled by seed, as a stream gathers them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ichreport.model import prefetch
from ichreport.model.fitting.batches import Batch
from ichreport.params.training.sequences import SequenceRecipe

GAP_UNIT: Final = 5.0
"""The distance between slices, in mm, that a head reads as 1: that of most series."""


class Windows(NamedTuple):
    """Series, or parts of series, that a head reads at once.

    Attributes:
        read: First and one-past-last slice of each, (windows, 2).
        counted: Those of them whose logits count, (windows, 2).
    """

    read: NDArray[np.int64]
    counted: NDArray[np.int64]


class Planned(NamedTuple):
    """A batch to be gathered.

    Attributes:
        windows: What it reads.
        items: How many of them count; the others fill it up.
        order: Places of the slices that each reads, in the order in which it reads them, (windows,
            length); -1 where there is none.
    """

    windows: Windows
    items: int
    order: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.bool_]:
        """Whether what a head gives counts, (windows, length)."""
        first, last = self.windows.counted.T
        counts: NDArray[np.bool_] = (self.order >= first[:, None]) & (self.order < last[:, None])
        counts[self.items :] = False
        return counts


@dataclass(frozen=True)
class SeriesVariation:
    """How series vary while a head trains: as its recipe says, drawn by a generator.

    Attributes:
        recipe: The shares.
        random: Draws them.
    """

    recipe: SequenceRecipe
    random: np.random.Generator

    def __call__(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Leave slices out and turn series around.

        Args:
            order: As of `Planned`, (windows, length).

        Returns:
            The same with -1 at the end of each, where slices were left out.
        """
        recipe, random = self.recipe, self.random
        windows, length = order.shape
        there = order >= 0
        thinned = random.random((windows, 1)) < recipe.thin
        first = random.integers(0, 2, size=(windows, 1))
        every_second = np.arange(length) % 2 == first
        kept = there & (every_second | ~thinned)
        kept &= random.random(order.shape) >= recipe.drop
        none_left = ~kept.any(axis=1)
        kept[none_left] = there[none_left]  # a series of one slice keeps it
        turned = random.random((windows, 1)) < recipe.reverse
        return _closed_up(np.where(kept, order, -1), turned)


@dataclass(frozen=True)
class SeriesBatches:
    """Batches of series of features, padded to one length, with the padding masked.

    A series longer than that is read in windows: at evaluation in overlapping ones, in which each
    slice counts once, far from an end that is none of the series; in training cut at other places
    each time.

    Attributes:
        features: Features of all slices, (slices, features), in series order.
        truth: Their labels, (slices, 6).
        series: First and one-past-last slice of each series, (series, 2).
        length: Slices that every series is padded to.
        size: Series a batch.
        heights: Where slices lie along the axis of their series, in mm, (slices,), if a head is
            told their distances; NaN where it is not known.
        variation: How series vary in training; None leaves them as they are.
        from_above: Whether all series are read from above.
    """

    features: NDArray[np.float32]
    truth: NDArray[np.float32]
    series: NDArray[np.int64]
    length: int
    size: int
    heights: NDArray[np.float64] | None = None
    variation: SeriesVariation | None = None
    from_above: bool = False

    @property
    def generators(self) -> tuple[np.random.Generator, ...]:
        """What is drawn from beside the order; a training that goes on sets them back."""
        return () if self.variation is None else (self.variation.random,)

    @property
    def steps(self) -> int:
        """Batches of one pass of training."""
        lengths = self.series[:, 1] - self.series[:, 0]
        return -(-int((-(-lengths // self.length)).sum()) // self.size)

    def plan(self, random: np.random.Generator | None) -> Iterator[Planned]:
        """The batches of one pass over the series: shuffled, cut and varied, or in order."""
        windows = overlapping(self.series, self.length)
        chosen = np.arange(len(windows.read))
        if random is not None:
            windows = cut(self.series, self.length, random)
            chosen = random.permutation(len(windows.read))
        for indices, items in prefetch.in_batches(chosen, self.size):
            batch = Windows(windows.read[indices], windows.counted[indices])
            yield self._planned(batch, items, varied=random is not None)

    def _planned(self, windows: Windows, items: int, *, varied: bool) -> Planned:
        starts, stops = windows.read.T
        steps = np.arange(self.length)
        order = np.where(steps < (stops - starts)[:, None], starts[:, None] + steps, -1)
        if varied and self.variation is not None:
            order = self.variation(order)
        if self.from_above:
            order = _closed_up(order, np.ones((len(order), 1), dtype=bool))
        return Planned(windows, items, order)

    def gather(self, planned: Planned) -> Batch:
        """One batch; windows that only fill it up have slices, which count nothing."""
        order = planned.order
        present = order >= 0
        slices = np.where(present, order, planned.windows.read[:, :1])
        inputs = {"features": self.features[slices] * present[..., None], "present": present}
        if self.heights is not None:
            inputs["gaps"] = gaps(self.heights[slices], present)
        truth = self.truth[slices] * present[..., None]
        return Batch(inputs, truth, planned.counts.astype(np.float32))


def _closed_up(order: NDArray[np.int64], turned: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Slices without the holes that -1 stands for, which come last; some series turned around.

    Args:
        order: As of `Planned`, (windows, length).
        turned: Which are read from their other end, (windows, 1).
    """
    length = order.shape[1]
    place = np.where(turned, length - np.arange(length), np.arange(length))
    read = np.argsort(np.where(order >= 0, place, 2 * length), axis=1, kind="stable")
    return np.take_along_axis(order, read, axis=1)


def gaps(heights: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How far each slice lies from the one that is read before it, in units of `GAP_UNIT` mm.

    Args:
        heights: In mm, in the order of reading, (series, length).
        present: Which of them are there.

    Returns:
        float32 (series, length, 1); 0 for the first, and where a height is not known.
    """
    steps = np.abs(np.diff(heights, axis=1, prepend=heights[:, :1])) / GAP_UNIT
    steps[~present | ~np.isfinite(steps)] = 0.0
    return steps[..., None].astype(np.float32)


def overlapping(series: NDArray[np.int64], length: int) -> Windows:
    """Windows over series for a pass in which each slice counts once.

    A longer series is read in windows of the whole length, which overlap by half of it or more; a
    slice counts in the one in whose middle it lies.

    Args:
        series: First and one-past-last slice of each, (series, 2).
        length: Slices of a window.
    """
    read, counted = [], []
    for start, stop in series.tolist():
        many = -(-max(stop - start - length, 0) * 2 // length) + 1
        firsts = np.linspace(start, max(stop - length, start), many).astype(int).tolist()
        lasts = [min(first + length, stop) for first in firsts]
        ends = [(after + last) // 2 for after, last in zip(firsts[1:], lasts, strict=False)]
        read += list(zip(firsts, lasts, strict=True))
        counted += list(zip([start, *ends], [*ends, stop], strict=True))
    return Windows(np.array(read, dtype=np.int64), np.array(counted, dtype=np.int64))


def cut(series: NDArray[np.int64], length: int, random: np.random.Generator) -> Windows:
    """Series cut into windows for training, at other places each time; each slice is in one.

    Args:
        series: First and one-past-last slice of each, (series, 2).
        length: Slices of a window, at most.
        random: Draws where those that are longer are cut; the others need no draw.
    """
    parts: list[tuple[int, int]] = []
    for start, stop in series.tolist():
        many = -(-(stop - start) // length)
        spare = many * length - (stop - start)  # of the first window
        begin = start - (int(random.integers(0, spare + 1)) if many > 1 else 0)
        cuts = [start, *range(begin + length, stop, length), stop]
        parts += itertools.pairwise(cuts)
    read = np.array(parts, dtype=np.int64)
    return Windows(read, read)

"""Training batches of slices, shuffled by seed, as a stream gathers them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ichreport.model import prefetch
from ichreport.model.fitting.mixing import Mixing, Pairs
from ichreport.model.fitting.study_sampling import StudySampling
from ichreport.model.prefetch import Chosen

_BLOCKS_A_POOL: Final = 32

Drawn = Mapping[str, NDArray[Any]]
"""What happens to the slices of a batch: arrays by name, each with a row a slice."""


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


class Planned(NamedTuple):
    """What is known of a batch before it is gathered.

    Attributes:
        chosen: Its slices, and how many of them count.
        drawn: What happens to them.
        pairs: How they are mixed; None where they are not.
    """

    chosen: Chosen
    drawn: Drawn
    pairs: Pairs | None


@dataclass(frozen=True)
class SliceBatches:
    """Batches of slices.

    Attributes:
        read: From indices of slices, (n,), and what was drawn for them to the model's input.
        truth: Labels of all slices, (slices, 6), by index.
        indices: Which of them.
        size: Slices a batch.
        draw: Draws what happens to so many slices; by default nothing.
        block: Slices of `indices` that follow each other and are shuffled as one.
        announce: Tells the store which slices will be read soon, where they come in blocks.
        mixing: Draws how slices are mixed in pairs, where batches are shuffled; else they stay as
            they are, each beside itself. Needed where a model takes pairs.
        sampling: Draws which of `indices` come where batches are shuffled; by default all.
        generators: What `draw` draws from; a training that goes on sets them to where they were.
    """

    read: Callable[[NDArray[np.int64], Drawn], Any]
    truth: NDArray[np.float32]
    indices: NDArray[np.int64]
    size: int
    draw: Callable[[int], Drawn] = lambda _: {}
    block: int = 1
    announce: Callable[[NDArray[np.int64]], None] | None = None
    mixing: Mixing | None = None
    sampling: StudySampling | None = None
    generators: tuple[np.random.Generator, ...] = ()

    @property
    def steps(self) -> int:
        """Batches of one pass."""
        count = len(self.indices) if self.sampling is None else self.sampling.count
        return -(-count // self.size)

    def plan(self, random: np.random.Generator | None) -> Iterator[Planned]:
        """The batches of one pass over the data, shuffled or in order, and what is drawn.

        All that `random` draws is drawn before the first batch comes.
        """
        pools, of_pairs = [self.indices], None
        if random is not None:
            taken = slice(None) if self.sampling is None else self.sampling.draw(random)
            pools = shuffled_pools(self.indices[taken], self.block, random)
            if self.mixing is not None:
                of_pairs = np.random.default_rng(random.integers(2**63))
        starts, announced = np.cumsum([0, *map(len, pools)]), 0
        batches = prefetch.in_batches(np.concatenate(pools), self.size)
        for number, chosen in enumerate(batches, 1):
            if self.announce is not None:  # the pools that it is of, and the next one
                begun = int(np.searchsorted(starts, number * self.size))
                for pool in pools[announced : begun + 1]:
                    self.announce(pool)
                announced = max(announced, begun + 1)
            yield Planned(chosen, self.draw(self.size), self._pairs(chosen[1], of_pairs))

    def _pairs(self, count: int, random: np.random.Generator | None) -> Pairs | None:
        if self.mixing is None:
            return None
        if random is None:
            return Pairs.alone(self.size, self.mixing.side)
        return self.mixing.draw(self.size, count, random)

    def gather(self, planned: Planned) -> Batch:
        """One batch, its slices in the order of the store."""
        (indices, count), drawn, pairs = planned
        order = np.argsort(indices, kind="stable")
        counts = (np.arange(self.size) < count).astype(np.float32)
        indices = indices[order]
        inputs, truth = self.read(indices, drawn), self.truth[indices]
        if pairs is not None:
            pairs = pairs.in_order(order)
            inputs, truth = pairs.beside(inputs), pairs.mixed(truth)
        return Batch(inputs, truth, counts[order])


def shuffled_pools(
    indices: NDArray[np.int64], block: int, random: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Indices in random order; with blocks, so that a disk reads what lies together at once.

    The indices are cut into blocks, at other places each time. Blocks are drawn in random order,
    and those of a pool are shuffled together: a batch is of many blocks, and each block is read
    while its pool is in memory.

    Args:
        indices: Shape (n,), those that lie together beside each other.
        block: How many are drawn as one; 1 shuffles all, in one pool.
        random: Draws the order.

    Returns:
        The pools, in the order in which they come.
    """
    if block == 1:
        return [random.permutation(indices)]
    cuts = range(int(random.integers(1, block + 1)), len(indices), block)
    blocks = np.split(indices, cuts)
    drawn = random.permutation(len(blocks)).tolist()
    firsts = range(0, len(drawn), _BLOCKS_A_POOL)
    pools = ([blocks[n] for n in drawn[first : first + _BLOCKS_A_POOL]] for first in firsts)
    return [random.permutation(np.concatenate(pool)) for pool in pools]

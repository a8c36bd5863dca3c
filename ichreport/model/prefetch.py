"""Batches in a stream: background threads gather them while the device computes.

Three things go on at once: threads read the next batches from the store, the device computes on
the one that it has, and the results of the one before travel back. Only a fixed number of
batches is alive at any time, however many there are.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

READERS: Final = min(8, os.cpu_count() or 1)
"""Threads that gather: while one waits for a disk, others read or copy."""

AHEAD: Final = READERS + 1
"""Batches that are gathered, or being gathered, before the device asks for them."""

IN_FLIGHT: Final = 2
"""Batches handed to the device whose results have not been asked for yet."""

Chosen = tuple[NDArray[np.int64], int]


def in_batches(indices: NDArray[np.int64], size: int) -> Iterator[Chosen]:
    """Cut indices into batches of one size, so that a device compiles once.

    Args:
        indices: Shape (n,), in the order in which they are to come.
        size: Items a batch.

    Yields:
        `size` indices, and how many of them count: the last batch is filled up from the first, with
        indices that do not.
    """
    for start in range(0, len(indices), size):
        chosen = indices[start : start + size]
        filling = np.resize(indices, size - len(chosen))
        yield np.concatenate([chosen, filling]), len(chosen)


def run(
    gather: Callable[[Any], Any],
    batches: Iterable[Any],
    compute: Callable[[Any], Any],
    keep: Callable[[Any], None],
    *,
    readers: int = READERS,
    ahead: int = AHEAD,
    in_flight: int = IN_FLIGHT,
) -> None:
    """Gather, compute and keep every batch, in order.

    At most `ahead + in_flight + 1` batches are alive at a time. An error of any of the three
    functions, and an interrupt from the keyboard, ends the threads before it reaches the caller.

    Args:
        gather: From a batch to what the device computes on; runs in several background threads at
            once, so that nothing random may be drawn in it.
        batches: What `gather` takes, one after another; asked for in the caller's thread.
        compute: From what was gathered to a result that may still be on its way, as frameworks
            give it that do not wait for a device; runs in the caller's thread.
        keep: Takes each result once `in_flight` later batches are under way; it may wait.
        readers: Background threads, at least 1.
        ahead: Batches gathered ahead, at least 1.
        in_flight: Results not yet asked for, at least 0.
    """
    coming = iter(batches)
    reader = ThreadPoolExecutor(max_workers=readers, thread_name_prefix="stream")
    gathered: deque[Future[Any]] = deque()
    computing: deque[Any] = deque()
    try:
        gathered.extend(reader.submit(gather, batch) for batch in islice(coming, ahead))
        while gathered:
            computing.append(compute(gathered.popleft().result()))
            gathered.extend(reader.submit(gather, batch) for batch in islice(coming, 1))
            if len(computing) > in_flight:
                keep(computing.popleft())
        while computing:
            keep(computing.popleft())
    finally:
        reader.shutdown(cancel_futures=True)

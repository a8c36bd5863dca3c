"""Rows of `.npy` files, in any order, from memory or from a disk.

A memory map of a file that is not in the page cache reads ahead of every page that it misses: of
random slices, up to 46 times the bytes that are wanted. Where the file is in memory, nothing is
faster. So what the page cache holds is copied from a memory map. The rest is announced to the
system, so that a disk works on all of a batch together, and then read at its position, straight
into its place in the batch. Rows are read in the order of the files, those that touch together, and
one that is wanted twice once. This takes no threads, which a forked process would lack.
"""

import math
import mmap
import os
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import compress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ichreport.data.shards.npy_header import HEADER_BYTES, read_npy_header
from ichreport.files import DamagedError

_MOST_OPEN: Final = 512
"""Files that are kept open: Linux allows 1,024 by default."""

_MAPPED_BELOW: Final = 512
"""Only files with lower descriptors get a memory map, which takes a second descriptor."""

_BYTES_TOGETHER: Final = 2**17
"""Bytes of rows that are read together, where one row has fewer."""

_ROWS_TOGETHER: Final = 1024
"""Rows that are read together at most: as many buffers as Linux takes (IOV_MAX)."""

MOST_BETWEEN: Final = 4
"""Rows that nobody wants between two that are fetched together."""

_IF_IN_MEMORY: Final[int] = getattr(os, "RWF_NOWAIT", 0)
"""What asks for bytes only if they are in memory; 0 where the system does not know it."""

_ADVISE: Final[Callable[..., None] | None] = getattr(os, "posix_fadvise", None)
"""What tells the system which bytes will be wanted; macOS has no such call."""

_ENOUGH_IN_A_ROW: Final = 16
"""Rows in a row that are found in memory before the file is taken to be."""

_SECONDS_OF_TRUST: Final = 0.05
"""How long it is then taken to be, in case that something drops it."""

_ONE_BYTE: Final = [bytearray(1)]


class ShardReader:
    """Reads rows of numbered `.npy` files of one shape and type; threads may share it.

    Args:
        path_of: From a number to its file.
        shape: The shape of a row.
        dtype: The type of its elements.
        cure: What to do about a file that cannot be read; a sentence for the message.
    """

    def __init__(
        self, path_of: Callable[[int], Path], shape: tuple[int, ...], dtype: DTypeLike, cure: str
    ) -> None:
        self._shape, self._dtype = shape, np.dtype(dtype)
        row_bytes = math.prod(shape) * self._dtype.itemsize
        self._together = min(max(1, _BYTES_TOGETHER // row_bytes), _ROWS_TOGETHER)
        self._opened = lru_cache(_MOST_OPEN)(
            lambda number: _OpenShard(path_of(number), shape, np.dtype(dtype), cure)
        )

    def read(self, shards: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[Any]:
        """Read rows.

        Args:
            shards: The number of each row's file, shape (n,).
            rows: Its row there, shape (n,).

        Returns:
            Array of shape (n, *shape), in the order that was asked for.

        Raises:
            ValueError: If a file cannot be read, holds rows of another shape or type, or has no
                such row; the message names it and the cure.
        """
        values = np.empty((len(rows), *self._shape), dtype=self._dtype)
        places = shards << 32 | rows  # so that rows that touch are consecutive numbers
        order = np.argsort(places, kind="stable")
        places = places[order]
        is_new = np.diff(places, prepend=-1) != 0
        self._fill(values, order[is_new].tolist(), places[is_new])
        for repeat in np.flatnonzero(~is_new).tolist():
            values[order[repeat]] = values[order[repeat - 1]]
        return values

    def announce(self, shards: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Have the system fetch rows that will be read soon, without waiting for it.

        Rows nearly beside each other are fetched as one, with those between: a disk reads a few
        more sooner than it finds another place.

        Args:
            shards: As `read`.
            rows: As `read`.
        """
        places = np.unique(shards << 32 | rows)
        cuts = np.flatnonzero(np.diff(places) > 1 + MOST_BETWEEN) + 1
        for run in np.split(places, cuts) if len(places) else ():
            first, last = int(run[0]), int(run[-1])
            self._opened(first >> 32).announce(first & 0xFFFFFFFF, last - first + 1)

    def _fill(
        self, values: NDArray[Any], targets: Sequence[int], places: NDArray[np.int64]
    ) -> None:
        """Read rows; a disk works on those that it has to fetch while others are copied.

        Args:
            values: Where they go.
            targets: Where each goes in there, in the order of `places`.
            places: Their places, ascending.
        """
        runs = self._runs(places)
        cached = [shard.is_in_memory(row, stop - start) for shard, row, start, stop in runs]
        waiting = [run for run, is_cached in zip(runs, cached, strict=True) if not is_cached]
        for shard, row, start, stop in waiting:
            shard.announce(row, stop - start)
        for shard, row, start, stop in compress(runs, cached):
            mapped, offset = shard.mapped, row - start
            for index in range(start, stop):
                values[targets[index]] = mapped[offset + index]
        for shard, row, start, stop in waiting:
            shard.read(row, [values[target] for target in targets[start:stop]])

    def _runs(self, places: NDArray[np.int64]) -> list[tuple["_OpenShard", int, int, int]]:
        """Cut places into runs of rows that touch, and that are not too many.

        Returns:
            Of each run its shard, its first row there, and its start and stop in `places`; tuples,
            since anything slower shows where slices are in memory.
        """
        index = np.arange(len(places))
        touches = np.diff(places, prepend=-2) == 1
        since = index - np.maximum.accumulate(np.where(touches, 0, index))
        starts = np.flatnonzero(since % self._together == 0)
        stops = np.append(starts, len(places))[1:]
        shards = [self._opened(number) for number in (places[starts] >> 32).tolist()]
        rows = places[starts] & 0xFFFFFFFF
        return list(zip(shards, rows.tolist(), starts.tolist(), stops.tolist(), strict=True))


class _OpenShard:
    """An open `.npy` file; it closes once nobody reads from it any more.

    Attributes:
        mapped: Its array as a memory map, where the system can tell what is in memory.

    Args:
        path: The file.
        shape: The shape that a row must have.
        dtype: The type that its elements must have.
        cure: What to do about it if it is not such a file.

    Raises:
        ValueError: If it is not such a file; the message names it and the cure.
    """

    mapped: Any = None
    _cached_in_a_row = 0
    _in_memory_until = 0.0

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], cure: str) -> None:
        self._path, self._cure = path, cure
        self._row_bytes = math.prod(shape) * dtype.itemsize
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
            weakref.finalize(self, os.close, self._descriptor)
            header = read_npy_header(os.pread(self._descriptor, HEADER_BYTES, 0))
            length = os.fstat(self._descriptor).st_size
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        if (header.shape[1:], header.dtype, header.in_columns) != (shape, dtype, False):
            order = "by columns" if header.in_columns else "by rows"
            raise self._unreadable(
                f"it holds {header.dtype} of {header.shape} {order}, expected {dtype} by rows of "
                f"{shape}"
            )
        self._count = header.shape[0]
        if length != self._position(self._count):
            raise self._unreadable("it is not as long as its header says")
        if _ADVISE is not None:  # not to read what nobody has asked for
            _ADVISE(self._descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        if _IF_IN_MEMORY and self._descriptor < _MAPPED_BELOW:
            with suppress(OSError):  # a file system without memory maps
                memory = mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)
                memory.madvise(mmap.MADV_RANDOM)
                self.mapped = np.ndarray(header.shape, dtype, buffer=memory, offset=HEADER_BYTES)

    def is_in_memory(self, row: int, count: int) -> bool:
        """Whether the page cache holds some rows, as the byte in their middle tells.

        Their first and last pages belong to their neighbours, too. Should a page between be
        missing all the same, the memory map reads it. After many rows that are there, the next are
        taken to be for a moment: of small slices, asking takes as long as copying.
        """
        if self.mapped is None or row + count > self._count:
            return False
        now = time.monotonic()
        if now < self._in_memory_until:
            return True
        middle = HEADER_BYTES + (2 * row + count) * self._row_bytes // 2
        try:
            is_cached = os.preadv(self._descriptor, _ONE_BYTE, middle, _IF_IN_MEMORY) == 1
        except OSError:  # it does not, or the file system cannot tell
            is_cached = False
        self._cached_in_a_row = self._cached_in_a_row + 1 if is_cached else 0
        if self._cached_in_a_row >= _ENOUGH_IN_A_ROW:
            self._in_memory_until, self._cached_in_a_row = now + _SECONDS_OF_TRUST, 0
        return is_cached

    def announce(self, row: int, count: int) -> None:
        """Have the system fetch rows, without waiting for it."""
        if _ADVISE is not None:
            size = count * self._row_bytes
            with suppress(OSError):  # it is advice alone
                _ADVISE(self._descriptor, self._position(row), size, os.POSIX_FADV_WILLNEED)

    def read(self, row: int, targets: Sequence[NDArray[Any]]) -> None:
        """Read rows that lie one after another, in however many pieces the system gives them.

        Raises:
            ValueError: If the file has no such rows, or they cannot be read.
        """
        if row + len(targets) > self._count:
            last = row + len(targets) - 1
            raise self._unreadable(f"it has {self._count:,} rows, and none of number {last:,}")
        position = self._position(row)
        rest = [target.data.cast("B") for target in targets]
        while rest:
            try:
                count = os.preadv(self._descriptor, rest, position)
            except OSError as error:
                raise self._unreadable(error) from error
            if not count:
                raise self._unreadable(f"it ends at byte {position:,}")
            position += count
            while rest and count >= len(rest[0]):
                count -= len(rest.pop(0))
            if rest:
                rest[0] = rest[0][count:]

    def _position(self, row: int) -> int:
        """Where a row starts in the file."""
        return HEADER_BYTES + row * self._row_bytes

    def _unreadable(self, reason: object) -> DamagedError:
        return DamagedError(f"{self._path} cannot be read: {reason}. {self._cure}")

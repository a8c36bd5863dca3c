"""The files of a shard, how they are named and hashed.

A shard is `hu-00007.npy`, slices as (n, size, size) int16, and beside it the table
`hu-00007.parquet` that says what each slice is, and the note `hu-00007.json`, which is written last
and holds the hashes of the other files. Where the source has masks of bleeds, they are in
`truth-00007.npy`, as (n, size, size) uint8.
"""

import hashlib
import math
import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.data.shards.npy_header import HEADER_BYTES, read_npy_header

_FLUSH_BYTES: Final = 8 * 2**20


def shard_name(number: int) -> str:
    """The name of a shard of slices."""
    return f"hu-{number:05d}.npy"


def table_name(number: int) -> str:
    """The name of the table beside a shard."""
    return f"hu-{number:05d}.parquet"


def note_name(number: int) -> str:
    """The name of the note beside a shard, which says that it is whole."""
    return f"hu-{number:05d}.json"


def truth_name(number: int) -> str:
    """The name of the masks beside a shard."""
    return f"truth-{number:05d}.npy"


class ArrayFile:
    """A `.npy` file of (n, size, size) that grows slice by slice.

    Its hash is the SHA-256 of the file's header followed by the SHA-256 of each slice, so that a
    slice's pixels are hashed once, for the file and for the slice. A second thread flushes to the
    disk while slices are made, so that little is left to wait for at the end.
    """

    def __init__(self, path: Path, kind: str, size: int) -> None:
        self._kind, self._size = kind, size
        self._digests: list[bytes] = []
        self._stream: BinaryIO = path.open("wb")
        self._stream.write(bytes(HEADER_BYTES))
        self._unflushed = 0
        self._flusher = ThreadPoolExecutor(max_workers=1)
        self._flushing: Future[None] | None = None

    @property
    def count(self) -> int:
        """Slices written so far."""
        return len(self._digests)

    def append(self, pixels: NDArray[Any]) -> str:
        """Write one slice; returns the SHA-256 of its bytes in hexadecimal."""
        memory = np.ascontiguousarray(pixels, dtype=self._kind).data.cast("B")
        digest = hashlib.sha256(memory)
        self._stream.write(memory)
        self._digests.append(digest.digest())
        self._unflushed += memory.nbytes
        if self._unflushed >= _FLUSH_BYTES:
            self._flush_behind()
        return digest.hexdigest()

    def _flush_behind(self) -> None:
        if self._flushing is not None:
            if not self._flushing.done():
                return
            self._flushing.result()  # raises if the disk is full
        self._unflushed = 0
        self._stream.flush()
        self._flushing = self._flusher.submit(os.fsync, self._stream.fileno())

    def finish(self) -> str:
        """Write the header, now that the number of slices is known; returns the file's hash."""
        if self._flushing is not None:
            self._flushing.result()
        header = _npy_header(self._kind, self.count, self._size)
        self._stream.seek(0)
        self._stream.write(header)
        return hash_of_slices(header, self._digests)

    def close(self) -> None:
        """Close the file, once the thread is done with it."""
        self._flusher.shutdown()
        self._stream.close()


def _npy_header(kind: str, count: int, size: int) -> bytes:
    """The 128 bytes before the array in a `.npy` file of version 1.0 (NEP 1)."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({count}, {size}, {size}), }}"
    return b"\x93NUMPY\x01\x00\x76\x00" + text.encode().ljust(HEADER_BYTES - 11) + b"\n"


def hash_of_slices(header: bytes, digests: Iterable[bytes]) -> str:
    """The hash of a `.npy` file: SHA-256 of its header and of its slices' SHA-256."""
    total = hashlib.sha256(header)
    for digest in digests:
        total.update(digest)
    return total.hexdigest()


def slice_digests(path: Path) -> tuple[bytes, list[bytes]]:
    """Read a `.npy` file of slices back: its header's bytes and the SHA-256 of each slice.

    Raises:
        ValueError: If it is not such a file, or its length is not what its header says.
    """
    with path.open("rb") as stream:
        start = stream.read(HEADER_BYTES)
        (count, *sides), dtype, _ = read_npy_header(start)
        step = math.prod(sides) * dtype.itemsize
        if path.stat().st_size != HEADER_BYTES + count * step:
            raise ValueError("it is not as long as its header says")
        return start, [hashlib.sha256(stream.read(step)).digest() for _ in range(count)]

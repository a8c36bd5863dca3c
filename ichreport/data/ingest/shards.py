"""Shards: one chunk of source files becomes one file of slices and one table beside it.

A shard `hu-00007.npy` holds the slices as (n, size, size) int16; `hu-00007.parquet` tells what each
is, which files were rejected and why, and carries the key of the chunk: a hash of everything that
decides the shard's bytes. The table is written last, so a table with the right key is a whole
shard. Masks of bleeds, where the source has them, are in `truth-00007.npy`.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from ichreport.data.dicom.decoding import IsolatedDecoder
from ichreport.data.dicom.elements import RejectError
from ichreport.data.dicom.header import Header
from ichreport.data.dicom.slices import (
    RULE_NOT_SQUARE,
    RULE_UPSAMPLED,
    FileReader,
    Slice,
    read_slice,
)
from ichreport.data.dicom.time_limit import time_limit
from ichreport.data.ingest.pseudonyms import Pseudonyms
from ichreport.data.resample import resample_hu, resample_mask
from ichreport.files import atomic_file

_HEADER_BYTES: Final = 128
FLUSHED_AT_ONCE: Final = 8 * 2**20
NOTE: Final = b"ichreport.shard"
_TOO_LARGE: Final = RejectError("reading it takes more memory than a worker may have", passing=True)

SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("sop_instance_uid", "patient_id")),
        *((name, pa.string()) for name in ("study_instance_uid", "series_instance_uid")),
        *((name, pa.float64()) for name in ("z", "spacing", "tilt")),
        ("family", pa.string()),
        ("rows", pa.int32()),
        ("columns", pa.int32()),
        ("intercept", pa.float64()),
        ("window_center", pa.float64()),
        ("window_width", pa.float64()),
        ("rules", pa.string()),
        ("blank", pa.bool_()),
        ("row", pa.int32()),
        ("truth_row", pa.int32()),
        ("pixel_hash", pa.string()),
        ("file", pa.string()),
        ("reason", pa.string()),
    ]
)
"""Columns of a shard's table: a slice has a `row`, a reject has only `file` and `reason`."""


@dataclass(frozen=True)
class ShardTask:
    """Everything a worker needs to make one shard, and nothing else."""

    number: int
    key: str
    folder: str
    files: tuple[str, ...]
    store: str
    image_size: int
    truth: str | None
    named_by_slice: bool
    pseudonyms: Pseudonyms | None
    seconds_per_file: float


@dataclass(frozen=True)
class ShardSummary:
    """What became of a chunk's files."""

    number: int
    files: int
    rejects: dict[str, str]
    """Reason by file."""


def shard_name(number: int) -> str:
    """The name of a shard of slices."""
    return f"hu-{number:05d}.npy"


def table_name(number: int) -> str:
    """The name of the table beside a shard."""
    return f"hu-{number:05d}.parquet"


def truth_name(number: int) -> str:
    """The name of the masks beside a shard."""
    return f"truth-{number:05d}.npy"


def make_shard(task: ShardTask) -> ShardSummary:
    """Make one shard from one chunk of files. Doing it again gives the same bytes.

    Raises:
        OSError: If the store cannot be written; what was there is left as no shard.
    """
    store = Path(task.store)
    table_path = store / table_name(task.number)
    # An old table must not vouch for new slices, should this process end between the two.
    table_path.unlink(missing_ok=True)
    with ExitStack() as stack:
        slices = _array_file(stack, store / shard_name(task.number), "<i2", task.image_size)
        masks = None
        if task.truth is not None:
            masks = _array_file(stack, store / truth_name(task.number), "|u1", task.image_size)
        making = _Making(task, slices, masks)
        with IsolatedDecoder(task.seconds_per_file) as decoder:
            for file in task.files:
                making.take(file, decoder)
        written = {shard_name(task.number): slices.finish()}
        if masks is not None:
            written[truth_name(task.number)] = masks.finish()
    _write_table(table_path, making, task.key, written)
    return ShardSummary(task.number, len(task.files), making.rejects)


def _array_file(stack: ExitStack, path: Path, kind: str, size: int) -> "ArrayFile":
    partial = stack.enter_context(atomic_file(path))
    return stack.enter_context(closing(ArrayFile(partial, kind, size)))


class _Making:
    """One shard in the making: files go in one by one, slices and table columns come out."""

    def __init__(self, task: ShardTask, slices: "ArrayFile", masks: "ArrayFile | None") -> None:
        self._task, self._slices, self._masks = task, slices, masks
        self._reader = FileReader()
        self.columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
        self.rejects: dict[str, str] = {}
        self.passing = 0

    def take(self, file: str, decoder: IsolatedDecoder) -> None:
        task = self._task
        shown = task.pseudonyms.file(file) if task.pseudonyms else file
        try:
            with time_limit(task.seconds_per_file):
                made = read_slice(
                    f"{task.folder}/{file}", reader=self._reader, decode=decoder.decode
                )
                self._check_name(file, made.header)
                mask = self._read_mask(file, made.header)
        except (RejectError, MemoryError) as error:
            reject = error if isinstance(error, RejectError) else _TOO_LARGE
            self.rejects[shown] = str(reject)
            self.passing += reject.passing
            self._add({"file": shown, "reason": str(reject)})
            return
        size = task.image_size
        resampled = resample_hu(made.hu, size)
        row = self._slices.count
        pixel_hash = self._slices.append(resampled)[:32]
        truth_row = -1
        if mask is not None and self._masks is not None:
            truth_row = self._masks.count
            self._masks.append(resample_mask(mask, size))
        self._add(
            self._identity(made.header)
            | _description(made, size)
            | {
                "blank": bool(resampled.min() == resampled.max()),
                "row": row,
                "truth_row": truth_row,
                "pixel_hash": pixel_hash,
                "file": shown,
            }
        )

    def _add(self, values: dict[str, Any]) -> None:
        for name, column in self.columns.items():
            column.append(values.get(name))

    def _identity(self, header: Header) -> dict[str, Any]:
        names = ("sop_instance_uid", "patient_id", "study_instance_uid", "series_instance_uid")
        identity = {name: getattr(header, name) for name in names}
        return self._task.pseudonyms.identity(identity) if self._task.pseudonyms else identity

    def _check_name(self, file: str, header: Header) -> None:
        if self._task.named_by_slice and header.sop_instance_uid != Path(file).stem:
            raise RejectError("the file's name and its SOPInstanceUID are not the same slice")

    def _read_mask(self, file: str, header: Header) -> NDArray[np.uint8] | None:
        if self._task.truth is None:
            return None
        path = Path(self._task.truth, file).with_suffix(".png")
        if not path.is_file():
            return None
        try:
            with Image.open(path) as picture:
                mask = np.asarray(picture)
        except (OSError, ValueError, SyntaxError):
            raise RejectError("the mask of its bleeds is not readable as PNG") from None
        if mask.dtype != np.uint8 or mask.shape != (header.rows, header.columns):
            raise RejectError(
                f"the mask of its bleeds is {mask.dtype} of {mask.shape}, "
                f"expected uint8 of ({header.rows}, {header.columns})"
            )
        return mask


def _description(made: Slice, size: int) -> dict[str, Any]:
    header, rules = made.header, list(made.rules)
    if header.rows != header.columns:
        rules.append(RULE_NOT_SQUARE)
    if max(header.rows, header.columns) < size:
        rules.append(RULE_UPSAMPLED)
    names = ("z", "spacing", "tilt", "family", "rows", "columns", "intercept")
    return {name: getattr(header, name) for name in (*names, "window_center", "window_width")} | {
        "rules": "; ".join(rules)
    }


def _write_table(path: Path, making: _Making, key: str, hashes: dict[str, str]) -> None:
    note = ShardNote(
        key=key,
        hashes=hashes,
        sizes={name: (path.parent / name).stat().st_size for name in hashes},
        passing=making.passing,
    )
    schema = SCHEMA.with_metadata({NOTE: json.dumps(asdict(note)).encode()})
    with atomic_file(path) as partial:
        pq.write_table(pa.table(making.columns, schema=schema), partial, compression="zstd")


@dataclass(frozen=True)
class ShardNote:
    """What a shard's table says about its shard."""

    key: str
    """The hash of everything that decided the shard's bytes."""
    hashes: dict[str, str]
    """The hash of each file of the shard but the table."""
    sizes: dict[str, int]
    """Their lengths in bytes."""
    passing: int
    """Rejects whose cause may pass."""


def read_note(path: Path) -> ShardNote | None:
    """What a shard's table says, or None if it cannot be read or its files are not there."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        note = ShardNote(**json.loads(metadata[NOTE]))
        sizes = {name: (path.parent / name).stat().st_size for name in note.sizes}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return note if sizes == note.sizes else None


def read_rejects(store: Path, number: int) -> dict[str, str]:
    """The rejects of a shard: reason by file."""
    table = pq.read_table(store / table_name(number), columns=["file", "reason"])
    rejects = table.filter(pc.is_valid(table["reason"]))
    return dict(zip(rejects["file"].to_pylist(), rejects["reason"].to_pylist(), strict=True))


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
        self._stream.write(bytes(_HEADER_BYTES))
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
        if self._unflushed >= FLUSHED_AT_ONCE:
            self._flush_behind()
        return digest.hexdigest()

    def _flush_behind(self) -> None:
        if self._flushing is not None:
            if not self._flushing.done():
                return
            self._flushing.result()  # tells of a full disk
        self._unflushed = 0
        self._stream.flush()
        self._flushing = self._flusher.submit(os.fsync, self._stream.fileno())

    def finish(self) -> str:
        """Write the header, now that the number of slices is known; returns the file's hash."""
        if self._flushing is not None:
            self._flushing.result()
        header = npy_header(self._kind, self.count, self._size)
        self._stream.seek(0)
        self._stream.write(header)
        return hash_of_slices(header, self._digests)

    def close(self) -> None:
        """Close the file, once the thread is done with it."""
        self._flusher.shutdown()
        self._stream.close()


def npy_header(kind: str, count: int, size: int) -> bytes:
    """The 128 bytes before the array in a `.npy` file of version 1.0 (NEP 1)."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({count}, {size}, {size}), }}"
    return b"\x93NUMPY\x01\x00\x76\x00" + text.encode().ljust(_HEADER_BYTES - 11) + b"\n"


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
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError(f"{path} is not a .npy file of version 1.0.")
        shape, _, kind = np.lib.format.read_array_header_1_0(stream)
        step = math.prod(shape[1:]) * kind.itemsize
        if stream.tell() != _HEADER_BYTES or path.stat().st_size != _HEADER_BYTES + shape[0] * step:
            raise ValueError(f"{path} is not as long as its header says.")
        stream.seek(0)
        header = stream.read(_HEADER_BYTES)
        return header, [hashlib.sha256(stream.read(step)).digest() for _ in range(shape[0])]

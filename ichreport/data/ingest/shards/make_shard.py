"""One chunk of source files becomes one shard: a file of slices and a table beside it.

The table says what each slice is, which files were rejected and why. It carries the key of the
chunk: a hash of everything that decides the shard's bytes. The table is written last, so a table
with the right key is a whole shard.
"""

from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ichreport.data.dicom.header import Header
from ichreport.data.dicom.limits import time_limit
from ichreport.data.dicom.pixel_decoder import IsolatedDecoder
from ichreport.data.dicom.reject import RejectError
from ichreport.data.dicom.slice_reader import HuSlice, slices_from_bytes
from ichreport.data.ingest.file_reader import FileReader
from ichreport.data.ingest.masks import mask_of_file, mask_path, masks_of_volume
from ichreport.data.ingest.shards.kept_slice import KeptSlice, keep
from ichreport.data.ingest.sources import SourceFile, slice_of_file
from ichreport.data.nifti import VolumeSlice, is_volume, read_volume, without_ending
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.data.shards.shard_files import (
    ArrayFile,
    note_name,
    shard_name,
    table_name,
    truth_name,
)
from ichreport.data.store_format import STUDY_AS_PATIENT
from ichreport.files import (
    atomic_file,
    read_sealed_json,
    sha256_of_file,
    write_sealed_json,
)

_RULE_BY_STUDY: Final = f"{STUDY_AS_PATIENT}, as group_by asks"
_TOO_LARGE: Final = RejectError("reading it takes more memory than a worker may have", passing=True)

SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("sop_instance_uid", "patient_id")),
        *((name, pa.string()) for name in ("study_instance_uid", "series_instance_uid")),
        *((name, pa.float64()) for name in ("z", "spacing", "tilt")),
        *((name, pa.string()) for name in ("orientation", "family")),
        ("rows", pa.int32()),
        ("columns", pa.int32()),
        ("intercept", pa.float64()),
        ("window_center", pa.float64()),
        ("window_width", pa.float64()),
        *((name, pa.float64()) for name in ("thickness", "spacing_between")),
        *((name, pa.string()) for name in ("kernel", "description", "image_type")),
        *((name, pa.string()) for name in ("manufacturer", "model")),
        ("contrast", pa.bool_()),
        ("shows_head", pa.bool_()),
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
    files: tuple[SourceFile, ...]
    store: str
    image_size: int
    truth: str | None
    challenge: bool
    """Whether files are named by slice and all show heads."""
    by_study: bool
    """Whether a study stands for the patient."""
    pseudonyms: Pseudonyms | None
    seconds_per_file: float


@dataclass(frozen=True)
class ShardSummary:
    """How many files a shard was made of, and which were rejected."""

    number: int
    files: int
    rejects: dict[str, str]
    """Reason by file."""


def make_shard(task: ShardTask) -> ShardSummary:
    """Make one shard from one chunk of files. Doing it again gives the same bytes.

    Raises:
        OSError: If the store cannot be written; an earlier shard of this number is gone then.
    """
    store = Path(task.store)
    # An old note must not vouch for new slices, should this process end between the two.
    (store / note_name(task.number)).unlink(missing_ok=True)
    with ExitStack() as stack:
        slices = _array_file(stack, store / shard_name(task.number), "<i2", task.image_size)
        masks = None
        if task.truth is not None:
            masks = _array_file(stack, store / truth_name(task.number), "|u1", task.image_size)
        reader = stack.enter_context(FileReader(task.folder))
        decoder = stack.enter_context(IsolatedDecoder(task.seconds_per_file))
        writer = _ShardWriter(task, slices, masks)
        for file in task.files:
            writer.take(file, reader, decoder)
        written = {shard_name(task.number): slices.finish()}
        if masks is not None:
            written[truth_name(task.number)] = masks.finish()
    _write_table(task, writer, written)
    return ShardSummary(task.number, len(task.files), writer.rejects)


def _array_file(stack: ExitStack, path: Path, kind: str, size: int) -> ArrayFile:
    partial = stack.enter_context(atomic_file(path))
    return stack.enter_context(closing(ArrayFile(partial, kind, size)))


class _ShardWriter:
    """Takes files one by one and gives slices and the columns of the table."""

    def __init__(self, task: ShardTask, slices: ArrayFile, masks: ArrayFile | None) -> None:
        self._task, self._slices, self._masks = task, slices, masks
        self.columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
        self.rejects: dict[str, str] = {}
        self.passing = 0

    def take(self, file: SourceFile, reader: FileReader, decoder: IsolatedDecoder) -> None:
        task = self._task
        path = file.path
        shown = task.pseudonyms.file_pseudonym(path) if task.pseudonyms else _as_text(path)
        try:
            with time_limit(task.seconds_per_file):
                if is_volume(path):
                    made = self._of_volume(file)
                else:
                    made = self._of_dicom(path, reader.read(file), decoder)
        except (RejectError, MemoryError) as error:
            reject = error if isinstance(error, RejectError) else _TOO_LARGE
            self.rejects[shown] = str(reject)
            self.passing += reject.passing
            self._add({"file": shown, "reason": str(reject)})
            return
        for kept in made:
            self._append(kept, shown)

    def _of_dicom(
        self, path: str, content: memoryview, decoder: IsolatedDecoder
    ) -> list[KeptSlice]:
        found = self._mask_path(path)
        made = []
        for read in slices_from_bytes(content, decode=decoder.decode):
            self._check_name(path, read.header)
            mask = None if found is None else mask_of_file(found, read.header)
            made.append(self._kept(read, read.header, mask))
        return made

    def _of_volume(self, file: SourceFile) -> list[KeptSlice]:
        if file.reason or file.member is not None:
            reason = file.reason or "a NIfTI file in a zip is not read; unpack the zip"
            raise RejectError(reason, passing=True)
        path = Path(self._task.folder, file.path)
        slices = read_volume(path, without_ending(_as_text(file.path)))
        found = self._mask_path(file.path)
        masks = [None] * len(slices) if found is None else masks_of_volume(found, path)
        return [self._kept(read, read, mask) for read, mask in zip(slices, masks, strict=True)]

    def _mask_path(self, path: str) -> Path | None:
        return None if self._task.truth is None else mask_path(self._task.truth, path)

    def _kept(
        self,
        read: HuSlice | VolumeSlice,
        named: Header | VolumeSlice,
        mask: NDArray[np.uint8] | None,
    ) -> KeptSlice:
        """A slice at the store's size, with its identifiers, or what stands in their place."""
        task = self._task
        kept = keep(read, mask, task.image_size, look_for_head=not task.challenge)
        names = ("sop_instance_uid", "patient_id", "study_instance_uid", "series_instance_uid")
        identifiers = {name: getattr(named, name) for name in names}
        if task.by_study:
            identifiers["patient_id"] = named.study_instance_uid
            rules = kept.description["rules"]
            kept.description["rules"] = f"{rules}; {_RULE_BY_STUDY}" if rules else _RULE_BY_STUDY
        kept.description.update(
            task.pseudonyms.replace(identifiers) if task.pseudonyms else identifiers
        )
        return kept

    def _append(self, made: KeptSlice, shown: str) -> None:
        row = self._slices.count
        pixel_hash = self._slices.append(made.hu)[:32]
        truth_row = -1
        if made.mask is not None and self._masks is not None:
            truth_row = self._masks.count
            self._masks.append(made.mask)
        made.description.update(
            blank=bool(made.hu.min() == made.hu.max()),
            row=row,
            truth_row=truth_row,
            pixel_hash=pixel_hash,
            file=shown,
        )
        self._add(made.description)

    def _add(self, values: dict[str, Any]) -> None:
        for name, column in self.columns.items():
            column.append(values.get(name))

    def _check_name(self, path: str, header: Header) -> None:
        if self._task.challenge and header.sop_instance_uid != slice_of_file(path):
            raise RejectError(
                "the file's name and its SOPInstanceUID are not the same slice; name it by its "
                "UID, or ingest a folder with another name and its `labels`"
            )


def _as_text(path: str) -> str:
    """A file's path as text; bytes of a name that is no UTF-8 are escaped."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _write_table(task: ShardTask, writer: _ShardWriter, hashes: dict[str, str]) -> None:
    """Write a shard's table, and last the note that makes the shard count."""
    store = Path(task.store)
    table = store / table_name(task.number)
    with atomic_file(table) as partial:
        pq.write_table(pa.table(writer.columns, schema=SCHEMA), partial, compression="zstd")
    note = ShardNote(
        key=task.key,
        hashes=hashes,
        sizes={name: (store / name).stat().st_size for name in hashes},
        table=sha256_of_file(table),
        passing=writer.passing,
    )
    write_sealed_json(store / note_name(task.number), asdict(note))


@dataclass(frozen=True)
class ShardNote:
    """What is noted of a shard once it is whole."""

    key: str
    """The hash of everything that decided the shard's bytes."""
    hashes: dict[str, str]
    """The hash of each file of slices or masks; see `shard_files`."""
    sizes: dict[str, int]
    """Their lengths in bytes."""
    table: str
    """The SHA-256 of the shard's table."""
    passing: int
    """Rejects whose cause may pass."""


def read_note(store: Path, number: int) -> ShardNote | None:
    """What is noted of a shard, or None if its note or table is damaged or a file is not there."""
    try:
        note = ShardNote(**read_sealed_json(store / note_name(number)))
        is_whole = note.table == sha256_of_file(store / table_name(number))
        sizes = {name: (store / name).stat().st_size for name in note.sizes}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_of_shard = shard_name(number) in sizes  # and not another shard's
    return note if is_whole and is_of_shard and sizes == note.sizes else None


def read_rejects(store: Path, number: int) -> dict[str, str]:
    """The rejects of a shard: reason by file."""
    table = pq.read_table(store / table_name(number), columns=["file", "reason"])
    rejects = table.filter(pc.is_valid(table["reason"]))
    return dict(zip(rejects["file"].to_pylist(), rejects["reason"].to_pylist(), strict=True))

"""What a source folder holds: the challenge's layout, or a hospital's tree of series."""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ichreport.files import check_file, read_sealed_json

_TRAIN: Final = "stage_2_train"
_LARGEST_CHUNK: Final = 2048
_SMALLEST_CHUNK: Final = 128


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to read: its path below the source's folder, and what tells that it changed."""

    path: str
    size: int
    modified: int
    """Nanoseconds since the epoch."""


@dataclass(frozen=True)
class Source:
    """A folder of DICOM files, its labels and its masks."""

    folder: Path
    """The folder below which the files lie."""
    challenge: bool
    """Whether files are named by slice, as in the challenge."""
    labels: Path | None
    """The label CSV, if there is one."""
    truth: Path | None
    """The folder of bleed masks, if the heads are synthetic."""
    synthetic: bool
    """Whether the phantom wrote it."""


def recognise_source(folder: Path, labels: Path | None = None) -> Source:
    """Recognise what a folder holds.

    Args:
        folder: The challenge's unzipped folder; or its `stage_2_test`, or any folder that holds
            `ID_….dcm` files directly; or a tree of DICOM series.
        labels: A label CSV; by default `stage_2_train.csv` in the challenge's folder.

    Raises:
        FileNotFoundError: If the folder or the label file is missing; the message says what is
            expected where.
        ValueError: If what synthetic heads say of themselves is damaged, or their labels are.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is not a folder. Expected {_TRAIN}.csv and {_TRAIN}/ in it, as the "
            f"challenge unzips, or a tree of DICOM series; name the folder as `source`."
        )
    if labels is not None and not labels.is_file():
        raise FileNotFoundError(f"{labels} is not a file. Expected the CSV of labels.")
    train = folder / _TRAIN
    if not train.is_dir():
        flat = next(folder.glob("ID_*.dcm"), None) is not None
        return Source(folder, challenge=flat, labels=labels, truth=None, synthetic=False)
    train_labels = folder / f"{_TRAIN}.csv"
    if labels is None and not train_labels.is_file():
        raise FileNotFoundError(
            f"{train_labels} is missing. Expected the challenge's labels beside {train}; to "
            f"ingest the files without labels, name {train} itself as `source`."
        )
    truth, described = folder / "truth", folder / "phantom.json"
    if described.is_file() and labels is None:
        _check_synthetic_labels(train_labels, described)
    return Source(
        train,
        challenge=True,
        labels=labels or train_labels,
        truth=truth if truth.is_dir() else None,
        synthetic=described.is_file(),
    )


def _check_synthetic_labels(labels: Path, described: Path) -> None:
    cure = f"Remove {described}; make report or `ichreport phantom` makes the heads anew."
    try:
        expected = read_sealed_json(described)["labels_sha256"]
    except (ValueError, KeyError) as error:
        raise ValueError(f"{described} is damaged ({error}). {cure}") from error
    check_file(labels, expected, cure)


def list_files(source: Source) -> list[SourceFile]:
    """All files to read, sorted by path.

    In the challenge's layout these are the `.dcm` files of one folder; elsewhere every file of the
    tree but hidden ones, `DICOMDIR` and the label CSV. Links to folders are not followed.

    Raises:
        FileNotFoundError: If there is none.
    """
    files = []
    for entry in _entries(str(source.folder), deep=not source.challenge):
        if source.challenge and not entry.name.endswith(".dcm"):
            continue
        if entry.name.upper() == "DICOMDIR":
            continue
        labels = source.labels
        if labels and entry.name == labels.name and labels.samefile(entry.path):
            continue
        path = entry.name if source.challenge else os.path.relpath(entry.path, source.folder)
        files.append(_stamped(path, entry))
    if not files:
        raise FileNotFoundError(f"{source.folder} holds no DICOM files.")
    files.sort(key=lambda file: file.path)
    return files


def _stamped(path: str, entry: os.DirEntry[str]) -> SourceFile:
    try:
        status = entry.stat()
    except OSError:  # such as a link to nowhere, which reading will reject with its reason
        return SourceFile(path, size=-1, modified=0)
    return SourceFile(path, status.st_size, status.st_mtime_ns)


def _entries(folder: str, *, deep: bool) -> Iterator[os.DirEntry[str]]:
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if not entry.is_dir(follow_symlinks=False):
                    yield entry
                elif deep:
                    pending.append(entry.path)


def cut_into_chunks(files: list[SourceFile]) -> list[list[SourceFile]]:
    """Cut a sorted list of files into chunks, one a shard.

    Where to cut is decided by the names alone: after a file whose checksum ends in enough zero
    bits, no sooner than half and no later than twice the usual length. So a file more or less
    changes the chunk that it is in and sometimes the next, never all that follow.

    Args:
        files: Sorted by path.

    Returns:
        Chunks of 1024 to 4096 files; of fewer in small sets, so that there is work for each core.
    """
    usual = min(max(_SMALLEST_CHUNK, 1 << (len(files) // 32).bit_length()), _LARGEST_CHUNK)
    chunks: list[list[SourceFile]] = [[]]
    for file in files:
        chunk = chunks[-1]
        chunk.append(file)
        cut = zlib.crc32(os.fsencode(file.path)) % usual == 0
        if len(chunk) >= 2 * usual or (cut and len(chunk) >= usual // 2):
            chunks.append([])
    if not chunks[-1]:
        chunks.pop()
    return chunks

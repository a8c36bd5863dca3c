"""Files that are whole or absent, hashes that name their content, and locks between jobs."""

import errno
import hashlib
import json
import logging
import math
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

_log = logging.getLogger(__name__)

PARTIAL_SUFFIX = ".partial"
_LONGEST_PLACE = 50


@contextmanager
def atomic_file(path: Path, size: int | None = None) -> Iterator[Path]:
    """Write a file so that it is either whole or not there.

    Yields a path in the same folder to write to. When the block ends, that file is flushed to the
    disk and renamed over `path`; when the block raises, it is removed and `path` is untouched.

    Args:
        path: The file to write. Its folder is made if missing.
        size: Bytes that it will have, where they are known, to name if the disk is full.

    Yields:
        The path to write to, ending like `path` does, so that writers that look at the suffix work.

    Raises:
        NotADirectoryError: If a file is in the folder's place.
        OSError: If the disk is full, with `ENOSPC`, whatever the writer has made of that.
    """
    _make_folder(path.parent)
    partial = path.with_name(f".{path.stem}-{secrets.token_hex(8)}{PARTIAL_SUFFIX}{path.suffix}")
    try:
        yield partial
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        if not _is_of_a_full_disk(error):
            raise
        written = partial.stat().st_size if partial.exists() else 0
        partial.unlink(missing_ok=True)
        raise full_disk(path, size, at_least=written) from error
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def remove_partials(folder: Path) -> None:
    """Remove what killed writers have left below a folder, in which nobody may be writing."""
    for path in folder.rglob(f".*{PARTIAL_SUFFIX}*"):
        path.unlink(missing_ok=True)


def private_folder(prefix: str) -> Path:
    """Make a temporary folder that only this user can enter, with room for a Unix socket's name.

    Such a name has a hundred characters at most. Where the usual place for temporary files is named
    too long, the folder lies in `/tmp`.
    """
    usual = tempfile.gettempdir()
    place = usual if len(usual) <= _LONGEST_PLACE or not os.access("/tmp", os.W_OK) else "/tmp"  # noqa: S108
    return Path(tempfile.mkdtemp(prefix=prefix, dir=place))


def full_disk(path: Path, size: int | None, *, at_least: int = 0) -> OSError:
    """The error of a disk that is too full for a file: where, what it needs, and what is free."""
    needed = as_size(size) if size is not None else f"more than {as_size(at_least)}"
    free = as_size(shutil.disk_usage(_existing(path.parent)).free)
    return OSError(
        errno.ENOSPC,
        f"The disk is full: {needed} needed, {free} free; make room, and go on",
        str(path),
    )


def check_space(folder: Path, size: int) -> None:
    """Refuse to start what a disk has no room for.

    Args:
        folder: Where it goes.
        size: Bytes that it needs.

    Raises:
        OSError: If less is free.
    """
    if shutil.disk_usage(_existing(folder)).free < size:
        raise full_disk(folder, size)


def as_size(number: int) -> str:
    """A number of bytes in words: `512 B`, `1.5 GB`."""
    size = float(number)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def _existing(folder: Path) -> Path:
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())


def _is_of_a_full_disk(error: OSError) -> bool:
    """Whether a write failed for want of room; some libraries say so in words alone.

    numpy tells that fewer numbers were written than asked for, h5py what HDF5 was told.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    words = str(error)
    short = error.errno is None and re.search(r"\d+ requested and \d+ written", words)
    return bool(short) or os.strerror(errno.ENOSPC) in words


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"{folder} must be a folder, but a file is in its way.") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    content = text.encode()
    with atomic_file(path, len(content)) as partial:
        partial.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON, atomically.

    Raises:
        ValueError: If `value` holds NaN or infinity, which JSON has no word for.
    """
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def without_nan(value: Any) -> Any:
    """Nested mappings and lists with None for NaN and infinity, which JSON has no word for."""
    if isinstance(value, Mapping):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ValueError: If the file is not JSON; the message names it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not readable as JSON: {error}") from error


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_json(value: Any) -> str:
    """The SHA-256 of `value` in canonical JSON (sorted keys, no spaces), in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def folder_lock(folder: Path, *, timeout: float = -1) -> Iterator[None]:
    """Hold a folder for one process at a time; the others say so and wait.

    Args:
        folder: The folder to hold; made if missing.
        timeout: Seconds to wait; negative waits for as long as it takes.

    Raises:
        filelock.Timeout: If another process holds the folder for longer than `timeout`.
        NotADirectoryError: If a file is in the folder's place.
    """
    _make_folder(folder)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if timeout:
            _log.warning("%s is held by another process; waiting for it.", folder)
        lock.acquire(timeout=timeout)
    try:
        yield
    finally:
        lock.release()

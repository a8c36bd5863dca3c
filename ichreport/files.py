"""Files that are whole or absent, hashes that name their content, and locks between jobs."""

import hashlib
import json
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

_log = logging.getLogger(__name__)

PARTIAL_SUFFIX = ".partial"


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Write a file so that it is either whole or not there.

    Yields a path in the same folder to write to. When the block ends, that file is flushed to the
    disk and renamed over `path`; when the block raises, it is removed and `path` is untouched.

    Args:
        path: The file to write. Its folder is made if missing.

    Yields:
        The path to write to, ending like `path` does, so that writers that look at the suffix work.

    Raises:
        NotADirectoryError: If a file is in the folder's place.
    """
    _make_folder(path.parent)
    partial = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{PARTIAL_SUFFIX}{path.suffix}")
    try:
        yield partial
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


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
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON, atomically.

    Raises:
        ValueError: If `value` holds NaN or infinity, which JSON has no word for.
    """
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


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

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

from ichreport.processes import check_not_importing_script

_log = logging.getLogger(__name__)

PARTIAL_SUFFIX = ".partial"
_LONGEST_FOLDER = 50


@contextmanager
def atomic_file(path: Path, size: int | None = None) -> Iterator[Path]:
    """Write a file so that it is either whole or not there.

    Yields a path in the same folder to write to. When the block ends, that file is flushed to the
    disk and renamed over `path`; when the block raises, it is removed and `path` is untouched.

    Args:
        path: The file to write. Its folder is made if missing.
        size: Bytes that it will have, if known; named when the disk is full.

    Yields:
        The path to write to. It has the suffix of `path`, by which some writers choose a format.

    Raises:
        NotADirectoryError: If the folder's path is a file.
        IsADirectoryError: If the file's path is a folder.
        OSError: If the disk is full, with `ENOSPC`, whatever error the writer raised.
    """
    make_folder(path.parent)
    if path.is_dir():
        raise IsADirectoryError(f"{path} must be a file, but a folder is in its way.")
    partial = path.with_name(f".{path.stem}-{secrets.token_hex(8)}{PARTIAL_SUFFIX}{path.suffix}")
    try:
        yield partial
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        if not _says_disk_is_full(error):
            raise
        written = partial.stat().st_size if partial.exists() else 0
        partial.unlink(missing_ok=True)
        raise _full_disk(path, size, at_least=written) from error
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def remove_partials(folder: Path) -> None:
    """Remove the partial files of killed writers below a folder. Nobody may be writing there."""
    for path in folder.rglob(f".*{PARTIAL_SUFFIX}*"):
        path.unlink(missing_ok=True)


def private_folder(prefix: str) -> Path:
    """Make a temporary folder that only this user can enter, with room for a Unix socket's name.

    Such a name has a hundred characters at most. Where the usual folder for temporary files has a
    long name, it is made in `/tmp`.
    """
    parent = tempfile.gettempdir()
    if len(parent) > _LONGEST_FOLDER and os.access("/tmp", os.W_OK):  # noqa: S108
        parent = "/tmp"  # noqa: S108
    return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))


def _full_disk(path: Path, size: int | None, *, at_least: int = 0) -> OSError:
    """An error that names the file, the bytes that it needs and those that are free."""
    needed = as_size(size) if size is not None else f"more than {as_size(at_least)}"
    free = as_size(shutil.disk_usage(_existing(path.parent)).free)
    return OSError(
        errno.ENOSPC,
        f"The disk is full: {needed} needed, {free} free; make room, and go on",
        str(path),
    )


def check_space(folder: Path, size: int) -> None:
    """Raise if a disk has too little room.

    Args:
        folder: The folder to write to.
        size: Bytes needed.

    Raises:
        OSError: If less is free; with `ENOSPC`.
    """
    if shutil.disk_usage(_existing(folder)).free < size:
        raise _full_disk(folder, size)


def as_size(number: int) -> str:
    """A number of bytes in words: `512 B`, `1.5 GB`."""
    size = float(number)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def _existing(folder: Path) -> Path:
    ancestors = (folder.absolute(), *folder.absolute().parents)
    return next(ancestor for ancestor in ancestors if ancestor.is_dir())


def _says_disk_is_full(error: OSError) -> bool:
    """Whether a write failed because the disk is full; some libraries say so in words only.

    numpy says that fewer numbers were written than requested, h5py quotes HDF5's message.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    message = str(error)
    short = error.errno is None and re.search(r"\d+ requested and \d+ written", message)
    return bool(short) or os.strerror(errno.ENOSPC) in message


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        NotADirectoryError: If a file is in its way.
    """
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
        ValueError: If `value` holds NaN or infinity, which JSON cannot hold.
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
    except RecursionError:
        raise ValueError(f"{path} is not readable as JSON: it has too many levels") from None


class DamagedError(ValueError):
    """What lies on the disk cannot be read, or is not what was written."""


class OtherVersionError(ValueError):
    """A file that another version of ichreport has made."""


def write_sealed_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write an object as indented JSON, atomically, with `seal`: the hash of all else that it says.

    Raises:
        ValueError: As `write_json`.
    """
    write_json(path, {**value, "seal": seal_of(value)})


def read_sealed_json(path: Path) -> dict[str, Any]:
    """Read what `write_sealed_json` has written, without the seal.

    Raises:
        ValueError: If the file is no such JSON, or is not what was written; the message names it.
    """
    return unseal(read_json(path), path)


def unseal(content: Any, path: Path) -> dict[str, Any]:
    """What a JSON file says, without its seal.

    Args:
        content: As it was read.
        path: The file, named in errors.

    Raises:
        ValueError: If it is no object, or not what was written.
    """
    if not isinstance(content, dict):
        raise ValueError(f"{path} is damaged: it is no JSON object.")
    unsealed = {name: value for name, value in content.items() if name != "seal"}
    try:
        is_whole = content.get("seal") == sha256_of_json(unsealed)
    except ValueError:  # NaN or infinity, which nothing sealed holds
        is_whole = False
    if not is_whole:
        raise ValueError(f"{path} is damaged: its seal does not match what it says.")
    return unsealed


def seal_of(value: Mapping[str, Any]) -> str:
    """The hash of an object, as it will be read back from JSON."""
    return sha256_of_json(json.loads(json.dumps(value)))


def check_file(path: Path, expected: str, cure: str) -> Path:
    """A file of which the hash is known, once it is what it was; gives its path.

    Args:
        path: The file.
        expected: Its SHA-256.
        cure: What to do if it is another one; a sentence.

    Raises:
        ValueError: If it is missing or another one; with the cure.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing. {cure}")
    if sha256_of_file(path) != expected:
        raise ValueError(f"{path} is damaged: its hash is not the one that was noted. {cure}")
    return path


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
    """Hold a folder for one process at a time; others log that they wait.

    Args:
        folder: The folder to hold; made if missing.
        timeout: Seconds to wait; negative waits for as long as it takes.

    Raises:
        filelock.Timeout: If another process holds the folder for longer than `timeout`.
        NotADirectoryError: If the folder's path is a file.
        RuntimeError: In a worker that only imports the script that started it.
    """
    check_not_importing_script()
    make_folder(folder)
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

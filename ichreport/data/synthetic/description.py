"""What a set of synthetic heads says of itself, in its folder or in a zip of it."""

import json
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from ichreport.files import read_sealed_json, unseal
from ichreport.params.phantom.recipe import DESCRIPTION_FILE


def is_described(source: Path) -> bool:
    """Whether a source says what is in its heads: only synthetic ones do.

    It reads the directory of a zip, which takes seconds of one as large as the challenge's.

    Args:
        source: The folder that the heads were made in, or a zip of it.

    Raises:
        ValueError: If a zip is damaged; the message names it.
    """
    return (source / DESCRIPTION_FILE).is_file() or _member_of(source) is not None


def read_description(source: Path) -> dict[str, Any]:
    """The recipe of a set of synthetic heads, and what each patient and study has.

    Args:
        source: The folder that the heads were made in, or a zip of it.

    Raises:
        FileNotFoundError: If it says nothing of its heads; ask `is_described` first.
        ValueError: If the description is damaged; the message names it.
    """
    path = source / DESCRIPTION_FILE
    if path.is_file():
        return read_sealed_json(path)
    member = _member_of(source)
    if member is None:
        raise FileNotFoundError(
            f"{source} has no {DESCRIPTION_FILE}: it says nothing of its heads."
        )
    where = source / member
    try:
        with zipfile.ZipFile(source) as opened:
            content = json.loads(opened.read(member))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError) as error:
        raise ValueError(f"{where} cannot be read: {error}") from error
    return unseal(content, where)


def _member_of(source: Path) -> str | None:
    """The description in a zip, nearest its top; None where there is none."""
    if not source.is_file() or not zipfile.is_zipfile(source):
        return None
    try:
        with zipfile.ZipFile(source) as opened:
            names = opened.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ValueError(f"{source} cannot be read as a zip: {error}") from error
    found = [name for name in names if PurePosixPath(name).name == DESCRIPTION_FILE]
    return min(found, key=lambda name: (name.count("/"), name), default=None)

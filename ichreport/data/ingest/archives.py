"""The members of a zip file, and where each lies in it, so that it is read in place.

Kaggle gives the challenge as one zip of 180 GB or more; unpacked it would take 430 GB more. A
member is read by its place, in whichever process, without unpacking anything to disk.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

METHODS: Final = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
"""How members may be packed."""
LOCAL_HEADER_BYTES: Final = 30
"""Bytes before a member's name, at its place (APPNOTE.TXT 4.3.7)."""
_ENCRYPTED: Final = 0x1


class ArchiveError(ValueError):
    """A zip file that cannot be read, or must not be: with the reason, for a person to read."""


@dataclass(frozen=True, slots=True)
class Member:
    """Where a file lies in a zip.

    Attributes:
        archive: The zip's path below the source's folder; empty if the source is the zip.
        offset: Where the member's own header begins.
        packed: Bytes that it takes there.
        deflated: Whether it is compressed.
    """

    archive: str
    offset: int
    packed: int
    deflated: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A file in a zip, as the zip's directory lists it.

    Attributes:
        name: Its path in the zip.
        size: Its bytes, unpacked.
        crc: Its CRC-32.
        member: Where it lies.
        reason: Why it cannot be read; empty if it can.
    """

    name: str
    size: int
    crc: int
    member: Member
    reason: str


def list_members(path: Path, archive: str = "") -> list[Listed]:
    """List the files in a zip, hidden ones left out.

    Args:
        path: The zip.
        archive: What its members shall name it.

    Raises:
        ArchiveError: If it cannot be read, two of its members overlap, as in bombs, or have the
            same name.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            infos = [info for info in opened.infolist() if not info.is_dir()]
            end = opened.start_dir
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise ArchiveError("the zip is damaged or cut: its directory cannot be read") from error
    except OSError as error:
        raise ArchiveError(f"the zip cannot be read: {error.strerror}") from error
    _check_places(infos, end)
    if len({info.filename for info in infos}) < len(infos):
        raise ArchiveError("the zip holds several files of the same name")
    return [_listed(info, archive) for info in infos if not _is_hidden(info.filename)]


def _check_places(infos: list[zipfile.ZipInfo], end: int) -> None:
    """Refuse members that overlap: a few bytes could stand for any number of files."""
    start = np.array([info.header_offset for info in infos], dtype=np.int64)
    size = np.array([info.compress_size + LOCAL_HEADER_BYTES for info in infos], dtype=np.int64)
    order = np.argsort(start)
    stop = (start + size)[order]
    if np.any(stop > np.append(start[order][1:], end)) or np.any(start < 0):
        raise ArchiveError("the zip is refused: its members overlap")


def _listed(info: zipfile.ZipInfo, archive: str) -> Listed:
    reason = ""
    if info.flag_bits & _ENCRYPTED:
        reason = "it is encrypted in the zip; unpack it with its password"
    elif info.compress_type not in METHODS:
        reason = "it is packed in a way that is not read; unpack the zip"
    deflated = info.compress_type == zipfile.ZIP_DEFLATED
    member = Member(archive, info.header_offset, info.compress_size, deflated)
    return Listed(info.filename, info.file_size, info.CRC, member, reason)


def _is_hidden(name: str) -> bool:
    within = f"/{name}"
    return "/." in within or "/__MACOSX" in within

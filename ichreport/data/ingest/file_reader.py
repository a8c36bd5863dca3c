"""The bytes of a source's files, from the disk or out of a zip, whole and within bounds."""

import os
import stat
import zlib
from collections import OrderedDict
from pathlib import Path, PurePosixPath
from typing import Final, Self

from ichreport.data.dicom.elements import begins_as_dicom, is_dicom
from ichreport.data.dicom.reject import RejectError
from ichreport.data.ingest.archives import LOCAL_HEADER_BYTES, Member
from ichreport.data.ingest.sources import SourceFile

_LARGEST_SLICE: Final = 64 * 2**20
"""Bytes; a 16-bit slice of 4096 x 4096 has half of that."""
_LARGEST_FILE: Final = 512 * 2**20
"""Bytes of a file of many frames."""
_OF_DICOM: Final = ("", ".dcm", ".dicom", ".dic", ".ima", ".img", ".gz")
"""Endings that files with slices have; numbers are some, too, as of UIDs."""
_ARCHIVES: Final = {
    b"PK\x03\x04": "a zip that is not named .zip, or lies in another; unpack it",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"Rar!": "a RAR archive; unpack it",
}
_GZIP: Final = b"\x1f\x8b\x08"
_OF_TEXT: Final = frozenset(bytes(range(32, 127)) + b"\t\n\r\f")
_START: Final = 264
"""Bytes that tell what a file is."""
_MOST_OPEN: Final = 16


class FileReader:
    """Reads files into a buffer that it keeps, so that memory is allocated once.

    Args:
        folder: The folder below which the files lie, or the zip that holds them.
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder = os.fspath(folder)
        self._buffer = bytearray(2**20)
        self._archives: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._archives:
            os.close(self._archives.popitem()[1])

    def read(self, file: SourceFile) -> memoryview:
        """Read a whole file. The view is good until the next call.

        Raises:
            RejectError: If it is not a regular file, is too large, cannot be read or is no DICOM
                file.
        """
        if file.reason:
            raise RejectError(file.reason)
        if file.member is not None:
            content = self._member(file, file.member)
        else:
            content = self._file(f"{self._folder}/{file.path}")
        _check_start(bytes(content[:_START]), file.path)
        packed = bytes(content[:3]) == _GZIP and not is_dicom(content)
        return _gunzipped(content, file.path) if packed else content

    def _file(self, path: str) -> memoryview:
        try:
            # Without O_NONBLOCK, opening a named pipe would wait for a writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise RejectError(
                f"the file cannot be opened: {error.strerror}", passing=True
            ) from None
        try:
            return self._open_file(descriptor, path)
        except OSError as error:
            raise RejectError(f"the file cannot be read: {error.strerror}", passing=True) from None
        finally:
            os.close(descriptor)

    def _open_file(self, descriptor: int, path: str) -> memoryview:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RejectError("not a regular file")
        size = status.st_size
        _check_size(size, path)
        if size > _LARGEST_SLICE:  # a film would be read for nothing
            _check_start(os.pread(descriptor, _START, 0), path, strict=True)
        return self._fill(descriptor, 0, size)

    def _fill(self, descriptor: int, start: int, size: int) -> memoryview:
        """Read bytes from a place on, in several calls if it takes them."""
        if size > len(self._buffer):
            self._buffer = bytearray(size)
        view, done = memoryview(self._buffer)[:size], 0
        while done < size:
            got = os.preadv(descriptor, [view[done:]], start + done)
            if got == 0:
                raise RejectError(
                    f"the file ended at byte {done:,} of {size:,} while being read", passing=True
                )
            done += got
        return view

    def _member(self, file: SourceFile, member: Member) -> memoryview:
        _check_size(file.size, file.path)
        try:
            descriptor = self._archive(member.archive)
            head = os.pread(descriptor, LOCAL_HEADER_BYTES, member.offset)
            if len(head) < LOCAL_HEADER_BYTES or head[:4] != b"PK\x03\x04":
                raise RejectError("the zip is damaged: the file is not at its place", passing=True)
            names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
            start = member.offset + LOCAL_HEADER_BYTES + names
            packed = self._fill(descriptor, start, member.packed)
        except OSError as error:
            raise RejectError(f"the zip cannot be read: {error.strerror}", passing=True) from None
        content = _inflated(packed, file.size) if member.deflated else packed
        if len(content) != file.size or zlib.crc32(content) != file.modified:
            raise RejectError(
                "the zip is damaged: the file is not what its checksum says", passing=True
            )
        return content

    def _archive(self, name: str) -> int:
        descriptor = self._archives.pop(name, None)
        if descriptor is None:
            path = f"{self._folder}/{name}" if name else self._folder
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self._archives[name] = descriptor
        if len(self._archives) > _MOST_OPEN:
            os.close(self._archives.popitem(last=False)[1])
        return descriptor


def _check_size(size: int, path: str) -> None:
    if size > _LARGEST_FILE:
        raise RejectError(
            f"the file has {size:,} bytes; a DICOM file may have {_LARGEST_FILE:,}",
            aside=_is_of_others(path),
        )


def _check_start(start: bytes, path: str, *, strict: bool = False) -> None:
    """Refuse what is seen to be no DICOM file by its first bytes, and say what it is."""
    if start[:3] == _GZIP or begins_as_dicom(memoryview(start)):
        return
    if _is_of_others(path):
        raise RejectError(
            f"no DICOM file, by its content and its ending {_ending(path)}", aside=True
        )
    if (archive := _ARCHIVES.get(start[:4])) is not None:
        raise RejectError(archive)
    if start[257:262] == b"ustar":
        raise RejectError("a tar archive; unpack it")
    if start and start.isascii() and all(byte in _OF_TEXT for byte in start):
        raise RejectError("a text and no DICOM file", aside=True)
    if strict:
        raise RejectError(f"no DICOM file, and more than {_LARGEST_SLICE:,} bytes")


def _ending(path: str) -> str:
    return PurePosixPath(path.lower().removesuffix(".gz")).suffix


def _is_of_others(path: str) -> bool:
    """Whether a file's ending is one of what lies beside images on a disc or in an export."""
    ending = _ending(path)
    return ending not in _OF_DICOM and ending != ".zip" and ending[1:].isalpha()


def _inflated(packed: memoryview, size: int) -> memoryview:
    """A deflated member, unpacked, never beyond the size that the zip claims."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflate.decompress(packed, size + 1)
    except zlib.error:
        raise RejectError("the zip is damaged: the file cannot be unpacked", passing=True) from None
    if len(content) > size or not (inflate.eof or not size):
        raise RejectError("the zip is damaged: the file is not as large as it says", passing=True)
    return memoryview(content)


def _gunzipped(content: memoryview, path: str) -> memoryview:
    """What gzip has packed, be it in several members one after another."""
    unpacked = bytearray()
    rest: memoryview | bytes = content
    while rest:
        inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            unpacked += inflate.decompress(rest, _LARGEST_FILE + 1 - len(unpacked))
        except zlib.error:
            raise RejectError("the gzip file is damaged") from None
        if len(unpacked) > _LARGEST_FILE:
            raise RejectError(f"the gzip file holds more than {_LARGEST_FILE:,} bytes")
        if not inflate.eof:
            raise RejectError("the gzip file is cut")
        rest = inflate.unused_data.lstrip(b"\0")
    _check_start(bytes(unpacked[:_START]), path)
    return memoryview(unpacked)

"""One DICOM file to one slice in HU, or to a reject.

The order is the safe one: a regular file below a size cap; a known transfer syntax; the needed tags
only, each checked for type and range; enough pixel bytes; then decoding; then HU.
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.data.dicom.elements import (
    PIXEL_DATA,
    Element,
    is_dicom,
    read_elements,
    read_fragments,
    read_transfer_syntax,
)
from ichreport.data.dicom.header import WANTED, Header, read_header
from ichreport.data.dicom.hounsfield import to_hounsfield
from ichreport.data.dicom.reject import RejectError
from ichreport.data.dicom.transfer_syntaxes import (
    COMPRESSED,
    DEFLATED,
    ENDED_BY_MARKER,
    EXPLICIT_BIG,
    NATIVE,
)

_LARGEST_FILE: Final = 64 * 2**20
"""Bytes; a 16-bit slice of 4096 x 4096 has half of that."""
_OTHER_FILES: Final = frozenset(
    {
        *(".txt", ".pdf", ".rtf", ".md", ".html", ".htm", ".xml", ".json", ".csv", ".log"),
        *(".jpg", ".jpeg", ".png", ".gif", ".bmp", ".exe", ".dll", ".inf", ".ini", ".bat", ".ico"),
        *(".js", ".css", ".jar", ".svg", ".dat"),
    }
)
"""Endings of what lies beside images on a disc or in an export."""
_RULE_WINDOWS: Final = "first of several windows kept"
_RULE_NO_PATIENT: Final = "no patient ID, the study stands for the patient"
_RULE_EXCESS: Final = "bytes after the pixels left out"
_END_OF_IMAGE: Final = b"\xff\xd9"
_MOST_PADDING: Final = 16


@dataclass(frozen=True, slots=True)
class HuSlice:
    """A slice in HU and the rules that changed it."""

    header: Header
    hu: NDArray[np.int16]
    """Shape (rows, columns), in [`HU_MIN`, `HU_MAX`]."""
    rules: tuple[str, ...]


Decode = Callable[[str, bytes, Header], NDArray[Any]]
"""Decodes compressed pixels: transfer syntax, encapsulated bytes, header to stored values."""


class FileReader:
    """Reads small files into a buffer that it keeps, so that memory is allocated once."""

    def __init__(self) -> None:
        self._buffer = bytearray(2**20)

    def read(self, path: Path | str) -> memoryview:
        """Read a whole file. The view is good until the next call.

        Raises:
            RejectError: If it is not a regular file, is too large or cannot be read.
        """
        try:
            # Without O_NONBLOCK, opening a named pipe would wait for a writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise RejectError(
                f"the file cannot be opened: {error.strerror}", passing=True
            ) from None
        try:
            return self._read(descriptor)
        except OSError as error:
            raise RejectError(f"the file cannot be read: {error.strerror}", passing=True) from None
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int) -> memoryview:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RejectError("not a regular file")
        size = status.st_size
        if size > _LARGEST_FILE:
            raise RejectError(f"the file has {size:,} bytes; a slice has at most {_LARGEST_FILE:,}")
        if size > len(self._buffer):
            self._buffer = bytearray(size)
        view, done = memoryview(self._buffer)[:size], 0
        while done < size:
            got = os.readv(descriptor, [view[done:]])
            if got == 0:
                raise RejectError(
                    f"the file ended at byte {done:,} of {size:,} while being read", passing=True
                )
            done += got
        return view


def read_slice(path: Path | str, *, reader: FileReader | None = None, decode: Decode) -> HuSlice:
    """Read one file.

    Args:
        path: The DICOM file.
        reader: A reader whose buffer is reused over many files.
        decode: What decodes compressed pixels.

    Raises:
        RejectError: If the file cannot become a slice, with the reason.
    """
    ending = Path(path).suffix.lower()
    if ending in _OTHER_FILES and not _begins_as_dicom(path):
        raise RejectError(f"no DICOM file, by its content and its ending {ending}", aside=True)
    return slice_from_bytes((reader or FileReader()).read(path), decode=decode)


def _begins_as_dicom(path: Path | str) -> bool:
    """Whether a file begins with DICOM's mark; also if that cannot be seen, for who reads it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        return is_dicom(memoryview(os.read(descriptor, 132)))
    except OSError:
        return True
    finally:
        os.close(descriptor)


def slice_from_bytes(buffer: memoryview, *, decode: Decode) -> HuSlice:
    """Turn the bytes of one file into a slice.

    Raises:
        RejectError: If they cannot become one, with the reason.
    """
    syntax, start = read_transfer_syntax(buffer)
    if syntax == DEFLATED:
        raise RejectError("deflated files are refused: they can expand without bound")
    if syntax not in NATIVE and syntax not in COMPRESSED:
        raise RejectError("the transfer syntax is not one that is read")
    elements = read_elements(buffer, start, syntax, WANTED)
    big = syntax == EXPLICIT_BIG
    header = read_header(elements, big_endian=big)
    if PIXEL_DATA not in elements:
        raise RejectError("there are no pixel data; the file may be cut in the header")
    pixels = elements[PIXEL_DATA]
    if syntax in NATIVE:
        stored = _native_pixels(pixels, header, big)
    elif pixels.encapsulated:
        _check_whole(syntax, read_fragments(pixels.value))
        stored = decode(syntax, bytes(pixels.value), header)
    else:
        raise RejectError("compressed pixel data are not in fragments")
    if stored.shape != (header.rows, header.columns):
        raise RejectError(
            f"the pixels decode to {stored.shape}, expected ({header.rows}, {header.columns})"
        )
    hu, rules = to_hounsfield(stored, header)
    if header.windows > 1:
        rules.append(_RULE_WINDOWS)
    if not header.names_patient:
        rules.append(_RULE_NO_PATIENT)
    if syntax in NATIVE and pixels.claimed > 2 * stored.size:
        rules.append(_RULE_EXCESS)
    return HuSlice(header, hu, tuple(rules))


def _native_pixels(pixels: Element, header: Header, big: bool) -> NDArray[Any]:
    expected = 2 * header.rows * header.columns
    if pixels.encapsulated:
        raise RejectError("the pixel data are in fragments although they are not compressed")
    if len(pixels.value) < min(expected, pixels.claimed):
        raise RejectError(
            f"the pixel data are cut: {len(pixels.value):,} of {expected:,} bytes are there"
        )
    excess = pixels.claimed - expected
    if not 0 <= excess < 2 * header.columns:  # a whole row more would be another matrix
        raise RejectError(
            f"the pixel data have {pixels.claimed:,} bytes, expected {expected:,} "
            f"for {header.rows} x {header.columns} pixels of 16 bits"
        )
    kind = np.dtype((">" if big else "<") + ("i2" if header.signed else "u2"))
    count = header.rows * header.columns
    stored = np.frombuffer(pixels.value, dtype=kind, count=count)
    stored = stored.reshape(header.rows, header.columns)
    return stored.astype(kind.newbyteorder("="), copy=False)


def _check_whole(syntax: str, fragments: list[memoryview]) -> None:
    """Refuse an image that ends before its end: nobody may fill a gap."""
    if syntax in ENDED_BY_MARKER and fragments:
        end = bytes(fragments[-1][-_MOST_PADDING:])
        if _END_OF_IMAGE not in end:
            raise RejectError(f"the pixels are cut: {COMPRESSED[syntax]} without an end of image")

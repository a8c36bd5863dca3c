"""One DICOM file to one slice in HU, by the rules of the challenge's headers, or to a reject.

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

from ichreport.data.dicom import elements
from ichreport.data.dicom.elements import PIXEL_DATA, Element, RejectError
from ichreport.data.dicom.header import WANTED, Header, read_header
from ichreport.data.resample import HU_MAX, HU_MIN

LARGEST_FILE: Final = 64 * 2**20
"""Bytes; a 16-bit slice of 4096 x 4096 has half of that."""
WRAP_LIFT: Final = 1000
WRAP_INTERCEPT: Final = -1000.0
RULE_WRAP = "12-bit wrap undone"
RULE_PADDING = "padding value set to air"
RULE_SPARE_BITS = "bits above BitsStored dropped"
RULE_BELOW = f"below {HU_MIN} HU set to air"
RULE_ABOVE = f"above {HU_MAX} HU clipped"
RULE_SCALED = "slope or intercept not an integer, rounded"
RULE_WINDOWS = "first of several windows kept"
RULE_NOT_SQUARE = "not square, padded with air"
RULE_UPSAMPLED = "smaller than the store, enlarged"

_NATIVE: Final = frozenset(
    (elements.IMPLICIT_LITTLE, elements.EXPLICIT_LITTLE, elements.EXPLICIT_BIG)
)
COMPRESSED: Final = {
    "1.2.840.10008.1.2.5": "RLE Lossless",
    "1.2.840.10008.1.2.4.50": "JPEG Baseline",
    "1.2.840.10008.1.2.4.51": "JPEG Extended",
    "1.2.840.10008.1.2.4.57": "JPEG Lossless",
    "1.2.840.10008.1.2.4.70": "JPEG Lossless, first-order prediction",
    "1.2.840.10008.1.2.4.80": "JPEG-LS Lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS Near-lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 Lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.4.201": "High-Throughput JPEG 2000 Lossless",
    "1.2.840.10008.1.2.4.202": "High-Throughput JPEG 2000 RPCL",
    "1.2.840.10008.1.2.4.203": "High-Throughput JPEG 2000",
}
"""Compressed transfer syntaxes that are read, by UID."""
_MARKED_END: Final = frozenset(
    uid for uid, name in COMPRESSED.items() if "JPEG" in name and "2000" not in name
)
"""Those whose decoder fills up what is missing of an image, which a marker ends."""
_END_OF_IMAGE: Final = b"\xff\xd9"
_MOST_PADDING: Final = 16


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice in HU and the rules that changed it."""

    header: Header
    hu: NDArray[np.int16]
    """Shape (rows, columns), in [`HU_MIN`, `HU_MAX`]."""
    rules: tuple[str, ...]


Decode = Callable[[str, bytes, Header], NDArray[Any]]
"""Decodes compressed pixels: transfer syntax, encapsulated bytes, header to stored values."""


class FileReader:
    """Reads small files into one buffer that is kept, which spares the memory's first touch."""

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
        if size > LARGEST_FILE:
            raise RejectError(f"the file has {size:,} bytes; a slice has at most {LARGEST_FILE:,}")
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


def read_slice(path: Path | str, *, reader: FileReader | None = None, decode: Decode) -> Slice:
    """Read one file.

    Args:
        path: The DICOM file.
        reader: A reader whose buffer is reused over many files.
        decode: What decodes compressed pixels.

    Raises:
        RejectError: If the file cannot become a slice, with the reason.
    """
    return slice_of((reader or FileReader()).read(path), decode=decode)


def slice_of(buffer: memoryview, *, decode: Decode) -> Slice:
    """Turn the bytes of one file into a slice.

    Raises:
        RejectError: If they cannot become one, with the reason.
    """
    syntax, start = elements.read_transfer_syntax(buffer)
    if syntax == elements.DEFLATED:
        raise RejectError("deflated files are refused: they can expand without bound")
    if syntax not in _NATIVE and syntax not in COMPRESSED:
        raise RejectError("the transfer syntax is not one that is read")
    found = elements.read_elements(buffer, start, syntax, WANTED)
    big = syntax == elements.EXPLICIT_BIG
    header = read_header(found, big_endian=big)
    if PIXEL_DATA not in found:
        raise RejectError("there are no pixel data; the file may be cut in the header")
    pixels = found[PIXEL_DATA]
    if syntax in _NATIVE:
        stored = _native_pixels(pixels, header, big)
    elif pixels.encapsulated:
        _check_whole(syntax, elements.fragments(pixels.value))
        stored = decode(syntax, bytes(pixels.value), header)
    else:
        raise RejectError("compressed pixel data are not in fragments")
    if stored.shape != (header.rows, header.columns):
        raise RejectError(
            f"the pixels decode to {stored.shape}, expected ({header.rows}, {header.columns})"
        )
    hu, rules = to_hounsfield(stored, header)
    if header.windows > 1:
        rules.append(RULE_WINDOWS)
    return Slice(header, hu, tuple(rules))


def _native_pixels(pixels: Element, header: Header, big: bool) -> NDArray[Any]:
    expected = 2 * header.rows * header.columns
    if pixels.encapsulated:
        raise RejectError("the pixel data are in fragments although they are not compressed")
    if len(pixels.value) < min(expected, pixels.claimed):
        raise RejectError(
            f"the pixel data are cut: {len(pixels.value):,} of {expected:,} bytes are there"
        )
    if pixels.claimed != expected:
        raise RejectError(
            f"the pixel data have {pixels.claimed:,} bytes, expected {expected:,} "
            f"for {header.rows} x {header.columns} pixels of 16 bits"
        )
    kind = np.dtype((">" if big else "<") + ("i2" if header.signed else "u2"))
    stored = np.frombuffer(pixels.value, dtype=kind).reshape(header.rows, header.columns)
    return stored.astype(kind.newbyteorder("="), copy=False)


def to_hounsfield(stored: NDArray[Any], header: Header) -> tuple[NDArray[np.int16], list[str]]:
    """Turn stored values into HU.

    Args:
        stored: int16 or uint16 values in the machine's byte order, shape (rows, columns).
        header: Its slope, intercept, bits, sign and padding are used.

    Returns:
        int16 HU in [`HU_MIN`, `HU_MAX`] and the rules that changed something.
    """
    rules: list[str] = []
    padded = _padded(stored, header)  # first: a padding value may use the spare bits
    stored = _drop_spare_bits(stored, header, rules)
    intercept = header.intercept
    # Signed values with intercept 0 are right as they are, so the sign is part of the condition.
    if header.bits == 12 and not header.signed and intercept > -100:
        stored = stored + np.uint16(WRAP_LIFT)
        stored[stored >= 4096] -= 4096
        intercept = WRAP_INTERCEPT
        rules.append(RULE_WRAP)
    if header.slope == 1 and intercept.is_integer() and abs(intercept) < 2**15:
        hu = _shifted(stored, int(intercept), rules)
    else:
        hu = _scaled(stored, header.slope, intercept, rules)
    if padded is not None:
        hu[padded] = HU_MIN
        rules.append(RULE_PADDING)
    return hu, rules


def _drop_spare_bits(stored: NDArray[Any], header: Header, rules: list[str]) -> NDArray[Any]:
    if header.bits == 16:
        return stored
    low, high = _stored_range(header)
    if stored.max() <= high and stored.min() >= low:
        return stored
    rules.append(RULE_SPARE_BITS)
    spare = 16 - header.bits
    kept: NDArray[Any] = (stored << spare) >> spare
    return kept


def _stored_range(header: Header) -> tuple[int, int]:
    if header.signed:
        return -(1 << (header.bits - 1)), (1 << (header.bits - 1)) - 1
    return 0, (1 << header.bits) - 1


def _padded(stored: NDArray[Any], header: Header) -> NDArray[np.bool_] | None:
    if header.padding is None:
        return None
    low, high = header.padding
    padded = (stored >= low) & (stored <= high)
    return padded if padded.any() else None


def _shifted(stored: NDArray[Any], intercept: int, rules: list[str]) -> NDArray[np.int16]:
    low, high = int(stored.min()), int(stored.max())
    lowest, highest = HU_MIN - intercept, HU_MAX - intercept
    if low < lowest or high > highest:
        rules.extend([RULE_BELOW] * (low < lowest) + [RULE_ABOVE] * (high > highest))
        kind = np.iinfo(stored.dtype)
        if lowest < kind.min or highest > kind.max:
            stored = stored.astype(np.int32)
        stored = np.clip(stored, lowest, highest)
    if stored.dtype.itemsize > 2:
        return (stored + intercept).astype(np.int16)
    # The sum is within int16 by now, so 16 bits that wrap around give it exactly.
    shift = np.uint16(intercept % 2**16)
    return np.add(stored.view(np.uint16), shift).view(np.int16)


def _scaled(
    stored: NDArray[Any], slope: float, intercept: float, rules: list[str]
) -> NDArray[np.int16]:
    rules.append(RULE_SCALED)
    hu = np.rint(stored.astype(np.float64) * slope + intercept)
    if hu.min() < HU_MIN:
        rules.append(RULE_BELOW)
    if hu.max() > HU_MAX:
        rules.append(RULE_ABOVE)
    return np.clip(hu, HU_MIN, HU_MAX).astype(np.int16)


def _check_whole(syntax: str, fragments: list[memoryview]) -> None:
    """Refuse an image that ends before its end: nobody may fill a gap."""
    if syntax in _MARKED_END and fragments:
        end = bytes(fragments[-1][-_MOST_PADDING:])
        if _END_OF_IMAGE not in end:
            raise RejectError(f"the pixels are cut: {COMPRESSED[syntax]} without an end of image")

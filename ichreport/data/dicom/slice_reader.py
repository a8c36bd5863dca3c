"""The bytes of one DICOM file to its slices in HU, or to a reject.

The order is the safe one: a known transfer syntax; the needed tags only, each checked for type and
range; enough pixel bytes; then decoding; then HU; then the standard orientation.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.data.dicom.elements import (
    PIXEL_DATA,
    Element,
    read_elements,
    read_fragments,
    read_transfer_syntax,
)
from ichreport.data.dicom.fields import WANTED
from ichreport.data.dicom.frames import (
    GROUPS,
    encapsulated,
    frame_elements,
    frames_of_fragments,
    is_multi_frame,
    number_of_frames,
)
from ichreport.data.dicom.header import Header, read_header
from ichreport.data.dicom.hounsfield import to_hounsfield
from ichreport.data.dicom.reject import RejectError
from ichreport.data.dicom.transfer_syntaxes import (
    COMPRESSED,
    DEFLATED,
    ENDED_BY_MARKER,
    EXPLICIT_BIG,
    NATIVE,
)
from ichreport.data.store_format import STUDY_AS_PATIENT

_WANTED: Final = WANTED | GROUPS
_RULE_WINDOWS: Final = "first of several windows kept"
_RULE_NO_PATIENT: Final = f"no patient ID, {STUDY_AS_PATIENT}"
_RULE_EXCESS: Final = "bytes after the pixels left out"
_RULE_TURNED: Final = "turned to the standard orientation"
_RULE_UNKNOWN: Final = "orientation not known, kept as it lies"
_RULE_FRAME: Final = "a frame of a multi-frame file"
_MOST_BYTES: Final = 512 * 2**20
"""Bytes of all frames of a file; 1,024 slices of 512 x 512 have as many."""
_END_OF_IMAGE: Final = b"\xff\xd9"
_MOST_PADDING: Final = 16


@dataclass(frozen=True, slots=True)
class HuSlice:
    """A slice in HU and the rules that changed it."""

    header: Header
    hu: NDArray[np.int16]
    """In [`HU_MIN`, `HU_MAX`] and in the standard orientation; (rows, columns) unless turned."""
    rules: tuple[str, ...]


Decode = Callable[[str, bytes, Header], NDArray[Any]]
"""Decodes compressed pixels: transfer syntax, encapsulated bytes, header to stored values."""


def slices_from_bytes(buffer: memoryview, *, decode: Decode) -> Iterator[HuSlice]:
    """Turn the bytes of one file into its slices: one, or each frame of a multi-frame file.

    The frames of a multi-frame file, were it only one, are named by the file's SOPInstanceUID and
    their number, from 1: `1.2.3:1`.

    Args:
        buffer: The bytes; they must stay until all slices are taken.
        decode: What decodes compressed pixels.

    Yields:
        Slices in the standard orientation.

    Raises:
        RejectError: If they cannot become any, with the reason.
    """
    syntax, start = read_transfer_syntax(buffer)
    if syntax == DEFLATED:
        raise RejectError("deflated files are refused: they can expand without bound")
    if syntax not in NATIVE and syntax not in COMPRESSED:
        raise RejectError("the transfer syntax is not one that is read")
    elements = read_elements(buffer, start, syntax, _WANTED)
    if not is_multi_frame(elements):
        header = read_header(elements, big_endian=syntax == EXPLICIT_BIG)
        if (count := number_of_frames(elements)) != 1:
            raise RejectError(
                f"a file of {count} frames that does not say where each is; save them one by one"
            )
        pixels = _Pixels(elements, header, syntax, 1, decode)
        yield _hu_slice(pixels.stored(0, header), header, pixels.rules)
        return
    frames = frame_elements(elements, syntax)
    headers = [
        _of_frame(read_header(frame, big_endian=syntax == EXPLICIT_BIG), number)
        for number, frame in enumerate(frames, 1)
    ]
    pixels = _Pixels(elements, headers[0], syntax, len(headers), decode)
    for number, header in enumerate(headers):
        yield _hu_slice(pixels.stored(number, header), header, [*pixels.rules, _RULE_FRAME])


def _of_frame(header: Header, number: int) -> Header:
    return replace(header, sop_instance_uid=f"{header.sop_instance_uid}:{number}")


def _hu_slice(stored: NDArray[Any], header: Header, rules: list[str]) -> HuSlice:
    hu, changes = to_hounsfield(stored, header)
    changes += rules
    if header.windows > 1:
        changes.append(_RULE_WINDOWS)
    if not header.names_patient:
        changes.append(_RULE_NO_PATIENT)
    turn = header.geometry.turn
    if not turn.known:
        changes.append(_RULE_UNKNOWN)
    elif turn.changes:
        changes.append(_RULE_TURNED)
    return HuSlice(header, turn(hu), tuple(changes))


class _Pixels:
    """The stored values of a file's frames.

    Args:
        elements: The file's elements.
        header: The header of its first frame.
        syntax: Its transfer syntax UID.
        count: How many frames it has.
        decode: What decodes compressed ones.
    """

    def __init__(
        self,
        elements: Mapping[int, Element],
        header: Header,
        syntax: str,
        count: int,
        decode: Decode,
    ) -> None:
        if PIXEL_DATA not in elements:
            raise RejectError("there are no pixel data; the file may be cut in the header")
        self._pixels, self._syntax, self._decode = elements[PIXEL_DATA], syntax, decode
        self._shape = (header.rows, header.columns)
        self.rules: list[str] = []
        size = 2 * header.rows * header.columns
        if count > 1 and count * size > _MOST_BYTES:
            raise RejectError(f"its frames have more than {_MOST_BYTES:,} bytes")
        if syntax in NATIVE:
            self._check_native(count * size)
        elif not self._pixels.encapsulated:
            raise RejectError("compressed pixel data are not in fragments")
        else:
            fragments = read_fragments(self._pixels.value)
            self._frames = frames_of_fragments(fragments, count)
            for frame in self._frames:
                _check_whole(syntax, frame)

    def _check_native(self, expected: int) -> None:
        pixels, (rows, columns) = self._pixels, self._shape
        if pixels.encapsulated:
            raise RejectError("the pixel data are in fragments although they are not compressed")
        if len(pixels.value) < min(expected, pixels.claimed):
            raise RejectError(
                f"the pixel data are cut: {len(pixels.value):,} of {expected:,} bytes are there"
            )
        excess = pixels.claimed - expected
        if not 0 <= excess < 2 * columns:  # a whole row more would be another matrix
            raise RejectError(
                f"the pixel data have {pixels.claimed:,} bytes, expected {expected:,} "
                f"for {rows} x {columns} pixels of 16 bits"
            )
        if excess:
            self.rules.append(_RULE_EXCESS)

    def stored(self, number: int, header: Header) -> NDArray[Any]:
        """The stored values of a frame, by its number from 0."""
        if self._syntax in NATIVE:
            return self._native(number, header)
        stored = self._decode(self._syntax, encapsulated(self._frames[number]), header)
        if stored.shape != self._shape:
            raise RejectError(f"the pixels decode to {stored.shape}, expected {self._shape}")
        return stored

    def _native(self, number: int, header: Header) -> NDArray[Any]:
        order = ">" if self._syntax == EXPLICIT_BIG else "<"
        kind = np.dtype(order + ("i2" if header.signed else "u2"))
        count = header.rows * header.columns
        start = number * count * kind.itemsize
        stored = np.frombuffer(self._pixels.value, dtype=kind, count=count, offset=start)
        return stored.reshape(self._shape).astype(kind.newbyteorder("="), copy=False)


def _check_whole(syntax: str, fragments: list[memoryview]) -> None:
    """Refuse an image that ends before its end: nobody may fill a gap."""
    if syntax in ENDED_BY_MARKER and fragments:
        end = bytes(fragments[-1][-_MOST_PADDING:])
        if _END_OF_IMAGE not in end:
            raise RejectError(f"the pixels are cut: {COMPRESSED[syntax]} without an end of image")

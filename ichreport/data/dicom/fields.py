"""Typed access to the elements of a header; anything missing or ill-typed is a reject."""

import math
from collections.abc import Mapping
from typing import Any, Final

from ichreport.data.dicom.elements import Element
from ichreport.data.dicom.reject import RejectError

LONGEST_IDENTIFIER: Final = 256
"""Characters of a patient's ID or of a UID; the standard has 64 characters."""

_TAGS: Final = {
    "ImageType": 0x00080008,
    "FrameType": 0x00089007,
    "VolumeBasedCalculationTechnique": 0x00089207,
    "SOPClassUID": 0x00080016,
    "SOPInstanceUID": 0x00080018,
    "Modality": 0x00080060,
    "Manufacturer": 0x00080070,
    "SeriesDescription": 0x0008103E,
    "ManufacturerModelName": 0x00081090,
    "PatientID": 0x00100020,
    "ContrastBolusAgent": 0x00180010,
    "ContrastBolusAgentSequence": 0x00180012,
    "SliceThickness": 0x00180050,
    "SpacingBetweenSlices": 0x00180088,
    "ConvolutionKernel": 0x00181210,
    "StudyInstanceUID": 0x0020000D,
    "SeriesInstanceUID": 0x0020000E,
    "ImagePositionPatient": 0x00200032,
    "ImageOrientationPatient": 0x00200037,
    "SamplesPerPixel": 0x00280002,
    "PhotometricInterpretation": 0x00280004,
    "NumberOfFrames": 0x00280008,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "PixelSpacing": 0x00280030,
    "BitsAllocated": 0x00280100,
    "BitsStored": 0x00280101,
    "HighBit": 0x00280102,
    "PixelRepresentation": 0x00280103,
    "PixelPaddingValue": 0x00280120,
    "PixelPaddingRangeLimit": 0x00280121,
    "WindowCenter": 0x00281050,
    "WindowWidth": 0x00281051,
    "RescaleIntercept": 0x00281052,
    "RescaleSlope": 0x00281053,
    "RescaleType": 0x00281054,
}
WANTED: Final = frozenset(_TAGS.values())
"""The tags that are read; no other is ever decoded."""
_NUMBERS: Final = (b"US", b"SS", b"")


class Fields:
    """The elements of one header, by the standard's keywords.

    Args:
        elements: Those of `WANTED` that the file has, by tag.
        big_endian: The byte order of binary numbers.
    """

    def __init__(self, elements: Mapping[int, Element], *, big_endian: bool) -> None:
        self._elements = elements
        self._order: Any = "big" if big_endian else "little"

    def has(self, name: str) -> bool:
        """Whether an element is there and not empty."""
        element = self._elements.get(_TAGS[name])
        return element is not None and element.claimed > 0

    def number(self, name: str, signed: bool = False) -> int:
        """A binary number of 16 bits."""
        element = self._elements.get(_TAGS[name])
        if element is None or element.claimed == 0:
            raise RejectError(f"{name} is missing; the file may be cut in the header")
        if element.vr not in _NUMBERS:
            shown = element.vr.decode("ascii", "replace")
            raise RejectError(f"{name} is of type {shown}, expected US")
        if len(element.value) != 2:
            raise RejectError(f"{name} has {len(element.value)} bytes, expected 2")
        return int.from_bytes(element.value, self._order, signed=signed)

    def decimals(self, name: str) -> list[float]:
        """Numbers written as text, all finite; none where there is none."""
        text = self.text(name)
        if not text:
            return []
        try:
            values = [float(part) for part in text.split("\\")]
        except ValueError:
            raise RejectError(f"{name} is not a number") from None
        if not all(map(math.isfinite, values)):
            raise RejectError(f"{name} is not finite")
        return values

    def decimals_or_none(self, name: str) -> list[float]:
        """Numbers that nothing rests on: damaged ones are as none."""
        try:
            return self.decimals(name)
        except RejectError:
            return []

    def any_text(self, name: str) -> str:
        """An element as text in UTF-8, or byte by byte where it is none."""
        element = self._elements.get(_TAGS[name])
        raw = bytes(element.value).strip(b" \0") if element is not None else b""
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("latin-1")

    def text(self, name: str) -> str:
        """An element as text, in whatever characters, without padding."""
        element = self._elements.get(_TAGS[name])
        return str(element.value, "latin-1").strip(" \0") if element is not None else ""

    def identifier(self, name: str) -> str:
        """A UID, or whatever printable text stands in its place."""
        text = self.text(name)
        if not text:
            raise RejectError(f"{name} is missing; the file may be cut in the header")
        if len(text) > LONGEST_IDENTIFIER or not text.isprintable():
            raise RejectError(f"{name} is damaged: it holds unprintable or too many characters")
        return text

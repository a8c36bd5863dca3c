"""One DICOM file to one slice in HU, by the rules of the challenge's headers, or to a reject.

The order is the safe one: a regular file below a size cap; a known transfer syntax; the needed tags
only, each checked for type and range; enough pixel bytes; then decoding; then HU.
"""

import math
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.data import elements
from ichreport.data.elements import PIXEL_DATA, Element, RejectError
from ichreport.data.resample import HU_MAX, HU_MIN

LARGEST_FILE: Final = 64 * 2**20
"""Bytes; a 16-bit slice of 4096 x 4096 has half of that."""
LARGEST_MATRIX: Final = 4096
WRAP_LIFT: Final = 1000
WRAP_INTERCEPT: Final = -1024.0
STEEPEST_TILT: Final = 45.0
"""Degrees; beyond it a slice is a coronal or sagittal view, not a tilted axial one."""

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

_TAGS: Final = {
    "ImageType": 0x00080008,
    "SOPInstanceUID": 0x00080018,
    "Modality": 0x00080060,
    "PatientID": 0x00100020,
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
}
WANTED: Final = frozenset(_TAGS.values())
"""The tags that are read; no other is ever decoded."""
_NUMBERS: Final = (b"US", b"SS", b"")
_COLOURS: Final = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")


@dataclass(frozen=True, slots=True)
class Header:
    """What a slice's header says, checked."""

    sop_instance_uid: str
    patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    z: float
    """Position along the patient's axis, mm."""
    spacing: float
    """Distance of the pixels' rows, mm; NaN where the file does not say."""
    tilt: float
    """Angle between the slice's normal and the patient's axis, degrees; NaN where unknown."""
    rows: int
    columns: int
    bits: int
    signed: bool
    slope: float
    intercept: float
    padding: tuple[int, int] | None
    """Lowest and highest stored value that stand for nothing scanned."""
    window_center: float
    window_width: float
    windows: int
    """How many windows the file carries; the first is kept."""

    @property
    def family(self) -> str:
        """The header family, such as `12-bit unsigned`."""
        return f"{self.bits}-bit {'signed' if self.signed else 'unsigned'}"


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
    header = _Fields(found, big).header()
    if PIXEL_DATA not in found:
        raise RejectError("there are no pixel data; the file may be cut in the header")
    pixels = found[PIXEL_DATA]
    if syntax in _NATIVE:
        stored = _native_pixels(pixels, header, big)
    elif pixels.encapsulated:
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


class _Fields:
    """Typed access to the elements of one header; anything missing or ill-typed is a reject."""

    def __init__(self, found: dict[int, Element], big: bool) -> None:
        self._found = found
        self._order: Any = "big" if big else "little"

    def header(self) -> Header:
        self._check_kind()
        rows, columns = self._matrix()
        bits, signed = self._bits()
        z, tilt = self._geometry()
        centers, widths = self._window("WindowCenter"), self._window("WindowWidth")
        spacing = self.decimals("PixelSpacing")
        return Header(
            sop_instance_uid=self.identifier("SOPInstanceUID"),
            patient_id=self.identifier("PatientID"),
            study_instance_uid=self.identifier("StudyInstanceUID"),
            series_instance_uid=self.identifier("SeriesInstanceUID"),
            z=z,
            spacing=spacing[0] if spacing else math.nan,
            tilt=tilt,
            rows=rows,
            columns=columns,
            bits=bits,
            signed=signed,
            slope=self._rescale("RescaleSlope"),
            intercept=self._rescale("RescaleIntercept"),
            padding=self._padding(signed),
            window_center=centers[0] if centers else math.nan,
            window_width=widths[0] if widths else math.nan,
            windows=max(len(centers), len(widths)),
        )

    def _check_kind(self) -> None:
        if self.text("Modality") not in ("", "CT"):
            raise RejectError("the modality is not CT")
        if "LOCALIZER" in self.text("ImageType").split("\\"):
            raise RejectError("a scout view (localizer), not an axial slice")
        if (samples := self.number("SamplesPerPixel")) != 1:
            raise RejectError(f"SamplesPerPixel is {samples}, expected 1: not a grayscale image")
        if (colour := self.text("PhotometricInterpretation")) != "MONOCHROME2":
            shown = colour if colour in (*_COLOURS, "MONOCHROME1") else "missing or unknown"
            raise RejectError(f"PhotometricInterpretation is {shown}, expected MONOCHROME2")
        if (frames := self.decimals("NumberOfFrames")) not in ([], [1.0]):
            raise RejectError(f"NumberOfFrames is {frames[0]:g}, expected 1: a multi-frame file")

    def _matrix(self) -> tuple[int, int]:
        rows, columns = self.number("Rows"), self.number("Columns")
        if not (0 < rows <= LARGEST_MATRIX and 0 < columns <= LARGEST_MATRIX):
            raise RejectError(
                f"the matrix is {rows} x {columns}, expected 1 to {LARGEST_MATRIX} a side"
            )
        return rows, columns

    def _bits(self) -> tuple[int, bool]:
        if (allocated := self.number("BitsAllocated")) != 16:
            raise RejectError(f"BitsAllocated is {allocated}, expected 16")
        bits = self.number("BitsStored")
        if not 8 <= bits <= 16:
            raise RejectError(f"BitsStored is {bits}, expected 8 to 16")
        if self.has("HighBit") and (high := self.number("HighBit")) != bits - 1:
            raise RejectError(f"HighBit is {high}, expected {bits - 1} for BitsStored {bits}")
        if (signed := self.number("PixelRepresentation")) not in (0, 1):
            raise RejectError(f"PixelRepresentation is {signed}, expected 0 or 1")
        return bits, signed == 1

    def _rescale(self, name: str) -> float:
        values = self.decimals(name)
        if len(values) != 1:
            raise RejectError(f"{name} is missing: stored values cannot be turned into HU")
        if name == "RescaleSlope" and not values[0] > 0:
            raise RejectError(f"RescaleSlope is {values[0]:g}, expected a positive number")
        return values[0]

    def _geometry(self) -> tuple[float, float]:
        position = self.decimals("ImagePositionPatient")
        if len(position) != 3:
            raise RejectError(
                "ImagePositionPatient is missing: the slice has no place in its series"
            )
        axes = self.decimals("ImageOrientationPatient")
        if len(axes) != 6:
            return position[2], math.nan
        across = axes[1] * axes[5] - axes[2] * axes[4], axes[2] * axes[3] - axes[0] * axes[5]
        along = axes[0] * axes[4] - axes[1] * axes[3]
        tilt = math.degrees(math.atan2(math.hypot(*across), abs(along)))
        if not tilt <= STEEPEST_TILT:
            raise RejectError(
                f"the slice is {tilt:.0f} degrees off the axial plane, "
                f"expected at most {STEEPEST_TILT:.0f}"
            )
        return position[2], tilt

    def _padding(self, signed: bool) -> tuple[int, int] | None:
        if not self.has("PixelPaddingValue"):
            return None
        ends = [self.number("PixelPaddingValue", signed)]
        if self.has("PixelPaddingRangeLimit"):
            ends.append(self.number("PixelPaddingRangeLimit", signed))
        return min(ends), max(ends)

    def _window(self, name: str) -> list[float]:
        """Only shown, never used: a damaged window is no reason to lose a slice."""
        try:
            return self.decimals(name)
        except RejectError:
            return []

    def has(self, name: str) -> bool:
        element = self._found.get(_TAGS[name])
        return element is not None and element.claimed > 0

    def number(self, name: str, signed: bool = False) -> int:
        element = self._found.get(_TAGS[name])
        if element is None or element.claimed == 0:
            raise RejectError(f"{name} is missing; the file may be cut in the header")
        if element.vr not in _NUMBERS:
            shown = element.vr.decode("ascii", "replace")
            raise RejectError(f"{name} is of type {shown}, expected US")
        if len(element.value) != 2:
            raise RejectError(f"{name} has {len(element.value)} bytes, expected 2")
        return int.from_bytes(element.value, self._order, signed=signed)

    def decimals(self, name: str) -> list[float]:
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

    def text(self, name: str) -> str:
        element = self._found.get(_TAGS[name])
        return str(element.value, "latin-1").strip(" \0") if element is not None else ""

    def identifier(self, name: str) -> str:
        text = self.text(name)
        if not text:
            raise RejectError(f"{name} is missing; the file may be cut in the header")
        if len(text) > 128 or not text.isprintable():
            raise RejectError(f"{name} is damaged: it holds unprintable or too many characters")
        return text

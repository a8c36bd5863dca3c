"""The header of a slice: the needed tags, checked for type and range."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ichreport.data.dicom.elements import Element
from ichreport.data.dicom.reject import RejectError

_LARGEST_MATRIX: Final = 4096
_LONGEST_IDENTIFIER: Final = 256
"""Bytes of a patient's ID or of a UID; the standard has 64 characters."""
_STEEPEST_TILT: Final = 45.0
"""Degrees; beyond it a slice is a coronal or sagittal view, not a tilted axial one."""

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
    "RescaleType": 0x00281054,
}
WANTED: Final = frozenset(_TAGS.values())
"""The tags that are read; no other is ever decoded."""
_NUMBERS: Final = (b"US", b"SS", b"")
_RESCALED_TO_HU: Final = ("", "HU", "US")
"""Values of RescaleType that are or may be HU; `US` is unspecified (PS3.3 C.11.1.1.2)."""
_OTHER_UNITS: Final = ("OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT")
_OTHER_MODALITIES: Final = frozenset(
    {
        *(
            "MR",
            "PT",
            "NM",
            "US",
            "CR",
            "DX",
            "MG",
            "XA",
            "RF",
            "OT",
            "ES",
            "XC",
            "SC",
            "SR",
            "DOC",
        ),
        *("PR", "KO", "SEG", "REG", "AU", "ECG", "SM", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTIMAGE"),
    }
)
_OTHER_IMAGES: Final = {
    "LOCALIZER": "a scout view (localizer), not an axial slice",
    "PERFUSION": "a perfusion map, not HU",
    "MIP": "a projection through several slices, not a slice",
    "MINIP": "a projection through several slices, not a slice",
    "PROJECTION IMAGE": "a projection through several slices, not a slice",
    "IODINE": "an iodine map, not HU",
    "Z_EFF": "an effective-Z map, not HU",
    "EFFECTIVE_Z": "an effective-Z map, not HU",
    "MATERIAL DENSITY": "a map of material density, not HU",
    "SCREEN SAVE": "a saved screen, not a slice",
    "DOSE_INFO": "a screen of the dose, not a slice",
}
"""Words of ImageType (values 3 and on) that tell of no slice in HU, and what they tell."""
_COLOURS: Final = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")


@dataclass(frozen=True, slots=True)
class Header:
    """What a slice's header says, checked."""

    sop_instance_uid: str
    patient_id: str
    """The StudyInstanceUID where the file names no patient."""
    names_patient: bool
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


def read_header(elements: Mapping[int, Element], *, big_endian: bool) -> Header:
    """Check the elements of a header.

    Args:
        elements: The elements of `WANTED` that the file has, by tag.
        big_endian: The byte order of binary numbers.

    Raises:
        RejectError: If anything needed is missing, of the wrong type or out of range.
    """
    return _Fields(elements, big_endian).header()


class _Fields:
    """Typed access to the elements of one header; anything missing or ill-typed is a reject."""

    def __init__(self, elements: Mapping[int, Element], big: bool) -> None:
        self._elements = elements
        self._order: Any = "big" if big else "little"

    def header(self) -> Header:
        self._check_kind()
        rows, columns = self._matrix()
        bits, signed = self._bits()
        z, tilt = self._geometry()
        centers, widths = self._window("WindowCenter"), self._window("WindowWidth")
        spacing = self.decimals("PixelSpacing")
        study, patient = self.identifier("StudyInstanceUID"), self._patient()
        return Header(
            sop_instance_uid=self.identifier("SOPInstanceUID"),
            patient_id=patient or study,
            names_patient=bool(patient),
            study_instance_uid=study,
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
        if (modality := self.text("Modality")) not in ("", "CT"):
            raise RejectError("the modality is not CT", aside=modality in _OTHER_MODALITIES)
        for word in self.text("ImageType").upper().split("\\")[2:]:
            if (image := _OTHER_IMAGES.get(word.strip())) is not None:
                raise RejectError(image, aside=True)
        if (unit := self.text("RescaleType").upper()) not in _RESCALED_TO_HU:
            shown = unit if unit in _OTHER_UNITS else "unknown"
            raise RejectError(f"RescaleType is {shown}, expected HU", aside=unit in _OTHER_UNITS)
        if (samples := self.number("SamplesPerPixel")) != 1:
            raise RejectError(
                f"SamplesPerPixel is {samples}, expected 1: not a grayscale image",
                aside=samples == 3,
            )
        if (colour := self.text("PhotometricInterpretation")) != "MONOCHROME2":
            shown = colour if colour in (*_COLOURS, "MONOCHROME1") else "missing or unknown"
            raise RejectError(
                f"PhotometricInterpretation is {shown}, expected MONOCHROME2",
                aside=colour in _COLOURS,
            )
        if (frames := self.decimals("NumberOfFrames")) not in ([], [1.0]):
            raise RejectError(f"NumberOfFrames is {frames[0]:g}, expected 1: a multi-frame file")

    def _matrix(self) -> tuple[int, int]:
        rows, columns = self.number("Rows"), self.number("Columns")
        if not (0 < rows <= _LARGEST_MATRIX and 0 < columns <= _LARGEST_MATRIX):
            raise RejectError(
                f"the matrix is {rows} x {columns}, expected 1 to {_LARGEST_MATRIX} a side"
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
        if not tilt <= _STEEPEST_TILT:
            raise RejectError(
                f"the slice is {tilt:.0f} degrees off the axial plane, "
                f"expected at most {_STEEPEST_TILT:.0f}",
                aside=True,
            )
        return position[2], tilt

    def _patient(self) -> str:
        """The patient's ID; empty where there is none, which the standard allows (type 2).

        It is in whatever characters the hospital writes. It only has to tell patients apart, so
        that bytes which are no UTF-8 stand for themselves, and what cannot be printed is escaped.
        """
        element = self._elements.get(_TAGS["PatientID"])
        raw = bytes(element.value).strip(b" \0") if element is not None else b""
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        if len(raw) > _LONGEST_IDENTIFIER or any(character in text for character in "\0\n\r\f"):
            raise RejectError("PatientID is damaged: it holds line ends or too many characters")
        return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)

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
        element = self._elements.get(_TAGS[name])
        return element is not None and element.claimed > 0

    def number(self, name: str, signed: bool = False) -> int:
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
        element = self._elements.get(_TAGS[name])
        return str(element.value, "latin-1").strip(" \0") if element is not None else ""

    def identifier(self, name: str) -> str:
        text = self.text(name)
        if not text:
            raise RejectError(f"{name} is missing; the file may be cut in the header")
        if len(text) > _LONGEST_IDENTIFIER or not text.isprintable():
            raise RejectError(f"{name} is damaged: it holds unprintable or too many characters")
        return text

"""The header of a slice: the needed tags, checked for type and range."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ichreport.data.dicom.acquisition import Acquisition, read_acquisition
from ichreport.data.dicom.elements import Element
from ichreport.data.dicom.fields import LONGEST_IDENTIFIER, Fields
from ichreport.data.dicom.orientation import Turn, are_directions
from ichreport.data.dicom.reject import RejectError

_LARGEST_MATRIX: Final = 4096
_STEEPEST_TILT: Final = 45.0
"""Degrees; beyond it a slice is a coronal or sagittal view, not a tilted axial one."""
MOST_STRETCH: Final = 0.01
"""How much longer a pixel's one side may be than the other."""
_BITS_OF_A_SCREEN: Final = 8

_RESCALED_TO_HU: Final = ("", "HU", "US")
"""Values of RescaleType that are or may be HU; `US` is unspecified (PS3.3 C.11.1.1.2)."""
_OTHER_UNITS: Final = ("OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT")
_LONGEST_UNIT: Final = 16
_OTHER_MODALITIES: Final = frozenset(
    (
        *("AR", "ASMT", "AU", "BDUS", "BI", "BMD", "CFM", "CR", "CTPROTOCOL", "DMS", "DG", "DOC"),
        *("DX", "ECG", "EEG", "EMG", "EOG", "EPS", "ES", "FID", "GM", "HC", "HD", "IO", "IOL"),
        *("IVOCT", "IVUS", "KER", "KO", "LEN", "LS", "M3D", "MG", "MR", "NM", "OAM", "OCT", "OP"),
        *("OPM", "OPT", "OPTBSV", "OPTENF", "OPV", "OSS", "OT", "PA", "PLAN", "POS", "PR", "PT"),
        *("PX", "REG", "RESP", "RF", "RG", "RTDOSE", "RTIMAGE", "RTINTENT", "RTPLAN", "RTRAD"),
        *("RTRECORD", "RTSEGANN", "RTSTRUCT", "RWV", "SC", "SEG", "SM", "SMR", "SR", "SRF"),
        *("STAIN", "TEXTUREMAP", "TG", "US", "VA", "XA", "XAPROTOCOL", "XC"),
    )
)
"""The standard's other modalities (PS3.16 CID 29)."""
_PROJECTION: Final = "a projection through several slices, not a slice"
_PROJECTING: Final = ("MAX_IP", "MIN_IP", "VOLUME_RENDER", "SURFACE_RENDER")
"""Values of VolumeBasedCalculationTechnique (PS3.3 C.8.16.2.1.3) that give no slice."""
_OTHER_IMAGES: Final = {
    "a scout view (localizer), not an axial slice": ("LOCALIZER",),
    "a perfusion map, not HU": (
        "PERFUSION",
        "PERF",
        "CBF",
        "RCBF",
        "CBV",
        "RCBV",
        "MTT",
        "TTP",
        "TMAX",
    ),
    _PROJECTION: (
        *("MIP", "MINIP", "MINIMUM INTENSITY PROJECTION", "MAXIMUM INTENSITY PROJECTION"),
        *("PROJECTION IMAGE", "VOLUME RENDERING", "VRT"),
    ),
    "an iodine map, not HU": ("IODINE",),
    "an effective-Z map, not HU": ("Z_EFF", "EFFECTIVE_Z", "EFF_Z", "ZEFF", "EFF_ATOMIC_NUM"),
    "a map of material density, not HU": (
        *("MATERIAL DENSITY", "MAT_DENSITY", "MAT_FRACTIONAL", "ELECTRON_DENSITY"),
    ),
    "a saved screen, not a slice": ("SCREEN SAVE",),
    "a screen of the dose, not a slice": ("DOSE_INFO",),
}
"""What words of ImageType (values 3 and on) tell of no slice in HU."""
_BY_WORD: Final = {word: image for image, words in _OTHER_IMAGES.items() for word in words}
_IMAGES: Final = "1.2.840.10008.5.1.4.1.1."
_MAY_BE_CT: Final = re.compile(rf"{re.escape(_IMAGES)}(2(\.[12])?|7(\.\d)?)")
"""SOP classes of CT images (PS3.4 B.5), and of secondary captures, which may hold HU as well."""
_COLOURS: Final = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a slice lies in the patient, and how.

    Attributes:
        z: Position along the patient's axis, mm, of the pixel that is the first once the slice is
            turned.
        tilt: Angle between the slice's normal and the patient's axis, degrees; NaN where unknown.
        spacing: Distance of the pixels, mm; NaN where the file does not say.
        turn: What brings it into the standard orientation.
    """

    z: float
    tilt: float
    spacing: float
    turn: Turn


@dataclass(frozen=True, slots=True)
class Header:
    """What a slice's header says, checked."""

    sop_instance_uid: str
    patient_id: str
    """The StudyInstanceUID where the file names no patient."""
    names_patient: bool
    study_instance_uid: str
    series_instance_uid: str
    geometry: Geometry
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
    acquisition: Acquisition

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
    fields = Fields(elements, big_endian=big_endian)
    _check_kind(fields)
    rows, columns = _matrix(fields)
    bits, signed = _bits(fields)
    centers = fields.decimals_or_none("WindowCenter")
    widths = fields.decimals_or_none("WindowWidth")
    study, patient = fields.identifier("StudyInstanceUID"), _patient(fields)
    return Header(
        sop_instance_uid=fields.identifier("SOPInstanceUID"),
        patient_id=patient or study,
        names_patient=bool(patient),
        study_instance_uid=study,
        series_instance_uid=fields.identifier("SeriesInstanceUID"),
        geometry=_geometry(fields, rows, columns),
        rows=rows,
        columns=columns,
        bits=bits,
        signed=signed,
        slope=_rescale(fields, "RescaleSlope"),
        intercept=_rescale(fields, "RescaleIntercept"),
        padding=_padding(fields, signed),
        window_center=centers[0] if centers else math.nan,
        window_width=widths[0] if widths else math.nan,
        windows=max(len(centers), len(widths)),
        acquisition=read_acquisition(fields),
    )


def _check_kind(fields: Fields) -> None:
    if (modality := fields.text("Modality")) not in ("", "CT"):
        raise RejectError("the modality is not CT", aside=modality in _OTHER_MODALITIES)
    if (kind := fields.text("SOPClassUID")) and not _MAY_BE_CT.fullmatch(kind):
        raise RejectError("another kind of file than a CT image, by its SOPClassUID", aside=True)
    for name in filter(fields.has, ("ImageType", "FrameType")):
        for value in fields.text(name).upper().split("\\")[2:]:
            # A maker may add to a word, as in IODINE_MAP.
            for word in (value.strip(), *re.split("[ _]", value)):
                if (image := _BY_WORD.get(word)) is not None:
                    raise RejectError(image, aside=True)
    if fields.text("VolumeBasedCalculationTechnique").upper() in _PROJECTING:
        raise RejectError(_PROJECTION, aside=True)
    if (unit := fields.text("RescaleType").upper().replace("/", "")) not in _RESCALED_TO_HU:
        shown = unit if unit in _OTHER_UNITS else "of another unit"
        is_a_unit = len(unit) <= _LONGEST_UNIT and unit.isprintable()
        raise RejectError(f"RescaleType is {shown}, expected HU", aside=is_a_unit)
    if (samples := fields.number("SamplesPerPixel")) != 1:
        raise RejectError(
            f"SamplesPerPixel is {samples}, expected 1: not a grayscale image",
            aside=samples == 3,
        )
    if (colour := fields.text("PhotometricInterpretation")) != "MONOCHROME2":
        shown = colour if colour in (*_COLOURS, "MONOCHROME1") else "missing or unknown"
        raise RejectError(
            f"PhotometricInterpretation is {shown}, expected MONOCHROME2",
            aside=colour in _COLOURS,
        )


def _matrix(fields: Fields) -> tuple[int, int]:
    rows, columns = fields.number("Rows"), fields.number("Columns")
    if not (0 < rows <= _LARGEST_MATRIX and 0 < columns <= _LARGEST_MATRIX):
        raise RejectError(
            f"the matrix is {rows} x {columns}, expected 1 to {_LARGEST_MATRIX} a side"
        )
    return rows, columns


def _bits(fields: Fields) -> tuple[int, bool]:
    if (allocated := fields.number("BitsAllocated")) != 16:
        shown = "a screen, not HU" if allocated == _BITS_OF_A_SCREEN else "expected 16"
        raise RejectError(
            f"BitsAllocated is {allocated}, {shown}", aside=allocated == _BITS_OF_A_SCREEN
        )
    bits = fields.number("BitsStored")
    if not 8 <= bits <= 16:
        raise RejectError(f"BitsStored is {bits}, expected 8 to 16")
    if fields.has("HighBit") and (high := fields.number("HighBit")) != bits - 1:
        raise RejectError(f"HighBit is {high}, expected {bits - 1} for BitsStored {bits}")
    if (signed := fields.number("PixelRepresentation")) not in (0, 1):
        raise RejectError(f"PixelRepresentation is {signed}, expected 0 or 1")
    return bits, signed == 1


def _rescale(fields: Fields, name: str) -> float:
    values = fields.decimals(name)
    if len(values) != 1:
        raise RejectError(
            f"{name} is missing: stored values cannot be turned into HU",
            aside=_is_secondary(fields),
        )
    if name == "RescaleSlope" and not values[0] > 0:
        raise RejectError(f"RescaleSlope is {values[0]:g}, expected a positive number")
    return values[0]


def _geometry(fields: Fields, rows: int, columns: int) -> Geometry:
    position = fields.decimals("ImagePositionPatient")
    if len(position) != 3:
        raise RejectError(
            "ImagePositionPatient is missing: the slice has no place in its series",
            aside=_is_secondary(fields),
        )
    down, across = _spacing(fields)
    axes = fields.decimals("ImageOrientationPatient")
    row, column = axes[:3], axes[3:]
    if len(axes) != 6 or not are_directions(row, column):
        return Geometry(position[2], math.nan, down, Turn(known=False))
    tilt = _tilt(row, column)
    if not tilt <= _STEEPEST_TILT:
        raise RejectError(
            f"the slice is {tilt:.0f} degrees off the axial plane, "
            f"expected at most {_STEEPEST_TILT:.0f}",
            aside=True,
        )
    turn = Turn.from_directions(row, column)
    # Which of the file's own axes run the other way, so that its last pixel becomes the first.
    along_row = turn.flip_rows if turn.transpose else turn.flip_columns
    along_column = turn.flip_columns if turn.transpose else turn.flip_rows
    z = position[2]
    if along_row and math.isfinite(across):
        z += row[2] * across * (columns - 1)
    if along_column and math.isfinite(down):
        z += column[2] * down * (rows - 1)
    return Geometry(z, tilt, down, turn)


def _tilt(row: Sequence[float], column: Sequence[float]) -> float:
    """The angle between a slice's normal and the patient's axis, degrees."""
    across = row[1] * column[2] - row[2] * column[1], row[2] * column[0] - row[0] * column[2]
    along = row[0] * column[1] - row[1] * column[0]
    return math.degrees(math.atan2(math.hypot(*across), abs(along)))


def _spacing(fields: Fields) -> tuple[float, float]:
    """Distance of the rows and of the columns, mm; NaN where the file does not say."""
    spacing = fields.decimals("PixelSpacing")
    if not spacing:
        return math.nan, math.nan
    down, across = spacing if len(spacing) == 2 else (spacing[0], spacing[0])
    if len(spacing) > 2 or not min(spacing) > 0:
        raise RejectError("PixelSpacing is damaged, expected two positive numbers")
    if max(spacing) > (1 + MOST_STRETCH) * min(spacing):
        raise RejectError(
            f"the pixels are {down:.3f} x {across:.3f} mm, expected square ones: no plain slice",
            aside=True,
        )
    return down, across


def _is_secondary(fields: Fields) -> bool:
    return "SECONDARY" in fields.text("ImageType").upper().split("\\")[:2]


def _patient(fields: Fields) -> str:
    """The patient's ID; empty where there is none, which the standard allows (type 2).

    It is in whatever characters the hospital writes. It only has to tell patients apart, so
    that bytes which are no UTF-8 stand for themselves, and what cannot be printed is escaped.
    """
    text = fields.any_text("PatientID")
    if len(text) > LONGEST_IDENTIFIER or any(character in text for character in "\0\n\r\f"):
        raise RejectError("PatientID is damaged: it holds line ends or too many characters")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _padding(fields: Fields, signed: bool) -> tuple[int, int] | None:
    if not fields.has("PixelPaddingValue"):
        return None
    ends = [fields.number("PixelPaddingValue", signed)]
    if fields.has("PixelPaddingRangeLimit"):
        ends.append(fields.number("PixelPaddingRangeLimit", signed))
    return min(ends), max(ends)

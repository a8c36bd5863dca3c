"""The most suspicious slices as pictures that any viewer shows: brain window, heat, words."""

import math
from typing import Any, Final

import numpy as np
from highdicom.sc import SCImage
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset
from pydicom.sequence import Sequence as DicomSequence

from ichreport.data.windowing import BRAIN, linear_window
from ichreport.export.dicom import coded_concepts
from ichreport.export.dicom.origin import BODY_PART, Origin, digest
from ichreport.export.dicom.source_series import SourceSlice

WARNING: Final = "RESEARCH ONLY - NOT FOR DIAGNOSIS"
_LEAST_SIDE: Final = 512
"""Pixels a side of a picture's slice, so that its words can be read."""
_STRIP: Final = 64
"""Pixels of the strip above the slice that holds the words."""
_LETTERS: Final = 20
_OPACITY: Final = 0.6
"""How much of the slice the strongest heat hides."""
_WHITE: Final = (255, 255, 255)
_YELLOW: Final = (255, 220, 0)


def picture(
    hu: NDArray[np.int16], heat: NDArray[np.float32] | None, words: str, *, sides: bool
) -> NDArray[np.uint8]:
    """Draw a slice in the brain window with heat over it and words above it.

    Args:
        hu: A store's slice, (size, size).
        heat: Its heat in [0, 1], of the same shape, if there is any.
        words: The second line above it; the first one says that it is for research only.
        sides: Whether the slice's left and right are known, to be marked.

    Returns:
        RGB of (side + 64, side), where side is at least 512.
    """
    scale = math.ceil(_LEAST_SIDE / hu.shape[0])
    gray = _enlarged(linear_window(hu, BRAIN), scale)
    colours = np.repeat(gray[..., None], 3, axis=2)
    if heat is not None:
        strength = _enlarged(heat, scale)[..., None]
        # From red to yellow as it gets stronger.
        hot = np.concatenate([np.ones_like(strength), strength, np.zeros_like(strength)], axis=2)
        colours += _OPACITY * strength * (hot - colours)
    drawn = np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    return _with_words(drawn, words, sides=sides)


def _enlarged(values: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    side = values.shape[0] * scale
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def _with_words(drawn: NDArray[np.uint8], words: str, *, sides: bool) -> NDArray[np.uint8]:
    side = drawn.shape[0]
    image = Image.new("RGB", (side, side + _STRIP))
    image.paste(Image.fromarray(drawn), (0, _STRIP))
    pencil, font = ImageDraw.Draw(image), ImageFont.load_default(size=_LETTERS)
    pencil.text((8, 6), WARNING, fill=_YELLOW, font=font)
    pencil.text((8, 34), words, fill=_WHITE, font=_fitting(words, side - 16))
    if sides:
        middle = _STRIP + side // 2
        pencil.text((6, middle), "R", fill=_WHITE, font=font, anchor="lm")
        pencil.text((side - 6, middle), "L", fill=_WHITE, font=font, anchor="rm")
    return np.asarray(image)


def _fitting(words: str, width: int) -> Any:
    """The font, smaller where the words are wider than so many pixels."""
    font = ImageFont.load_default(size=_LETTERS)
    longer = font.getlength(words) / width
    return font if longer <= 1 else ImageFont.load_default(size=int(_LETTERS / longer))


def secondary_capture(
    drawn: NDArray[np.uint8], one: SourceSlice, origin: Origin, number: int
) -> Dataset:
    """Write a picture of a slice.

    Args:
        drawn: RGB of (rows, columns, 3).
        one: The slice that it shows.
        origin: What it is made from.
        number: The object's number in its series, from 1.

    Returns:
        A Secondary Capture that refers to its slice.
    """
    header = one.header
    made = SCImage(
        pixel_array=drawn,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "P"),
        study_instance_uid=header.StudyInstanceUID,
        sop_instance_uid=origin.uid("capture", number, digest(drawn.tobytes())),
        instance_number=number,
        series_description="suspicious slices",
        **origin.series_of("capture"),
        **origin.equipment,
    )
    if not one.knows_sides:
        made.PatientOrientation = []
    made.BodyPartExamined, made.BurnedInAnnotation = BODY_PART, "YES"
    made.SourceImageSequence = DicomSequence([_reference(one)])
    origin.finish(made)
    made.DateOfSecondaryCapture, made.TimeOfSecondaryCapture = made.ContentDate, made.ContentTime
    return made


def _reference(one: SourceSlice) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = one.header.SOPClassUID
    reference.ReferencedSOPInstanceUID = one.header.SOPInstanceUID
    if one.frame is not None:
        reference.ReferencedFrameNumber = one.frame
    purpose: CodedConcept = coded_concepts.SOURCE_IMAGE
    reference.PurposeOfReferenceCodeSequence = DicomSequence([purpose])
    return reference

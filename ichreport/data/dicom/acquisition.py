"""How a series was scanned and made, as far as choosing one of a study's series needs it.

Descriptions are free text, in which names and dates may stand: of them only a class is kept.
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ichreport.data.dicom.fields import Fields

ORIGINAL: Final = "original"
SOFT: Final = "soft"
SHARP: Final = "sharp"
_LONGEST_WORD: Final = 64
_NO_CONTRAST: Final = re.compile(r"|no|none|non|without|ohne|sans|sin|[0n\-.]|nil|false", re.I)
"""What stands in ContrastBolusAgent where none was given."""
_CONTRAST_WORDS: Final = (
    r"contrast\w*|kontrast\w*|km|post|\+ ?c|c ?\+|ce|enhanced|art(erial|eriell)?|ven(ous|oes|ös)?|"
    r"delayed|^c$"
)
_WITHOUT: Final = (
    r"no|non|without|w/? ?o|ohne|sans|sin|nativ\w*|plain|pre|unenhanced|n(on)?[ -]?ce?ct"
)
_DESCRIPTIONS: Final = {
    "scout": r"scout|topogram\w*|locali[sz]er|surview|pilot|scanogram",
    "report": r"dose\w*|dosis\w*|report|protocol|summary|patient ?protocol",
    "perfusion": r"perf\w*|ctp|cbf|cbv|mtt|tmax|ttp",
    "angiography": r"cta|ctv|angio\w*|carotis|carotids?|cow|willis",
    "projection": r"mip|minip|vrt?|3d|volume rendering",
    "reformat": r"cor(onal\w*)?|sag(ittal\w*)?|mpr|reformat\w*|recon \d+ cor",
    "other region": (
        r"neck|hals|cervical|c[ -]?spine|hws|spine|chest|thorax|lungs?|abd(omen)?|pelvis|"
        r"sinus(es)?|orbits?|face|facial|mandible|dental|temporal\w*|petrous|iac"
    ),
    "without contrast": _WITHOUT,
    "with contrast": _CONTRAST_WORDS,
    "bone": r"bones?|knochen\w*|osseous|os",
    "head": (
        r"head|brain|skull|cranium|cerebr\w*|sch(ä|ae)del\w*|kopf|kop|cr[aâ](ne|nio)|hirn|"
        r"axial|routine"
    ),
}
_KINDS: Final = {
    kind: re.compile(rf"(?<![a-zäöü])({words})(?![a-zäöü])", re.IGNORECASE)
    for kind, words in _DESCRIPTIONS.items()
}
_SIEMENS: Final = re.compile(r"[A-Z][a-z]?(\d{2})[a-z]?", re.ASCII)
_CANON: Final = re.compile(r"FC(\d{2})")
_NAMED: Final = {
    **dict.fromkeys(("STANDARD", "SOFT", "A", "B", "UA", "UB", "SMOOTH", "BRAIN"), SOFT),
    **dict.fromkeys(
        ("BONE", "BONEPLUS", "BONEPLUS2", "EDGE", "DETAIL", "LUNG", "D", "E", "F", "YA", "YB"),
        SHARP,
    ),
    **dict.fromkeys(("YC", "YD", "YE", "L", "SHARP"), SHARP),
}
_SHARPER_FROM: Final = 50
"""Number of a Siemens kernel from which on it is one for bone or lung."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How a slice was scanned and made.

    Attributes:
        thickness: SliceThickness, mm; NaN where the file does not say.
        spacing_between: SpacingBetweenSlices, mm; NaN where the file does not say.
        kernel: ConvolutionKernel, its first value.
        contrast: Whether ContrastBolusAgent names one.
        description: The class of SeriesDescription; `unknown` for none of the known words.
        image_type: `original`, `derived` or `secondary`; empty where the file does not say.
        manufacturer: Who made the scanner.
        model: Its model.
    """

    thickness: float
    spacing_between: float
    kernel: str
    contrast: bool
    description: str
    image_type: str
    manufacturer: str
    model: str


_UNKNOWN: Final = Acquisition(math.nan, math.nan, "", False, "unknown", "", "", "")
_NAMES: Final = (
    *("SliceThickness", "SpacingBetweenSlices", "ConvolutionKernel", "ContrastBolusAgent"),
    *("SeriesDescription", "ImageType", "Manufacturer", "ManufacturerModelName"),
)


def read_acquisition(fields: Fields) -> Acquisition:
    """Read how a slice was made; what is damaged or missing here is no reason to lose a slice."""
    if not any(map(fields.has, _NAMES)):  # as in the challenge's files: quick, for there are many
        return _UNKNOWN
    return Acquisition(
        thickness=_length(fields, "SliceThickness"),
        spacing_between=_length(fields, "SpacingBetweenSlices"),
        kernel=_word(fields, "ConvolutionKernel").split("\\")[0],
        contrast=not _NO_CONTRAST.fullmatch(_word(fields, "ContrastBolusAgent")),
        description=class_of_description(fields.any_text("SeriesDescription")),
        image_type=_image_type(fields.text("ImageType")),
        manufacturer=_word(fields, "Manufacturer"),
        model=_word(fields, "ManufacturerModelName"),
    )


@lru_cache(maxsize=256)
def class_of_description(description: str) -> str:
    """Which kind of series a SeriesDescription speaks of, by its first known kind of word.

    Returns:
        A key of the table of words, such as `scout`, `reformat` or `head`; `unknown` for others.
    """
    words = description.replace("_", " ")
    return next((kind for kind, known in _KINDS.items() if known.search(words)), "unknown")


def class_of_kernel(kernel: str) -> str:
    """Whether a convolution kernel is for soft tissue or for bone and lung, by the makers' names.

    Siemens numbers its kernels by sharpness (H31s, Hr40, J40s, B70f), Canon's FC20 to FC29 and FC62
    to FC68 are for the brain, GE and Philips name theirs.

    Returns:
        `soft`, `sharp`, or empty for one that is not known.
    """
    name = kernel.strip().upper()
    if known := _NAMED.get(name):
        return known
    if canon := _CANON.fullmatch(name):
        number = int(canon[1])
        return SOFT if number < 30 or 40 <= number < 50 or 62 <= number <= 68 else SHARP
    if siemens := _SIEMENS.fullmatch(kernel.strip()):
        return SOFT if int(siemens[1]) < _SHARPER_FROM else SHARP
    return ""


def _image_type(text: str) -> str:
    words = [word.strip().upper() for word in text.split("\\")[:2]]
    if "SECONDARY" in words:
        return "secondary"
    return words[0].lower() if words[0] in ("ORIGINAL", "DERIVED") else ""


def _length(fields: Fields, name: str) -> float:
    values = fields.decimals_or_none(name)
    return abs(values[0]) if values and values[0] else math.nan


def _word(fields: Fields, name: str) -> str:
    text = fields.text(name)
    return text if text.isprintable() and len(text) <= _LONGEST_WORD else ""

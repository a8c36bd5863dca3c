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
_NO_AGENT: Final = re.compile(
    r"[\W\d_]*|n|non|((no|none|not|without|w/?o|ohne|sans|sin|senza|nativ\w*|nil|kein\w*|n/?a|false|"
    r"plain|unenhanced|non[ -]contrast)\b.*)",
    re.IGNORECASE | re.DOTALL,
)
"""What stands in ContrastBolusAgent where none was given."""
_WITHOUT: Final = (
    r"no|non|without|w/? ?o|ohne|sans|sin|senza|nativ\w*|plain|pre|unenhanced|n(on)?[ -]?ce?ct"
)
_CONTRAST: Final = (
    r"contrast\w*|kontrast\w*|km|post[ -]?(contrast|kontrast|km|gd|inj\w*)|post$|\+ ?c|c ?\+|ce|"
    r"enhanced|art(erial|eriell)?|ven(ous|oes|ös)?|delayed|^c$"
)
_SPECIAL: Final = {
    "scout": r"scout|topogram\w*|locali[sz]er|surview|pilot|scanogram",
    "report": (
        r"dose ?(report|info\w*|record|sheet|page|summary)|dosis\w*|reports?|patient ?protocol"
    ),
    "perfusion": r"perf\w*|ctp|cbf|cbv|mtt|tmax|ttp",
    "angiography": r"cta|ctv|angio\w*|carotis|carotids?|cow|willis",
    "projection": r"mip|minip|vrt?|volume rendering",
    "reformat": r"cor(onal\w*)?|sag(ittal\w*)?|mpr|reformat\w*",
    "other region": (
        r"neck|hals|cervical|c[ -]?spine|hws|spine|chest|thorax|lungs?|abd(omen)?|pelvis|"
        r"sinus(es)?|orbits?|face|facial|mandible|dental|temporal\w*|petrous|iac"
    ),
}
"""Words of series that are no plain head, by kind."""
_PLAIN: Final = {
    "bone": r"bones?|knochen\w*|osseous|os",
    "without contrast": _WITHOUT,
    "head": (
        r"head|brain|skull|cranium|cerebr\w*|sch(ä|ae)del\w*|kopf|kop|cr[aâ](ne|nio)|hirn|"
        r"axial|routine"
    ),
}


def _as_words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-zäöü])({pattern})(?![a-zäöü])", re.IGNORECASE)


_SPECIAL_WORDS: Final = {kind: _as_words(words) for kind, words in _SPECIAL.items()}
_PLAIN_WORDS: Final = {kind: _as_words(words) for kind, words in _PLAIN.items()}
_CONTRAST_WORDS: Final = _as_words(_CONTRAST)
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
_MAKERS: Final = (
    *("SIEMENS", "GE", "PHILIPS", "TOSHIBA", "CANON", "HITACHI", "FUJIFILM", "NEUSOFT", "SAMSUNG"),
    *(
        "UNITED IMAGING",
        "UIH",
        "NEUROLOGICA",
        "SHIMADZU",
        "PICKER",
        "MARCONI",
        "ELSCINT",
        "IMATRON",
    ),
)
_MODEL_WORDS: Final = _as_words(
    r"somatom|sensation|definition|emotion|perspective|force|drive|edge|flash|confidence|naeotom|"
    r"alpha|biograph|lightspeed|brightspeed|hispeed|prospeed|discovery|optima|revolution|brilliance|"
    r"ingenuity|ict|iqon|incisive|gemini|mx ?8000|aquilion|asteion|activion|alexion|prime|one|"
    r"lightning|eclos|scenaria|supria|neuviz|uct|bodytom|ceretom|omnitom|vct|plus|pro|ultra|ct|go|as\+?|"
    r"\d{1,4}[a-z]?"
)
_SHARPER_FROM: Final = 50
"""Number of a Siemens kernel from which on it is one for bone or lung."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How a slice was scanned and made.

    Attributes:
        thickness: SliceThickness, mm; NaN where the file does not say.
        spacing_between: SpacingBetweenSlices, mm; NaN where the file does not say.
        kernel: ConvolutionKernel, its first value, where it is one of those that are known.
        contrast: Whether a contrast agent is named.
        description: The class of SeriesDescription; `unknown` for none of the known words.
        image_type: `original`, `derived` or `secondary`; empty where the file does not say.
        manufacturer: Who made the scanner, where it is one of those that are known.
        model: The known words of its model's name.
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
    *("SliceThickness", "SpacingBetweenSlices", "ConvolutionKernel", "SeriesDescription"),
    *("ContrastBolusAgent", "ContrastBolusAgentSequence", "ImageType", "Manufacturer"),
    "ManufacturerModelName",
)


def read_acquisition(fields: Fields) -> Acquisition:
    """Read how a slice was made; what is damaged or missing here is no reason to lose a slice."""
    if not any(map(fields.has, _NAMES)):  # as in the challenge's files: quick, for there are many
        return _UNKNOWN
    kernel = fields.text("ConvolutionKernel").split("\\")[0].strip()
    return Acquisition(
        thickness=_length(fields, "SliceThickness"),
        spacing_between=_length(fields, "SpacingBetweenSlices"),
        kernel=kernel if class_of_kernel(kernel) else "",
        contrast=fields.has("ContrastBolusAgentSequence")
        or not _NO_AGENT.fullmatch(fields.any_text("ContrastBolusAgent").strip()),
        description=class_of_description(fields.any_text("SeriesDescription")),
        image_type=_image_type(fields.text("ImageType")),
        manufacturer=_maker(fields.any_text("Manufacturer")),
        model=_model(fields.any_text("ManufacturerModelName")),
    )


@lru_cache(maxsize=256)
def class_of_description(description: str) -> str:
    """Which kind of series a SeriesDescription speaks of, by its words.

    Returns:
        `scout`, `report`, `perfusion`, `angiography`, `projection`, `reformat`, `other region`,
        `with contrast`, `bone`, `without contrast` or `head`, the first whose words occur;
        `unknown` for none.
    """
    words = description.replace("_", " ").strip()
    for kind, known in _SPECIAL_WORDS.items():
        if known.search(words):
            return kind
    if _CONTRAST_WORDS.search(words) and not _PLAIN_WORDS["without contrast"].search(words):
        return "with contrast"
    return next((kind for kind, known in _PLAIN_WORDS.items() if known.search(words)), "unknown")


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


@lru_cache(maxsize=256)
def _maker(text: str) -> str:
    """A maker of scanners, of those that are known: free text could hold anything."""
    words = text.upper()
    return next((maker for maker in _MAKERS if re.search(rf"\b{maker}\b", words)), "")


@lru_cache(maxsize=256)
def _model(text: str) -> str:
    return " ".join(found[1] for found in _MODEL_WORDS.finditer(text))

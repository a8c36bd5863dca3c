"""The transfer syntaxes that are read, by UID (DICOM PS3.5 section 10 and PS3.6 table A-1)."""

from typing import Final

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
"""Refused: a small file can expand without bound."""

NATIVE: Final = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG))
"""Those whose pixels are not compressed."""

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
"""Those whose pixels are compressed, with the names shown in reasons."""

ENDED_BY_MARKER: Final = frozenset(
    uid for uid, name in COMPRESSED.items() if "JPEG" in name and "2000" not in name
)
"""Those whose images a marker ends. Their decoders fill up what a cut image lacks."""

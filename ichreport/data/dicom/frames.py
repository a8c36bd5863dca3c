"""The frames of a file that holds many slices: enhanced multi-frame CT (DICOM PS3.3 A.38).

Such a file says once what its frames share, and for each frame what is its own, such as its
position, in sequences of functional groups (PS3.3 C.7.6.16). Put together, they are the header of a
slice.
"""

import struct
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from ichreport.data.dicom.elements import Element, read_items, read_nested
from ichreport.data.dicom.fields import WANTED
from ichreport.data.dicom.reject import RejectError

_SHARED: Final = 0x52009229
_OF_EACH_FRAME: Final = 0x52009230
GROUPS: Final = frozenset((_SHARED, _OF_EACH_FRAME))
"""The tags of the functional groups, wanted besides those of `fields`."""
_OPENED: Final = frozenset(
    (
        0x00189314,  # CTReconstructionSequence
        0x00189329,  # CTImageFrameTypeSequence
        0x00209113,  # PlanePositionSequence
        0x00209116,  # PlaneOrientationSequence
        0x00289110,  # PixelMeasuresSequence
        0x00289132,  # FrameVOILUTSequence
        0x00289145,  # PixelValueTransformationSequence
    )
)
_NUMBER_OF_FRAMES: Final = 0x00280008
_ITEM: Final = b"\xfe\xff\x00\xe0"
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"


def is_multi_frame(elements: Mapping[int, Element]) -> bool:
    """Whether a file has frames that say for themselves where they are, be it only one."""
    return _OF_EACH_FRAME in elements


def number_of_frames(elements: Mapping[int, Element]) -> int:
    """How many frames a file says that it has; 1 where it says nothing."""
    element = elements.get(_NUMBER_OF_FRAMES)
    text = str(element.value, "latin-1").strip(" \0") if element is not None else ""
    try:
        number = int(text or "1")
    except ValueError:
        number = 0
    if number < 1:
        raise RejectError("NumberOfFrames is damaged, expected a positive number")
    return number


def frame_elements(elements: Mapping[int, Element], syntax: str) -> list[dict[int, Element]]:
    """The header of each frame, put together from what is shared and what is its own.

    Args:
        elements: The file's, with `GROUPS` among them.
        syntax: Its transfer syntax UID.

    Raises:
        RejectError: If there are more or fewer groups than frames, or they are damaged.
    """
    count = number_of_frames(elements)
    own = read_items(elements[_OF_EACH_FRAME].value, syntax)
    if len(own) != count:
        raise RejectError(f"NumberOfFrames is {count}, but {len(own)} frames have a position")
    common = dict(elements)
    if _SHARED in elements:
        for item in read_items(elements[_SHARED].value, syntax):
            common |= read_nested(item, syntax, WANTED, _OPENED)
    return [common | read_nested(item, syntax, WANTED, _OPENED) for item in own]


def frames_of_fragments(fragments: list[memoryview], count: int) -> list[list[memoryview]]:
    """Which fragments of compressed pixels make up each frame (PS3.5 A.4).

    Args:
        fragments: As `read_fragments` gives them, the table of offsets first.
        count: How many frames there are.

    Raises:
        RejectError: If the file does not say which they are.
    """
    table, rest = fragments[0] if fragments else memoryview(b""), fragments[1:]
    if count == 1:
        return [rest]
    if len(rest) == count:
        return [[fragment] for fragment in rest]
    starts, position = {}, 0
    for number, fragment in enumerate(rest):
        starts[position] = number
        position += 8 + len(fragment)
    if len(table) == 4 * count:
        firsts = [starts.get(offset, -1) for offset in struct.unpack(f"<{count}L", table)]
        if firsts[0] == 0 and all(a < b for a, b in pairwise(firsts)):
            ends = [*firsts[1:], len(rest)]
            return [rest[first:end] for first, end in zip(firsts, ends, strict=True)]
    raise RejectError(
        f"the file does not say which of its {len(rest)} fragments make up each of {count} frames"
    )


def encapsulated(fragments: list[memoryview]) -> bytes:
    """Fragments of one frame as pixel data, with an empty table of offsets."""
    items = [_ITEM + struct.pack("<L", len(fragment)) + bytes(fragment) for fragment in fragments]
    return _ITEM + bytes(4) + b"".join(items) + _SEQUENCE_END

"""Stored pixel values to HU, by the rules of the challenge's headers."""

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.data.dicom.header import Header
from ichreport.data.resample import HU_MAX, HU_MIN

_WRAP_LIFT: Final = 1000
_WRAP_INTERCEPT: Final = -1000.0
_NAME_OF_THE_CHALLENGE: Final = re.compile(r"ID_[0-9a-f]{9}")
"""SOP Instance UIDs as the challenge has them, which no scanner gives."""
_DENSER_THAN_BONE: Final = 2000
"""HU at or above which half of a slice's rim is no scan."""
RULE_WRAP = "12-bit wrap undone"
RULE_PADDING = "padding value set to air"
RULE_SPARE_BITS = "bits above BitsStored dropped"
RULE_BELOW = f"below {HU_MIN} HU set to air"
RULE_ABOVE = f"above {HU_MAX} HU clipped"
RULE_SCALED = "slope or intercept not an integer, rounded"


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
    if padded is not None and padded.all():
        return np.full(stored.shape, HU_MIN, dtype=np.int16), [RULE_PADDING]
    stored, ends = _drop_spare_bits(stored, header, rules)
    intercept = header.intercept
    if _is_wrapped(stored, header, padded):
        ends = None
        stored = stored + np.uint16(_WRAP_LIFT)
        stored[stored >= 4096] -= 4096
        intercept = _WRAP_INTERCEPT
        rules.append(RULE_WRAP)
    if padded is not None:  # it does not count as clipped: the lowest value stands in
        lowest = stored.min(where=~padded, initial=stored.max())
        stored, ends = np.where(padded, lowest, stored), None
    if header.slope == 1 and intercept.is_integer() and abs(intercept) < 2**15:
        hu = _shifted(stored, int(intercept), ends, rules)
    else:
        hu = _scaled(stored, header.slope, intercept, rules)
    if padded is not None:
        hu[padded] = HU_MIN
        rules.append(RULE_PADDING)
    return hu, rules


def _is_wrapped(stored: NDArray[Any], header: Header, padded: NDArray[np.bool_] | None) -> bool:
    """Whether a 12-bit word has wrapped: HU below 0 stand as 4096 more.

    So it is in the challenge's files of 12 bits, unsigned, with an intercept above -100; signed
    ones are right as they are. Elsewhere such a file is taken as it says, unless its rim proves it:
    what surrounds a head in HU is air, or padding below it, and would be denser than bone.
    """
    if header.bits != 12 or header.signed or header.slope != 1 or header.intercept <= -100:
        return False
    if _NAME_OF_THE_CHALLENGE.fullmatch(header.sop_instance_uid):
        return True
    at_rim = np.ones(stored.shape, dtype=bool)
    at_rim[1:-1, 1:-1] = False
    if padded is not None:  # what is scanned begins where the padding ends
        at_rim[1:] |= padded[:-1]
        at_rim[:-1] |= padded[1:]
        at_rim[:, 1:] |= padded[:, :-1]
        at_rim[:, :-1] |= padded[:, 1:]
        at_rim &= ~padded
    rim = stored[at_rim]
    return bool(rim.size and np.median(rim) + header.intercept >= _DENSER_THAN_BONE)


def _drop_spare_bits(
    stored: NDArray[Any], header: Header, rules: list[str]
) -> tuple[NDArray[Any], tuple[int, int] | None]:
    """Stored values without what stands in bits that should be empty; and their ends, if known."""
    if header.bits == 16:
        return stored, None
    low, high = _stored_range(header)
    lowest, highest = int(stored.min()), int(stored.max())
    if highest <= high and lowest >= low:
        return stored, (lowest, highest)
    rules.append(RULE_SPARE_BITS)
    spare = 16 - header.bits
    return (stored << spare) >> spare, None


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


def _shifted(
    stored: NDArray[Any], intercept: int, ends: tuple[int, int] | None, rules: list[str]
) -> NDArray[np.int16]:
    """Stored values and an intercept, clipped; `ends` are the lowest and highest, if known."""
    low, high = ends or (int(stored.min()), int(stored.max()))
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

"""What a store keeps of a slice: pixels and mask at the store's size, and what it is like."""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.data.dicom.orientation import STANDARD, UNKNOWN
from ichreport.data.dicom.slice_reader import HuSlice
from ichreport.data.head_detection import shows_head
from ichreport.data.nifti import RULE_NO_ORIENTATION, VolumeSlice
from ichreport.data.resample import resample_hu, resample_mask

_RULE_NOT_SQUARE: Final = "not square, padded with air"
_RULE_UPSAMPLED: Final = "smaller than the store, enlarged"


@dataclass(frozen=True, slots=True)
class KeptSlice:
    """What a store keeps of one slice.

    Attributes:
        hu: HU of (size, size).
        mask: Bits of its bleeds, of (size, size); None where it has no mask.
        description: What its row in the table says, by column; identifiers and places apart.
    """

    hu: NDArray[np.int16]
    mask: NDArray[np.uint8] | None
    description: dict[str, Any]


def keep(
    read: HuSlice | VolumeSlice,
    mask: NDArray[np.uint8] | None,
    size: int,
    *,
    look_for_head: bool,
) -> KeptSlice:
    """Bring a slice to the store's size and say what it is like.

    Args:
        read: The slice as its file has it, in the standard orientation.
        mask: Its bleeds, of the same shape.
        size: Rows and columns to keep.
        look_for_head: Whether to find out if it shows a head.
    """
    described = _of_volume(read) if isinstance(read, VolumeSlice) else _of_file(read)
    (rows, columns), rules = read.hu.shape, list(read.rules)
    if rows != columns:
        rules.append(_RULE_NOT_SQUARE)
    if max(rows, columns) < size:
        rules.append(_RULE_UPSAMPLED)
    described["rules"] = "; ".join(rules)
    if look_for_head and described["spacing"] > 0:  # of an unknown size, nobody can tell
        described["shows_head"] = shows_head(read.hu, described["spacing"])
    hu = resample_hu(read.hu, size)
    return KeptSlice(hu, None if mask is None else resample_mask(mask, size), described)


def _of_file(read: HuSlice) -> dict[str, Any]:
    header, geometry, acquisition = read.header, read.header.geometry, read.header.acquisition
    return {
        "z": geometry.z,
        "spacing": geometry.spacing,
        "tilt": geometry.tilt,
        "orientation": geometry.turn.name,
        "family": header.family,
        "rows": header.rows,
        "columns": header.columns,
        "intercept": header.intercept,
        "window_center": header.window_center,
        "window_width": header.window_width,
        "thickness": acquisition.thickness,
        "spacing_between": acquisition.spacing_between,
        "kernel": acquisition.kernel,
        "description": acquisition.description,
        "image_type": acquisition.image_type,
        "manufacturer": acquisition.manufacturer,
        "model": acquisition.model,
        "contrast": acquisition.contrast,
    }


def _of_volume(read: VolumeSlice) -> dict[str, Any]:
    rows, columns = read.hu.shape
    unknown = ("window_center", "window_width", "thickness", "spacing_between")
    return {
        "z": read.z,
        "spacing": read.spacing,
        "tilt": read.tilt,
        "orientation": UNKNOWN if RULE_NO_ORIENTATION in read.rules else STANDARD,
        "family": read.family,
        "rows": rows,
        "columns": columns,
        "intercept": read.intercept,
        **dict.fromkeys(unknown, math.nan),
        **dict.fromkeys(("kernel", "image_type", "manufacturer", "model"), ""),
        "description": "unknown",
        "contrast": False,
    }

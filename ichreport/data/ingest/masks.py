"""Masks of bleeds beside the files that they are of."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ichreport.data.dicom.header import Header
from ichreport.data.dicom.reject import RejectError
from ichreport.data.nifti import VolumeSlice, read_mask


def mask_of_file(folder: str, path: str, header: Header) -> NDArray[np.uint8] | None:
    """The mask of a DICOM file's slice, in the standard orientation; None where there is none.

    Args:
        folder: Where masks lie, as PNG of the same name.
        path: The file, below its source's folder.
        header: Its header.

    Raises:
        RejectError: If the mask is not readable, or not of the slice's size.
    """
    file = Path(folder, path).with_suffix(".png")
    if not file.is_file():
        return None
    try:
        with Image.open(file) as picture:
            mask = np.asarray(picture)
    except (OSError, ValueError, SyntaxError):
        raise RejectError("the mask of its bleeds is not readable as PNG") from None
    if mask.dtype != np.uint8 or mask.shape != (header.rows, header.columns):
        raise RejectError(
            f"the mask of its bleeds is {mask.dtype} of {mask.shape}, "
            f"expected uint8 of ({header.rows}, {header.columns})"
        )
    return header.geometry.turn(mask)


def masks_of_volume(
    folder: str, path: str, slices: list[VolumeSlice]
) -> list[NDArray[np.uint8] | None]:
    """The masks of a volume's slices, 1 where anything bleeds; None where nothing does.

    Args:
        folder: Where masks lie, as NIfTI of the same name.
        path: The volume, below its source's folder.
        slices: Its slices.

    Raises:
        RejectError: If the mask is not readable, or not of the volume's size.
    """
    file = Path(folder, path)
    if not file.is_file():
        return [None] * len(slices)
    try:
        masks = read_mask(file)
    except RejectError as reject:
        raise RejectError(f"the mask of its bleeds: {reject}", passing=reject.passing) from None
    shapes = {name: mask.shape for name, mask in masks.items()}
    if shapes != {read.sop_instance_uid: read.hu.shape for read in slices}:
        raise RejectError("the mask of its bleeds has other slices or another size than it")
    of_slices = (masks[read.sop_instance_uid] for read in slices)
    return [mask if mask.any() else None for mask in of_slices]

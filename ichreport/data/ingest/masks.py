"""Masks of bleeds beside the files that they are of."""

from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ichreport.data.dicom.header import Header
from ichreport.data.dicom.reject import RejectError
from ichreport.data.nifti import ENDINGS, is_volume, read_mask


def mask_path(folder: str, path: str) -> Path | None:
    """The mask beside a file: of the same path and name below the folder of masks, but its ending.

    Args:
        folder: Where masks lie.
        path: The file, below its source's folder.
    """
    name = PurePosixPath(path.removesuffix(".gz")).with_suffix("")
    endings = ENDINGS if is_volume(path) else (".png",)
    candidates = (Path(folder, f"{name}{ending}") for ending in endings)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def mask_of_file(file: Path, header: Header) -> NDArray[np.uint8]:
    """The mask of a DICOM file's slice, in the standard orientation.

    Args:
        file: A PNG file, of which bit k is subtype k.
        header: The header of the slice.

    Raises:
        RejectError: If the mask is not readable, or not of the slice's size.
    """
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


def masks_of_volume(file: Path, volume: Path) -> list[NDArray[np.uint8] | None]:
    """The masks of a volume's slices, 1 where anything bleeds; None where nothing does.

    Args:
        file: A NIfTI file.
        volume: The volume that it is of.

    Raises:
        RejectError: If the mask is not readable, or not of the volume's size.
    """
    try:
        masks = read_mask(file, volume)
    except RejectError as reject:
        raise RejectError(f"the mask of its bleeds: {reject}", passing=reject.passing) from None
    return [mask if mask.any() else None for mask in masks]

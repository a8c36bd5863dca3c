"""A NIfTI file of a head becomes slices in HU, each in the standard orientation.

A volume is turned by its affine, which gives the place of each voxel in mm towards the patient's
right, front and head (RAS+; the NIfTI-1 standard, nifti1.h). Its slices are those that it stores
along its third axis, which has to be the patient's, apart from the gantry's tilt.
"""

import importlib
import math
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ichreport.data.dicom.header import MOST_STRETCH
from ichreport.data.dicom.hounsfield import RULE_ABOVE, RULE_BELOW, RULE_SCALED
from ichreport.data.dicom.reject import RejectError
from ichreport.data.labels.slice_names import slice_name
from ichreport.data.resample import HU_MAX, HU_MIN

ENDINGS: Final = (".nii", ".nii.gz")
"""How the names of such files end."""
RULE_NO_ORIENTATION: Final = "no orientation, that of ANALYZE taken"
_CURE: Final = "install ichreport with the extra `nifti`"
_STANDARD: Final = ("L", "P", "S")
"""Where columns, rows and slices run in the standard orientation: left, back, head."""
_HEAD: Final = 2
"""The axis of the patient from feet to head."""
_LARGEST_MATRIX: Final = 4096
_MOST_VOXELS: Final = 2**28
"""As many as 1,024 slices of 512 x 512."""
_FLAT: Final = 1e-6
"""A voxel's volume as a share of a box with its edges, below which an axis is folded away."""
_DAMAGED: Final = (OSError, EOFError, ValueError, zlib.error)
"""What reading a file that is cut or damaged raises."""
_SAME_PLACE: Final = 0.01
"""mm; places that differ by less are the same."""
_STEEPEST_TILT: Final = 45.0
"""Degrees; beyond it slices are coronal or sagittal views, not tilted axial ones."""


@dataclass(frozen=True, slots=True)
class VolumeSlice:
    """A slice of a volume in HU, rows running to the patient's back and columns to the left."""

    sop_instance_uid: str
    """The volume's name and the slice's number, as `slice_names.slice_name` puts them."""
    patient_id: str
    """The volume's name, which also stands for study and series."""
    z: float
    """Position of the first pixel along the patient's axis, mm."""
    spacing: float
    """Distance of the pixels' rows, mm."""
    tilt: float
    """Angle between the slice's normal and the patient's axis, degrees."""
    family: str
    """How the file stores voxels, such as `NIfTI int16`."""
    intercept: float
    """What the file adds to scaled stored values for HU."""
    hu: NDArray[np.int16]
    """Shape (rows, columns), in [`HU_MIN`, `HU_MAX`]."""
    rules: tuple[str, ...]
    """What changed it on the way."""

    @property
    def study_instance_uid(self) -> str:
        """The study that it belongs to: the volume."""
        return self.patient_id

    @property
    def series_instance_uid(self) -> str:
        """The series that it belongs to: the volume."""
        return self.patient_id


@dataclass(frozen=True)
class _Volume:
    """Stored values, (columns, rows, slices) to the patient's left, back and head."""

    name: str
    stored: NDArray[Any]
    affine: NDArray[np.float64]
    turn: NDArray[np.float64]
    """What turned the file's array, as nibabel's orientations have it."""
    numbers: range
    """The slices' numbers in the order of the file, from 1."""
    slope: float
    intercept: float
    rules: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The slices' names, from feet to head."""
        return [slice_name(self.name, number) for number in self.numbers]

    def planes(self) -> Iterator[NDArray[np.float64]]:
        """The slices' values, (rows, columns) each, from feet to head.

        Raises:
            RejectError: If one holds NaN or an infinite value.
        """
        for index in range(self.stored.shape[_HEAD]):
            plane = self.stored[:, :, index].T * self.slope + self.intercept
            if not np.isfinite(plane).all():
                raise RejectError("the volume holds values that are no finite numbers")
            yield plane


def read_volume(path: Path | str, name: str | None = None) -> list[VolumeSlice]:
    """Read the slices of a head's CT.

    Args:
        path: A NIfTI file, plain or compressed by gzip, of values that its slope and intercept turn
            into HU.
        name: What to call the volume; by default as its file, without ending.

    Returns:
        Its slices from feet to head.

    Raises:
        RejectError: If it is not readable, has other than three dimensions, is stored in slices
            that are not axial or holds values that are no finite numbers.
    """
    volume = _read(Path(path), name)
    columns, rows = volume.affine[:3, 0], volume.affine[:3, 1]
    first = volume.affine[:3, 3] + np.outer(np.arange(len(volume.numbers)), volume.affine[:3, 2])
    return [
        VolumeSlice(
            sop_instance_uid=name,
            patient_id=volume.name,
            z=float(place[_HEAD]),
            spacing=float(np.linalg.norm(rows)),
            tilt=_tilt(columns, rows),
            family=f"NIfTI {volume.stored.dtype.name}",
            intercept=volume.intercept,
            hu=_clipped(plane),
            rules=(*volume.rules, *_rules(plane, volume)),
        )
        for name, place, plane in zip(volume.names, first, volume.planes(), strict=True)
    ]


def read_mask(path: Path | str, of: Path | str) -> list[NDArray[np.uint8]]:
    """Read a mask of all bleeding in a volume.

    Where mask and volume say that they cover the same places, pixels are matched by place. Else the
    mask is taken voxel by voxel, as where whoever drew it kept no geometry.

    Args:
        path: A NIfTI file; whatever is not 0 bleeds.
        of: The volume's file.

    Returns:
        uint8 of shape (rows, columns), 0 or 1, for each of the volume's slices in its order.

    Raises:
        RejectError: As `read_volume`, and if the mask is of another size than its volume.
    """
    nibabel, volume = _nibabel(), _read(Path(of))
    image = _checked(nibabel, Path(path))
    with suppress(RejectError):  # a mask without a geometry of its own
        mask = _turned(nibabel, image, volume.name)
        if mask.stored.shape == volume.stored.shape and np.allclose(
            mask.affine, volume.affine, atol=_SAME_PLACE
        ):
            return [(plane != 0).astype(np.uint8) for plane in mask.planes()]
    turned = nibabel.orientations.apply_orientation(_stored(image), volume.turn)
    if turned.shape != volume.stored.shape:
        raise RejectError("it has other slices or another size than its volume")
    return [(turned[:, :, index].T != 0).astype(np.uint8) for index in range(turned.shape[_HEAD])]


def is_volume(path: str) -> bool:
    """Whether a file is one, by its name."""
    return path.lower().endswith(ENDINGS)


def volume_name(path: Path) -> str:
    """The name of a file's volume: the file's without `.nii` or `.nii.gz`."""
    return without_ending(path.name)


def without_ending(name: str) -> str:
    """A file's name or path without `.nii` or `.nii.gz`."""
    return next((name[: -len(end)] for end in ENDINGS if name.lower().endswith(end)), name)


def _nibabel() -> Any:
    try:
        return importlib.import_module("nibabel")
    except ModuleNotFoundError:
        raise RejectError(
            f"NIfTI needs nibabel, which is not installed: {_CURE}", passing=True
        ) from None


def _read(path: Path, name: str | None = None) -> _Volume:
    """Read a file and turn it to the standard orientation."""
    nibabel = _nibabel()
    return _turned(nibabel, _checked(nibabel, path), name or volume_name(path))


def _checked(nibabel: Any, path: Path) -> Any:
    """A file whose voxels are plain numbers in three dimensions; they are not read yet."""
    if path.exists() and not path.is_file():
        raise RejectError("not a regular file")
    image = _opened(nibabel, path)
    _check_voxels(image)
    _check_scaling(image)
    return image


def _turned(nibabel: Any, image: Any, name: str) -> _Volume:
    """A volume in the standard orientation."""
    affine = _checked_affine(image)
    orientation = nibabel.orientations.io_orientation(affine)
    if orientation[_HEAD, 0] != _HEAD:
        raise RejectError("the volume is not stored in axial slices", aside=True)
    tilt = _tilt(affine[:3, 0], affine[:3, 1])
    if not tilt <= _STEEPEST_TILT:
        raise RejectError(
            f"the slices are {tilt:.0f} degrees off the axial plane, "
            f"expected at most {_STEEPEST_TILT:.0f}",
            aside=True,
        )
    down, across = (float(np.linalg.norm(affine[:3, axis])) for axis in (1, 0))
    if max(down, across) > (1 + MOST_STRETCH) * min(down, across):
        raise RejectError(
            f"the pixels are {down:.3f} x {across:.3f} mm, expected square ones: no plain slice",
            aside=True,
        )
    stored = _stored(image)
    standard = nibabel.orientations.axcodes2ornt(_STANDARD)
    turn = nibabel.orientations.ornt_transform(orientation, standard)
    count = stored.shape[_HEAD]
    upwards = turn[_HEAD, 1] > 0
    known = image.header["qform_code"] > 0 or image.header["sform_code"] > 0
    return _Volume(
        name=name,
        turn=turn,
        stored=nibabel.orientations.apply_orientation(stored, turn),
        affine=affine @ nibabel.orientations.inv_ornt_aff(turn, stored.shape),
        numbers=range(1, count + 1) if upwards else range(count, 0, -1),
        slope=float(image.dataobj.slope),
        intercept=float(image.dataobj.inter),
        rules=() if known else (RULE_NO_ORIENTATION,),
    )


def _opened(nibabel: Any, path: Path) -> Any:
    """A file by its header; its values are not read yet."""
    unreadable = (nibabel.filebasedimages.ImageFileError, nibabel.spatialimages.HeaderDataError)
    try:
        image = nibabel.load(path, mmap=False)
    except FileNotFoundError:
        raise RejectError(
            "the file cannot be opened: No such file or directory", passing=True
        ) from None
    except (*unreadable, *_DAMAGED):
        raise RejectError("the file is not readable as NIfTI; it may be cut or damaged") from None
    if not isinstance(image, nibabel.Nifti1Image):
        raise RejectError("the file is of another format than NIfTI in one file")
    return image


def _check_voxels(image: Any) -> None:
    """Refuse what is no volume of plain numbers, or larger than a head can be."""
    if len(image.shape) < 3 or any(length != 1 for length in image.shape[3:]):
        raise RejectError(f"the volume has {len(image.shape)} dimensions, expected 3")
    columns, rows, slices = image.shape[:3]
    if not (min(image.shape) > 0 and max(columns, rows) <= _LARGEST_MATRIX):
        raise RejectError(
            f"the matrix is {rows} x {columns} x {slices}, expected 1 to {_LARGEST_MATRIX} a side"
        )
    if math.prod(image.shape) > _MOST_VOXELS:
        raise RejectError(
            f"the volume has {math.prod(image.shape):,} voxels, expected at most {_MOST_VOXELS:,}"
        )
    if image.get_data_dtype().kind not in "iuf":
        raise RejectError("the voxels are no plain numbers: colours or complex values")


def _check_scaling(image: Any) -> None:
    """Refuse a slope and an intercept that nibabel would take for none."""
    with image.file_map["image"].get_prepare_fileobj("rb") as stream:
        header = type(image.header).from_fileobj(stream, check=False)  # the image's own is cleaned
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not (0 <= slope < math.inf and math.isfinite(intercept)):
        raise RejectError(
            "slope and intercept must be finite, and the slope positive or 0 for none"
        )


def _checked_affine(image: Any) -> NDArray[np.float64]:
    affine: NDArray[np.float64] = np.asarray(image.affine, dtype=np.float64)
    edges = np.prod(np.linalg.norm(affine[:3, :3], axis=0))
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) <= _FLAT * edges:
        raise RejectError("the affine is no geometry: it is not finite or it folds an axis away")
    return affine


def _stored(image: Any) -> NDArray[Any]:
    """The values as the file stores them."""
    try:
        stored: NDArray[Any] = np.asarray(image.dataobj.get_unscaled())
        stored = stored.reshape(stored.shape[:3])
    except _DAMAGED:
        raise RejectError("the voxels cannot be read; the file may be cut or damaged") from None
    return stored


def _tilt(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The angle between the normal of a plane, by two vectors in it, and the patient's axis."""
    normal = np.cross(first, second)
    return math.degrees(math.atan2(math.hypot(normal[0], normal[1]), abs(normal[_HEAD])))


def _clipped(plane: NDArray[np.float64]) -> NDArray[np.int16]:
    hu: NDArray[np.int16] = np.clip(np.rint(plane), HU_MIN, HU_MAX).astype(np.int16)
    return np.ascontiguousarray(hu)


def _rules(plane: NDArray[np.float64], volume: _Volume) -> list[str]:
    """The rules that changed a slice's values."""
    whole = volume.slope == 1 and volume.intercept.is_integer() and volume.stored.dtype.kind != "f"
    applied = (
        (RULE_SCALED, not whole),
        (RULE_BELOW, np.rint(plane.min()) < HU_MIN),
        (RULE_ABOVE, np.rint(plane.max()) > HU_MAX),
    )
    return [rule for rule, applies in applied if applies]

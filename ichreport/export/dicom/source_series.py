"""The headers of a study's slices, read again from the source that they were taken in from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from ichreport.data.dicom.orientation import are_directions
from ichreport.data.dicom.reject import RejectError
from ichreport.data.ingest.file_reader import FileReader
from ichreport.data.ingest.sources import SourceFile
from ichreport.data.nifti import is_volume
from ichreport.data.store import Store
from ichreport.export.dicom.geometry import Plane
from ichreport.findings.intake import NewStudy

OF_PATIENT_AND_STUDY: Final = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("PatientAge", "PatientIdentityRemoved", "StudyInstanceUID", "StudyID", "StudyDate"),
    *("StudyTime", "StudyDescription", "AccessionNumber", "ReferringPhysicianName"),
)
"""What makes a PACS file an object with its patient and study; copied as it is."""
_OF_SLICE: Final = (
    *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator", "Rows", "Columns", "NumberOfFrames"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
_UID: Final = re.compile(r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+")


class LeftOutError(ValueError):
    """Why something is not written, as a sentence."""


@dataclass(frozen=True)
class SourceSlice:
    """A slice as its file describes it.

    Attributes:
        row: Its row number in the store.
        header: What its file says, without pixels.
        frame: Its number in a file of many frames, from 1; None in a file of its own.
    """

    row: int
    header: Dataset
    frame: int | None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.header.Rows), int(self.header.Columns)

    @property
    def plane(self) -> Plane:
        """Where its pixels lie.

        Raises:
            ValueError: If its file does not say; the message says what is missing.
        """
        spacing = self._numbers("PixelMeasuresSequence", "PixelSpacing")
        return Plane.from_attributes(
            self._numbers("PlanePositionSequence", "ImagePositionPatient"),
            self._numbers("PlaneOrientationSequence", "ImageOrientationPatient"),
            2 * spacing if len(spacing) == 1 else spacing,
        )

    @property
    def knows_sides(self) -> bool:
        """Whether its file says how it lies, so that its left and right are known."""
        axes = self._numbers("PlaneOrientationSequence", "ImageOrientationPatient")
        return len(axes) == 6 and are_directions(axes[:3], axes[3:])

    @property
    def thickness(self) -> float | None:
        """How thick it is, mm; None where its file does not say."""
        thickness = self._numbers("PixelMeasuresSequence", "SliceThickness")
        return thickness[0] if thickness and thickness[0] > 0 else None

    def _numbers(self, sequence: str, keyword: str) -> list[float]:
        """An attribute's numbers, none if damaged; of a frame from its own or a shared group."""
        try:
            value = self._group(sequence).get(keyword)
            return list(map(float, [value] if isinstance(value, int | float) else value or ()))
        except (ValueError, TypeError):
            return []

    def _group(self, sequence: str) -> Dataset:
        if self.frame is None:
            return self.header
        own = self.header.PerFrameFunctionalGroupsSequence[self.frame - 1]
        shared = self.header.get("SharedFunctionalGroupsSequence", [])
        groups = [group for group in (own, *shared) if group.get(sequence)]
        return groups[0][sequence].value[0] if groups else Dataset()


@dataclass(frozen=True)
class SourceSeries:
    """The slices of a study's series, in the order of the store."""

    slices: tuple[SourceSlice, ...]

    @property
    def first(self) -> Dataset:
        """The header that patient and study are copied from."""
        return self.slices[0].header

    @property
    def headers(self) -> list[Dataset]:
        """The header of each file, once."""
        return list({one.header.SOPInstanceUID: one.header for one in self.slices}.values())

    @property
    def uids(self) -> list[str]:
        """The identifiers of its study, series and files."""
        files = [str(header.SOPInstanceUID) for header in self.headers]
        return [str(self.first.StudyInstanceUID), str(self.first.SeriesInstanceUID), *files]

    def of_row(self, row: int) -> SourceSlice:
        """The slice of a row of the store."""
        return self._by_row[row]

    @cached_property
    def _by_row(self) -> dict[int, SourceSlice]:
        return {one.row: one for one in self.slices}


def read_series(
    study: NewStudy, store: Store, folder: Path, files: Mapping[str, SourceFile]
) -> SourceSeries:
    """Read the headers of a study's slices.

    Args:
        study: As it was taken in, and not refused.
        store: The store that it was taken into.
        folder: The folder or the zip of its source.
        files: The files of its source, by their path.

    Raises:
        LeftOutError: If it did not come as DICOM, or if no DICOM object can refer to its files.
    """
    names = store.slices["sop_instance_uid"].iloc[study.rows]
    paths = [study.files[name] for name in names]
    if any(map(is_volume, paths)):
        raise LeftOutError("It did not come as DICOM, so that nothing can refer to its slices.")
    with FileReader(folder) as reader:
        headers = {path: _read_header(reader, files.get(path)) for path in dict.fromkeys(paths)}
    slices = [
        SourceSlice(int(row), headers[path], _frame_of(headers[path], name))
        for row, path, name in zip(study.rows, paths, names, strict=True)
    ]
    # What is written names a patient: it must be the one whose slices were judged.
    is_same = [
        name.partition(":")[0] == headers[path].SOPInstanceUID
        for name, path in zip(names, paths, strict=True)
    ]
    if not all(is_same):
        raise LeftOutError("Its files have changed since they were taken in.")
    return SourceSeries(tuple(slices))


def _read_header(reader: FileReader, file: SourceFile | None) -> Dataset:
    if file is None:
        raise LeftOutError("Its files are no longer in the source.")
    try:
        content = BytesIO(reader.read(file))
        tags: list[Any] = [*_OF_SLICE, *OF_PATIENT_AND_STUDY]
        header = dcmread(content, stop_before_pixels=True, force=True, specific_tags=tags)
        _check_identifiers(header)
    except (RejectError, InvalidDicomError, OSError) as error:
        raise LeftOutError(f"Its files cannot be read again: {error}.") from None
    return header


def _check_identifiers(header: Dataset) -> None:
    """Refuse what no DICOM object can refer to, as the challenge's `ID_…`."""
    required = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
    wrong = [name for name in required if not _is_uid(header.get(name))]
    if wrong:
        raise LeftOutError(
            f"Its files have no valid {', '.join(wrong)}: no DICOM object can refer to them."
        )


def _is_uid(value: Any) -> bool:
    return isinstance(value, str) and _UID.fullmatch(value) is not None


def _frame_of(header: Dataset, name: str) -> int | None:
    """The number of a frame, by the name that `slice_reader` gives it."""
    if "PerFrameFunctionalGroupsSequence" not in header:
        return None
    return int(name.rpartition(":")[2])

"""A study's findings as a folder of DICOM objects that go into a PACS beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.config import disable_value_validation

from ichreport.data.ingest.sources import Source, SourceFile, list_files
from ichreport.data.store import Store
from ichreport.evaluation.assessment import POSTER_RULE
from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.export.dicom.heat_map import heat_map
from ichreport.export.dicom.origin import Origin
from ichreport.export.dicom.secondary_capture import picture, secondary_capture
from ichreport.export.dicom.source_series import LeftOutError, read_series
from ichreport.export.dicom.structured_report import structured_report
from ichreport.files import atomic_file
from ichreport.findings.study_findings import StudyFindings
from ichreport.findings.study_heat import StudyHeat
from ichreport.labels import ANY, LABELS
from ichreport.runs.saved_run import SavedRun

_MOST_CAPTURES: Final = 3
_OF_ANY: Final = PROBABILITIES[LABELS.index(ANY)]


@dataclass(frozen=True)
class WrittenStudy:
    """What was written of a study.

    Attributes:
        files: The objects: `report.dcm`, `capture-1.dcm` and so on, `heat-1-any.dcm` and so on.
        left_out: Why there are none of some kind, a sentence each.
    """

    files: tuple[Path, ...]
    left_out: tuple[str, ...]


class DicomExport:
    """Writes studies of a source as DICOM.

    Args:
        source: What the studies were taken in from.
        run: The run that has read them.
        made: When; by default now. Objects of the same findings made at the same time have the same
            bytes, and always the same identifiers.
        rule: Whose thresholds call labels.
    """

    def __init__(
        self,
        source: Source,
        run: SavedRun,
        made: datetime | None = None,
        *,
        rule: str = POSTER_RULE,
    ) -> None:
        self._folder, self._run, self._rule = source.folder, run, rule
        self._files: Mapping[str, SourceFile] = {file.path: file for file in list_files(source)}
        self._made = made or datetime.now().astimezone()

    def write(
        self, findings: StudyFindings, heat: Sequence[StudyHeat], store: Store, folder: Path
    ) -> WrittenStudy:
        """Write a study.

        Args:
            findings: What was found in it.
            heat: Its heat maps; none where a run has no network to look through.
            store: The store that it was taken into.
            folder: Where to write; made if missing.

        Returns:
            The files, and what was left out and why: all of a study that was refused or did not
            come as DICOM, the heat where its files do not say where slices lie.

        Raises:
            OSError: If the folder cannot be written.
        """
        if findings.status == "refused":
            return WrittenStudy(
                (), ("Nothing was found in it, so that there is nothing to write.",)
            )
        with disable_value_validation():  # what hospitals write is copied as it is
            try:
                series = read_series(findings.study, store, self._folder, self._files)
            except LeftOutError as error:
                return WrittenStudy((), (str(error),))
            origin = Origin(self._run, series, self._made, self._rule)
            objects, left_out = _objects(findings, heat, store, origin)
            files = [_save(made, folder / f"{name}.dcm") for name, made in objects.items()]
        return WrittenStudy(tuple(files), tuple(dict.fromkeys(left_out)))


def _objects(
    findings: StudyFindings, heat: Sequence[StudyHeat], store: Store, origin: Origin
) -> tuple[dict[str, Dataset], list[str]]:
    """The objects by name, and why some are left out."""
    objects = {"report": structured_report(findings, origin)}
    objects |= dict(_captures(findings, heat, store, origin))
    left_out = []
    for number, one in enumerate(heat, 1):
        try:
            objects[f"heat-{number}-{one.label}"] = heat_map(one, origin, number)
        except LeftOutError as error:
            left_out.append(str(error))
    return objects, left_out


def _captures(
    findings: StudyFindings, heat: Sequence[StudyHeat], store: Store, origin: Origin
) -> Iterator[tuple[str, Dataset]]:
    """The most suspicious slices, the first of them the worst."""
    probability = findings.slices[_OF_ANY].to_numpy()
    worst = np.argsort(-probability, kind="stable")[:_MOST_CAPTURES]
    for number, index in enumerate(worst.tolist(), 1):
        one = origin.series.slices[index]
        hu, warm = store.hu(np.array([one.row]))[0], _heat_of(one.row, heat)
        words = _words(findings, index) + ("" if warm is not None else "; no heat")
        drawn = picture(hu, warm, words, sides=one.knows_sides)
        yield f"capture-{number}", secondary_capture(drawn, one, origin, number)


def _words(findings: StudyFindings, index: int) -> str:
    of_slice, count = findings.slices[_OF_ANY].iloc[index], len(findings.slices)
    return (
        f"{ANY} hemorrhage {of_slice:.3f} in slice {index + 1} of {count}, "
        f"{findings.labels[ANY].probability:.3f} in the study"
    )


def _heat_of(row: int, heat: Sequence[StudyHeat]) -> NDArray[np.float32] | None:
    """The heat of any bleeding in a slice, if there is any."""
    for one in heat:
        if one.label == ANY and (found := np.flatnonzero(one.rows == row)).size:
            of_slice: NDArray[np.float32] = one.maps[found[0]]
            return of_slice
    return None


def _save(made: Dataset, path: Path) -> Path:
    with atomic_file(path) as partial:
        made.save_as(partial, enforce_file_format=True)
    return path

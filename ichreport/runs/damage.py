"""Which files of a report are not what was written any more, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ichreport.files import OtherVersionError
from ichreport.runs import job_times
from ichreport.runs.external_format import external_records, read_external_record
from ichreport.runs.record_format import (
    MAPS,
    RECORD,
    check_seal,
    read_maps,
    read_record,
)

OF_STEPS: Final = "beyond.ipynb"
"""The executed notebook of the steps beyond the poster, which a report without them lacks."""

OF_OTHER_HOSPITALS: Final = "external.ipynb"
"""The executed notebook of other hospitals, which a report without their data lacks."""

_EXECUTED: Final = ("explore.ipynb", "cam.ipynb", "results.ipynb", OF_STEPS, OF_OTHER_HOSPITALS)


@dataclass(frozen=True)
class Damage:
    """What is wrong with a file.

    Attributes:
        path: The file whose making anew mends it: of a run or an evaluation, its record.
        problem: What is wrong; a sentence, and maybe a cure.
        by_other_version: Whether all that is wrong is that another version of ichreport made it.
    """

    path: Path
    problem: str
    by_other_version: bool = False


def damaged(report_folder: Path) -> list[Damage]:
    """What is wrong with the files of a report.

    Weights, features and slices are compared where they are read.

    Args:
        report_folder: `reports/<profile>`.
    """
    return [
        *(*_runs(report_folder), *_external(report_folder)),
        *(*_notebooks(report_folder), *_maps(report_folder)),
    ]


def damaged_notes(report_folder: Path) -> list[Damage]:
    """What is wrong with the notes on what jobs took; nothing depends on them."""
    return [Damage(*note) for note in job_times.damaged_notes(report_folder).items()]


def _runs(report_folder: Path) -> Iterator[Damage]:
    for path in sorted(report_folder.glob(f"runs/*/{RECORD}")):
        try:
            read_record(path.parent)
            check_seal(path.with_name("notebook.ipynb"))
        except ValueError as error:
            yield Damage(path, str(error), isinstance(error, OtherVersionError))


def _external(report_folder: Path) -> Iterator[Damage]:
    for path in external_records(report_folder):
        try:
            read_external_record(path.parent)
        except ValueError as error:
            yield Damage(path, str(error), isinstance(error, OtherVersionError))


def _notebooks(report_folder: Path) -> Iterator[Damage]:
    for path in (report_folder / name for name in _EXECUTED):
        try:
            check_seal(path)
        except ValueError as error:
            yield Damage(path, str(error))


def _maps(report_folder: Path) -> Iterator[Damage]:
    try:
        read_maps(report_folder)
    except ValueError as error:
        yield Damage(report_folder / MAPS, str(error))

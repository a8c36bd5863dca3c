"""The files of evaluations on other hospitals' data, and whether they are still what was written.

Apart from what reads the figures, so that it costs no import of pandas.
"""

from pathlib import Path
from typing import Any, Final

from ichreport.files import check_file
from ichreport.runs.record_format import PREDICTIONS, RECORD, naming_the_cure, read_format

EXTERNAL_FORMAT: Final = 4
EXTERNAL: Final = "external"
"""The folder of a report in which they lie."""
EVALUATE_AGAIN: Final = "Evaluate it again (make report does for data sets of the profile)."


def folder_of(run_folder: Path, data_set: str) -> Path:
    """Where the evaluation of a run on a data set belongs.

    Args:
        run_folder: `reports/<profile>/runs/<name>`.
        data_set: The data set's name.
    """
    return run_folder.parents[1] / EXTERNAL / data_set / run_folder.name


def external_records(report_folder: Path) -> list[Path]:
    """The records of all evaluations of a report, by data set and run.

    Args:
        report_folder: `reports/<profile>`.
    """
    return sorted(report_folder.glob(f"{EXTERNAL}/*/*/{RECORD}"))


def read_external_record(folder: Path) -> dict[str, Any]:
    """What a record says, once it and the predictions beside it are what was written.

    Args:
        folder: As `folder_of` gives it.

    Raises:
        OtherVersionError: If another version of ichreport has made it; with the cure.
        ValueError: If one of them is damaged or missing; with the cure.
    """
    path = folder / RECORD
    with naming_the_cure(path, EVALUATE_AGAIN):
        record = read_format(path, EXTERNAL_FORMAT)
        named = (record["data"]["name"], record["run"])
        if named != (folder.parent.name, folder.name):
            raise ValueError(f"{path} is of another evaluation, {'/'.join(named)}.")
        check_file(folder / PREDICTIONS, record["provenance"]["predictions_sha256"], "")
    return record

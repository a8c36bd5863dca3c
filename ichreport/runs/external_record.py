"""What evaluating a run on another hospital's data leaves behind: predictions and a record.

`reports/<profile>/external/<data set>/<run>/`; the record is written last, and is the only home of
the figures.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from ichreport import software
from ichreport.evaluation.external.assessment import ExternalAssessment
from ichreport.files import (
    OtherVersionError,
    atomic_file,
    check_file,
    folder_lock,
    read_json,
    sha256_of_file,
    unseal,
    write_sealed_json,
)
from ichreport.runs.record import read_run
from ichreport.runs.record_format import PREDICTIONS, RECORD

EXTERNAL_FORMAT: Final = 1
EXTERNAL: Final = "external"
"""The folder of a report in which they lie."""
_AGAIN: Final = "Evaluate it again (make report does for data sets of the profile)."


def folder_of(run_folder: Path, data_set: str) -> Path:
    """Where the evaluation of a run on a data set belongs.

    Args:
        run_folder: `reports/<profile>/runs/<name>`.
        data_set: The data set's name.
    """
    return run_folder.parents[1] / EXTERNAL / data_set / run_folder.name


@dataclass(frozen=True)
class ExternalRecord:
    """A run's evaluation on another hospital's data.

    Attributes:
        folder: Where it lies.
        record: What `record.json` says.
    """

    folder: Path
    record: Mapping[str, Any] = field(repr=False)

    @property
    def run(self) -> str:
        """The run's name."""
        return str(self.record["run"])

    @property
    def data(self) -> Mapping[str, Any]:
        """The data set: its name, kind, citation, licence, what is labelled, counts."""
        data: Mapping[str, Any] = self.record["data"]
        return data

    @property
    def left_out(self) -> Mapping[str, int]:
        """What is not evaluated, and why: counts."""
        counts: Mapping[str, int] = self.record["left_out"]
        return counts

    @cached_property
    def assessment(self) -> ExternalAssessment:
        """What was measured."""
        return ExternalAssessment.from_record(self.record["assessment"])

    @classmethod
    def read(cls, folder: Path) -> "ExternalRecord":
        """Read one, once it and the predictions beside it are what was written.

        Args:
            folder: Its folder.

        Raises:
            OtherVersionError: If another version of ichreport has made it; with the cure.
            ValueError: If one of them is damaged or missing; with the cure.
        """
        path = folder / RECORD
        try:
            content = read_json(path)
            kept = content.get("format") if isinstance(content, dict) else None
            if kept is not None and kept != EXTERNAL_FORMAT:
                raise OtherVersionError(
                    f"{path} has format {kept!r}, expected {EXTERNAL_FORMAT}: another version "
                    f"made it. {_AGAIN}"
                )
            record = unseal(content, path)
            check_file(folder / PREDICTIONS, record["provenance"]["predictions_sha256"], "")
        except OtherVersionError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{str(error).strip()} {_AGAIN}") from error
        return cls(folder, record)

    def stale(self) -> str:
        """Why it is not of the run as it is now; empty if it is."""
        run = read_run(self.folder.parents[2] / "runs" / self.run)
        if run.status != "ok":
            return f"{self.run} has no result any more: {run.reason}"
        known = self.record["provenance"]["run_predictions_sha256"]
        if run.record["provenance"]["predictions_sha256"] != known:
            return f"{self.run} has been made anew since. {_AGAIN}"
        return ""


def read_external(report_folder: Path) -> tuple[list[ExternalRecord], list[str]]:
    """Every evaluation of a report, by data set and run, and what is wrong with others.

    Args:
        report_folder: `reports/<profile>`.
    """
    records, problems = [], []
    for path in _paths(report_folder):
        try:
            record = ExternalRecord.read(path.parent)
        except ValueError as error:
            problems.append(str(error))
            continue
        if why := record.stale():
            problems.append(f"{path}: {why}")
        else:
            records.append(record)
    return records, problems


def damaged_external(report_folder: Path) -> Iterator[tuple[Path, str, bool]]:
    """Of each damaged evaluation its record's path, what is wrong, and if it is but its version."""
    for path in _paths(report_folder):
        try:
            ExternalRecord.read(path.parent)
        except ValueError as error:
            yield path, str(error), isinstance(error, OtherVersionError)


def _paths(report_folder: Path) -> list[Path]:
    return sorted(report_folder.glob(f"{EXTERNAL}/*/*/{RECORD}"))


def write_external(
    folder: Path,
    predictions: pd.DataFrame,
    assessed: ExternalAssessment,
    *,
    run: str,
    data: Mapping[str, Any],
    left_out: Mapping[str, int],
    came_of: Mapping[str, Any],
) -> Path:
    """Write predictions, then the record.

    Args:
        folder: As `folder_of` gives it.
        predictions: One row a slice that was evaluated.
        assessed: What was measured.
        run: The run's name.
        data: What the data set is.
        left_out: Counts of what is not evaluated.
        came_of: The hashes of the run and of the store.

    Returns:
        The path of `record.json`.
    """
    with folder_lock(folder):
        (folder / RECORD).unlink(missing_ok=True)  # it must not vouch for what is written now
        with atomic_file(folder / PREDICTIONS) as partial:
            predictions.to_parquet(partial, index=False)
        provenance = {
            **software.describe(),
            **came_of,
            "predictions_sha256": sha256_of_file(folder / PREDICTIONS),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_sealed_json(
            folder / RECORD,
            {
                "format": EXTERNAL_FORMAT,
                "run": run,
                "data": dict(data),
                "left_out": dict(left_out),
                "assessment": assessed.record(),
                "provenance": provenance,
            },
        )
    return folder / RECORD

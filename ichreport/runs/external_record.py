"""What evaluating a run on another hospital's data leaves behind: predictions and a record.

`reports/<profile>/external/<data set>/<run>/`; the record is written last, and is the only home of
the figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ichreport import software
from ichreport.evaluation.external.assessed import ExternalAssessment
from ichreport.evaluation.maps.against_truth import MapMeasures
from ichreport.files import (
    atomic_file,
    folder_lock,
    sha256_of_file,
    without_nan,
    write_sealed_json,
)
from ichreport.runs.external_format import (
    EVALUATE_AGAIN,
    EXTERNAL_FORMAT,
    external_records,
    read_external_record,
)
from ichreport.runs.record import read_run
from ichreport.runs.record_format import PREDICTIONS, RECORD


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

    @cached_property
    def maps(self) -> MapMeasures | None:
        """What was measured of heat maps; None where no mask shows bleeding."""
        kept = self.record["maps"]
        if kept is None:
            return None
        table = pd.DataFrame(kept["measures"]).fillna(np.nan).infer_objects()
        return MapMeasures(kept["method"], kept["side"], table)

    @classmethod
    def read(cls, folder: Path) -> "ExternalRecord":
        """Read one, once it and the predictions beside it are what was written.

        Args:
            folder: Its folder.

        Raises:
            ValueError: As `external_format.read_external_record`.
        """
        return cls(folder, read_external_record(folder))

    def stale(self) -> str:
        """Why it is not of the run as it is now; empty if it is."""
        run = read_run(self.folder.parents[2] / "runs" / self.run)
        if run.status != "ok":
            return f"{self.run} has no result any more: {run.reason}"
        known = self.record["provenance"]["run_predictions_sha256"]
        if run.record["provenance"]["predictions_sha256"] != known:
            return f"{self.run} has been made anew since. {EVALUATE_AGAIN}"
        return ""


@dataclass(frozen=True)
class ExternalProblem:
    """An evaluation that cannot be used.

    Attributes:
        data_set: The data set's name.
        run: The run's name.
        text: What is wrong with it.
    """

    data_set: str
    run: str
    text: str


def read_external(report_folder: Path) -> tuple[list[ExternalRecord], list[ExternalProblem]]:
    """Every evaluation of a report, by data set and run, and what is wrong with others.

    Args:
        report_folder: `reports/<profile>`.
    """
    records, problems = [], []
    for path in external_records(report_folder):
        names = path.parent.parent.name, path.parent.name
        try:
            record = ExternalRecord.read(path.parent)
        except ValueError as error:
            problems.append(ExternalProblem(*names, str(error)))
            continue
        if why := record.stale():
            problems.append(ExternalProblem(*names, f"{path}: {why}"))
        else:
            records.append(record)
    return records, problems


def write_external(
    folder: Path,
    predictions: pd.DataFrame,
    assessed: ExternalAssessment,
    maps: MapMeasures | None,
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
        maps: What was measured of heat maps, if anything.
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
                "maps": maps
                and {
                    **{"method": maps.method, "side": maps.side},
                    "measures": without_nan(maps.table.to_dict("records")),
                },
                "provenance": provenance,
            },
        )
    return folder / RECORD

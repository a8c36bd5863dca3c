"""A run's folder: what an experiment leaves behind, and what can be said of one that failed.

`record.json` is written last. A run folder without it is a failed run, whatever else it holds.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ichreport.files import (
    check_file,
    read_json,
)
from ichreport.params.experiment import Experiment
from ichreport.params.inputs import INPUTS, combined
from ichreport.params.mistakes import brief
from ichreport.params.networks import HEADS, LOSSES, NETWORKS
from ichreport.params.rows.differences import differences, in_words
from ichreport.params.samples import SAMPLES
from ichreport.params.yaml import from_root
from ichreport.runs.record_format import (
    PREDICTIONS,
    RECORD,
    RUN_AGAIN,
    WEIGHTS,
    read_record,
)
from ichreport.splits import Split

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class RunRecord:
    """One run as the report sees it.

    Attributes:
        name: The experiment's name.
        folder: `reports/<profile>/runs/<name>`.
        status: `ok` with a record; `failed` with traces of a try but none; `missing` with neither.
        record: The content of `record.json`; empty unless `ok`.
        reason: Why there is no record, in one line; empty if `ok`.
        log: The end of the log of a failed run.
    """

    name: str
    folder: Path
    status: Literal["ok", "failed", "missing"]
    record: Mapping[str, Any]
    reason: str = ""
    log: str = ""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The run's parameters, as they were recorded; empty without a record."""
        parameters: Mapping[str, Any] = self.record.get("parameters", {})
        return parameters

    @cached_property
    def experiment(self) -> Experiment:
        """What was run, as it was recorded.

        Raises:
            ValueError: If the run has no record.
        """
        if not self.parameters:
            raise ValueError(f"{self.name} has no recorded parameters: {self.reason}")
        return Experiment.from_record(self.parameters)

    @property
    def combination(self) -> Mapping[str, Any] | None:
        """What it combines and how, as `runs.combinations` records it; None for a training."""
        known: Mapping[str, Any] | None = self.record.get("combination")
        return known

    @property
    def map_layer(self) -> str | None:
        """The layer that heat maps of this run are taken from; None for its network's default."""
        choice: Mapping[str, Any] = self.record.get("map_layer") or {}
        layer: str | None = choice.get("layer")
        return layer

    @property
    def weights(self) -> Path:
        """The file of its trained weights, which `model.trained_rows.load` takes.

        Raises:
            ValueError: If it is missing or damaged, or if the run combines others and has none.
        """
        if self.combination is not None:
            names = ", ".join(member["name"] for member in self.combination["members"])
            raise ValueError(
                f"{self.name} combines {names} and has no weights of its own; name one of them."
            )
        known = self.record["provenance"]["weights_sha256"]
        return check_file(self.folder / WEIGHTS, known, RUN_AGAIN)

    def predictions(self, split: Split | None = None) -> pd.DataFrame:
        """The run's predictions, one row a slice.

        Args:
            split: The split to read; all three if not given.

        Raises:
            ValueError: If the run has no record.
        """
        if self.status != "ok":
            raise ValueError(f"{self.name} has no predictions: {self.reason}")
        rows = None if split is None else [("split", "==", split)]
        return pd.read_parquet(self.folder / PREDICTIONS, filters=rows)


def read_runs(
    report_folder: Path,
    experiments: Iterable[Experiment],
    mistakes: Mapping[str, str] | None = None,
) -> list[RunRecord]:
    """Read every expected run of a report, in order.

    Args:
        report_folder: `reports/<profile>`.
        experiments: The experiments that the report is meant to have.
        mistakes: What is wrong with the files of others, by their names: these have failed.
    """
    runs = report_folder / "runs"
    expected = {e.name: _read_row(runs / e.name, e) for e in experiments}
    if mistakes:
        failed = {name: _failed(runs / name, why) for name, why in mistakes.items()}
        expected = dict(sorted((expected | failed).items()))
    return list(expected.values())


def read_runs_by_hand(report_folder: Path, expected: Collection[str]) -> list[RunRecord]:
    """Read every run of a report that was made by hand, by name.

    Args:
        report_folder: `reports/<profile>`.
        expected: The names of the runs that are not by hand.
    """
    folders = sorted(path.parent for path in report_folder.glob(f"runs/*/{RECORD}"))
    return [read_run(folder) for folder in folders if folder.name not in expected]


def _read_row(folder: Path, experiment: Experiment) -> RunRecord:
    """A run of a row, which has failed if it was made with other parameters than the row's."""
    run = read_run(folder)
    differing = differences(run.experiment, experiment) if run.status == "ok" else {}
    if differing:
        return _failed(
            folder,
            f"{folder / RECORD} was made with other parameters than its files say: "
            f"{in_words(differing)}. make report makes it anew.",
        )
    return _explain_missing(run, experiment)


def _explain_missing(run: RunRecord, experiment: Experiment) -> RunRecord:
    """A run that was never started because what it reads failed has failed with it."""
    if run.status != "missing":
        return run
    members = (read_run(experiment.report_folder / "runs" / name) for name in experiment.members)
    failed = next((member for member in members if member.status != "ok"), None)
    if failed is not None:
        why = f"it combines {failed.name}, which has no result: {failed.reason}"
        return replace(run, status="failed", reason=why)
    if experiment.features_from is not None:
        source = read_run(experiment.report_folder / "runs" / experiment.features_from)
        why = f"it reads the features of {source.name}, which has no result: {source.reason}"
        return run if source.status == "ok" else replace(run, status="failed", reason=why)
    if not experiment.needs_features:
        return run
    marker = experiment.features_marker
    log = _end_of(marker.with_suffix(".log"))
    if marker.is_file() or not log:
        return run
    return _failed(run.folder, _last_line(log), log)


def read_run(folder: Path, *, is_packed: bool = False) -> RunRecord:
    """Read one run's folder; one without a readable record says what is known of why.

    Args:
        folder: The run's.
        is_packed: Whether it came out of a pack; see `record_format.read_record`.
    """
    path = folder / RECORD
    if path.is_file():
        try:
            record = read_record(folder, is_packed=is_packed)
            _check_choices(record.get("parameters"), path)
            return RunRecord(folder.name, folder, "ok", record)
        except ValueError as error:
            return _failed(folder, str(error))
    log = _end_of(folder / "log.txt")
    reason = _notebook_error(folder / "notebook.ipynb") or _last_line(log)
    if reason or log:
        return _failed(folder, reason or "stopped without a word", log)
    return RunRecord(folder.name, folder, "missing", {}, "not run yet")


def _failed(folder: Path, reason: str, log: str = "") -> RunRecord:
    """A run without a record, as a page may say it."""
    return RunRecord(folder.name, folder, "failed", {}, from_root(reason), from_root(log))


def read_finished(folder: Path, whose: str, *, is_packed: bool = False) -> RunRecord:
    """Read the folder of a run that something rests on.

    Args:
        folder: The run's.
        whose: What rests on it, as the message begins: `x combines`.
        is_packed: As in `read_run`.

    Raises:
        ValueError: If it has no result; the message says why, and the cure.
    """
    run = read_run(folder, is_packed=is_packed)
    if run.status != "ok":
        raise ValueError(
            f"{whose} {run.name}, which has no result: {run.reason.rstrip('.')}. Make that run "
            "first."
        )
    return run


def _check_choices(parameters: Any, path: Path) -> None:
    """Refuse a record of something that this version does not know, as another branch may make.

    Raises:
        ValueError: If it is one; the message names it and the cure.
    """
    tables: dict[str, Mapping[Any, Any]] = {
        **{"sample": SAMPLES, "input": INPUTS, "network": NETWORKS, "head": HEADS, "loss": LOSSES}
    }
    parameters = parameters if isinstance(parameters, dict) else {}
    for name, table in tables.items():
        if parameters.get(name) not in table:
            known = ", ".join(table)
            raise ValueError(
                f"{path} is of {name} {brief(parameters.get(name))}; this version knows {known}. "
                f"{RUN_AGAIN}"
            )
    beside = (parameters.get(name) for name in ("windows", "window_shape", "neighbours"))
    try:
        combined(parameters["input"], *beside)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is of an input that is none: {error} {RUN_AGAIN}") from error


def _end_of(log: Path, lines: int = 120) -> str:
    if not log.is_file():
        return ""
    text = _ANSI.sub("", log.read_text(encoding="utf-8", errors="replace"))
    return "\n".join(text.splitlines()[-lines:])


def _last_line(log: str) -> str:
    return next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")


def _notebook_error(path: Path) -> str:
    """The first error among a notebook's outputs, as `Name: message`."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        for cell in read_json(path)["cells"]:
            for output in cell.get("outputs", []):
                if output.get("output_type") == "error":
                    return _ANSI.sub("", f"{output['ename']}: {output['evalue']}")
    return ""  # it has none, or is damaged, so that nothing can be said of it

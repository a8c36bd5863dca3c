"""A run's folder: what an experiment leaves behind, and what can be said of one that failed.

`record.json` is written last. A run folder without it is a failed run, whatever else it holds.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, Protocol

import pandas as pd

from ichreport import software
from ichreport.evaluation.assessment import Assessment
from ichreport.files import (
    atomic_file,
    check_file,
    folder_lock,
    read_json,
    sha256_of_file,
    sha256_of_json,
    write_sealed_json,
)
from ichreport.params.differences import differences, in_words
from ichreport.params.experiment import Experiment
from ichreport.params.inputs import INPUTS, combined
from ichreport.params.networks import HEADS, LOSSES, NETWORKS
from ichreport.params.samples import SAMPLES
from ichreport.params.yaml import brief, project_path
from ichreport.runs.overwriting import refuse_other_parameters
from ichreport.runs.record_format import (
    PREDICTIONS,
    RECORD,
    RECORD_FORMAT,
    RUN_AGAIN,
    WEIGHTS,
    read_record,
)
from ichreport.splits import Split

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Stopwatch:
    """Wall-clock seconds of a run's named parts.

    Example:
        >>> watch = Stopwatch()
        >>> watch.lap("training")
        >>> sorted(watch.seconds)
        ['training']
    """

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self.seconds: dict[str, float] = {}
        self._last = perf_counter()

    def lap(self, part: str) -> None:
        """Add the time since the last lap to `part`."""
        now = perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now


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


class Training(Protocol):
    """What a record keeps of a training, as `model.training_store.fit_or_find` gives it."""

    @property
    def folder(self) -> Path:
        """Where it is kept; its name is the hash of all that it depends on."""

    @property
    def predictions(self) -> pd.DataFrame:
        """One row a slice of the sample."""

    @property
    def history(self) -> Mapping[str, list[float]]:
        """By measure, one value an epoch."""

    @property
    def trainable(self) -> int:
        """Parameters that training changed."""

    @property
    def frozen(self) -> int:
        """Parameters that it did not."""

    @property
    def is_new(self) -> bool:
        """Whether it was trained now; else it was found."""

    @property
    def finished(self) -> str:
        """When it was trained."""

    @property
    def seconds(self) -> Mapping[str, float]:
        """What that took."""

    @property
    def resumed(self) -> int:
        """How many times it was cut off and went on."""

    @property
    def machine(self) -> Mapping[str, Any]:
        """On what."""

    @property
    def software(self) -> Mapping[str, Any]:
        """By which commit and packages."""

    def copy_to(self, folder: Path) -> None:
        """Put its weights and predictions there."""


class Combined(Protocol):
    """What a record keeps of runs that are combined, as `runs.combinations.combine` gives it."""

    @property
    def predictions(self) -> pd.DataFrame:
        """One row a slice of the sample."""

    def record(self) -> dict[str, Any]:
        """The members and how they are combined, as JSON takes it."""


def write_run(
    experiment: Experiment,
    training: Training,
    assessed: Assessment,
    *,
    leak: list[Mapping[str, Any]],
    store: Mapping[str, Any],
    stopwatch: Stopwatch,
) -> Path:
    """Write weights and predictions, then the record, which makes the run count as done.

    Args:
        experiment: What was run.
        training: What training it has brought.
        assessed: Everything that was measured.
        leak: The leak audit's rows.
        store: The manifest of the store that was read.
        stopwatch: The run's clock; the training's seconds are its own, whenever it was made.

    Returns:
        The path of `record.json`.

    Raises:
        ValueError: If a run with other parameters has been kept under its name meanwhile.
    """
    with _replaced(experiment) as folder:
        training.copy_to(folder)
        stopwatch.lap("writing")
        described = {
            "history": training.history,
            "model": {"trainable": training.trainable, "frozen": training.frozen},
            "combination": None,
        }
        came_of = {
            "training": {
                "folder": training.folder.name,
                "finished": training.finished,
                **({"resumed": training.resumed} if training.resumed else {}),
                **training.software,
            },
            "weights_sha256": sha256_of_file(folder / WEIGHTS),
            "backend": training.machine,
        }
        seconds = stopwatch.seconds | dict(training.seconds)
        measured = _measured(experiment, training.predictions, assessed, leak, seconds)
        return _write_record(folder, measured | described, _of(store, stopwatch) | came_of)


def write_combination(
    experiment: Experiment,
    combined: Combined,
    assessed: Assessment,
    *,
    leak: list[Mapping[str, Any]],
    store: Mapping[str, Any],
    stopwatch: Stopwatch,
) -> Path:
    """Write a combination's predictions, then its record: there are no weights and no training.

    Args:
        experiment: What was run.
        combined: The runs, combined.
        assessed: Everything that was measured.
        leak: The leak audit's rows.
        store: The manifest of the store that was read.
        stopwatch: The run's clock.

    Returns:
        The path of `record.json`.

    Raises:
        ValueError: As `write_run`.
    """
    with _replaced(experiment) as folder:
        (folder / WEIGHTS).unlink(missing_ok=True)  # of a row of this name that was trained
        with atomic_file(folder / PREDICTIONS) as partial:
            combined.predictions.to_parquet(partial, index=False)
        stopwatch.lap("writing")
        described = {"history": None, "model": None, "combination": combined.record()}
        came_of = {"training": None, "weights_sha256": None, "backend": None}
        seconds = stopwatch.seconds
        measured = _measured(experiment, combined.predictions, assessed, leak, seconds)
        return _write_record(folder, measured | described, _of(store, stopwatch) | came_of)


@contextmanager
def _replaced(experiment: Experiment) -> Iterator[Path]:
    """The run's folder while nobody else writes there, without its earlier record.

    Raises:
        ValueError: If a run with other parameters has been kept under its name meanwhile.
    """
    with folder_lock(experiment.run_folder):
        refuse_other_parameters(experiment)  # which another process may have kept there meanwhile
        # it must not vouch for what is written now
        (experiment.run_folder / RECORD).unlink(missing_ok=True)
        yield experiment.run_folder


def _measured(
    experiment: Experiment,
    predictions: pd.DataFrame,
    assessed: Assessment,
    leak: list[Mapping[str, Any]],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """What the record of any run says, whether it was trained or combined."""
    return {
        "format": RECORD_FORMAT,
        "name": experiment.name,
        "status": "ok",
        "parameters": experiment.model_dump(),
        "sample": {
            "slices": len(predictions),
            "groups": predictions["group"].nunique(),
            "patients": predictions["patient_id"].nunique(),
        },
        "assessment": assessed.record(),
        "leak": leak,
        "timings": {part: round(taken, 3) for part, taken in seconds.items()},
    }


def _of(store: Mapping[str, Any], stopwatch: Stopwatch) -> dict[str, Any]:
    """What any run came of."""
    return {
        **software.describe(),
        "store_hash": store["store_hash"],
        "synthetic": store["synthetic"],
        "lock_sha256": _lock_hash(),
        "started": stopwatch.started.isoformat(timespec="seconds"),
    }


def _write_record(folder: Path, told: Mapping[str, Any], came_of: Mapping[str, Any]) -> Path:
    """Write the record of what lies in a run's folder."""
    path = folder / RECORD
    provenance = {
        **came_of,
        "parameters_sha256": sha256_of_json(told["parameters"]),
        "predictions_sha256": sha256_of_file(folder / PREDICTIONS),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_sealed_json(path, {**told, "provenance": provenance})
    return path


def start(experiment: Experiment, *, combines: bool = False) -> Stopwatch:
    """Start a run: remove its earlier record, so that a failing rerun does not look done.

    Args:
        experiment: What is run.
        combines: Whether it is to combine other runs, and not to train.

    Raises:
        ValueError: If its name stands for a run with other parameters, or if it is for the other
            notebook; nothing is removed then.
    """
    refuse_other_parameters(experiment)
    if combines and not experiment.members:
        raise ValueError(
            f"{experiment.name} names no runs to combine; say ensemble_of or blend_of, or run "
            f"notebooks/{experiment.notebook}."
        )
    if experiment.members and not combines:
        raise ValueError(
            f"{experiment.name} combines {', '.join(experiment.members)} and trains nothing; run "
            f"notebooks/{experiment.notebook}."
        )
    (experiment.run_folder / RECORD).unlink(missing_ok=True)
    return Stopwatch()


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
        failed = {n: RunRecord(n, runs / n, "failed", {}, why, "") for n, why in mistakes.items()}
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
        return RunRecord(
            *(run.name, folder, "failed", {}),
            reason=f"{folder / RECORD} was made with other parameters than its files say: "
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
    return RunRecord(run.name, run.folder, "failed", {}, _last_line(log), log)


def read_run(folder: Path) -> RunRecord:
    """Read one run's folder; one without a readable record says what is known of why."""
    path = folder / RECORD
    if path.is_file():
        try:
            record = read_record(folder)
            _check_choices(record.get("parameters"), path)
            return RunRecord(folder.name, folder, "ok", record)
        except ValueError as error:
            return RunRecord(folder.name, folder, "failed", {}, str(error))
    log = _end_of(folder / "log.txt")
    reason = _notebook_error(folder / "notebook.ipynb") or _last_line(log)
    if reason or log:
        return RunRecord(folder.name, folder, "failed", {}, reason or "stopped without a word", log)
    return RunRecord(folder.name, folder, "missing", {}, "not run yet")


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


def _lock_hash() -> str | None:
    lock = project_path("requirements.lock")
    return sha256_of_file(lock) if lock.is_file() else None


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

"""Recording a run: what it leaves behind, of which `record.json` is written last."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import pandas as pd

from ichreport import software
from ichreport.data.acquisition_range import AcquisitionRange
from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.maps.layer_choice import LayerChoice
from ichreport.evaluation.predictions import select_split
from ichreport.files import (
    atomic_file,
    folder_lock,
    sha256_of_file,
    sha256_of_json,
    without_nan,
    write_sealed_json,
)
from ichreport.params.experiment import Experiment
from ichreport.params.rows.read import refuse_unfit_baseline
from ichreport.params.training.training_plan import TrainedNetwork
from ichreport.params.yaml import project_path
from ichreport.runs.overwriting import refuse_other_parameters
from ichreport.runs.record_format import (
    PREDICTIONS,
    RECORD,
    RECORD_FORMAT,
    SHARES,
    WEIGHTS,
)


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
    def declared(self) -> Mapping[str, Any]:
        """What was declared when it was trained, such as the primary endpoint."""

    @property
    def joules(self) -> float | None:
        """What its cards used; None where nobody tells."""

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
    learned_from: AcquisitionRange,
    network: TrainedNetwork | None,
    stopwatch: Stopwatch,
    map_layer: LayerChoice | None = None,
    by_share: Mapping[float, pd.DataFrame] | None = None,
    curve: pd.DataFrame | None = None,
) -> Path:
    """Write weights and predictions, then the record, which makes the run count as done.

    Args:
        experiment: What was run.
        training: What training it has brought.
        assessed: Everything that was measured.
        leak: The leak audit's rows.
        store: The manifest of the store that was read.
        learned_from: How the series of its training slices were taken.
        network: The network of another run whose features it read.
        stopwatch: The run's clock; the training's seconds are its own, whenever it was made.
        map_layer: The layer that its heat maps are taken from; the network's default if not given.
        by_share: Predictions of the trainings on shares of its patients, where it has a curve.
        curve: Of `learning_curve.scores_by_share` of these.

    Returns:
        The path of `record.json`.

    Raises:
        ValueError: If a run with other parameters has been kept under its name meanwhile.
    """
    with _replaced(experiment) as folder:
        training.copy_to(folder)
        _write_shares(folder / SHARES, by_share or {})
        stopwatch.lap("writing")
        described = {
            "history": training.history,
            "model": {"trainable": training.trainable, "frozen": training.frozen},
            "joules": training.joules,
            "combination": None,
            "map_layer": map_layer and map_layer.record(),
            "learned_from": learned_from.record(),
            "learning_curve": [] if curve is None else without_nan(curve.to_dict("records")),
        }
        came_of = {
            "training": {
                "folder": training.folder.name,
                "finished": training.finished,
                **({"resumed": training.resumed} if training.resumed else {}),
                "declared": dict(training.declared),
                **training.software,
            },
            "weights_sha256": sha256_of_file(folder / WEIGHTS),
            "network": network and {"run": network.run, "weights_sha256": network.weights_sha256},
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
    learned_from: AcquisitionRange,
    stopwatch: Stopwatch,
) -> Path:
    """Write a combination's predictions, then its record: there are no weights and no training.

    Args:
        experiment: What was run.
        combined: The runs, combined.
        assessed: Everything that was measured.
        leak: The leak audit's rows.
        store: The manifest of the store that was read.
        learned_from: How the series of its training slices were taken.
        stopwatch: The run's clock.

    Returns:
        The path of `record.json`.

    Raises:
        ValueError: As `write_run`.
    """
    with _replaced(experiment) as folder:
        for trained in (WEIGHTS, SHARES):  # of a row of this name that was
            (folder / trained).unlink(missing_ok=True)
        with atomic_file(folder / PREDICTIONS) as partial:
            combined.predictions.to_parquet(partial, index=False)
        stopwatch.lap("writing")
        described: dict[str, Any] = dict.fromkeys(("history", "model", "joules"))
        described["combination"] = combined.record()
        described["map_layer"] = None  # heat of a combination is that of its first member
        described["learned_from"] = learned_from.record()
        described["learning_curve"] = []
        nothing = ("training", "weights_sha256", "network", "backend")
        came_of: dict[str, Any] = dict.fromkeys(nothing)
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


def _write_shares(path: Path, by_share: Mapping[float, pd.DataFrame]) -> None:
    """Write what the trainings of a learning curve predict on test, by share; none without any."""
    if not by_share:
        path.unlink(missing_ok=True)
        return
    on_test = [select_split(table, "test").assign(share=share) for share, table in by_share.items()]
    with atomic_file(path) as partial:
        pd.concat(on_test).to_parquet(partial, index=False)


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
        ValueError: If its name stands for a run with other parameters, if it names a baseline that
            it cannot be compared with, or if it is for the other notebook; nothing is removed then.
    """
    refuse_unfit_baseline(experiment)
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


def _lock_hash() -> str | None:
    lock = project_path("requirements.lock")
    return sha256_of_file(lock) if lock.is_file() else None

"""Trainings that are kept: what depends on the same things is trained once, and found again.

A folder of a training is named by a hash of all that it depends on: the parameters that matter to
it, the store, the sample and its splits, the features that it reads, and the code that trains. It
holds the weights, the predictions of every slice of the sample, and `training.json`, which is
written last, spells the key out and holds the hashes of the other two. A lock lets one process
train while others that want the same training wait. Until it is finished, checkpoints lie there
too (`model.fitting.checkpoints`), from which a training that was cut off goes on.

To train anew without a change, remove the folder.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import pandas as pd

from ichreport import software
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.files import (
    atomic_file,
    check_file,
    folder_lock,
    read_sealed_json,
    remove_partials,
    sha256_of_file,
    sha256_of_json,
    write_sealed_json,
)
from ichreport.model import backend, prediction, trained_rows, training
from ichreport.model.features import feature_store, of_plan
from ichreport.model.fitting import checkpoints
from ichreport.model.trained_rows import Trained
from ichreport.model.training import Made
from ichreport.params.training.training_plan import TrainingPlan

FORMAT: Final = 5
WEIGHTS: Final = "model.weights.h5"
PREDICTIONS: Final = "predictions.parquet"
_NOTE: Final = "training.json"
CODE: Final = "ichreport.model.training"
"""The module whose code, with all that it imports, trains."""


@dataclass(frozen=True)
class Training:
    """What a training has brought.

    Attributes:
        folder: Where its weights are kept, and everything else.
        predictions: As `prediction.predict` gives them, of every slice of the sample.
        history: By measure (`loss`, `val_loss`), one value an epoch.
        trainable: Parameters that training changed.
        frozen: Parameters that it did not.
        is_new: Whether it was trained now; else it was found.
        finished: When it was trained: UTC, ISO 8601.
        seconds: What that took: `training`, all of its parts, and `prediction`.
        joules: What its cards used in `training`; None where nobody tells.
        resumed: How many times it was cut off and went on.
        machine: What it was trained on, as `backend.start` says.
        software: The commit and the packages that trained it, as `software.describe` says.
        declared: What was declared when it was trained; nothing where that was not asked yet.
    """

    folder: Path
    predictions: pd.DataFrame
    history: Mapping[str, list[float]]
    trainable: int
    frozen: int
    is_new: bool
    finished: str
    seconds: Mapping[str, float]
    joules: float | None
    resumed: int
    machine: Mapping[str, Any]
    software: Mapping[str, Any]
    declared: Mapping[str, Any]

    @property
    def weights(self) -> Path:
        """The file of its weights, which `trained_rows.load` takes."""
        return self.folder / WEIGHTS

    def copy_to(self, folder: Path) -> None:
        """Put weights and predictions into a run's folder; they share the space where they can."""
        for name in (WEIGHTS, PREDICTIONS):
            with atomic_file(folder / name) as partial:
                _link_or_copy(self.folder / name, partial)


def folder_of(store: Store) -> Path:
    """Where trainings on a store are kept: beside it."""
    return store.folder.parent / "trainings"


def fit_or_find(
    store: Store, sample: Sample, plan: TrainingPlan, *, declared: Mapping[str, Any] | None = None
) -> Training:
    """A row's training: found where it is kept, else made and kept.

    Further views of slices at prediction train nothing: they look through the weights of the same
    row without them.

    Args:
        store: Where the slices are.
        sample: Which of them, and in which split.
        plan: The row.
        declared: What is declared before it is trained, such as the primary endpoint. It is kept
            with what is trained now, and changes nothing of what was.

    Raises:
        ValueError: As `training.fit`, and if a kept file is damaged.
    """
    made_of = key(store, sample, plan, entry=CODE)

    if plan.test_time:
        plain = fit_or_find(store, sample, replace(plan, test_time=()), declared=declared)
        return keep(
            store,
            made_of,
            lambda folder: _with_views(store, sample, plan, plain),
            declared=plain.declared,
        )
    return keep(
        store,
        made_of,
        lambda folder: training.fit_and_predict(store, sample, plan, checkpoints=folder),
        declared=declared,
    )


def _with_views(store: Store, sample: Sample, plan: TrainingPlan, plain: Training) -> Made:
    """The training of the row without further views, and the predictions with them."""
    started = perf_counter()
    loaded = trained_rows.load(store, plan, plain.weights)
    trained = replace(
        loaded, history=dict(plain.history), resumed=plain.resumed, joules=plain.joules
    )
    predictions = prediction.predict(trained, store, sample)
    seconds = {**plain.seconds, "prediction": perf_counter() - started}
    return trained, predictions, seconds


def key(store: Store, sample: Sample, plan: TrainingPlan, *, entry: str) -> dict[str, Any]:
    """Everything that a training depends on.

    Args:
        store: Where the slices are.
        sample: The slices and their splits.
        plan: The row.
        entry: The module whose code, with all that it imports, trains.
    """
    reads = plan.backbone is not None or plan.trained is not None
    network = of_plan.feature_network(plan) if reads else None
    return {
        "format": FORMAT,
        "code": backend.code(entry),
        "store": store.manifest["store_hash"],
        "sample": sample.identity,
        "features": feature_store.key(store, network, plan.machine) if network else None,
        "software": backend.software(),
        "devices": len(backend.group(plan.machine.devices)),  # which a batch is rounded up to
        "plan": plan.values(),
    }


def keep(
    store: Store,
    made_of: Mapping[str, Any],
    train: Callable[[Path], Made],
    *,
    declared: Mapping[str, Any] | None = None,
) -> Training:
    """Find a training by its key, or make and keep it.

    Args:
        store: Where the slices are; trainings are kept beside it.
        made_of: Everything that the training depends on.
        train: Makes it, given the folder for its checkpoints.
        declared: As `fit_or_find` says.

    Raises:
        ValueError: If a kept file is damaged; the message names it and the cure.
    """
    folder = folder_of(store) / sha256_of_json(made_of)[:16]
    with folder_lock(folder):
        remove_partials(folder)
        is_new = not (folder / _NOTE).is_file()
        if is_new:
            _write(folder, {"key": made_of, "declared": declared or {}}, *train(folder))
        checkpoints.remove(folder)
    note = _read_note(folder)
    return Training(
        folder=folder,
        predictions=pd.read_parquet(folder / PREDICTIONS),
        is_new=is_new,
        declared=note.get("declared", {}),
        **{name: note[name] for name in _KEPT},
    )


_KEPT: Final = (
    *("history", "trainable", "frozen"),
    *("finished", "seconds", "joules", "resumed", "machine", "software"),
)


def _write(
    folder: Path,
    told: Mapping[str, Any],
    trained: Trained,
    predictions: pd.DataFrame,
    seconds: Mapping[str, float],
) -> None:
    trained.save(folder / WEIGHTS)
    with atomic_file(folder / PREDICTIONS) as partial:
        predictions.to_parquet(partial, index=False)
    note = {
        **told,
        "files": {name: sha256_of_file(folder / name) for name in (WEIGHTS, PREDICTIONS)},
        "history": trained.history,
        "trainable": trained.trainable,
        "frozen": trained.frozen,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": {part: round(taken, 3) for part, taken in seconds.items()},
        "joules": trained.joules,
        "resumed": trained.resumed,
        "machine": backend.start(trained.plan.machine),
        "software": software.describe(),
    }
    write_sealed_json(folder / _NOTE, note)


def _read_note(folder: Path) -> dict[str, Any]:
    """What is said of a training, once its files are those that it says it has."""
    cure = f"Remove {folder}, and run the experiment again to train anew."
    try:
        note = read_sealed_json(folder / _NOTE)
        hashes = [(folder / name, note["files"][name]) for name in (WEIGHTS, PREDICTIONS)]
        lacking = [name for name in _KEPT if name not in note]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / _NOTE} is damaged ({error}). {cure}") from error
    if lacking:
        raise ValueError(f"{folder / _NOTE} is damaged: it lacks {', '.join(lacking)}. {cure}")
    for path, known in hashes:
        check_file(path, known, cure)
    return note


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(source, target)

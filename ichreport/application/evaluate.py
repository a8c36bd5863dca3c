"""A finished run on another hospital's store: nothing is fitted there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from ichreport.application.evaluate_maps import measure_maps
from ichreport.application.run_predictor import RunPredictor
from ichreport.data.labels.cq500_scores import FILE, read_cq500_scores
from ichreport.data.overlap.seen_before import Found, SeenBefore
from ichreport.data.store import OF_A_STUDY, Store, series_numbers
from ichreport.evaluation.external.assessment import assess_elsewhere
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.labels import LABELS
from ichreport.model import backend
from ichreport.params.external import ExternalDataSet
from ichreport.params.yaml import project_path
from ichreport.runs.external_format import folder_of
from ichreport.runs.external_record import write_external
from ichreport.runs.saved_run import SavedRun

OUTSIDE: Final = "outside"
"""What stands for the split of another hospital's slices."""
SLICES_AT_ONCE: Final = 4096
"""Slices of a block of whole series, about; what is in memory at a time."""
_NAMES: Final = ["sop_instance_uid", "series_instance_uid", "study_instance_uid", "patient_id"]


def evaluate(
    saved: SavedRun,
    store: Store,
    *,
    data: ExternalDataSet,
    progress: bool = False,
) -> Path:
    """Apply a run to another hospital's store, and record how it does there.

    Thresholds, recalibration and pooling are those that the run has chosen on its own validation.
    Patients that it has learned from, by their ID or by a slice of the same pixels, are left out.

    Args:
        saved: The run.
        store: The other hospital's.
        data: What the data set is.
        progress: Whether to show a progress bar.

    Returns:
        The path of the evaluation's `record.json`.

    Raises:
        ValueError: If the store is of another size of slices, has no labels or no other patients,
            or is the run's own, or if the run's own has changed since.
    """
    _check(saved, store)
    learned_from, tested_on = _known_to(saved)
    found = learned_from.find(store.slices)
    rows = np.flatnonzero(~found.slices)
    if not len(rows):
        raise ValueError(
            f"{store.folder}: {saved.name} has learned from all of its {found.patients:,} "
            "patients; there is nobody else to evaluate it on."
        )
    backend.start(saved.experiment.machine, require_gpu=saved.experiment.require_gpu)
    predictor = RunPredictor(saved)
    predictions = _predict(predictor, store, rows, found, progress=progress)
    maps = measure_maps(predictor, store, rows, found.group[rows])
    scores = _other_system(data)
    own = saved.run.predictions()
    assessed = assess_elsewhere(own, predictions, store, saved.decisions, other_system=scores)
    return write_external(
        folder_of(saved.run.folder, data.name),
        predictions,
        assessed,
        maps,
        run=saved.name,
        data={
            **_described(data, store, predictions),
            "patients_in_own_test": tested_on.find(store.slices.iloc[rows]).patients,
            "other_system": scores is not None,
        },
        left_out=_left_out(found, store, predictions),
        came_of={
            "run_identity": saved.identity,
            "run_predictions_sha256": saved.provenance["predictions_sha256"],
            "store_hash": store.manifest["store_hash"],
            "own_store_hash": saved.provenance["store_hash"],
        },
    )


def _check(saved: SavedRun, store: Store) -> None:
    if store.image_size != saved.image_size:
        raise ValueError(
            f"{store.folder} has slices of {store.image_size} pixels a side, and {saved.name} was "
            f"trained on {saved.image_size}; ingest with image_size: {saved.image_size}."
        )
    if store.labelled == "nothing":
        raise ValueError(
            f"{store.folder} has no labels, so that nothing can be measured there; name a CSV of "
            "them as labels and ingest again."
        )
    if store.manifest["store_hash"] == saved.provenance["store_hash"]:
        raise ValueError(
            f"{store.folder} is the store that {saved.name} was trained on; name another "
            "hospital's."
        )


def _known_to(saved: SavedRun) -> tuple[SeenBefore, SeenBefore]:
    """Whom a run, and all that it rests on, has learned from; and whom the run was tested on.

    Raises:
        ValueError: If the store that they are in has changed since.
    """
    own = Store.open(project_path(saved.experiment.store))
    if own.manifest["store_hash"] != saved.provenance["store_hash"]:
        raise ValueError(
            f"{own.folder} has changed since {saved.name} was made, so that nobody can tell whom "
            "it has learned from; run it again."
        )
    tables = (one.run.predictions() for one in saved.all_runs)
    learned = [table.loc[table["split"] != "test", "patient_id"] for table in tables]
    tested = saved.run.predictions().query("split == 'test'")["patient_id"]
    return SeenBefore.of(own.slices, set().union(*learned)), SeenBefore.of(own.slices, set(tested))


def _predict(
    predictor: RunPredictor, store: Store, rows: NDArray[np.int64], found: Found, *, progress: bool
) -> pd.DataFrame:
    """A row a slice: names, linked patients, truths (-1 where unknown) and probabilities."""
    probability = np.empty((len(rows), len(LABELS)), dtype=np.float32)
    with tqdm(total=len(rows), desc="evaluate", unit=" slices", disable=not progress) as bar:
        for block in blocks_of_series(store, rows):
            probability[block] = predictor.probabilities(store, rows[block])
            bar.update(block.stop - block.start)
    table = store.slices.iloc[rows]
    predictions = table[_NAMES].reset_index(drop=True)
    predictions["group"] = found.group[rows]
    predictions["split"] = OUTSIDE
    predictions[list(TRUTHS)] = table[list(LABELS)].to_numpy()
    predictions[list(PROBABILITIES)] = probability
    return predictions


def blocks_of_series(
    store: Store, rows: NDArray[np.int64], slices: int = SLICES_AT_ONCE
) -> Iterator[slice]:
    """Cut rows of whole series into blocks of whole series, of about so many slices.

    Args:
        store: Where they are.
        rows: Row numbers, ascending.
        slices: Slices of a block; one series may have more.

    Yields:
        Places in `rows`.
    """
    series = series_numbers(store.slices)[rows]
    ends = [*np.flatnonzero(np.diff(series)) + 1, len(rows)]
    start = 0
    for end, following in zip(ends, [*ends[1:], len(rows) + slices + 1], strict=True):
        if following - start > slices or end == len(rows):
            if end > start:
                yield slice(start, int(end))
            start = int(end)


def _other_system(data: ExternalDataSet) -> pd.DataFrame | None:
    """Another system's scores, where the data set brings them."""
    path = project_path(data.source) / FILE
    if data.kind != "cq500" or not path.is_file():
        return None
    return read_cq500_scores(path).rename(columns=dict(zip(LABELS, PROBABILITIES, strict=True)))


def _described(data: ExternalDataSet, store: Store, predictions: pd.DataFrame) -> dict[str, Any]:
    return {
        **{"name": data.name, "kind": data.kind},
        **{"citation": data.citation, "licence": data.licence},
        "synthetic": bool(store.manifest["synthetic"]),
        "labelled": store.labelled,
        "patients": predictions["patient_id"].nunique(),
        "studies": len(predictions[OF_A_STUDY].drop_duplicates()),
        "slices": len(predictions),
    }


def _left_out(found: Found, store: Store, predictions: pd.DataFrame) -> dict[str, int]:
    """Patients that were learned from, and studies that nobody has labelled."""
    unlabelled = 0
    if store.studies is not None:
        evaluated = predictions[OF_A_STUDY].drop_duplicates()
        labels = store.studies.merge(evaluated, on=list(evaluated.columns))[list(LABELS)]
        unlabelled = int((labels < 0).all(axis=1).sum())
    return {
        "patients_learned_from": found.patients,
        "by_id": found.same_id,
        "by_pixels": found.same_pixels,
        "studies_without_labels": unlabelled,
    }

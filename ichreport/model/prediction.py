"""Predicting with a trained row: logits and probabilities of every slice of a sample."""

import contextlib
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import OF_A_STUDY, Store
from ichreport.labels import LABELS
from ichreport.model import backend, neighbours
from ichreport.model.devices import out_of_memory
from ichreport.model.features.of_plan import features_of
from ichreport.model.fitting import loop
from ichreport.model.inputs import of_mirrored
from ichreport.model.sample_batches import series_a_batch, series_batches, series_of, truth_of
from ichreport.model.trained_rows import Trained
from ichreport.params.training.training_plan import TestTimeView, TrainingPlan

SLICES_A_PREDICTION = 1024
"""Slices a batch where a head predicts from features: small rows, and no gradients to keep."""


def predict(trained: Trained, store: Store, sample: Sample) -> pd.DataFrame:
    """The probabilities of every slice of a sample, beside its truth.

    Returns:
        One row a slice: sop_instance_uid, patient_id, study_instance_uid, series_instance_uid,
        study_slices (int32, how many slices the store has of the study), group, split,
        truth_<label> (int8), probability_<label> (float32).
    """
    logits = logits_of(trained, store, sample)
    truth = truth_of(store, sample.rows)
    identifiers = ["sop_instance_uid", "patient_id", "study_instance_uid", "series_instance_uid"]
    table = store.slices.loc[sample.rows, identifiers].reset_index(drop=True)
    studies = store.slices.groupby(OF_A_STUDY)["patient_id"]
    sizes = studies.transform("size").to_numpy(dtype=np.int32)
    table["study_slices"] = sizes[sample.rows]
    table["group"] = sample.group
    table["split"] = sample.split
    probability = probability_of(logits)
    for index, label in enumerate(LABELS):
        table[f"truth_{label}"] = truth[:, index].astype(np.int8)
    for index, label in enumerate(LABELS):
        table[f"probability_{label}"] = probability[:, index]
    return table


def probability_of(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-logit)), computed in float64, as predictions keep it."""
    return (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)


def logits_of(trained: Trained, store: Store, sample: Sample) -> NDArray[np.float32]:
    """The logits of every slice of a sample: float32 (slices, 6), the mean over its views."""
    views: list[TestTimeView | None] = [None, *trained.plan.test_time]
    logits = sum(_logits_of_view(trained, store, sample, view) for view in views)
    return np.asarray(logits / len(views), dtype=np.float32)


def _logits_of_view(
    trained: Trained, store: Store, sample: Sample, view: TestTimeView | None
) -> NDArray[np.float32]:
    """The logits of every slice, mirrored, of reversed series, or as it is."""
    plan = trained.plan
    with memory_for(store, sample, plan, "prediction"):
        if plan.trains_on_slices:
            model = trained.model
            if view == "flip":
                with backend.building(plan.machine):
                    model = of_mirrored(model)
            size = backend.batch_size(plan.fitting.batch_size, plan.machine)
            program, read = neighbours.in_a_pass(
                store, sample.rows, plan.view.input, model, plan.machine
            )
            return loop.outputs(program, read, sample.rows, size)
        program = backend.program(trained.model, plan.machine)
        stored = features_of(store, sample.rows, plan)
        if not plan.head.spec.reads_series:
            size = backend.batch_size(SLICES_A_PREDICTION, plan.machine)
            return loop.outputs(program, stored.__getitem__, np.arange(len(stored)), size)
        series = series_batches(store, sample, plan, stored)
        return loop.outputs_of_series(program, replace(series, from_above=view == "reverse"))


def memory_for(
    store: Store, sample: Sample, plan: TrainingPlan, stage: Literal["training", "prediction"]
) -> contextlib.AbstractContextManager[None]:
    """Where a device may run out of memory, with what its batches are by then."""

    def sizes(batch_size: int) -> int:
        if plan.head.spec.reads_series:
            return series_a_batch(series_of(store, sample.rows), plan, batch_size)
        of_features = stage == "prediction" and not plan.trains_on_slices
        return backend.batch_size(SLICES_A_PREDICTION if of_features else batch_size, plan.machine)

    return out_of_memory.explained(
        f"{plan.name}: {stage}",
        plan.fitting.batch_size,
        plan.machine,
        size_of=sizes,
        items="series" if plan.head.spec.reads_series else "slices",
    )

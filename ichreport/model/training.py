"""Training a row: heads on features, convolutions on slices."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.model import backbones, backend, networks
from ichreport.model.augmentation import augmented_model, mixed_model
from ichreport.model.devices.energy import EnergyMeter, added
from ichreport.model.features.of_plan import features_of
from ichreport.model.fitting import loop, losses
from ichreport.model.fitting.checkpoints import Checkpoints
from ichreport.model.heads.build import build_head
from ichreport.model.heads.first_values import set_output_bias, standardise
from ichreport.model.heads.hierarchy import before_product
from ichreport.model.heads.recurrent import mean_over_stages, with_both_stages
from ichreport.model.prediction import memory_for, predict
from ichreport.model.sample_batches import feature_batches, slice_batches, splits_a_series, truth_of
from ichreport.model.trained_rows import Trained, counted
from ichreport.params.training.positive_weights import Weighting
from ichreport.params.training.training_plan import TrainingPlan


def fit(
    store: Store,
    sample: Sample,
    plan: TrainingPlan,
    *,
    watch: bool = True,
    seed: int | None = None,
    checkpoints: Path | None = None,
) -> Trained:
    """Train a row on its sample's train split, watching its validation split.

    See `loop.fit`.

    Args:
        store: Where the slices are.
        sample: Which of them, and in which split.
        plan: What is trained, and how.
        watch: Whether to watch validation; without it all epochs run and the last weights stay.
        seed: Seed of the first weights and of the order of slices; the plan's if not given. A
            backbone without weights has a seed of its own.
        checkpoints: The folder of this very training: it goes on from the last checkpoint there,
            and leaves some, which who asked for it removes. Without one, it leaves none.

    Raises:
        ValueError: If train or a watched validation is empty, a slice lacks a label, a head over
            series gets parts of them, or the loss is not finite.
        OutOfMemoryError: If a device has no memory for its batches; with the cure.
    """
    meter = EnergyMeter(plan.machine)
    kept = None if checkpoints is None else Checkpoints(checkpoints, plan.name, meter.joules)
    begun = None if kept is None else kept.last()
    truth = truth_of(store, sample.rows)
    split = {name: np.flatnonzero(sample.split == name) for name in ("train", "validation")}
    if not split["train"].size or (watch and not split["validation"].size):
        raise ValueError(f"{plan.name}: train and validation need at least one slice each.")
    if plan.head.spec.reads_series and splits_a_series(store, sample):
        raise ValueError(
            f"{plan.name}: head {plan.head.kind} reads whole series, but the splits of this sample "
            f"{sample.name} tear some apart; split it by group."
        )
    if seed is None:
        seed = backend.training_seed(plan.fitting.seed, plan.machine)
    is_conditional = plan.head.hierarchy == "conditional"
    batches: Mapping[str, loop.Batches]
    as_it_came: NDArray[np.float32] | None = None
    if plan.trains_on_slices:
        store.check()
        model, head, as_it_came = _network(store, sample.rows[split["train"]], plan, seed)
        learner = before_product(model) if is_conditional else model
        build = mixed_model.build if plan.fitting.mixes else augmented_model.build
        learner = build(learner, plan.view, plan.fitting.augment, plan.machine)
        batches = slice_batches(store, sample, plan, truth, seed)
    else:
        stored = features_of(store, sample.rows, plan)
        keras.utils.set_random_seed(seed)
        model = head = build_head(plan.head, stored.shape[1], plan.machine)
        learner = before_product(model) if is_conditional else model
        standardise(head, stored, split["train"])
        batches = feature_batches(store, sample, plan, stored, truth, seed)
    truth_of_train = truth[split["train"]]
    prevalence = truth_of_train.mean(axis=0, dtype=np.float64)
    given_any = plan.head.hierarchy is not None
    if plan.fitting.loss != "weighted-bce":
        set_output_bias(head, prevalence, given_any=given_any)
    elif plan.fitting.weighting != Weighting():  # else the best constant is log-odds 0
        weights = losses.positive_weights(
            truth_of_train, plan.fitting.weighting, given_any=is_conditional
        )
        set_output_bias(head, prevalence, given_any=given_any, weights=weights)
    loss = _loss(plan, truth_of_train)
    if plan.fitting.head_epochs and as_it_came is not None and begun is None:
        _fit_head_alone(
            store, sample.only(split["train"]), plan, head, as_it_came, truth_of_train, loss, seed
        )
    del as_it_came  # gigabytes, of real data
    if plan.head.sequence is not None and plan.head.sequence.second_stage:
        learner, loss = with_both_stages(model), mean_over_stages(loss)
    with memory_for(store, sample, plan, "training"):
        history = loop.fit(
            learner,
            loss,
            batches["train"],
            batches["validation"] if watch else None,
            plan.fitting,
            plan.machine,
            name=plan.name,
            seed=seed,
            checkpoints=kept,
            begun=begun,
        )
    trained = counted(store, plan, model, history)
    if kept is None:
        return replace(trained, joules=meter.joules())
    return replace(
        trained,
        resumed=kept.resumed,
        earlier_seconds=kept.earlier_seconds,
        joules=added(kept.earlier_joules, meter.joules()),
    )


def _loss(plan: TrainingPlan, truth: NDArray[np.float32]) -> losses.LossFunction:
    """A plan's loss; `truth` is of its train split, (slices, 6)."""
    return losses.build(
        plan.fitting.loss,
        truth,
        dict(plan.fitting.label_weights),
        weighting=plan.fitting.weighting,
        focal_labels=plan.fitting.focal_labels,
        given_any=plan.head.hierarchy == "conditional",
        mixes=plan.fitting.mixes,
    )


Made = tuple[Trained, pd.DataFrame, dict[str, float]]
"""A trained row, its predictions, and the seconds of `training` and `prediction`."""


def fit_and_predict(store: Store, sample: Sample, plan: TrainingPlan, **options: Any) -> Made:
    """Train a row and predict all of its sample, by the clock; `options` are those of `fit`.

    The seconds of a training that was cut off are those of all its parts.
    """
    started = perf_counter()
    trained = fit(store, sample, plan, **options)
    fitted = perf_counter()
    predictions = predict(trained, store, sample)
    seconds = {
        "training": trained.earlier_seconds + fitted - started,
        "prediction": perf_counter() - fitted,
    }
    return trained, predictions, seconds


def _network(
    store: Store, rows: NDArray[np.int64], plan: TrainingPlan, seed: int
) -> tuple[keras.Model, keras.Model, NDArray[np.float32] | None]:
    """A network that trains on slices, the model that holds its Dense layers, and their features.

    The features are those of the backbone as it came; None without one.

    Args:
        store: Where the slices are.
        rows: Those of the training split, by whose features a fine-tuned head is standardised.
        plan: What is trained.
        seed: Seed of the first weights.
    """
    if plan.backbone is None:
        keras.utils.set_random_seed(seed)
        model = networks.cnn7(plan.view, plan.head, plan.machine)
        return model, model, None
    frozen = backbones.build(plan.backbone, plan.machine)
    keras.utils.set_random_seed(seed)
    model = networks.fine_tuned(frozen, plan)
    _, head = networks.maps_and_head(model)
    features = features_of(store, rows, plan)
    standardise(head, features)
    return model, head, features


def _fit_head_alone(
    store: Store,
    sample: Sample,
    plan: TrainingPlan,
    head: keras.Model,
    features: NDArray[np.float32],
    truth: NDArray[np.float32],
    loss: losses.LossFunction,
    seed: int,
) -> None:
    """Train a network's head on its backbone's features as they came, before the backbone trains.

    The slopes of a random head would change good features at random (Kumar et al.,
    arXiv:2202.10054). All epochs run, and validation is not looked at.

    Args:
        store: Where the slices are.
        sample: The training split alone, (n,).
        plan: What is trained.
        head: The head, which changes.
        features: (n, features) of the sample's slices.
        truth: (n, 6) of them.
        loss: The loss of the whole training.
        seed: Draws the order.
    """
    batches = feature_batches(store, sample, plan, features, truth, seed)
    learner = before_product(head) if plan.head.hierarchy == "conditional" else head
    fitting, machine = plan.fitting.of_head_alone, plan.machine
    loop.fit(learner, loss, batches["train"], None, fitting, machine, name=plan.name, seed=seed)

"""Training a row and predicting with it: heads on features, convolutions on slices."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.samples import Sample, require_slice_labels
from ichreport.data.store import Store, series_numbers
from ichreport.files import atomic_file
from ichreport.labels import ANY, LABELS
from ichreport.model import (
    backbones,
    backend,
    features,
    neighbours,
    networks,
)
from ichreport.model.augmentation import augmented_model, mixed_model
from ichreport.model.augmentation.drawing import Drawing
from ichreport.model.fitting import loop, losses
from ichreport.model.fitting.batches import Drawn, SliceBatches
from ichreport.model.fitting.mixing import Mixing
from ichreport.model.fitting.series_batches import SeriesBatches, SeriesVariation
from ichreport.model.fitting.study_sampling import StudySampling
from ichreport.model.heads.build import build_head
from ichreport.model.heads.first_values import set_output_bias, standardise
from ichreport.model.heads.hierarchy import before_product
from ichreport.model.heads.recurrent import mean_over_stages, with_both_stages
from ichreport.model.inputs import hu_of, of_mirrored
from ichreport.model.trained_network import OfRun
from ichreport.params.networks import NETWORKS
from ichreport.params.training_plan import TestTimeView, TrainingPlan

SLICES_A_PREDICTION = 1024
"""Slices a batch where a head predicts from features: small rows, and no gradients to keep."""

SERIES_A_BATCH = 4
"""A sequence head takes at least so many series a batch, and else about `batch_size` slices."""


@dataclass(frozen=True)
class Trained:
    """A trained row.

    Attributes:
        plan: What was trained, and how.
        model: From HU (where convolutions train) or from features (a head) to logits.
        history: By measure (`loss`, `val_loss`), one value an epoch.
        trainable: Parameters that training changes.
        frozen: Parameters that it does not: frozen layers', moving averages, standardisation.
    """

    plan: TrainingPlan
    model: keras.Model
    history: dict[str, list[float]]
    trainable: int
    frozen: int

    def save(self, path: Path) -> None:
        """Write the trained weights (`.weights.h5`), atomically."""
        with atomic_file(path) as partial:
            renamed = partial.with_name(f"{partial.name}.weights.h5")
            try:
                self.model.save_weights(renamed)
                renamed.replace(partial)
            finally:
                renamed.unlink(missing_ok=True)


def fit(
    store: Store,
    sample: Sample,
    plan: TrainingPlan,
    *,
    watch: bool = True,
    seed: int | None = None,
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

    Raises:
        ValueError: If train or a watched validation is empty, a slice lacks a label, a head over
            series gets parts of them, or the loss is not finite.
    """
    truth = _truth(store, sample.rows)
    split = {name: np.flatnonzero(sample.split == name) for name in ("train", "validation")}
    if not split["train"].size or (watch and not split["validation"].size):
        raise ValueError(f"{plan.name}: train and validation need at least one slice each.")
    if plan.head.spec.reads_series and _splits_a_series(store, sample):
        raise ValueError(
            f"{plan.name}: head {plan.head.kind} reads whole series, but the splits of this sample "
            f"{sample.name} tear some apart; split it by group."
        )
    if seed is None:
        seed = backend.training_seed(plan.fitting.seed, plan.machine)
    is_conditional = plan.head.hierarchy == "conditional"
    batches: Mapping[str, loop.Batches]
    if plan.trains_on_slices:
        store.check()
        model, head = _network(store, sample.rows[split["train"]], plan, seed)
        learner = before_product(model) if is_conditional else model
        build = mixed_model.build if plan.fitting.mixes else augmented_model.build
        learner = build(learner, plan.view, plan.fitting.augment, plan.machine)
        batches = _slice_batches(store, sample, plan, truth, seed)
    else:
        stored = features_of(store, sample.rows, plan)
        keras.utils.set_random_seed(seed)
        model = head = build_head(plan.head, stored.shape[1], plan.machine)
        learner = before_product(model) if is_conditional else model
        standardise(head, stored, split["train"])
        batches = _feature_batches(store, sample, plan, stored, truth, seed)
    truth_of_train = truth[split["train"]]
    if plan.fitting.loss != "weighted-bce":  # whose best constant is log-odds 0 by construction
        prevalence = truth_of_train.mean(axis=0, dtype=np.float64)
        set_output_bias(head, prevalence, given_any=plan.head.hierarchy is not None)
    loss = losses.build(
        plan.fitting.loss,
        truth_of_train,
        dict(plan.fitting.label_weights),
        focal_labels=plan.fitting.focal_labels,
        given_any=is_conditional,
        mixes=plan.fitting.mixes,
    )
    if plan.head.sequence is not None and plan.head.sequence.second_stage:
        learner, loss = with_both_stages(model), mean_over_stages(loss)
    history = loop.fit(
        learner,
        loss,
        batches["train"],
        batches["validation"] if watch else None,
        plan.fitting,
        plan.machine,
        name=plan.name,
        seed=seed,
    )
    return _counted(store, plan, model, history)


Made = tuple[Trained, pd.DataFrame, dict[str, float]]
"""A trained row, its predictions, and the seconds of `training` and `prediction`."""


def fit_and_predict(store: Store, sample: Sample, plan: TrainingPlan, **options: Any) -> Made:
    """Train a row and predict all of its sample, by the clock; `options` are those of `fit`."""
    started = perf_counter()
    trained = fit(store, sample, plan, **options)
    fitted = perf_counter()
    predictions = predict(trained, store, sample)
    seconds = {"training": fitted - started, "prediction": perf_counter() - fitted}
    return trained, predictions, seconds


def _network(
    store: Store, rows: NDArray[np.int64], plan: TrainingPlan, seed: int
) -> tuple[keras.Model, keras.Model]:
    """A network that trains on slices, and the model that holds its Dense layers.

    Args:
        store: Where the slices are.
        rows: Those of the training split, by whose features a fine-tuned head is standardised.
        plan: What is trained.
        seed: Seed of the first weights.
    """
    if plan.backbone is None:
        keras.utils.set_random_seed(seed)
        model = networks.cnn7(plan.view, plan.head, plan.machine)
        return model, model
    frozen = backbones.build(plan.backbone, plan.machine)
    keras.utils.set_random_seed(seed)
    model = networks.fine_tuned(frozen, plan)
    _, head = networks.maps_and_head(model)
    standardise(head, features_of(store, rows, plan))
    return model, head


def features_of(store: Store, rows: NDArray[np.int64], plan: TrainingPlan) -> NDArray[np.float32]:
    """The features of some slices that a plan's `feature_network` gives: (slices, features).

    Raises:
        ValueError: If the plan has none.
    """
    network, size = feature_network(plan), plan.fitting.batch_size
    return features.load_or_compute(store, rows, network, plan.machine, batch_size=size)


def feature_network(plan: TrainingPlan) -> features.FeatureNetwork:
    """What gives the features that a plan begins with: its backbone as it came, or a run's network.

    Raises:
        ValueError: If the plan has neither.
    """
    if plan.trained is not None:
        return OfRun(plan.trained)
    if plan.backbone is None:
        raise ValueError(f"{plan.name}: network {plan.view.network} has no features.")
    return features.Frozen(plan.backbone)


def predict(trained: Trained, store: Store, sample: Sample) -> pd.DataFrame:
    """The probabilities of every slice of a sample, beside its truth.

    Returns:
        One row a slice: sop_instance_uid, patient_id, study_instance_uid, series_instance_uid,
        study_slices (int32, how many slices the store has of the study), group, split,
        truth_<label> (int8), probability_<label> (float32).
    """
    logits = logits_of(trained, store, sample)
    truth = _truth(store, sample.rows)
    identifiers = ["sop_instance_uid", "patient_id", "study_instance_uid", "series_instance_uid"]
    table = store.slices.loc[sample.rows, identifiers].reset_index(drop=True)
    studies = store.slices.groupby(["patient_id", "study_instance_uid"])["patient_id"]
    sizes = studies.transform("size").to_numpy(dtype=np.int32)
    table["study_slices"] = sizes[sample.rows]
    table["group"] = sample.group
    table["split"] = sample.split
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    for index, label in enumerate(LABELS):
        table[f"truth_{label}"] = truth[:, index].astype(np.int8)
    for index, label in enumerate(LABELS):
        table[f"probability_{label}"] = probability[:, index].astype(np.float32)
    return table


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
    if plan.trains_on_slices:
        size = backend.batch_size(plan.fitting.batch_size, plan.machine)
        model = trained.model
        if view == "flip":
            with backend.building(plan.machine):
                model = of_mirrored(model)
        program, read = neighbours.in_a_pass(
            store, sample.rows, plan.view.input, model, plan.machine
        )
        return loop.outputs(program, read, sample.rows, size)
    program = backend.program(trained.model, plan.machine)
    stored = features_of(store, sample.rows, plan)
    if not plan.head.spec.reads_series:
        size = backend.batch_size(SLICES_A_PREDICTION, plan.machine)
        return loop.outputs(program, stored.__getitem__, np.arange(len(stored)), size)
    series = _series_batches(store, sample, plan, stored)
    return loop.outputs_of_series(program, replace(series, from_above=view == "reverse"))


def load(store: Store, plan: TrainingPlan, path: Path) -> Trained:
    """Rebuild a trained row from its weights.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds another network's weights.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; run the experiment first.")
    model = untrained(plan)
    backbones.load_weights(model, path, plan.name)
    return _counted(store, plan, model, {})


def untrained(plan: TrainingPlan) -> keras.Model:
    """A row's model with random weights, all of them: what a run keeps fits into it."""
    if plan.trains_on_slices:
        return networks.untrained(plan)
    return build_head(plan.head, NETWORKS[plan.view.network].features, plan.machine)


def _counted(
    store: Store, plan: TrainingPlan, model: keras.Model, history: dict[str, list[float]]
) -> Trained:
    """A trained row with its numbers of parameters, a frozen backbone's included."""
    frozen = 0
    if not plan.trains_on_slices:
        frozen = features.count_parameters(store, feature_network(plan), plan.machine)
    trainable = _count(model.trainable_weights)
    frozen += _count(model.weights) - trainable
    return Trained(plan, model, history, trainable, frozen)


def _slice_batches(
    store: Store, sample: Sample, plan: TrainingPlan, truth: NDArray[np.float32], seed: int
) -> dict[str, SliceBatches]:
    """Slices of the store; those of train are augmented."""
    size = backend.batch_size(plan.fitting.batch_size, plan.machine)
    random = np.random.default_rng([seed, 1])  # not the numbers that draw the order
    kind = plan.view.input
    draw = Drawing(plan.fitting.augment, plan.view.input_spec.slices_seen, random)
    still = replace(draw, random=None)

    def read(indices: NDArray[np.int64], drawn: Drawn) -> Any:
        hu = hu_of(store, sample.rows[indices], kind)
        return {"hu": hu, **drawn} if drawn else hu

    def announce(indices: NDArray[np.int64]) -> None:
        store.announce(sample.rows[indices])

    mixing = None
    if plan.fitting.mixes:
        mixing = Mixing(plan.fitting.mixup, plan.fitting.cutmix, plan.view.pixels_seen)
    block = plan.fitting.shuffle_block
    of_splits = {name: np.flatnonzero(sample.split == name) for name in ("train", "validation")}
    if block > 1:
        of_splits = {
            name: np.searchsorted(sample.rows, store.in_order_of_storage(sample.rows[indices]))
            for name, indices in of_splits.items()
        }
    validation = SliceBatches(read, truth, of_splits["validation"], size, still, mixing=mixing)
    train = replace(
        validation,
        indices=of_splits["train"],
        draw=draw,
        block=block,
        announce=announce if block > 1 else None,
        sampling=_sampling(store, sample, plan, of_splits["train"]),
    )
    return {"train": train, "validation": validation}


def _sampling(
    store: Store, sample: Sample, plan: TrainingPlan, indices: NDArray[np.int64]
) -> StudySampling | None:
    """Draws slices of each study of train; nothing where all of them come."""
    most = plan.fitting.slices_per_study
    if most is None:
        return None
    slices = store.slices.iloc[sample.rows[indices]]
    study = slices.groupby(["patient_id", "study_instance_uid"]).ngroup()
    return StudySampling(study.to_numpy().astype(np.int64), slices[ANY].to_numpy() == 1, most)


def _feature_batches(
    store: Store,
    sample: Sample,
    plan: TrainingPlan,
    stored: NDArray[np.float32],
    truth: NDArray[np.float32],
    seed: int,
) -> dict[str, SliceBatches] | dict[str, SeriesBatches]:
    """Stored features, by slice or by series."""
    splits = ("train", "validation")
    if plan.head.spec.reads_series:
        whole = _series_batches(store, sample, plan, stored, truth)
        split = sample.split[whole.series[:, 0]]
        batches = {name: replace(whole, series=whole.series[split == name]) for name in splits}
        recipe = plan.head.sequence
        if recipe is not None and recipe.varies:
            random = np.random.default_rng([seed, 1])  # not the numbers that draw the order
            variation = SeriesVariation(recipe, random)
            batches["train"] = replace(batches["train"], variation=variation)
        return batches
    size = backend.batch_size(plan.fitting.batch_size, plan.machine)

    def read(indices: NDArray[np.int64], _: Drawn) -> Any:
        return stored[indices]

    of_splits = {name: np.flatnonzero(sample.split == name) for name in splits}
    sampling = _sampling(store, sample, plan, of_splits["train"])
    return {
        "train": SliceBatches(read, truth, of_splits["train"], size, sampling=sampling),
        "validation": SliceBatches(read, truth, of_splits["validation"], size),
    }


def _series_batches(
    store: Store,
    sample: Sample,
    plan: TrainingPlan,
    stored: NDArray[np.float32],
    truth: NDArray[np.float32] | None = None,
) -> SeriesBatches:
    """All series of a sample; without labels where there is nothing to learn."""
    series, recipe = _series(store, sample.rows), plan.head.sequence
    lengths = series[:, 1] - series[:, 0]
    if recipe is not None:
        lengths = np.minimum(lengths, recipe.window)
    size = max(SERIES_A_BATCH, round(plan.fitting.batch_size / float(lengths.mean())))
    heights = None
    if recipe is not None and recipe.gaps:
        heights = store.slices["z"].to_numpy(dtype=np.float64)[sample.rows]
    return SeriesBatches(
        stored,
        np.zeros((len(stored), len(LABELS)), dtype=np.float32) if truth is None else truth,
        series,
        length=int(lengths.max()),
        size=backend.batch_size(size, plan.machine),
        heights=heights,
    )


def _series(store: Store, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """First and one-past-last place of each series among ascending rows, (series, 2)."""
    numbers = series_numbers(store.slices)[rows]
    starts = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
    return np.stack([starts, np.r_[starts[1:], len(rows)]], axis=1)


def _splits_a_series(store: Store, sample: Sample) -> bool:
    """Whether some series has slices in two splits."""
    series = _series(store, sample.rows)
    number = np.repeat(np.arange(len(series)), series[:, 1] - series[:, 0])
    return bool((sample.split != sample.split[series[number, 0]]).any())


def _truth(store: Store, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    require_slice_labels(store)
    truth: NDArray[np.float32] = store.slices[list(LABELS)].to_numpy()[rows].astype(np.float32)
    lacking = dict(zip(LABELS, (truth < 0).sum(axis=0).tolist(), strict=True))
    if any(lacking.values()):
        counts = ", ".join(f"{label} {count:,}" for label, count in lacking.items() if count)
        raise ValueError(
            f"{store.folder}: an experiment needs all six labels of each of its {len(rows):,} "
            f"slices; slices without a label: {counts}. Add them to the label file "
            "(`any` alone says all six where it is 0), or leave those slices out of the source."
        )
    return truth


def _count(weights: list[Any]) -> int:
    return int(sum(np.prod(weight.shape) for weight in weights))

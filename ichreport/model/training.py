"""Training a row and predicting with it: heads on features, convolutions on slices."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.files import atomic_file
from ichreport.labels import LABELS
from ichreport.model import backend, features, losses, networks, training_loop
from ichreport.model.batches import SeriesBatches, SliceBatches
from ichreport.model.inputs import hu_of
from ichreport.params.experiment import Experiment

SLICES_A_PREDICTION = 1024
"""Slices a batch where a head predicts from features: small rows, and no gradients to keep."""

SERIES_A_BATCH = 4
"""A sequence head takes at least so many series a batch, and else about `batch_size` slices."""


@dataclass(frozen=True)
class Trained:
    """A trained row.

    Attributes:
        experiment: What was trained.
        model: From HU (where convolutions train) or from features (a head) to logits.
        history: By measure (`loss`, `val_loss`), one value an epoch.
        trainable: Parameters that training changes.
        frozen: Parameters that it does not: frozen layers', moving averages, standardisation.
    """

    experiment: Experiment
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
    experiment: Experiment,
    *,
    watch: bool = True,
    seed: int | None = None,
    verbose: bool = False,
) -> Trained:
    """Train a row on its sample's train split, watching its validation split.

    Args:
        store: Where the slices are.
        sample: Which of them, and in which split.
        experiment: Network, head, loss, epochs, patience, batch size, learning rate, seed,
            devices, precision and determinism.
        watch: Whether to watch validation; without it all epochs run and the last weights stay.
        seed: Seed of the first weights and of the order of slices; the experiment's if not given,
            which also is the seed of a backbone without weights.
        verbose: Whether to print a line an epoch.

    Raises:
        ValueError: If train or a watched validation is empty, a slice lacks a label, a head over
            series gets parts of them, or the loss is not finite.
    """
    truth = _truth(store, sample.rows)
    split = {name: np.flatnonzero(sample.split == name) for name in ("train", "validation")}
    if not split["train"].size or (watch and not split["validation"].size):
        raise ValueError(f"{experiment.name}: train and validation need at least one slice each.")
    if experiment.head != "dense" and _splits_a_series(store, sample):
        raise ValueError(
            f"{experiment.name}: head {experiment.head} reads whole series, but the splits of "
            f"this sample {sample.name} tear some apart; split it by group."
        )
    seed = backend.training_seed(experiment) if seed is None else seed
    batches: Mapping[str, training_loop.Batches]
    if experiment.network == "cnn7":
        keras.utils.set_random_seed(seed)
        model = head = networks.cnn7(experiment)
    elif experiment.trainable_layers:
        backbone = networks.backbone(experiment)
        keras.utils.set_random_seed(seed)
        model = networks.fine_tuned(backbone, experiment)
        _, head = networks.halves(model)
        at_start = features.load_or_compute(store, sample.rows[split["train"]], experiment)
        networks.standardise(head, at_start)
    else:
        found = features.load_or_compute(store, sample.rows, experiment)
        keras.utils.set_random_seed(seed)
        model = head = _head(experiment, found.shape[1])
        networks.standardise(head, found, split["train"])
    if experiment.trains_on_slices:
        learner = networks.flipping(model, experiment)
        batches = _slice_batches(store, sample, experiment, truth, seed)
    else:
        learner = model
        batches = _feature_batches(store, sample, experiment, found, truth)
    of_train = truth[split["train"]]
    if experiment.loss != "weighted-bce":  # whose best constant is log-odds 0 by construction
        networks.set_output_bias(head, of_train.mean(axis=0, dtype=np.float64))
    history = training_loop.fit(
        learner,
        losses.build(experiment.loss, of_train),
        batches["train"],
        batches["validation"] if watch else None,
        experiment,
        seed=seed,
        verbose=verbose,
    )
    return _counted(store, experiment, model, history)


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
    studies = store.slices["study_instance_uid"]
    sizes = studies.map(studies.value_counts()).to_numpy(dtype=np.int32)
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
    """The logits of every slice of a sample: float32 (slices, 6)."""
    experiment = trained.experiment
    program = backend.program(trained.model, experiment)
    size = backend.batch_size(experiment, experiment.batch_size)
    if experiment.trains_on_slices:
        return training_loop.outputs(
            program, lambda rows: hu_of(store, rows, experiment.input), sample.rows, size
        )
    found = features.load_or_compute(store, sample.rows, experiment)
    if experiment.head == "dense":
        size = backend.batch_size(experiment, SLICES_A_PREDICTION)
        return training_loop.outputs(program, found.__getitem__, np.arange(len(found)), size)
    whole = _series_batches(store, sample, experiment, found)
    padded = training_loop.outputs(
        program,
        lambda places: whole.gather((places, len(places))).inputs,
        np.arange(len(whole.series)),
        whole.size,
    )
    lengths = whole.series[:, 1] - whole.series[:, 0]
    logits: NDArray[np.float32] = padded[np.arange(whole.length) < lengths[:, None]]
    return logits


def load(store: Store, experiment: Experiment, path: Path) -> Trained:
    """Rebuild a trained row from its weights.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds another network's weights.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; run the experiment first.")
    model = untrained(experiment)
    networks.load_weights(model, path, experiment.name)
    return _counted(store, experiment, model, {})


def untrained(experiment: Experiment) -> keras.Model:
    """A row's model with random weights, all of them: what a run keeps fits into it."""
    if experiment.network == "cnn7":
        return networks.cnn7(experiment)
    if experiment.trainable_layers:
        random = experiment.model_copy(update={"weights": None})
        return networks.fine_tuned(networks.backbone(random), experiment)
    return _head(experiment, networks.BACKBONES[experiment.network].features)


def _counted(
    store: Store, experiment: Experiment, model: keras.Model, history: dict[str, list[float]]
) -> Trained:
    """A trained row with its numbers of parameters, a frozen backbone's included."""
    on_features = not experiment.trains_on_slices
    frozen = features.backbone_parameters(store, experiment) if on_features else 0
    trainable = _count(model.trainable_weights)
    frozen += _count(model.weights) - trainable
    return Trained(experiment, model, history, trainable, frozen)


def _head(experiment: Experiment, width: int) -> keras.Model:
    if experiment.head == "dense":
        return networks.dense_head(experiment, width)
    return networks.sequence_head(experiment, width)


def _slice_batches(
    store: Store,
    sample: Sample,
    experiment: Experiment,
    truth: NDArray[np.float32],
    seed: int,
) -> dict[str, SliceBatches]:
    """Slices of the store; half of those of train are mirrored left to right."""
    size = backend.batch_size(experiment, experiment.batch_size)
    random = np.random.default_rng([seed, 1])  # not the numbers that draw the order

    def read(places: NDArray[np.int64], mirror: NDArray[np.bool_]) -> Any:
        return {"hu": hu_of(store, sample.rows[places], experiment.input), "flip": mirror}

    return {
        name: SliceBatches(read, truth, np.flatnonzero(sample.split == name), size, mirroring)
        for name, mirroring in (("train", random), ("validation", None))
    }


def _feature_batches(
    store: Store,
    sample: Sample,
    experiment: Experiment,
    found: NDArray[np.float32],
    truth: NDArray[np.float32],
) -> dict[str, SliceBatches] | dict[str, SeriesBatches]:
    """Stored features, by slice or by series."""
    splits = ("train", "validation")
    if experiment.head == "dense":
        size = backend.batch_size(experiment, experiment.batch_size)
        return {
            name: SliceBatches(
                lambda places, _: found[places], truth, np.flatnonzero(sample.split == name), size
            )
            for name in splits
        }
    whole = _series_batches(store, sample, experiment, found, truth)
    of_series = sample.split[whole.series[:, 0]]
    return {name: replace(whole, series=whole.series[of_series == name]) for name in splits}


def _series_batches(
    store: Store,
    sample: Sample,
    experiment: Experiment,
    found: NDArray[np.float32],
    truth: NDArray[np.float32] | None = None,
) -> SeriesBatches:
    """All series of a sample; without labels where there is nothing to learn."""
    series = _series(store, sample.rows)
    lengths = series[:, 1] - series[:, 0]
    size = max(SERIES_A_BATCH, round(experiment.batch_size / float(lengths.mean())))
    return SeriesBatches(
        found,
        np.zeros((len(found), len(LABELS)), dtype=np.float32) if truth is None else truth,
        series,
        length=int(lengths.max()),
        size=backend.batch_size(experiment, size),
    )


def _series(store: Store, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """First and one-past-last place of each series among ascending rows, (series, 2)."""
    codes = pd.factorize(store.slices["series_instance_uid"].to_numpy()[rows])[0]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    return np.stack([starts, np.r_[starts[1:], len(rows)]], axis=1)


def _splits_a_series(store: Store, sample: Sample) -> bool:
    """Whether some series has slices in two splits."""
    series = _series(store, sample.rows)
    number = np.repeat(np.arange(len(series)), series[:, 1] - series[:, 0])
    return bool((sample.split != sample.split[series[number, 0]]).any())


def _truth(store: Store, rows: NDArray[np.int64]) -> NDArray[np.float32]:
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

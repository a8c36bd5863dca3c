"""Training a row and predicting with it: heads on features, the small network on slices."""

from collections.abc import Callable
from dataclasses import dataclass
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
from ichreport.model import backend, features, losses, networks
from ichreport.model.inputs import hu_of
from ichreport.params import Experiment

STEP_CUT = 0.3
"""What the step size is multiplied by after an epoch without gain on validation."""


@dataclass(frozen=True)
class Trained:
    """A trained row.

    Attributes:
        experiment: What was trained.
        model: From HU (the small network) or from features (a head) to logits.
        history: By measure (`loss`, `val_loss`), one value an epoch.
        trainable: Parameters that training changes.
        frozen: Parameters that it does not: the backbone's, moving averages, standardisation.
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
            self.model.save_weights(renamed)
            renamed.replace(partial)


class SliceBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of HU gathered from a store's memory maps by a background thread.

    Args:
        read: From row numbers to the model's input.
        rows: Row numbers of the slices.
        truth: Their labels, (slices, 6); None for prediction.
        batch_size: Slices a batch.
        seed: Shuffles the slices anew each epoch; None keeps their order.
    """

    def __init__(
        self,
        read: Callable[[NDArray[np.int64]], NDArray[Any]],
        rows: NDArray[np.int64],
        truth: NDArray[np.float32] | None,
        *,
        batch_size: int,
        seed: int | None = None,
    ) -> None:
        super().__init__(workers=1, max_queue_size=8)
        self._read, self._rows, self._truth = read, rows, truth
        self._batch_size = batch_size
        self._random = None if seed is None else np.random.default_rng(seed)
        self._order = np.arange(len(rows))
        self.on_epoch_begin()

    def __len__(self) -> int:
        return -(-len(self._rows) // self._batch_size)

    def __getitem__(self, index: int) -> Any:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        chosen = np.sort(chosen)
        given = self._read(self._rows[chosen])
        return given if self._truth is None else (given, self._truth[chosen])

    def on_epoch_begin(self) -> None:
        """Shuffle, if asked to."""
        if self._random is not None:
            self._order = self._random.permutation(len(self._rows))


class SeriesBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of whole series of features, padded to one length, with the padding masked.

    Args:
        found: Features of all slices of the series, (slices, features), in series order.
        truth: Their labels, (slices, 6).
        series: First and one-past-last slice of each series, (series, 2).
        length: Slices that every series is padded to.
        batch_size: Series a batch.
        seed: Shuffles the series anew each epoch; None keeps their order.
    """

    def __init__(
        self,
        found: NDArray[np.float32],
        truth: NDArray[np.float32],
        series: NDArray[np.int64],
        *,
        length: int,
        batch_size: int,
        seed: int | None = None,
    ) -> None:
        super().__init__(workers=1)
        self._found, self._truth, self._series = found, truth, series
        self._length, self._batch_size = length, batch_size
        self._random = None if seed is None else np.random.default_rng(seed)
        self._order = np.arange(len(series))
        self.on_epoch_begin()

    def __len__(self) -> int:
        return -(-len(self._series) // self._batch_size)

    def __getitem__(self, index: int) -> Any:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        shape = (len(chosen), self._length)
        given = np.zeros((*shape, self._found.shape[1]), dtype=np.float32)
        truth = np.zeros((*shape, len(LABELS)), dtype=np.float32)
        present = np.zeros(shape, dtype=bool)
        for place, (start, stop) in enumerate(self._series[chosen]):
            given[place, : stop - start] = self._found[start:stop]
            truth[place, : stop - start] = self._truth[start:stop]
            present[place, : stop - start] = True
        return {"features": given, "present": present}, truth, present.astype(np.float32)

    def on_epoch_begin(self) -> None:
        """Shuffle, if asked to."""
        if self._random is not None:
            self._order = self._random.permutation(len(self._series))


def fit(
    store: Store,
    sample: Sample,
    experiment: Experiment,
    *,
    watch: bool = True,
    seed: int | None = None,
    verbose: int = 0,
) -> Trained:
    """Train a row on its sample's train split, watching its validation split.

    Adam, whose step size is cut each time that an epoch brings the validation loss no gain;
    training stops when it has not improved for `patience` epochs, and the best epoch's weights are
    kept.

    Args:
        store: Where the slices are.
        sample: Which of them, and in which split.
        experiment: Network, head, loss, epochs, batch size, learning rate, seed.
        watch: Whether to watch validation; without it all epochs run and the last weights stay.
        seed: Seed of the first weights and of the order of slices; the experiment's if not given,
            which also is the seed of a backbone without weights.
        verbose: Keras' verbosity: 0 silent, 2 one line an epoch.

    Raises:
        ValueError: If train or a watched validation is empty, a slice lacks a label, or the loss
            is not finite.
    """
    truth = _truth(store, sample.rows)
    train, validation = (sample.split == name for name in ("train", "validation"))
    if not train.any() or not (validation.any() or not watch):
        raise ValueError(f"{experiment.name}: train and validation need at least one slice each.")
    frozen, drawn = 0, experiment.seed if seed is None else seed
    if experiment.network == "cnn7":
        keras.utils.set_random_seed(drawn)
        model = networks.cnn7(experiment)
        batches = _slice_batches(store, sample, experiment, truth)
    else:
        found = features.load_or_compute(store, sample.rows, experiment)
        frozen = features.backbone_parameters(store, experiment)
        keras.utils.set_random_seed(drawn)
        model = _head(experiment, found.shape[1])
        standardised = model.get_layer("standardised")
        standardised.adapt(found[train] if experiment.head == "dense" else found[train][None])
        batches = _feature_batches(store, sample, experiment, found, truth)
    if experiment.loss != "weighted-bce":  # whose best constant is log-odds 0 by construction
        networks.set_output_bias(model, truth[train].mean(axis=0, dtype=np.float64))
    model.compile(
        optimizer=keras.optimizers.Adam(experiment.learning_rate),
        loss=losses.build(experiment.loss, truth[train]),
        jit_compile=backend.jit_compile(),
    )
    stopping = keras.callbacks.EarlyStopping(
        "val_loss", patience=experiment.patience, restore_best_weights=True
    )
    smaller_steps = keras.callbacks.ReduceLROnPlateau("val_loss", factor=STEP_CUT, patience=1)
    history = model.fit(
        batches("train", drawn),
        validation_data=batches("validation", None) if watch else None,
        epochs=experiment.epochs,
        callbacks=[
            *([stopping, smaller_steps] if watch else []),
            keras.callbacks.TerminateOnNaN(),
        ],
        verbose=verbose,
    ).history
    recorded = {name: [float(value) for value in values] for name, values in history.items()}
    if not all(np.isfinite(values).all() for values in recorded.values()):
        raise ValueError(
            f"{experiment.name}: the loss is not finite after {len(recorded['loss'])} epochs; "
            f"try a learning_rate below {experiment.learning_rate!r}."
        )
    trainable = _count(model.trainable_weights)
    return Trained(
        experiment, model, recorded, trainable, frozen + _count(model.weights) - trainable
    )


def predict(trained: Trained, store: Store, sample: Sample) -> pd.DataFrame:
    """The probabilities of every slice of a sample, beside its truth.

    Returns:
        One row a slice: sop_instance_uid, patient_id, study_instance_uid, series_instance_uid,
        group, split, truth_<label> (int8), probability_<label> (float32).
    """
    logits = logits_of(trained, store, sample)
    truth = _truth(store, sample.rows)
    identifiers = ["sop_instance_uid", "patient_id", "study_instance_uid", "series_instance_uid"]
    table = store.slices.loc[sample.rows, identifiers].reset_index(drop=True)
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
    experiment, model = trained.experiment, trained.model
    if experiment.network == "cnn7":
        batches = SliceBatches(
            lambda rows: hu_of(store, rows, experiment.input),
            sample.rows,
            None,
            batch_size=experiment.batch_size,
        )
        return np.asarray(model.predict(batches, verbose=0))
    found = features.load_or_compute(store, sample.rows, experiment)
    if experiment.head == "dense":
        return np.asarray(model.predict(found, batch_size=1024, verbose=0))
    series = _series(store, sample.rows)
    batches = SeriesBatches(
        found,
        np.zeros((len(found), len(LABELS)), dtype=np.float32),
        series,
        length=_longest(series),
        batch_size=_series_a_batch(experiment, series),
    )
    padded = np.asarray(model.predict(batches, verbose=0))
    present = np.arange(padded.shape[1]) < (series[:, 1] - series[:, 0])[:, None]
    return np.asarray(padded[present])


def load(store: Store, experiment: Experiment, path: Path) -> Trained:
    """Rebuild a trained row from its weights.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds another network's weights.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; run the experiment first.")
    model = untrained(experiment)
    frozen = 0
    if experiment.network != "cnn7":
        frozen = features.backbone_parameters(store, experiment)
    networks.load_weights(model, path, experiment.name)
    trainable = _count(model.trainable_weights)
    return Trained(experiment, model, {}, trainable, frozen + _count(model.weights) - trainable)


def untrained(experiment: Experiment) -> keras.Model:
    """What training a row would change, before it: the small network, or a backbone's head."""
    if experiment.network == "cnn7":
        return networks.cnn7(experiment)
    return _head(experiment, networks.BACKBONES[experiment.network].features)


def _head(experiment: Experiment, width: int) -> keras.Model:
    if experiment.head == "dense":
        return networks.dense_head(experiment, width)
    return networks.sequence_head(experiment, width)


def _slice_batches(
    store: Store, sample: Sample, experiment: Experiment, truth: NDArray[np.float32]
) -> Callable[[str, int | None], keras.utils.PyDataset]:
    def batches(split: str, seed: int | None) -> SliceBatches:
        chosen = sample.split == split
        return SliceBatches(
            lambda rows: hu_of(store, rows, experiment.input),
            sample.rows[chosen],
            truth[chosen],
            batch_size=experiment.batch_size,
            seed=seed,
        )

    return batches


def _feature_batches(
    store: Store,
    sample: Sample,
    experiment: Experiment,
    found: NDArray[np.float32],
    truth: NDArray[np.float32],
) -> Callable[[str, int | None], keras.utils.PyDataset]:
    series = _series(store, sample.rows)
    longest, size = _longest(series), _series_a_batch(experiment, series)

    def batches(split: str, seed: int | None) -> keras.utils.PyDataset:
        if experiment.head == "dense":
            places = np.flatnonzero(sample.split == split)
            return SliceBatches(
                lambda chosen: found[chosen],
                places,
                truth[places],
                batch_size=experiment.batch_size,
                seed=seed,
            )
        own = series[sample.split[series[:, 0]] == split]
        return SeriesBatches(found, truth, own, length=longest, batch_size=size, seed=seed)

    if experiment.head != "dense" and _splits_a_series(sample, series):
        raise ValueError(
            f"{experiment.name}: head {experiment.head} reads whole series, but sample "
            f"{experiment.sample} splits them; use sampb or fullid."
        )
    return batches


def _series(store: Store, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """First and one-past-last place of each series among ascending rows, (series, 2)."""
    codes = pd.factorize(store.slices["series_instance_uid"].to_numpy()[rows])[0]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    return np.stack([starts, np.r_[starts[1:], len(rows)]], axis=1)


def _splits_a_series(sample: Sample, series: NDArray[np.int64]) -> bool:
    """Whether some series has slices in two splits."""
    number = np.repeat(np.arange(len(series)), series[:, 1] - series[:, 0])
    return bool((sample.split != sample.split[series[number, 0]]).any())


def _longest(series: NDArray[np.int64]) -> int:
    return int((series[:, 1] - series[:, 0]).max())


def _series_a_batch(experiment: Experiment, series: NDArray[np.int64]) -> int:
    """Series that hold about `batch_size` slices, at least four."""
    return max(4, round(experiment.batch_size / float(np.diff(series).mean())))


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

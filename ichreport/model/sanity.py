"""Do heat maps show what was learned? The same maps of networks that have learned less.

The two checks of Adebayo et al. (Sanity Checks for Saliency Maps, NeurIPS 2018). The first makes
the layers random one after the other, from the logits down: maps that stay as they are do not
depend on them. The second trains the same network on permuted labels: maps that stay as they are do
not depend on what the labels say.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.labels import LABELS
from ichreport.model import cam, networks, training
from ichreport.model.cam import Heatmaps
from ichreport.model.training import Trained
from ichreport.params.experiment import Experiment

BACKBONE_PARTS: Final = 4
"""A backbone is made random in so many parts of equally many layers."""

SHUFFLED_SLICES: Final = 384
"""About how many slices the network on permuted labels trains on (whole series of them).

Few, so that it comes to know its labels by heart, which is all that can be learned of them.
"""

SHUFFLED_EPOCHS: Final = 20
"""Passes over them; no more than the row itself was allowed."""

_NOT_LEARNED: Final = keras.layers.Normalization
"""Layers that hold statistics of the data; they stay."""


@dataclass(frozen=True)
class Shuffled:
    """A network of a row's kind, trained on permuted labels.

    Attributes:
        trained: The network.
        predictions: What it says of the slices that it was trained on, beside their permuted
            labels, as `training.predict` gives it.
        epochs: Passes over them.
    """

    trained: Trained
    predictions: pd.DataFrame
    epochs: int


def cascade(
    trained: Trained,
    store: Store,
    sample: Sample,
    rows: Mapping[str, NDArray[np.int64]],
    *,
    seed: int,
) -> Iterator[tuple[str, dict[str, Heatmaps]]]:
    """Heat maps while the network becomes random, layer by layer from the top.

    A random layer has the weights of an untrained network. The trained one stays as it is: a copy
    loses its weights.

    Args:
        trained: A trained row.
        store: Where the slices are.
        sample: The sample that the row was trained on.
        rows: Row numbers of the slices to look at, by label.
        seed: Seed of the random weights.

    Yields:
        What was made random last (`nothing` at first), and the maps by label.
    """
    experiment = trained.experiment
    model = training.untrained(experiment)
    networks.take_weights(model, trained.model)
    shown = replace(trained, model=model)
    backbone, head = _parts(experiment, model)
    yield "nothing", cam.by_label(shown, store, sample, rows, backbone=backbone)
    for name, layers in _stages(experiment, head, backbone, seed):
        for layer, random in layers:
            layer.set_weights(random.get_weights())
        yield name, cam.by_label(shown, store, sample, rows, backbone=backbone)


def shuffled_labels(store: Store, sample: Sample, experiment: Experiment, *, seed: int) -> Shuffled:
    """Train a row's network anew on permuted labels of some of its training slices.

    A frozen backbone stays, and only its head is trained. All epochs run: there is nothing in a
    validation split that would tell when to stop.

    Args:
        store: Where the slices are.
        sample: The sample that the row was trained on.
        experiment: The row.
        seed: Seed of the choice of slices, of the permutation and of the first weights.
    """
    random = np.random.default_rng(seed)
    few = _some_series(store, sample, random)
    labels = store.slices[list(LABELS)].to_numpy(copy=True)
    labels[few.rows] = labels[random.permutation(few.rows)]
    relabelled = copy.copy(store)
    relabelled.slices = store.slices.assign(**dict(zip(LABELS, labels.T, strict=True)))
    epochs = min(experiment.epochs, SHUFFLED_EPOCHS)
    asked = experiment.model_copy(update={"epochs": epochs})
    trained = training.fit(relabelled, few, asked, watch=False, seed=seed)
    return Shuffled(trained, training.predict(trained, relabelled, few), epochs)


def _parts(experiment: Experiment, model: keras.Model) -> tuple[keras.Model | None, keras.Model]:
    """A row's backbone, which the small network has not, and the rest of it."""
    if experiment.network == "cnn7":
        return None, model
    if experiment.trainable_layers:
        return networks.halves(model)
    return networks.backbone(experiment), model


def _stages(
    experiment: Experiment, head: keras.Model, backbone: keras.Model | None, seed: int
) -> list[tuple[str, list[tuple[Any, Any]]]]:
    """Pairs of a layer and its random twin, by stage, from the top."""
    keras.utils.set_random_seed(seed)
    twin = training.untrained(experiment.model_copy(update={"seed": seed}))
    if experiment.trainable_layers:
        _, twin = networks.halves(twin)
    stages: dict[str, list[tuple[Any, Any]]] = {}
    for layer, random in reversed(_pairs(head, twin)):
        name = re.sub(r"^(conv|bn)(\d+)$", r"block \2", layer.name)
        stages.setdefault(name, []).append((layer, random))
    if backbone is not None:
        untaught = experiment.model_copy(update={"weights": None, "seed": seed})
        pairs = _pairs(networks.body(backbone), networks.body(networks.backbone(untaught)))
        parts = np.array_split(np.arange(len(pairs)), BACKBONE_PARTS)
        for number in reversed(range(BACKBONE_PARTS)):
            own = [pairs[place] for place in parts[number]]
            if own:
                stages[f"backbone, part {number + 1} of {BACKBONE_PARTS}"] = own
    return list(stages.items())


def _pairs(model: keras.Model, twin: keras.Model) -> list[tuple[Any, Any]]:
    """Layers that hold learned weights, each with the twin's in its place."""
    return [
        (layer, other)
        for layer, other in zip(model.layers, twin.layers, strict=True)
        if layer.weights and not isinstance(layer, _NOT_LEARNED)
    ]


def _some_series(store: Store, sample: Sample, random: np.random.Generator) -> Sample:
    """Random whole series of the train split, about `SHUFFLED_SLICES` slices of them."""
    train = sample.split == "train"
    series = store.slices["series_instance_uid"].to_numpy()[sample.rows]
    names = random.permutation(np.unique(series[train]))
    sizes = pd.Series(series[train]).value_counts().reindex(names).cumsum().to_numpy()
    enough = int(np.searchsorted(sizes, SHUFFLED_SLICES)) + 1
    chosen = train & np.isin(series, names[:enough])
    return Sample(sample.name, sample.rows[chosen], sample.split[chosen], sample.group[chosen])

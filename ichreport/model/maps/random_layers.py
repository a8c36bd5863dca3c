"""Heat maps of a network that loses what it has learned, layer by layer from the top.

The first check of Adebayo et al. (Sanity Checks for Saliency Maps, NeurIPS 2018): maps that stay as
they are while layers become random do not depend on the weights of those layers.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.model import backbones, networks, trained_rows
from ichreport.model.maps import cam
from ichreport.model.maps.cam import Heatmaps
from ichreport.model.trained_rows import Trained
from ichreport.params.training.training_plan import TrainingPlan

BACKBONE_PARTS: Final = 4
"""A backbone is made random in so many parts of equally many layers."""

_NOT_LEARNED: Final = keras.layers.Normalization
"""Layers that hold statistics of the data; they stay."""


def cascade(
    trained: Trained,
    store: Store,
    sample: Sample,
    rows: Mapping[str, NDArray[np.int64]],
    *,
    seed: int,
    block: str | None = None,
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
        block: The block that maps are taken from, as `cam.by_label` takes it.

    Yields:
        What was made random last (`nothing` at first), and the maps by label.
    """
    plan = trained.plan
    model = trained_rows.untrained(plan)
    networks.take_weights(model, trained.model)
    shown = replace(trained, model=model)
    backbone, head = _maps_and_head(plan, model)
    yield "nothing", cam.by_label(shown, store, sample, rows, backbone=backbone, block=block)
    for name, layers in _stages(plan, head, backbone, seed):
        for layer, random in layers:
            layer.set_weights(random.get_weights())
        yield name, cam.by_label(shown, store, sample, rows, backbone=backbone, block=block)


def _maps_and_head(
    plan: TrainingPlan, model: keras.Model
) -> tuple[keras.Model | None, keras.Model]:
    """A row's backbone, which the small network has not, and the rest of it."""
    if plan.backbone is None:
        return None, model
    if plan.is_fine_tuned:
        return networks.maps_and_head(model)
    return backbones.build(plan.backbone, plan.machine), model


def _stages(
    plan: TrainingPlan, head: keras.Model, backbone: keras.Model | None, seed: int
) -> list[tuple[str, list[tuple[Any, Any]]]]:
    """Pairs of a layer and its random twin, by stage, from the top."""
    keras.utils.set_random_seed(seed)
    if plan.backbone is not None:
        plan = replace(plan, backbone=replace(plan.backbone, weights=None, seed=seed))
    twin = trained_rows.untrained(plan)
    if plan.is_fine_tuned:
        _, twin = networks.maps_and_head(twin)
    stages: dict[str, list[tuple[Any, Any]]] = {}
    for layer, random in reversed(_pairs(head, twin)):
        name = re.sub(r"^(conv|bn)(\d+)$", r"block \2", layer.name)
        stages.setdefault(name, []).append((layer, random))
    if backbone is not None and plan.backbone is not None:
        random_backbone = backbones.build(plan.backbone, plan.machine)
        pairs = _pairs(backbones.body(backbone), backbones.body(random_backbone))
        parts = np.array_split(np.arange(len(pairs)), BACKBONE_PARTS)
        for number in reversed(range(BACKBONE_PARTS)):
            part = [pairs[index] for index in parts[number]]
            if part:
                stages[f"backbone, part {number + 1} of {BACKBONE_PARTS}"] = part
    return list(stages.items())


def _pairs(model: keras.Model, twin: keras.Model) -> list[tuple[Any, Any]]:
    """Layers that hold learned weights, each with the twin's in its place."""
    return [
        (layer, other)
        for layer, other in zip(model.layers, twin.layers, strict=True)
        if layer.weights and not isinstance(layer, _NOT_LEARNED)
    ]

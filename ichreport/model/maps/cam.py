"""Where a network looks: class activation maps.

Where the head is one linear layer on global average pooling, the map of label k is exact: the sum
of the feature maps, each times its weight for k (Zhou et al., CVPR 2016). Where more layers follow
the pooling, the weights are the gradient of the logit, averaged over each map (Grad-CAM, Selvaraju
et al., ICCV 2017); on a linear head both agree, but for the factor 1 / pixels of a map. Both are of
the last convolution: there alone a map's weight is the same in all of its pixels.

The small network's last maps are of a few pixels, so that its maps may come from an earlier block,
and each pixel keeps its own gradient; `model.maps.blocks` says when that is HiResCAM. Of all
networks it is the only one whose block is a choice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ichreport.data.samples import Sample
from ichreport.data.store import Store, series_numbers
from ichreport.labels import LABELS
from ichreport.model import backbones, backend, networks
from ichreport.model.features.of_plan import features_of
from ichreport.model.fitting.series_batches import gaps, overlapping
from ichreport.model.inputs import hu_of
from ichreport.model.maps import blocks
from ichreport.model.trained_rows import Trained
from ichreport.params.training.training_plan import HeadPart, TrainingPlan

Method = Literal["CAM", "Grad-CAM", "HiResCAM", "Grad-CAM (element-wise)"]


@dataclass(frozen=True)
class Heatmaps:
    """Heat maps of one label.

    Attributes:
        method: `CAM` (exact), `Grad-CAM`, `HiResCAM` (adds up to the logit), or
            `Grad-CAM (element-wise)`: as HiResCAM computes it, where its proof does not hold.
        heat: float32 (slices, size, size) in [0, 1], each divided by its own maximum.
        empty: bool (slices,): True where nothing speaks for the label, so that the map is all zero.
        side: Pixels a side of the maps that were scaled up to `size`.
    """

    method: Method
    heat: NDArray[np.float32]
    empty: NDArray[np.bool_]
    side: int


def by_label(
    trained: Trained,
    store: Store,
    sample: Sample,
    rows: Mapping[str, NDArray[np.int64]],
    *,
    backbone: keras.Model | None = None,
    block: str | None = None,
) -> dict[str, Heatmaps]:
    """The heat maps of labels, each for slices of its own.

    Args:
        trained: A trained row.
        store: Where the slices are.
        sample: The sample that the row was trained on; a sequence head reads a slice's whole
            series of it.
        rows: By label, row numbers of slices.
        backbone: A frozen backbone to look through instead of the row's own, as `backbones.build`
            makes it. The small network has none, and a backbone of which layers train is part of
            the row.
        block: The block of the small network that its maps come from, as `blocks.candidates` names
            it; that of `blocks.default` if not given.

    Raises:
        ValueError: If there is no such label or block.
    """
    unknown = [label for label in rows if label not in LABELS]
    if unknown:
        raise ValueError(f"label must be one of {', '.join(LABELS)}, got {unknown[0]!r}.")
    plan = trained.plan
    if plan.trained is not None:
        raise ValueError(
            f"{plan.name} reads the features of {plan.trained.run}, whose network has the maps; "
            "name that run."
        )
    if plan.backbone is None:
        return _of_small_network(trained, store, rows, block)
    if block is not None:
        raise ValueError(
            f"{plan.name} looks through {plan.view.network}, whose maps come from its last "
            f"convolution; block must be None, got {block!r}."
        )
    if plan.is_fine_tuned:
        backbone, head = networks.maps_and_head(trained.model)
        trained = replace(trained, model=head)
    looks = backbone or backbones.build(plan.backbone, plan.machine)  # once for all labels
    read = partial(_features, store, plan, backbone)
    return {
        label: _of_backbone(trained, store, chosen, label, sample, looks, read)
        for label, chosen in rows.items()
    }


def _of_small_network(
    trained: Trained, store: Store, rows: Mapping[str, NDArray[np.int64]], block: str | None
) -> dict[str, Heatmaps]:
    """The small network's maps of all labels, in one pass over the slices of all of them."""
    if not rows:
        return {}
    model, head = trained.model, trained.plan.head
    block = block or blocks.default(model, head)
    slices = np.concatenate(list(rows.values()))
    counts = [len(chosen) for chosen in rows.values()]
    labels = np.repeat([LABELS.index(label) for label in rows], counts)
    hu = hu_of(store, slices, trained.plan.view.input)
    relevance = blocks.relevance(model, block, hu, labels)
    adds_up = blocks.adds_up(model, head, block)
    method: Method = "HiResCAM" if adds_up else "Grad-CAM (element-wise)"
    ends = np.cumsum(counts)[:-1]
    return {
        label: _scaled_up(maps, store.image_size, method)
        for label, maps in zip(rows, np.split(relevance, ends), strict=True)
    }


def _of_backbone(
    trained: Trained,
    store: Store,
    rows: NDArray[np.int64],
    label: str,
    sample: Sample,
    looks: keras.Model,
    read: Callable[[NDArray[np.int64]], NDArray[np.float32]],
) -> Heatmaps:
    plan, index = trained.plan, LABELS.index(label)
    maps = blocks.feature_maps(looks, hu_of(store, rows, plan.view.input))
    weights = _head_weights(trained, store, rows, index, sample, read)
    relevance = np.einsum("nijc,nc->nij", maps, weights)
    return _scaled_up(relevance, store.image_size, "CAM" if plan.head.is_linear else "Grad-CAM")


def _features(
    store: Store, plan: TrainingPlan, backbone: keras.Model | None, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The stored features of some slices, or those that another backbone gives."""
    if backbone is None:
        return features_of(store, rows, plan)
    hu = hu_of(store, rows, plan.view.input)
    pooled: NDArray[np.float32] = blocks.feature_maps(backbone, hu).mean(axis=(1, 2))
    return pooled


def _head_weights(
    trained: Trained,
    store: Store,
    rows: NDArray[np.int64],
    index: int,
    sample: Sample,
    read: Callable[[NDArray[np.int64]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """The gradient of the logit with respect to the pooled features: (slices, features).

    Pooling is a mean, so this is Grad-CAM's mean gradient up to the number of pixels of a map. For
    a linear head it is the layer's weights themselves, over the features' deviation.
    """
    model = trained.model
    if not trained.plan.head.spec.reads_series:
        return backend.gradient(lambda x: model(x, training=False)[:, index], read(rows))
    numbers = series_numbers(store.slices)
    result = []
    for row in rows:
        series = sample.rows[numbers[sample.rows] == numbers[row]]
        series, step = _window_around(series, row, trained.plan.head)
        features = read(series)[None]
        present = np.ones(features.shape[:2], dtype=bool)
        beside = {"present": keras.ops.convert_to_tensor(present)}
        if "gaps" in model.input:
            heights = store.slices["z"].to_numpy(dtype=np.float64)[series][None]
            beside["gaps"] = keras.ops.convert_to_tensor(gaps(heights, present))

        def logit(x: Any, step: int = step, beside: Any = beside) -> Any:
            return model({"features": x, **beside}, training=False)[:, step, index]

        result.append(backend.gradient(logit, features)[0, step])
    return np.stack(result)


def _window_around(
    series: NDArray[np.int64], row: int, head: HeadPart
) -> tuple[NDArray[np.int64], int]:
    """The slices that a head reads with a slice as it predicts, and which of them it is."""
    step = int(np.flatnonzero(series == row)[0])
    if head.sequence is None:
        return series, step
    windows = overlapping(np.array([[0, len(series)]]), head.sequence.window)
    counted = (windows.counted[:, 0] <= step) & (step < windows.counted[:, 1])
    first, last = windows.read[counted][0]
    return series[first:last], step - int(first)


def _scaled_up(relevance: NDArray[np.float32], size: int, method: Method) -> Heatmaps:
    """Keep what speaks for the label, scale to the image by linear interpolation and to [0, 1]."""
    positive = np.maximum(relevance, 0).astype(np.float32)
    factor = size / positive.shape[1]
    heat = np.empty((len(positive), size, size), dtype=np.float32)
    for coarse, scaled in zip(positive, heat, strict=True):
        ndimage.zoom(coarse, factor, output=scaled, order=1, mode="nearest", grid_mode=True)
    top = heat.max(axis=(1, 2))
    empty = ~(top > 0)
    heat /= np.where(empty, 1, top)[:, None, None]
    return Heatmaps(method, heat, empty, positive.shape[1])

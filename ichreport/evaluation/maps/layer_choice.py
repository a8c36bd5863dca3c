"""Which layer of a network its maps are taken from, chosen on validation slices alone."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ichreport.data.measures.bleeds import truth_masks
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.evaluation.maps.against_truth import Heatmaps, patient_groups
from ichreport.evaluation.maps.localisation import heatmap_scores
from ichreport.evaluation.maps.similarity import Mean, mean_over_maps
from ichreport.files import without_nan
from ichreport.labels import ANY

MAX_SLICES: Final = 60
"""Validation slices that a layer is chosen on, at most; of more, a seeded random choice."""


@dataclass(frozen=True)
class Candidate:
    """A layer that maps may be taken from.

    Attributes:
        layer: Its name in the network.
        side: Pixels a side of its maps.
        pointing: The pointing game of its maps of any bleeding on validation; an empty map misses.
            Of no maps where no mask says where validation slices bleed.
    """

    layer: str
    side: int
    pointing: Mean


@dataclass(frozen=True)
class LayerChoice:
    """The layer that was chosen, and what it was chosen by.

    Attributes:
        layer: Its name in the network; None where nothing could be chosen, so that maps come from
            the network's default.
        candidates: From the first layer to the deepest; none where a network has no choice.
    """

    layer: str | None
    candidates: tuple[Candidate, ...]

    def record(self) -> dict[str, Any]:
        """As JSON takes it."""
        kept: dict[str, Any] = without_nan(asdict(self))
        return kept

    @classmethod
    def from_record(cls, kept: Mapping[str, Any]) -> Self:
        """What `record` has written."""
        candidates = [
            Candidate(one["layer"], one["side"], Mean(**_with_nan(one["pointing"])))
            for one in kept["candidates"]
        ]
        return cls(kept["layer"], tuple(candidates))


def validation_slices(
    store: Store, sample: Sample, *, max_slices: int = MAX_SLICES, seed: int = 0
) -> NDArray[np.int64]:
    """Validation slices whose masks show bleeding of any kind.

    Args:
        store: Where the slices are.
        sample: The sample whose validation split they are of.
        max_slices: Slices at most; of more that hold the label, a random choice.
        seed: Seed of that choice.

    Returns:
        Row numbers in the store, sorted; none where there are no masks.
    """
    rows = sample.rows_of("validation")
    if not store.has_truth:
        return rows[:0]
    bleeding = rows[store.slices[ANY].to_numpy()[rows] == 1]
    chosen = np.sort(np.random.default_rng(seed).permutation(bleeding)[:max_slices])
    shown: NDArray[np.int64] = chosen[truth_masks(store, chosen, ANY).any(axis=(1, 2))]
    return shown


def choose_layer(
    store: Store,
    sample: Sample,
    rows: NDArray[np.int64],
    heat_by_layer: Mapping[str, Heatmaps],
) -> LayerChoice:
    """Choose the layer whose maps point at the bleeding most often; of equals, the deepest.

    Args:
        store: Where the slices are.
        sample: The sample that the run was made on.
        rows: Row numbers of slices, as `validation_slices` gives them.
        heat_by_layer: Heat maps of any bleeding in these slices, from the first layer to the
            deepest; none where a network has no choice.
    """
    groups = patient_groups(sample, rows)
    masks = truth_masks(store, rows, ANY) if len(rows) else np.empty((0, 0, 0), dtype=np.bool_)
    candidates = tuple(
        Candidate(layer, maps.side, mean_over_maps(_hits(maps.heat, masks), groups, hits=True))
        for layer, maps in heat_by_layer.items()
    )
    if not (len(rows) and candidates):
        return LayerChoice(None, candidates)
    best = max(reversed(candidates), key=lambda candidate: candidate.pointing.value)
    return LayerChoice(best.layer, candidates)


def _hits(heat: NDArray[Any], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The pointing game of each map, in which an empty one misses."""
    scores = [
        heatmap_scores(one, mask, measures=["pointing"])["pointing"]
        for one, mask in zip(heat, masks, strict=True)
    ]
    return np.nan_to_num(np.array(scores, dtype=np.float64))


def _with_nan(kept: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in kept.items()}

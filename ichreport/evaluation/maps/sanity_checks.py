"""The two sanity checks of heat maps: layers made random, and labels permuted.

Adebayo et al. (Sanity Checks for Saliency Maps, NeurIPS 2018): a map that stays the same does not
depend on what the network learned, or not on what the labels say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.measures.bleeds import truth_masks
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.evaluation.maps.against_truth import Heatmaps, patient_groups
from ichreport.evaluation.maps.localisation import heatmap_scores
from ichreport.evaluation.maps.similarity import (
    Mean,
    above_other_patients,
    agreement,
    compare_with_other_patients,
    joined,
    mean_over_maps,
)
from ichreport.evaluation.predictions import probabilities, truths
from ichreport.evaluation.scores import auc_scores
from ichreport.evaluation.uncertainty.intervals import LEVEL

MAX_SLICES: Final = 24
"""Most slices of a label whose maps are made anew after each layer has become random."""


@dataclass(frozen=True)
class Cascade:
    """The maps' rank correlation with the trained network's while it becomes random.

    Attributes:
        stages: By what was made random last (`nothing` first), the mean correlation.
        other_slices: The mean correlation of the trained network's maps of two patients. Two heads
            lie alike in their images, which makes their maps alike without any network.
        excess: The wholly random network's minus that, on the same maps.
        lowest: The stage after `nothing` at which the correlation is lowest.
        at_lowest: The mean correlation there. As that stage is chosen on these maps, the level of
            its interval, and of the two below, is Bonferroni's over all stages.
        below: That stage's minus `other_slices`, on the same maps.
        rise: The wholly random network's minus the lowest stage's, on the same maps.
    """

    stages: Mapping[str, Mean]
    other_slices: Mean
    excess: Mean
    lowest: str
    at_lowest: Mean
    below: Mean
    rise: Mean


@dataclass(frozen=True)
class PermutedComparison:
    """A run's maps beside those of a network trained on permuted labels.

    Attributes:
        correlation: Rank correlation of the two networks' maps.
        other_slices: The rank correlation of the run's maps of two patients.
        excess: `correlation` minus that, on the same maps.
        pointing: Pointing game by `trained`, `shuffled`, and `difference`, a mean over the maps of
            all labels; empty without truth.
        auc: Mean area under the ROC curve over labels, on the slices and permuted labels that the
            network was trained on: 0.5 if it learned nothing, 1 if it knows them by heart.
        slices: How many slices these are.
        epochs: Passes over them.
        run_slices: How many slices the run was trained on.
        run_epochs: Passes over them.
    """

    correlation: Mean
    other_slices: Mean
    excess: Mean
    pointing: Mapping[str, Mean]
    auc: float
    slices: int
    epochs: int
    run_slices: int
    run_epochs: int


class PermutedTraining(Protocol):
    """A training on permuted labels, as `model.maps.permuted_labels` gives it."""

    @property
    def predictions(self) -> pd.DataFrame:
        """Probabilities of the slices that it was trained on, beside their permuted labels."""

    @property
    def epochs(self) -> int:
        """Passes over these slices."""


def choose_slices(
    rows_by_label: Mapping[str, NDArray[np.int64]],
    *,
    max_slices: int = MAX_SLICES,
    seed: int = 0,
) -> dict[str, NDArray[np.int64]]:
    """A random choice of each label's slices, sorted."""
    random = np.random.default_rng(seed)
    return {
        label: np.sort(random.permutation(rows)[:max_slices])
        for label, rows in rows_by_label.items()
    }


def compare_stages(
    stages: Iterable[tuple[str, Mapping[str, Heatmaps]]],
    sample: Sample,
    rows_by_label: Mapping[str, NDArray[np.int64]],
) -> Cascade:
    """Compare the maps of each stage with those of the trained network, the first stage.

    Args:
        stages: What was made random last and the maps by label, as `random_layers.cascade`
            yields them.
        sample: The sample that the run was made on.
        rows_by_label: The slices that the maps are of.
    """
    groups = [patient_groups(sample, rows) for rows in rows_by_label.values()]
    group = joined(groups)
    values: dict[str, NDArray[np.float64]] = {}
    trained: Mapping[str, Heatmaps] = {}
    for stage, heatmaps in stages:
        trained = trained or heatmaps
        values[stage] = joined(
            [agreement(trained[label].heat, heatmaps[label].heat) for label in rows_by_label]
        )
    means = {stage: mean_over_maps(alike, group) for stage, alike in values.items()}
    first, itself = next(iter(means.items()))
    means[first] = replace(itself, low=itself.value, high=itself.value)  # there is no chance in it
    last, lowest = list(means)[-1], _lowest(means)
    level = 1 - (1 - LEVEL) / max(len(means) - 1, 1)
    others = compare_with_other_patients([trained[label].heat for label in rows_by_label], groups)
    return Cascade(
        stages=means,
        other_slices=others.mean(group),
        excess=above_other_patients(values[last], others, group),
        lowest=lowest,
        at_lowest=mean_over_maps(values[lowest], group, level=level),
        below=above_other_patients(values[lowest], others, group, level),
        rise=mean_over_maps(values[last] - values[lowest], group, most=2.0, level=level),
    )


def compare_with_permuted(
    store: Store,
    sample: Sample,
    rows_by_label: Mapping[str, NDArray[np.int64]],
    trained: Mapping[str, Heatmaps],
    permuted: Mapping[str, Heatmaps],
    *,
    history: Mapping[str, Sequence[float]],
    training: PermutedTraining,
) -> PermutedComparison:
    """Compare a run's maps with those of a network trained on permuted labels.

    Args:
        store: Where the slices are.
        sample: The sample that the run was made on.
        rows_by_label: The slices that the maps are of.
        trained: The run's maps, by label.
        permuted: The other network's maps, by label.
        history: The run's `loss`, one value an epoch.
        training: The training on permuted labels.
    """
    groups = [patient_groups(sample, rows) for rows in rows_by_label.values()]
    group = joined(groups)
    pairs = [(trained[label].heat, permuted[label].heat) for label in rows_by_label]
    alike = joined([agreement(*pair) for pair in pairs])
    others = compare_with_other_patients([heat for heat, _ in pairs], groups)
    areas = auc_scores(truths(training.predictions), probabilities(training.predictions))
    return PermutedComparison(
        correlation=mean_over_maps(alike, group),
        other_slices=others.mean(group),
        excess=above_other_patients(alike, others, group),
        pointing=(
            _pointing(store, rows_by_label, trained, permuted, group) if store.has_truth else {}
        ),
        auc=float(np.nanmean(areas)) if not np.isnan(areas).all() else float("nan"),
        slices=len(training.predictions),
        epochs=training.epochs,
        run_slices=len(sample.rows_of("train")),
        run_epochs=len(history["loss"]),
    )


def _lowest(means: Mapping[str, Mean]) -> str:
    """The stage after the first with the lowest mean; the last where none has one."""
    first, *others = means
    defined = [stage for stage in others if means[stage].maps]
    return min(defined, key=lambda stage: means[stage].value) if defined else [first, *others][-1]


def _pointing(
    store: Store,
    rows_by_label: Mapping[str, NDArray[np.int64]],
    trained: Mapping[str, Heatmaps],
    permuted: Mapping[str, Heatmaps],
    group: NDArray[Any],
) -> dict[str, Mean]:
    """The pointing game of both networks' maps, and the difference."""
    masks = {label: truth_masks(store, rows, label) for label, rows in rows_by_label.items()}
    trained_hits, permuted_hits = (
        joined([_hits(heatmaps[label].heat, mask) for label, mask in masks.items()])
        for heatmaps in (trained, permuted)
    )
    return {
        "trained": mean_over_maps(trained_hits, group, hits=True),
        "shuffled": mean_over_maps(permuted_hits, group, hits=True),
        "difference": mean_over_maps(trained_hits - permuted_hits, group),
    }


def _hits(heat: NDArray[Any], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Whether each map's hottest pixel bleeds; NaN for an empty map or mask."""
    pairs = zip(heat, masks, strict=True)
    return np.array([heatmap_scores(*pair, measures=["pointing"])["pointing"] for pair in pairs])

"""What random layers and permuted labels do to the heat maps: a curve, a table and words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.evaluation.bootstrap import draw_resamples, mean_replicates
from ichreport.evaluation.heatmaps import heatmap_agreement, heatmap_scores
from ichreport.evaluation.intervals import interval
from ichreport.evaluation.predictions import probabilities, truths
from ichreport.evaluation.scores import auc_scores
from ichreport.report.captioned import Drawing, Sentences, Table, lines, number
from ichreport.report.figures import STYLE
from ichreport.report.map_measures import Heatmaps, groups_of, masks_of
from ichreport.report.palette import ACCENT, FAINT, SOFT

FEW: Final = 24
"""Most slices of a label that are looked at after each layer has become random."""


@dataclass(frozen=True)
class Mean:
    """A mean over heat maps.

    Attributes:
        value: The mean; NaN over none.
        low: Lower end of its 95 % interval over linked patient groups.
        high: Upper end.
        maps: Maps that it is a mean of.
        without: Maps left out, since they or their counterparts are empty.
    """

    value: float
    low: float
    high: float
    maps: int
    without: int

    def __str__(self) -> str:
        return f"{number(self.value)} ({number(self.low)} to {number(self.high)})"


@dataclass(frozen=True)
class Cascade:
    """The maps' rank correlation with the trained network's while it becomes random.

    Attributes:
        stages: By what was made random last (`nothing` first), the mean correlation.
        other_slices: That of the trained network's own maps of slices of two patients: what the
            place of a head in the image brings about, without any network.
        excess: The wholly random network's minus that, on the same maps.
    """

    stages: Mapping[str, Mean]
    other_slices: Mean
    excess: Mean


@dataclass(frozen=True)
class BesideShuffled:
    """A run's maps beside those of a network trained on permuted labels.

    Attributes:
        correlation: Rank correlation of the two networks' maps.
        pointing: Pointing game by `trained`, `shuffled`, and `difference`; empty without truth.
        auc: Mean area under the ROC curve over labels, on the slices and permuted labels that it
            was trained on: 0.5 if it learned nothing of them, 1 if it knows them by heart.
        slices: How many slices these are.
        epochs: Passes over them.
    """

    correlation: Mean
    pointing: Mapping[str, Mean]
    auc: float
    slices: int
    epochs: int


def few(
    asked: Mapping[str, NDArray[np.int64]], *, most: int = FEW, seed: int = 0
) -> dict[str, NDArray[np.int64]]:
    """A random choice of each label's slices."""
    random = np.random.default_rng(seed)
    return {label: np.sort(random.permutation(rows)[:most]) for label, rows in asked.items()}


def likeness(
    stages: Iterable[tuple[str, Mapping[str, Heatmaps]]],
    sample: Sample,
    rows: Mapping[str, NDArray[np.int64]],
) -> Cascade:
    """Compare the maps of each stage with those of the trained network, the first.

    Args:
        stages: What was made random last and the maps by label, as `model.sanity.cascade` yields.
        sample: The sample that the run was made on.
        rows: By label, the slices that the maps are of.
    """
    group = _joined([groups_of(sample, own) for own in rows.values()])
    found: dict[str, Mean] = {}
    trained: Mapping[str, Heatmaps] = {}
    last: NDArray[np.float64] = np.empty(0)
    for name, shown in stages:
        trained = trained or shown
        last = _joined([_agreement(trained[label].heat, shown[label].heat) for label in rows])
        found[name] = _mean(last, group)
    others = _joined(
        [
            _of_other_patients(trained[label].heat, groups_of(sample, own))
            for label, own in rows.items()
        ]
    )
    return Cascade(found, _mean(others, group), _mean(last - others, group))


def beside_shuffled(
    store: Store,
    sample: Sample,
    asked: Mapping[str, NDArray[np.int64]],
    trained: Mapping[str, Heatmaps],
    shuffled: Mapping[str, Heatmaps],
    check: Any,
) -> BesideShuffled:
    """Compare a run's maps with those of a network trained on permuted labels.

    Args:
        store: Where the slices are.
        sample: The sample that the run was made on.
        asked: By label, the slices that the maps are of.
        trained: The run's maps, by label.
        shuffled: The other network's.
        check: What `model.sanity.shuffled_labels` gives.
    """
    group = _joined([groups_of(sample, own) for own in asked.values()])
    heats = [(trained[label].heat, shuffled[label].heat) for label in asked]
    correlation = _mean(_joined([_agreement(*pair) for pair in heats]), group)
    pointing = {}
    if store.has_truth:
        masks = [masks_of(store, own, label) for label, own in asked.items()]
        hits = [
            _joined([_pointing(pair[which], mask) for pair, mask in zip(heats, masks, strict=True)])
            for which in (0, 1)
        ]
        kinds = {"trained": hits[0], "shuffled": hits[1], "difference": hits[0] - hits[1]}
        pointing = {name: _mean(values, group) for name, values in kinds.items()}
    areas = auc_scores(truths(check.predictions), probabilities(check.predictions))
    auc = float(np.nanmean(areas)) if not np.isnan(areas).all() else float("nan")
    return BesideShuffled(correlation, pointing, auc, len(check.predictions), check.epochs)


@mpl.rc_context(STYLE)
def curve(cascade: Cascade) -> Drawing:
    """The rank correlation after each layer has become random."""
    names, means = list(cascade.stages), list(cascade.stages.values())
    figure = Figure(figsize=(5.4, 3.0))
    axes = figure.subplots()
    place = np.arange(len(names))
    ends = np.array([(mean.low, mean.high) for mean in means])
    axes.fill_between(place, ends[:, 0], ends[:, 1], color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(place, [mean.value for mean in means], color=ACCENT, marker="o", markersize=4)
    other = cascade.other_slices.value
    if not np.isnan(other):
        axes.axhline(other, color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
        axes.annotate(
            "maps of other patients", (len(names) - 1, other), xytext=(0, 4), ha="right",
            textcoords="offset points", color=SOFT,
        )  # fmt: skip
    axes.set_xticks(place, names, rotation=35, ha="right", rotation_mode="anchor")
    axes.set(
        xlabel="random down to",
        ylabel="rank correlation",
        ylim=(np.nanmin([0, *ends.ravel()]), 1.03),
    )
    axes.grid(visible=False, axis="x")
    said = ", ".join(f"{name} {number(mean.value, 2)}" for name, mean in cascade.stages.items())
    return lines(
        figure,
        caption="Spearman's rank correlation of heat maps with those of the trained network, while "
        "its layers become random one after the other, from the logits down; mean over labels and "
        f"{means[0].maps:,} maps, with 95 % intervals over linked patient groups. Dotted: the "
        "trained network's maps of two patients, which share no more than the place of a head in "
        "the image.",
        alternative=f"A curve over what is random: {said}; maps of other patients "
        f"{number(other, 2)}.",
    )


def shuffled_table(compared: BesideShuffled) -> Table:
    """The permuted labels' network beside the run."""
    found = compared.pointing
    rows = [["rank correlation of the maps", str(compared.correlation)]]
    rows += [
        [f"pointing game, {words}", str(found[name])]
        for name, words in (
            ("trained", "this run"),
            ("shuffled", "permuted labels"),
            ("difference", "difference"),
        )
        if name in found
    ]
    rows += [
        ["mean AUC on its own permuted labels", number(compared.auc)],
        ["slices, epochs", f"{compared.slices:,}, {compared.epochs}"],
    ]
    return Table(
        "The run beside a network of its kind that was trained on permuted labels: the same test "
        "slices, with 95 % intervals over linked patient groups. An area of 1 on its own labels "
        "means that it knows them by heart, 0.5 that it learned nothing.",
        ["what", "mean (interval)"],
        rows,
        numeric=frozenset({1}),
    )


def sentences(cascade: Cascade, compared: BesideShuffled) -> Sentences:
    """What the two checks say."""
    last = list(cascade.stages.values())[-1]
    excess, said = cascade.excess, []
    if last.maps == 0:
        said.append("No map is left when every layer is random, so that none can be compared.")
    elif excess.low > 0:
        said.append(
            f"With every layer random, the maps keep a rank correlation of {last} with the trained "
            f"network's, {excess} more than maps of other patients do: that part of a map comes "
            "from the image and the network's structure, and not from what was learned."
        )
    elif np.isnan(excess.value):
        said.append(
            f"With every layer random, the rank correlation is {last}; there are no maps of other "
            "patients to compare it with."
        )
    else:
        said.append(
            f"With every layer random, the maps' rank correlation with the trained network's is "
            f"{last}, no higher than that of maps of other patients, {cascade.other_slices}: the "
            "maps depend on the weights."
        )
    if (dead := last.without) > 0:
        said.append(f"Of the wholly random network's maps {dead} are empty and left out.")
    return Sentences([*said, *_of_shuffled(compared)])


def _of_shuffled(compared: BesideShuffled) -> list[str]:
    said = [
        "Trained on permuted labels, which it came to rank with a mean AUC of "
        f"{number(compared.auc)}, the same kind of network gives maps with a rank correlation of "
        f"{compared.correlation} with the run's."
    ]
    difference = compared.pointing.get("difference")
    if difference is None or np.isnan(difference.value):
        return said
    points = f"{compared.pointing['trained']} against {compared.pointing['shuffled']}"
    if difference.low > 0:
        said.append(f"The run points at the bleeding more often: {points}.")
    elif difference.high < 0:
        said.append(f"The method fails: the permuted labels' network points better, {points}.")
    else:
        said.append(
            f"The method fails: the run does not point at the bleeding more often than the "
            f"permuted labels' network, {points}."
        )
    return said


def _mean(values: NDArray[np.float64], group: NDArray[Any]) -> Mean:
    known = ~np.isnan(values)
    if not known.any():
        return Mean(np.nan, np.nan, np.nan, 0, len(values))
    names = pd.Index(group[known])
    resamples = draw_resamples(names)
    replicates = mean_replicates(values[known], resamples.places(names), resamples.counts)
    found = interval(replicates, groups=len(resamples.groups))
    count = int(known.sum())
    return Mean(float(values[known].mean()), found.low, found.high, count, len(values) - count)


def _agreement(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    return np.array([heatmap_agreement(a, b) for a, b in zip(first, second, strict=True)])


def _of_other_patients(heat: NDArray[Any], group: NDArray[Any]) -> NDArray[np.float64]:
    """Each map's correlation with another group's, half the list further on; NaN in one's own."""
    partner = np.roll(np.arange(len(heat)), len(heat) // 2)
    found = _agreement(heat, heat[partner])
    return np.where(group == group[partner], np.nan, found)


def _pointing(heat: NDArray[Any], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    scores = [heatmap_scores(one, mask) for one, mask in zip(heat, masks, strict=True)]
    return np.array([score["pointing"] for score in scores])


def _joined(parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """The labels' values in one array; empty where no test slice holds a label."""
    listed = list(parts)
    return np.concatenate(listed) if listed else np.empty(0)

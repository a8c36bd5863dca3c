"""What random layers and permuted labels do to the heat maps: a curve, a table and words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.evaluation.maps.likeness import (
    Mean,
    above_others,
    agreement,
    joined,
    mean_of,
    other_patients,
)
from ichreport.evaluation.maps.localisation import heatmap_scores
from ichreport.evaluation.predictions import probabilities, truths
from ichreport.evaluation.scores import auc_scores
from ichreport.report.html.blocks import Drawing, Sentences, Table, lines, numbers
from ichreport.report.html.figure_style import STYLE
from ichreport.report.html.formats import number
from ichreport.report.html.palette import ACCENT, FAINT, SOFT
from ichreport.report.maps.localisation import Heatmaps, groups_of, masks_of
from ichreport.runs.record import RunRecord

FEW: Final = 24
"""Most slices of a label that are looked at after each layer has become random."""


@dataclass(frozen=True)
class Cascade:
    """The maps' rank correlation with the trained network's while it becomes random.

    Attributes:
        stages: By what was made random last (`nothing` first), the mean correlation.
        other_slices: That of the trained network's own maps of slices of two patients: what the
            place of a head in the image brings about, without any network.
        excess: The wholly random network's minus that, on the same maps.
        lowest: The stage after `nothing` at which the correlation is lowest.
        below: That stage's minus `other_slices`, on the same maps.
        rise: The wholly random network's minus the lowest stage's, on the same maps.
    """

    stages: Mapping[str, Mean]
    other_slices: Mean
    excess: Mean
    lowest: str
    below: Mean
    rise: Mean


@dataclass(frozen=True)
class BesideShuffled:
    """A run's maps beside those of a network trained on permuted labels.

    Attributes:
        correlation: Rank correlation of the two networks' maps.
        other_slices: That of the run's own maps of slices of two patients.
        excess: `correlation` minus that, on the same maps.
        pointing: Pointing game by `trained`, `shuffled`, and `difference`, a mean over the maps of
            all labels; empty without truth.
        auc: Mean area under the ROC curve over labels, on the slices and permuted labels that it
            was trained on: 0.5 if it learned nothing of them, 1 if it knows them by heart.
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
    groups = [groups_of(sample, own) for own in rows.values()]
    group = joined(groups)
    values: dict[str, NDArray[np.float64]] = {}
    trained: Mapping[str, Heatmaps] = {}
    for name, shown in stages:
        trained = trained or shown
        values[name] = joined([agreement(trained[k].heat, shown[k].heat) for k in rows])
    found = {name: mean_of(own, group) for name, own in values.items()}
    last, lowest = list(found)[-1], _lowest(found)
    others = other_patients([trained[label].heat for label in rows], groups)
    return Cascade(
        found,
        others.mean(group),
        above_others(values[last], others, group),
        lowest,
        above_others(values[lowest], others, group),
        mean_of(values[last] - values[lowest], group),
    )


def beside_shuffled(
    run: RunRecord,
    store: Store,
    sample: Sample,
    asked: Mapping[str, NDArray[np.int64]],
    trained: Mapping[str, Heatmaps],
    shuffled: Mapping[str, Heatmaps],
    check: Any,
) -> BesideShuffled:
    """Compare a run's maps with those of a network trained on permuted labels.

    Args:
        run: The run.
        store: Where the slices are.
        sample: The sample that the run was made on.
        asked: By label, the slices that the maps are of.
        trained: The run's maps, by label.
        shuffled: The other network's.
        check: What `model.sanity.shuffled_labels` gives.
    """
    groups = [groups_of(sample, own) for own in asked.values()]
    group = joined(groups)
    heats = [(trained[label].heat, shuffled[label].heat) for label in asked]
    alike = joined([agreement(*pair) for pair in heats])
    others = other_patients([first for first, _ in heats], groups)
    pointing = {}
    if store.has_truth:
        masks = [masks_of(store, own, label) for label, own in asked.items()]
        hits = [
            joined([_pointing(pair[which], mask) for pair, mask in zip(heats, masks, strict=True)])
            for which in (0, 1)
        ]
        pointing = {
            "trained": mean_of(hits[0], group, hits=True),
            "shuffled": mean_of(hits[1], group, hits=True),
            "difference": mean_of(hits[0] - hits[1], group),
        }
    areas = auc_scores(truths(check.predictions), probabilities(check.predictions))
    return BesideShuffled(
        correlation=mean_of(alike, group),
        other_slices=others.mean(group),
        excess=above_others(alike, others, group),
        pointing=pointing,
        auc=float(np.nanmean(areas)) if not np.isnan(areas).all() else float("nan"),
        slices=len(check.predictions),
        epochs=check.epochs,
        run_slices=len(sample.rows_of("train")),
        run_epochs=len(run.record["history"]["loss"]),
    )


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
        "its layers become random one after the other, from the logits down; mean over "
        f"{means[0].maps:,} maps of all labels, with 95 % intervals over linked patient groups. "
        "Dotted: the trained network's maps of slices of two patients that hold the same label, "
        f"which share no more than the place of a head in the image: {cascade.other_slices}.",
        alternative=f"A curve over what is random: {said}; maps of other patients "
        f"{number(other, 2)}.",
    )


def shuffled_table(compared: BesideShuffled) -> Table:
    """The permuted labels' network beside the run."""
    means = {
        "rank correlation, the two networks' maps of a slice": compared.correlation,
        "rank correlation, the run's maps of two patients": compared.other_slices,
        "rank correlation, difference": compared.excess,
    }
    means |= {
        f"pointing game, {words}": compared.pointing[name]
        for name, words in (
            ("trained", "this run"),
            ("shuffled", "permuted labels"),
            ("difference", "difference"),
        )
        if name in compared.pointing
    }
    rows = [[name, f"{mean.maps:,} maps", str(mean)] for name, mean in means.items()]
    pointing = "; the table of measures has the pointing game by label, over slices"
    pointing = pointing if compared.pointing else ""
    few, many = f"{compared.slices:,} slices", f"{compared.run_slices:,} slices"
    rows += [
        ["mean AUC on its own permuted labels", few, number(compared.auc)],
        ["training, this run", many, f"{compared.run_epochs} epochs"],
        ["training, permuted labels", few, f"{compared.epochs} epochs"],
    ]
    return Table(
        "The run beside a network of its kind that was trained on permuted labels of some of the "
        "run's training slices: their maps of the same test slices, with 95 % intervals over "
        "linked patient groups. There is a map for each slice and label that it holds, any "
        f"included, so that a slice counts several times{pointing}. An area of 1 on its own labels "
        "means that it knows them by heart, 0.5 that it learned nothing.",
        ["what", *numbers("of", "mean (interval)")],
        rows,
    )


def sentences(cascade: Cascade, compared: BesideShuffled) -> Sentences:
    """What the two checks say."""
    return Sentences(
        [
            *_of_the_curve(cascade),
            *_of_its_end(cascade),
            *_of_shuffled(compared),
            *_of_pointing(compared),
            f"The run trained on {compared.run_slices:,} slices, {compared.run_epochs} epochs; the "
            f"permuted labels' network on {compared.slices:,} of them, {compared.epochs} epochs. "
            "What tells the two apart may come from that as well as from the labels.",
            "Random weights were drawn once, and labels permuted once. The intervals are over "
            "patients alone: another draw may well give a figure outside of them.",
        ]
    )


def _of_the_curve(cascade: Cascade) -> list[str]:
    """How the correlation goes from stage to stage."""
    names, rise = list(cascade.stages), cascade.rise
    lowest = cascade.stages[cascade.lowest]
    if len(names) < 3 or lowest.maps == 0:
        return []
    if cascade.lowest == names[-1]:
        return [f"The rank correlation is lowest when every layer is random, {lowest}."]
    said = (
        f"Of {len(names) - 1} stages the rank correlation is lowest, {lowest}, when layers are "
        f"random down to {cascade.lowest}"
    )
    if cascade.below.high < 0:
        said += (
            f"; that is less than that of maps of other patients, by {cascade.below.negative}: "
            "the maps depend on the weights of those layers"
        )
    if rise.low > 0:
        said += (
            f". It does not keep falling: with every layer random it is higher, by {rise}, so that "
            "the curve does not show that the maps depend on the weights of every layer"
        )
    return [f"{said}."]


def _of_its_end(cascade: Cascade) -> list[str]:
    """What is left of the maps when every layer is random."""
    last, excess = list(cascade.stages.values())[-1], cascade.excess
    if last.maps == 0:
        return ["No map is left when every layer is random, so that none can be compared."]
    start = "With every layer random, the maps' rank correlation with the trained network's is "
    start += f"{last}"
    against = f"that of the trained network's maps of other patients, {cascade.other_slices}"
    if np.isnan(excess.value):
        said = [f"{start}; there are no maps of other patients to compare it with."]
    elif excess.low > 0:
        said = [
            f"{start}, {excess} more than {against}: that part of a map comes from the image and "
            "the network's structure, and not from what was learned."
        ]
    elif excess.high < 0:
        said = [
            f"{start}, less than {against}, by {excess.negative}: the maps depend on the weights."
        ]
    else:
        said = [
            f"{start}, not distinguishable from {against}: the difference is {excess}. Maps that "
            "depend on the weights would give that; the interval leaves room for a likeness of up "
            f"to {number(excess.high)} beyond it."
        ]
    if last.without > 0:
        said.append(f"Of the wholly random network's maps {last.without} are empty and left out.")
    return said


def _of_shuffled(compared: BesideShuffled) -> list[str]:
    """How alike the maps of permuted labels are."""
    excess = compared.excess
    start = (
        "Trained on permuted labels, which it came to rank with a mean AUC of "
        f"{number(compared.auc)}, the same kind of network gives maps with a rank correlation of "
        f"{compared.correlation} with the run's"
    )
    against = f"the run's own maps of other patients do, {compared.other_slices}"
    if np.isnan(excess.value):
        return [f"{start}."]
    if excess.low > 0:
        return [
            f"{start}, {excess} more than {against}: that part of a map is the same whatever the "
            "labels say, and comes from the slice and the network's structure."
        ]
    if excess.high < 0:
        return [
            f"{start}, less than {against}, by {excess.negative}: the maps depend on the labels."
        ]
    return [
        f"{start}, not distinguishable from what {against}: the difference is {excess}. Maps that "
        "depend on the labels would give that; the interval leaves room for a likeness of up to "
        f"{number(excess.high)} beyond it."
    ]


def _of_pointing(compared: BesideShuffled) -> list[str]:
    """Which of the two networks points at the bleeding."""
    difference = compared.pointing.get("difference")
    if difference is None or np.isnan(difference.value):
        return []
    points = (
        f"a share of {compared.pointing['trained']} of {difference.maps:,} maps of all labels "
        f"against {compared.pointing['shuffled']}"
    )
    if difference.low > 0:
        return [f"The run points at the bleeding more often, by {difference}: {points}."]
    if difference.high < 0:
        return [f"The method fails: the permuted labels' network points better, {points}."]
    return [
        "The method fails: the run does not point at the bleeding more often than the permuted "
        f"labels' network, {points}."
    ]


def _lowest(found: Mapping[str, Mean]) -> str:
    """The stage after the first with the lowest mean; the last where none has one."""
    first, *others = found
    known = [name for name in others if found[name].maps]
    return min(known, key=lambda name: found[name].value) if known else [first, *others][-1]


def _pointing(heat: NDArray[Any], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    pairs = zip(heat, masks, strict=True)
    return np.array([heatmap_scores(*pair, measures=["pointing"])["pointing"] for pair in pairs])

"""What random layers and permuted labels do to heat maps: a curve, a table and sentences."""

from dataclasses import asdict
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from ichreport.evaluation.maps.sanity_checks import Cascade, PermutedComparison
from ichreport.evaluation.maps.similarity import Mean
from ichreport.report.html.blocks import Drawing, Sentences, Table, lines, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.figure_style import STYLE
from ichreport.report.html.formats import counted, digits_for, number, with_interval
from ichreport.report.html.palette import ACCENT, FAINT, SOFT

_CAPTIONS: Final = Captions.beside(__file__)
_NETWORKS: Final = {
    "trained": "this run",
    "shuffled": "permuted labels",
    "difference": "difference",
}
"""The rows of the pointing game, by their names in `PermutedComparison.pointing`."""


@mpl.rc_context(STYLE)
def curve(cascade: Cascade) -> Drawing:
    """The rank correlation after each layer has become random."""
    names, means = list(cascade.stages), list(cascade.stages.values())
    figure = Figure(figsize=(5.4, 3.0))
    axes = figure.subplots()
    positions = np.arange(len(names))
    ends = np.array([(mean.low, mean.high) for mean in means])
    axes.fill_between(positions, ends[:, 0], ends[:, 1], color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(positions, [mean.value for mean in means], color=ACCENT, marker="o", markersize=4)
    other = cascade.other_slices.value
    if not np.isnan(other):
        axes.axhline(other, color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
        axes.annotate(
            "maps of other patients", (len(names) - 1, other), xytext=(0, 4), ha="right",
            textcoords="offset points", color=SOFT,
        )  # fmt: skip
    axes.set_xticks(positions, names, rotation=35, ha="right", rotation_mode="anchor")
    axes.set(
        xlabel="random down to",
        ylabel="rank correlation",
        ylim=(np.nanmin([0, *ends.ravel()]), 1.03),
    )
    axes.grid(visible=False, axis="x")
    listed = ", ".join(f"{name} {number(mean.value, 2)}" for name, mean in cascade.stages.items())
    return lines(
        figure,
        caption=_CAPTIONS.fill(
            "cascade", maps=counted(means[0].maps, "map"), other=_text(cascade.other_slices)
        ),
        alternative=f"A curve over what is random: {listed}; maps of other patients "
        f"{number(other, 2)}.",
    )


def permuted_table(permuted: PermutedComparison) -> Table:
    """The permuted labels' network beside the run."""
    means = {
        "rank correlation, the two networks' maps of a slice": permuted.correlation,
        "rank correlation, the run's maps of two patients": permuted.other_slices,
        "rank correlation, difference": permuted.excess,
    }
    means |= {
        f"pointing game, {words}": permuted.pointing[name]
        for name, words in _NETWORKS.items()
        if name in permuted.pointing
    }
    rows = [[name, counted(mean.maps, "map"), _text(mean)] for name, mean in means.items()]
    pointing = "; the table of measures has the pointing game by label, over slices"
    pointing = pointing if permuted.pointing else ""
    slices, run_slices = (counted(n, "slice") for n in (permuted.slices, permuted.run_slices))
    rows += [
        ["mean AUC on its own permuted labels", slices, number(permuted.auc)],
        ["training, this run", run_slices, counted(permuted.run_epochs, "epoch")],
        ["training, permuted labels", slices, counted(permuted.epochs, "epoch")],
    ]
    return Table(
        _CAPTIONS.fill("permuted", pointing=pointing),
        ["what", *numbers("of", "mean (interval)")],
        rows,
    )


def sentences(cascade: Cascade, permuted: PermutedComparison) -> Sentences:
    """What the two checks say."""
    return Sentences(
        [
            *_curve_in_words(cascade),
            *_end_in_words(cascade),
            _permuted_in_words(permuted),
            *_pointing_in_words(permuted),
            _CAPTIONS.fill(
                "trainings",
                run_slices=counted(permuted.run_slices, "slice"),
                run_epochs=counted(permuted.run_epochs, "epoch"),
                slices=f"{permuted.slices:,}",
                epochs=counted(permuted.epochs, "epoch"),
            ),
            _CAPTIONS.fill("draws"),
        ]
    )


def _text(mean: Mean) -> str:
    return with_interval(asdict(mean))


def _clear(difference: Mean) -> str:
    """A difference whose interval leaves out 0, which nothing of it may look like."""
    ends = (difference.value, difference.low, difference.high)
    return with_interval(asdict(difference), digits_for(*ends))


def _not_ruled_out(excess: Mean) -> str:
    """What an interval that holds 0 says of a likeness."""
    if excess.high <= 0:
        return "That shows no likeness beyond it."
    most = number(excess.high, digits_for(excess.high))
    return f"That shows no likeness, and rules out none of up to {most} beyond it."


def _curve_in_words(cascade: Cascade) -> list[str]:
    """How the correlation goes from stage to stage."""
    names, rise = list(cascade.stages), cascade.rise
    lowest = cascade.stages[cascade.lowest]
    if len(names) < 3 or lowest.maps == 0:
        return []
    if cascade.lowest == names[-1]:
        return [f"The rank correlation is lowest when every layer is random, {_text(lowest)}."]
    text = (
        f"Of {len(names) - 1} stages the rank correlation is lowest, {_text(cascade.at_lowest)}, "
        f"when layers are random down to {cascade.lowest}"
    )
    if cascade.below.high < 0:
        text += (
            "; that is less than that of maps of other patients, by "
            f"{_clear(cascade.below.negative)}: the maps depend on the weights of those layers"
        )
    if rise.low > 0:
        text += (
            f". It does not keep falling: with every layer random it is higher, by {_clear(rise)}, "
            "so that the curve does not show that the maps depend on the weights of every layer"
        )
    said = [f"{text}."]
    if not np.isnan(cascade.at_lowest.low):
        said.append("These intervals allow for the choice of the lowest of all stages.")
    return [" ".join(said)]


def _end_in_words(cascade: Cascade) -> list[str]:
    """What is left of the maps when every layer is random."""
    last, excess = list(cascade.stages.values())[-1], cascade.excess
    if last.maps == 0:
        return ["No map is left when every layer is random, so that none can be compared."]
    start = (
        "With every layer random, the maps' rank correlation with the trained network's is "
        f"{_text(last)}"
    )
    against = f"that of the trained network's maps of other patients, {_text(cascade.other_slices)}"
    if np.isnan(excess.value):
        text = f"{start}; there are no maps of other patients to compare it with."
    elif np.isnan(excess.low):
        text = f"{start}; too few patients have maps to tell it from {against}."
    elif excess.low > 0:
        text = (
            f"{start}, {_clear(excess)} more than {against}: that part of a map comes from the "
            "image and the network's structure, and not from what was learned."
        )
    elif excess.high < 0:
        text = (
            f"{start}, less than {against}, by {_clear(excess.negative)}: the maps depend on the "
            "weights."
        )
    else:
        text = (
            f"{start}, not distinguishable from {against}: the difference is {_text(excess)}. "
            f"{_not_ruled_out(excess)}"
        )
    empty = counted(last.without, "is empty", "are empty")
    left_out = f"Of the wholly random network's maps {empty} and left out."
    return [text, left_out] if last.without > 0 else [text]


def _permuted_in_words(permuted: PermutedComparison) -> str:
    """How alike the maps of permuted labels are."""
    excess = permuted.excess
    if np.isnan(permuted.correlation.value):
        return "No map of the run and of the permuted labels' network can be compared."
    ranks = f", which it came to rank with a mean AUC of {number(permuted.auc)}"
    start = (
        f"Trained on permuted labels{'' if np.isnan(permuted.auc) else ranks}, the same kind of "
        f"network gives maps with a rank correlation of {_text(permuted.correlation)} with the "
        "run's"
    )
    against = f"the run's own maps of other patients do, {_text(permuted.other_slices)}"
    if np.isnan(excess.value):
        return f"{start}."
    if np.isnan(excess.low):
        return f"{start}; too few patients have maps to tell it from what {against}."
    if excess.low > 0:
        return (
            f"{start}, {_clear(excess)} more than {against}: that part of a map is the same "
            "whatever the labels say, and comes from the slice and the network's structure."
        )
    if excess.high < 0:
        return (
            f"{start}, less than {against}, by {_clear(excess.negative)}: the maps depend on the "
            "labels."
        )
    return (
        f"{start}, not distinguishable from what {against}: the difference is {_text(excess)}. "
        f"{_not_ruled_out(excess)}"
    )


def _pointing_in_words(permuted: PermutedComparison) -> list[str]:
    """Which of the two networks points at the bleeding."""
    difference = permuted.pointing.get("difference")
    if difference is None or np.isnan(difference.value):
        return []
    points = (
        f"a share of {_text(permuted.pointing['trained'])} of {counted(difference.maps, 'map')} of "
        f"all labels against {_text(permuted.pointing['shuffled'])}"
    )
    if np.isnan(difference.low):
        return [
            "Too few patients have maps to tell whether the run points at the bleeding more often "
            f"than the permuted labels' network: {points}."
        ]
    if difference.low > 0:
        return [f"The run points at the bleeding more often, by {_clear(difference)}: {points}."]
    if difference.high < 0:
        return [f"The method fails: the permuted labels' network points better, {points}."]
    if np.isclose(permuted.correlation.value, 1) and difference.value == 0:  # the same maps
        return [
            "The method fails: the run does not point at the bleeding more often than the permuted "
            f"labels' network, {points}."
        ]
    return [
        "It is not shown that the run points at the bleeding more often than the permuted labels' "
        f"network: the difference is {_text(difference)}, {points}."
    ]

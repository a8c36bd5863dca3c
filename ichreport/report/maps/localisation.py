"""Whether the heat lies on the bleeding: a table, a figure and sentences."""

from typing import Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ichreport.evaluation.maps.against_truth import TO_BEAT, MapMeasures
from ichreport.evaluation.maps.localisation import MEASURES
from ichreport.report.html.blocks import (
    Cell,
    Drawing,
    Marked,
    Row,
    Sentences,
    Table,
    Verdict,
    lines,
    numbers,
)
from ichreport.report.html.captions import Captions
from ichreport.report.html.figure_style import STYLE
from ichreport.report.html.formats import capital, listed, number, with_interval
from ichreport.report.html.palette import ACCENT, FAINT, PAPER

_CAPTIONS: Final = Captions.beside(__file__)
_NAMES: Final = {
    "pointing": "pointing game",
    "share_inside": "share of heat inside",
    "iou": "IoU at the true area",
    "average_precision": "average precision",
}

_BASELINES: Final = {"center": "– centre", "skull_edge": "– skull's edge", "random": "– random"}
_TO_BEAT: Final = {"center": "the image centre", "skull_edge": "the skull's inner edge"}
"""The baselines of `TO_BEAT` in words."""

_NO_TRUTH: Final = "These data do not say where the bleeding is, so that no map can be measured."
_NOTHING: Final = Sentences(["Nothing was measured."])


def table(measures: MapMeasures) -> Table | Sentences:
    """Every measure of every label with its interval, the baselines below."""
    if not measures.labels:
        return _NOTHING
    return Table(
        _CAPTIONS.fill("measures", method=measures.method, side=measures.side),
        ["label", "above both", *numbers("slices (groups)", *_NAMES.values())],
        [row for label in measures.labels for row in _rows(measures, label)],
    )


@mpl.rc_context(STYLE)
def above_baselines(measures: MapMeasures) -> Drawing | Sentences:
    """A forest plot: how far each measure lies above the image's centre and the skull's edge."""
    labels = measures.labels
    if not labels:
        return _NOTHING
    panels, described = [], []
    for measure, name in _NAMES.items():
        values = pd.DataFrame([measures.row(label, measure) for label in labels])
        panels.append(_forest(labels, values, title=name))
        for baseline, words in _TO_BEAT.items():
            pairs = zip(labels, values[f"above_{baseline}"], strict=True)
            listed = ", ".join(f"{label} {number(value)}" for label, value in pairs)
            described.append(f"{name}, above {words}: {listed}")
    return lines(
        panels,
        caption=_CAPTIONS.fill("forest", method=measures.method),
        alternative=f"Four forest plots. {'; '.join(described)}.",
    )


def verdict(measures: MapMeasures) -> Verdict:
    """For which labels the maps lie above both baselines, and by how many measures."""
    by_outcome: dict[str, list[str]] = {
        _CAPTIONS.fill("by_all", measures=len(MEASURES)): [],
        _CAPTIONS.fill("by_some"): [],
        _CAPTIONS.fill("by_none"): [],
        _CAPTIONS.fill("too_few"): [],
    }
    by_all, by_some, by_none, too_few = by_outcome.values()
    for label in measures.labels:
        wins = measures.wins(label)
        won = by_all if wins == len(MEASURES) else by_some if wins else by_none
        (won if measures.is_compared(label) else too_few).append(label)
    told = [f"{words} for {listed(labels)}" for words, labels in by_outcome.items() if labels]
    if not told:
        return Verdict(_NO_TRUTH)
    outcomes = capital("; ".join(told))
    return Verdict(_CAPTIONS.fill("above_both", method=measures.method, outcomes=outcomes))


def sentences(measures: MapMeasures) -> Sentences:
    """What the measures say; the labels that the maps fail for are named."""
    if not measures.labels:
        return Sentences([_NO_TRUTH])
    pairs = [(measure, baseline) for baseline in TO_BEAT for measure in MEASURES]
    given = sum(
        pd.notna(measures.row(label, measure)[f"above_{name}_low"])
        for label in measures.labels
        for measure, name in pairs
    )
    return Sentences(
        [
            *filter(None, (_measure_in_words(measures, *pair) for pair in pairs)),
            *_failures_in_words(measures),
            *_few_in_words(measures),
            *_skulls_in_words(measures),
            *_missing_in_words(measures),
            *_intervals_in_words(given),
        ]
    )


def _rows(measures: MapMeasures, label: str) -> list[Row]:
    """A label's maps, then the baselines."""
    rows = []
    for method, name in {"map": label, **_BASELINES}.items():
        by_measure = [measures.row(label, measure, method) for measure in MEASURES]
        slices = f"{by_measure[0]['slices']:,} ({by_measure[0]['groups']:,})"
        verdict: Cell = _verdict(measures, label) if method == "map" else ""
        cells = [name, verdict, slices, *map(with_interval, by_measure)]
        rows.append(Row(cells, "" if method == "map" else "quiet"))
    return rows


def _forest(labels: list[str], values: pd.DataFrame, *, title: str) -> Figure:
    figure = Figure(figsize=(3.3, 0.75 + 0.34 * len(labels)))
    axes = figure.subplots()
    heights = np.arange(len(labels))
    axes.axvline(0, color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
    for baseline, fill, shift in (("center", ACCENT, -0.14), ("skull_edge", PAPER, 0.14)):
        low, high = (values[f"above_{baseline}_{end}"] for end in ("low", "high"))
        axes.hlines(heights + shift, low, high, color=ACCENT, alpha=0.5)
        means = values[f"above_{baseline}"]
        axes.plot(means, heights + shift, "o", color=ACCENT, markerfacecolor=fill, markersize=5)
    axes.set_yticks(heights, labels)
    axes.set(ylim=(len(labels) - 0.5, -0.5), title=title)
    axes.set(xlabel="above the baseline")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return figure


def _intervals_in_words(given: int) -> list[str]:
    """How many intervals stand beside each other, if several do."""
    if given < 2:
        return []
    return [f"These are {given} intervals, each of 95 % on its own and not adjusted."]


def _measure_in_words(measures: MapMeasures, measure: str, baseline: str) -> str:
    """For which labels the maps are above a baseline, below it, and neither; empty for none."""
    better, worse, undecided = _split_by_sign(measures, measure, baseline)
    words = _TO_BEAT[baseline]
    parts = [
        f"{verb} {listed(labels)}"
        for verb, labels in (
            (f"above {words} for", better),
            (f"below {'it' if better else words} for", worse),
            (f"not distinguishable from {'it' if better or worse else words} for", undecided),
        )
        if labels
    ]
    said = f"By {_NAMES[measure]}, {measures.method} is {', '.join(parts)}."
    return said if parts else ""


def _failures_in_words(measures: MapMeasures) -> list[str]:
    failed = [
        label
        for label in measures.labels
        if measures.is_compared(label) and not measures.wins(label)
    ]
    if not failed:
        return []
    return [
        f"{measures.method} fails for {listed(failed)}: no measure is shown to lie above both "
        "that of heat that falls from the image's centre and that of heat along the skull's inner "
        "edge."
    ]


def _few_in_words(measures: MapMeasures) -> list[str]:
    few = [label for label in measures.labels if not measures.is_compared(label)]
    if not few:
        return []
    return [f"Too few patients have maps of {listed(few)} to compare them with any other heat."]


def _skulls_in_words(measures: MapMeasures) -> list[str]:
    """Slices that show no closed skull, so that they have no heat along its edge."""
    without = {
        label: int(measures.row(label, "pointing", "skull_edge")["without"])
        for label in measures.labels
    }
    listed = ", ".join(f"{label} {count}" for label, count in without.items() if count)
    if not listed:
        return []
    return [
        "Slices without heat along the skull's inner edge, since they show no closed skull, or "
        f"with an empty mask: {listed}. They are left out beside it."
    ]


def _missing_in_words(measures: MapMeasures) -> list[str]:
    without = {label: int(measures.row(label, "pointing")["without"]) for label in measures.labels}
    listed = ", ".join(f"{label} {count}" for label, count in without.items() if count)
    if not listed:
        return []
    return [f"Slices without a value, for an empty map or an empty mask: {listed}."]


def _verdict(measures: MapMeasures, label: str) -> Marked:
    if not measures.is_compared(label):
        return Marked("too few", "open")
    wins = measures.wins(label)
    kind = "good" if wins == len(MEASURES) else "open" if wins else "bad"
    return Marked(f"{wins} of {len(MEASURES)}" if wins else "fails", kind)


def _split_by_sign(
    measures: MapMeasures, measure: str, baseline: str
) -> tuple[list[str], list[str], list[str]]:
    """Labels above, below and neither, by the interval of the difference to a baseline, if any."""
    better, worse, undecided = [], [], []
    for label in measures.labels:
        row = measures.row(label, measure)
        if pd.isna(row[f"above_{baseline}_low"]):
            continue
        if row[f"above_{baseline}_low"] > 0:
            better.append(label)
        elif row[f"above_{baseline}_high"] < 0:
            worse.append(label)
        else:
            undecided.append(label)
    return better, worse, undecided

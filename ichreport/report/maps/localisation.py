"""Whether the heat lies on the bleeding: a table, a figure and sentences."""

from typing import Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ichreport.evaluation.maps.against_truth import MapMeasures
from ichreport.evaluation.maps.localisation import MEASURES
from ichreport.report.html.blocks import (
    Cell,
    Drawing,
    Marked,
    Row,
    Sentences,
    Table,
    lines,
    numbers,
)
from ichreport.report.html.captions import Captions
from ichreport.report.html.figure_style import STYLE
from ichreport.report.html.formats import number, with_interval
from ichreport.report.html.palette import ACCENT, FAINT

_CAPTIONS: Final = Captions.beside(__file__)
_NAMES: Final = {
    "pointing": "pointing game",
    "share_inside": "share of heat inside",
    "iou": "IoU at the true area",
    "average_precision": "average precision",
}

_BASELINES: Final = {"center": "– centre", "random": "– random"}

_NO_TRUTH: Final = Sentences(
    ["These data do not say where the bleeding is, so that no map can be measured."]
)
_NOTHING: Final = Sentences(["Nothing was measured."])


def table(measures: MapMeasures) -> Table | Sentences:
    """Every measure of every label with its interval, the two baselines below."""
    if not measures.labels:
        return _NO_TRUTH
    return Table(
        _CAPTIONS.fill("measures", method=measures.method, side=measures.side),
        ["label", "above the centre", *numbers("slices (groups)", *_NAMES.values())],
        [row for label in measures.labels for row in _rows(measures, label)],
    )


@mpl.rc_context(STYLE)
def above_center(measures: MapMeasures) -> Drawing | Sentences:
    """A forest plot: how far each measure lies above that of the image's centre."""
    labels = measures.labels
    if not labels:
        return _NOTHING
    panels, described = [], []
    for measure, name in _NAMES.items():
        values = pd.DataFrame([measures.row(label, measure) for label in labels])
        panels.append(_forest(labels, values, title=name))
        pairs = zip(labels, values["above_center"], strict=True)
        listed = ", ".join(f"{label} {number(value)}" for label, value in pairs)
        described.append(f"{name}: {listed}")
    return lines(
        panels,
        caption=_CAPTIONS.fill("forest", method=measures.method),
        alternative=f"Four forest plots. {'; '.join(described)}.",
    )


def sentences(measures: MapMeasures) -> Sentences:
    """What the measures say; the labels that the maps fail for are named."""
    if not measures.labels:
        return _NOTHING
    comparisons = len(MEASURES) * len(measures.labels)
    return Sentences(
        [
            *(_measure_in_words(measures, measure) for measure in MEASURES),
            *_failures_in_words(measures),
            *_missing_in_words(measures),
            f"These are {comparisons} intervals, each of 95 % on its own and not adjusted.",
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
    figure = Figure(figsize=(3.3, 0.75 + 0.24 * len(labels)))
    axes = figure.subplots()
    heights = np.arange(len(labels))
    axes.axvline(0, color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
    axes.hlines(
        heights, values["above_center_low"], values["above_center_high"], color=ACCENT, alpha=0.5
    )
    axes.plot(values["above_center"], heights, "o", color=ACCENT, markersize=5)
    axes.set_yticks(heights, labels)
    axes.set(ylim=(len(labels) - 0.5, -0.5), title=title)
    axes.set(xlabel="above the image centre")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return figure


def _measure_in_words(measures: MapMeasures, measure: str) -> str:
    """For which labels the maps are above the image's centre, below it, and neither."""
    better, worse, undecided = _split_by_sign(measures, measure)
    parts = [
        f"{verb} {_joined(labels)}"
        for verb, labels in (
            ("above the image centre for", better),
            ("below it for" if better else "below the image centre for", worse),
            ("not distinguishable from it for", undecided),
        )
        if labels
    ]
    return f"By {_NAMES[measure]}, {measures.method} is {', '.join(parts)}."


def _failures_in_words(measures: MapMeasures) -> list[str]:
    failed = [label for label in measures.labels if not _wins(measures, label)]
    if not failed:
        return []
    return [
        f"{measures.method} fails for {_joined(failed)}: no measure lies above that of heat "
        "that always falls from the image's centre."
    ]


def _missing_in_words(measures: MapMeasures) -> list[str]:
    without = {label: int(measures.row(label, "pointing")["without"]) for label in measures.labels}
    listed = ", ".join(f"{label} {count}" for label, count in without.items() if count)
    if not listed:
        return []
    return [f"Slices without a value, for an empty map or an empty mask: {listed}."]


def _wins(measures: MapMeasures, label: str) -> int:
    """In how many measures the maps lie above the image's centre."""
    return sum(measures.row(label, measure)["above_center_low"] > 0 for measure in MEASURES)


def _verdict(measures: MapMeasures, label: str) -> Marked:
    wins = _wins(measures, label)
    kind = "good" if wins == len(MEASURES) else "open" if wins else "bad"
    return Marked(f"{wins} of {len(MEASURES)}" if wins else "fails", kind)


def _split_by_sign(measures: MapMeasures, measure: str) -> tuple[list[str], list[str], list[str]]:
    """Labels above, below and neither, by the interval of the difference to the centre."""
    better, worse, undecided = [], [], []
    for label in measures.labels:
        row = measures.row(label, measure)
        if row["above_center_low"] > 0:
            better.append(label)
        elif row["above_center_high"] < 0:
            worse.append(label)
        else:
            undecided.append(label)
    return better, worse, undecided


def _joined(labels: list[str]) -> str:
    *first, last = labels
    return f"{', '.join(first)} and {last}" if first else last

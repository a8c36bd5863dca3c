"""Whether the heat lies on the bleeding: measures, intervals and baselines, as table and words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.evaluation.maps.localisation import MEASURES, heatmap_table
from ichreport.labels import ANY, LABELS
from ichreport.report.html.blocks import (
    Drawing,
    Marked,
    Row,
    Sentences,
    Table,
    lines,
    numbers,
)
from ichreport.report.html.figure_style import STYLE
from ichreport.report.html.formats import number, with_interval
from ichreport.report.html.palette import ACCENT, FAINT

MOST: Final = 300
"""Most test slices of a label whose maps are measured; of more, a seeded random choice."""

MEASURE_NAMES: Final = {
    "pointing": "pointing game",
    "share_inside": "share of heat inside",
    "iou": "IoU at the true area",
    "average_precision": "average precision",
}

BASELINES: Final = {"center": "– centre", "random": "– random"}

NO_TRUTH: Final = Sentences(
    ["These data do not say where the bleeding is, so that no map can be measured."]
)
NOTHING: Final = Sentences(["Nothing was measured."])


class Heatmaps(Protocol):
    """What `model.cam` makes for one label."""

    @property
    def method(self) -> str:
        """Its name."""

    @property
    def heat(self) -> NDArray[np.float32]:
        """Heat of (slices, size, size) in [0, 1]."""

    @property
    def side(self) -> int:
        """Pixels a side of the maps before they were scaled up."""


@dataclass(frozen=True)
class Measured:
    """Heat maps measured against the truth.

    Attributes:
        method: How the maps were made: CAM, Grad-CAM or HiResCAM.
        side: Pixels a side of the maps before they were scaled up.
        table: `evaluation.heatmaps.heatmap_table` of each label, with `label` as a column; its
            method is `map` for the maps. Empty where the data hold no truth.
    """

    method: str
    side: int
    table: pd.DataFrame

    def row(self, label: str, measure: str, method: str = "map") -> Mapping[str, Any]:
        """One row of the table."""
        own = self.table
        found = own[(own.label == label) & (own.measure == measure) & (own.method == method)]
        return {str(name): value for name, value in found.iloc[0].items()}

    @property
    def labels(self) -> list[str]:
        """The labels that some test slice holds."""
        return list(dict.fromkeys(self.table["label"])) if len(self.table) else []


def positives(
    store: Store, sample: Sample, *, most: int = MOST, seed: int = 0
) -> dict[str, NDArray[np.int64]]:
    """Test slices that hold each label: all, or a random choice of `most`; no label without any."""
    test = sample.rows_of("test")
    random = np.random.default_rng(seed)
    chosen = {}
    for label in LABELS:
        rows = test[store.slices[label].to_numpy()[test] == 1]
        if len(rows):
            chosen[label] = np.sort(random.permutation(rows)[:most])
    return chosen


def groups_of(sample: Sample, rows: NDArray[np.int64]) -> NDArray[Any]:
    """The linked patient groups of some slices of a sample."""
    groups: NDArray[Any] = sample.group[np.searchsorted(sample.rows, rows)]
    return groups


def masks_of(store: Store, rows: NDArray[np.int64], label: str) -> NDArray[np.bool_]:
    """Where a label bleeds in some slices: bool (slices, size, size)."""
    bits = store.truth(rows)
    return bits > 0 if label == ANY else (bits >> LABELS.index(label) & 1).astype(bool)


def measure(
    store: Store,
    sample: Sample,
    asked: Mapping[str, NDArray[np.int64]],
    shown: Mapping[str, Heatmaps],
) -> Measured:
    """Measure heat maps against the truth, beside the image's centre and random heat.

    Args:
        store: Where the slices are.
        sample: The sample that the run was made on; its linked groups are resampled.
        asked: By label, row numbers of slices that hold it.
        shown: By label, their heat maps.
    """
    first = next(iter(shown.values()), None)
    parts = [
        heatmap_table(
            {"map": shown[label].heat}, masks_of(store, rows, label), groups_of(sample, rows)
        ).assign(label=label)
        for label, rows in asked.items()
        if store.has_truth
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return Measured(first.method if first else "none", first.side if first else 0, table)


def table(measured: Measured) -> Table | Sentences:
    """Every measure of every label with its interval, the two baselines below."""
    if not measured.labels:
        return NO_TRUTH
    rows: list[Row] = []
    for label in measured.labels:
        for method in ("map", *BASELINES):
            found = [measured.row(label, of, method) for of in MEASURES]
            cells = [with_interval(row) for row in found]
            verdict = _verdict(measured, label) if method == "map" else ""
            count = f"{found[0]['slices']:,} ({found[0]['groups']:,})"
            texts = [BASELINES.get(method, label), verdict, count, *cells]
            rows.append(Row(texts, "quiet" if method in BASELINES else ""))
    return Table(
        f"How well the heat of {measured.method} finds the bleeding, on test slices that hold the "
        "label; above the centre: in how many of four measures the interval of the difference to "
        "heat that falls from the image's centre lies above 0. Pointing game: share of slices "
        "whose hottest pixel bleeds. Share of heat inside the bleeding. Intersection over union "
        "(IoU) of the bleeding and as many of the hottest pixels. Average precision of heat as a "
        "score of each pixel. 95 % intervals over linked patient groups: of the pointing game's "
        "share exact binomial ones (Korn and Graubard 1998), of the others by bootstrap. The maps "
        f"have {measured.side} pixels a side, scaled up. Grey: that centre, and random heat.",
        [
            "label",
            "above the centre",
            *numbers("slices (groups)", *(MEASURE_NAMES[measure] for measure in MEASURES)),
        ],
        rows,
    )


@mpl.rc_context(STYLE)
def above_center(measured: Measured) -> Drawing | Sentences:
    """A forest plot: how far each measure lies above that of the image's centre."""
    labels = measured.labels
    if not labels:
        return NOTHING
    panels, said = [], []
    place = np.arange(len(labels))
    for of in MEASURES:
        found = pd.DataFrame([measured.row(label, of) for label in labels])
        figure = Figure(figsize=(3.3, 0.75 + 0.24 * len(labels)))
        axes = figure.subplots()
        axes.axvline(0, color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
        axes.hlines(
            place, found["above_center_low"], found["above_center_high"], color=ACCENT, alpha=0.5
        )
        axes.plot(found["above_center"], place, "o", color=ACCENT, markersize=5)
        axes.set_yticks(place, labels)
        axes.set(ylim=(len(labels) - 0.5, -0.5), title=MEASURE_NAMES[of])
        axes.set(xlabel="above the image centre")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        panels.append(figure)
        values = zip(labels, found["above_center"], strict=True)
        listed = ", ".join(f"{label} {number(value)}" for label, value in values)
        said.append(f"{MEASURE_NAMES[of]}: {listed}")
    return lines(
        panels,
        caption=f"How far {measured.method} lies above heat that falls from the image's centre, on "
        "the same slices, with 95 % intervals over linked patient groups. At the dotted line a "
        "network's map is worth no more than a guess.",
        alternative=f"Four forest plots. {'; '.join(said)}.",
    )


def sentences(measured: Measured) -> Sentences:
    """What the measures say, each label's failures by name."""
    if not measured.labels:
        return NOTHING
    said = []
    for of in MEASURES:
        better, worse, open_ = _split_by_sign(measured, of)
        parts = [
            f"{verb} {_joined(labels)}"
            for verb, labels in (
                ("above the image centre for", better),
                ("below it for" if better else "below the image centre for", worse),
                ("not distinguishable from it for", open_),
            )
            if labels
        ]
        said.append(f"By {MEASURE_NAMES[of]}, {measured.method} is {', '.join(parts)}.")
    failed = [label for label in measured.labels if not _wins(measured, label)]
    if failed:
        said.append(
            f"{measured.method} fails for {_joined(failed)}: no measure lies above that of heat "
            "that always falls from the image's centre."
        )
    without = {label: int(measured.row(label, "pointing")["without"]) for label in measured.labels}
    if any(without.values()):
        listed = ", ".join(f"{label} {count}" for label, count in without.items() if count)
        said.append(f"Slices without a value, for an empty map or an empty mask: {listed}.")
    comparisons = len(MEASURES) * len(measured.labels)
    said.append(f"These are {comparisons} intervals, each of 95 % on its own and not adjusted.")
    return Sentences(said)


def _wins(measured: Measured, label: str) -> int:
    """In how many measures the maps lie above the image's centre."""
    return sum(measured.row(label, of)["above_center_low"] > 0 for of in MEASURES)


def _verdict(measured: Measured, label: str) -> Marked:
    wins = _wins(measured, label)
    kind = "good" if wins == len(MEASURES) else "open" if wins else "bad"
    return Marked(f"{wins} of {len(MEASURES)}" if wins else "fails", kind)


def _split_by_sign(measured: Measured, of: str) -> tuple[list[str], list[str], list[str]]:
    """Labels above, below and neither, by the interval of the difference to the centre."""
    better, worse, undecided = [], [], []
    for label in measured.labels:
        row = measured.row(label, of)
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

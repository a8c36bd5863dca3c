"""The figures of the report: one style, one colour a label, a caption and words for each."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from ichreport.data import summary
from ichreport.data.store import Store
from ichreport.evaluation import curves
from ichreport.evaluation.average_precision import average_precision
from ichreport.evaluation.bootstrap import draw_resamples
from ichreport.evaluation.calibration import (
    brier_score,
    expected_calibration_error,
    make_bins,
    reliability_curve,
)
from ichreport.evaluation.predictions import of_split, probabilities, truths
from ichreport.evaluation.scores import auc_scores
from ichreport.labels import ANY, LABELS
from ichreport.report.captioned import Drawing, lines, number
from ichreport.report.palette import (
    ACCENT,
    FAINT,
    GRID,
    INK,
    LABEL_COLORS,
    PAPER,
    SECOND,
    SOFT,
)
from ichreport.splits import Split

STYLE: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.title_fontsize": 8.5,
    "legend.handlelength": 1.4,
    "figure.constrained_layout.use": True,
}

_WIDE: Final = (4.9, 2.7)
_SQUARE: Final = (3.5, 3.5)
_SQUARE_AND_LEGEND: Final = (3.5, 4.25)
_SMALL: Final = (2.3, 1.9)


@mpl.rc_context(STYLE)
def loss_curves(history: Mapping[str, Sequence[float]]) -> Drawing:
    """Loss on train and validation after each epoch.

    Args:
        history: `loss` and `val_loss`, one value an epoch.
    """
    figure, axes = _axes(_WIDE)
    epochs = np.arange(1, len(history["loss"]) + 1)
    best = int(np.argmin(history["val_loss"]))
    axes.axvline(best + 1, color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
    for name, values, color in (
        ("train", history["loss"], SOFT),
        ("validation", history["val_loss"], ACCENT),
    ):
        axes.plot(epochs, values, color=color, marker="o", markersize=2.6)
        axes.annotate(
            f" {name}", (epochs[-1], values[-1]), va="center",
            color=color, annotation_clip=False,
        )  # fmt: skip
    low = number(history["val_loss"][best])
    axes.annotate(
        f"kept: {low}", (best + 1, 1), xycoords=("data", "axes fraction"), xytext=(4, -1),
        textcoords="offset points", va="top", color=SOFT,
    )  # fmt: skip
    axes.set(xlabel="epoch", ylabel="loss that is trained", xlim=(0.8, len(epochs) * 1.18 + 0.2))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return lines(
        figure,
        caption="Loss of train and validation after each epoch. The dotted line marks the epoch "
        "whose weights were kept.",
        alternative=f"Two curves over {len(epochs)} epochs. The validation loss is lowest, {low}, "
        f"at epoch {best + 1}; the train loss ends at {number(history['loss'][-1])}.",
    )


@mpl.rc_context(STYLE)
def roc_curves(predictions: pd.DataFrame, split: Split = "test") -> Drawing:
    """ROC curves of all labels on one split.

    Args:
        predictions: A run's predictions.
        split: The split to show.
    """
    y_true, y_score = _of(predictions, split)
    areas = auc_scores(y_true, y_score)
    figure, axes = _axes(_SQUARE_AND_LEGEND)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
    for index in _by_value(areas):
        curve = curves.roc(y_true[:, index], y_score[:, index], max_points=200)
        _label_line(axes, curve["false_positive_rate"], curve["recall"], index, areas[index])
    axes.set(xlabel="1 − specificity", ylabel="sensitivity", xlim=(-0.01, 1), ylim=(0, 1.01))
    _legend_below(figure, "area under the curve")
    return lines(
        figure,
        caption=f"ROC curves on {split}, by label; the dotted line is chance." + _undefined(areas),
        alternative=f"ROC curves on {split}. Areas: {_listed(areas)}",
    )


@mpl.rc_context(STYLE)
def precision_recall_curves(predictions: pd.DataFrame, split: Split = "test") -> Drawing:
    """Precision-recall curves of all labels on one split.

    Args:
        predictions: A run's predictions.
        split: The split to show.
    """
    y_true, y_score = _of(predictions, split)
    shares = y_true.mean(axis=0)
    averages = np.array(
        [average_precision(y_true[:, index], y_score[:, index]) for index in range(len(LABELS))]
    )
    figure, axes = _axes(_SQUARE_AND_LEGEND)
    for index in _by_value(averages):
        curve = curves.precision_recall(y_true[:, index], y_score[:, index], max_points=200)
        _label_line(axes, curve["recall"], curve["precision"], index, averages[index])
        axes.plot(1.015, shares[index], color=LABEL_COLORS[LABELS[index]], marker="<",
                  markersize=4, clip_on=False)  # fmt: skip
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.01))
    _legend_below(figure, "average precision")
    return lines(
        figure,
        caption=f"Precision against recall on {split}, by label. The marks on the right edge are "
        "the prevalences: what a random order would reach." + _undefined(averages),
        alternative=f"Precision-recall curves on {split}. Average precision: {_listed(averages)}",
    )


@mpl.rc_context(STYLE)
def calibration(predictions: pd.DataFrame, split: Split = "test", label: str = ANY) -> Drawing:
    """Observed against predicted shares of one label, with intervals over patient groups.

    Args:
        predictions: A run's predictions.
        split: The split to show.
        label: One of the six labels.
    """
    rows = of_split(predictions, split)
    column = LABELS.index(label)
    y_true, y_score = truths(rows)[:, column], probabilities(rows)[:, column]
    resamples = draw_resamples(rows["group"])
    bins = make_bins(y_score)
    table = reliability_curve(
        y_true, y_score, bins, place=resamples.places(rows["group"]), resamples=resamples
    )
    table = table[table["slices"] > 0]
    figure, axes = _axes(_SQUARE)
    color = LABEL_COLORS[label]
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
    axes.vlines(table["predicted"], table["low"], table["high"], color=color, alpha=0.45)
    axes.plot(table["predicted"], table["observed"], color=color, marker="o", markersize=3.4)
    axes.set(xlabel="predicted probability", ylabel="observed share", xlim=(-0.01, 1.01))
    axes.set(ylim=(-0.01, 1.01))
    error = expected_calibration_error(y_true, y_score, bins)
    brier = brier_score(y_true, y_score)
    return lines(
        figure,
        caption=f"Calibration of {label} on {split}: in {len(bins)} bins of equally many slices, "
        "as far as ties allow, how often bleeding was there against how probable it was said to "
        "be, with 95 % intervals. On the dotted line probabilities mean what they say. Brier score "
        f"{number(brier)}, calibration error {number(error)}.",
        alternative=f"A curve of {len(table)} points from {_pair(table, 0)} to "
        f"{_pair(table, -1)} (predicted, observed).",
    )


@mpl.rc_context(STYLE)
def co_occurrence(store: Store) -> Drawing:
    """How often each label comes with each other."""
    table = summary.co_occurrence(store.slices)
    counts = table.to_numpy(dtype=float)
    own = np.diag(counts)[:, None]
    share = np.divide(counts, own, out=np.full_like(counts, np.nan), where=own > 0)
    figure, axes = _axes((4.4, 3.5))
    import seaborn  # takes longer than all else here, and only the page of the data needs it

    # one colour, more or less of it, so that it shows on light and dark pages alike
    shades = LinearSegmentedColormap.from_list("shades", [(*to_rgb(ACCENT), a) for a in (0, 0.45)])
    seaborn.heatmap(
        np.nan_to_num(share), ax=axes, cmap=shades, vmin=0, vmax=1, cbar=False, annot=True,
        fmt=".2f", annot_kws={"color": INK}, xticklabels=LABELS, yticklabels=LABELS,
    )  # fmt: skip
    axes.xaxis.tick_top()
    axes.tick_params(axis="y", rotation=0)
    for name in axes.get_xticklabels():
        name.set(rotation=30, ha="left", rotation_mode="anchor")
    axes.grid(visible=False)
    off = np.nan_to_num(share) * (1 - np.eye(len(LABELS)))
    off[:, -1] = 0
    row, column = np.unravel_index(np.argmax(off), off.shape)
    return lines(
        figure,
        caption="Co-occurrence of labels: of the slices with the row's label, the share that has "
        "the column's too.",
        alternative=f"A six by six table of shares; beside any, {LABELS[row]} comes most often "
        f"with {LABELS[column]}, in {off[row, column]:.0%} of its slices.",
    )


@mpl.rc_context(STYLE)
def series_shape(store: Store) -> Drawing:
    """Slices a study, subtypes a slice, spacing of the pixels, and the tilt of the gantry."""
    per_study = summary.slices_per_study(store.slices)
    per_slice = summary.labels_per_slice(store.slices)
    geometry = summary.series_geometry(store.slices)
    tilt, spacing = geometry["tilt"].dropna(), geometry["spacing"].dropna()
    panels = []
    for name, unit, draw in (
        ("slices a study", "studies", lambda a: _bars(a, per_study.index, per_study)),
        ("subtypes a slice", "slices", lambda a: _bars(a, per_slice.index, per_slice)),
        ("pixel spacing (mm)", "series", lambda a: a.hist(spacing, bins=18, color=ACCENT)),
        ("tilt (degrees)", "series", lambda a: a.hist(tilt, bins=18, color=ACCENT)),
    ):
        figure, axes = _axes(_SMALL)
        draw(axes)
        axes.set(xlabel=name, ylabel=unit)
        axes.grid(visible=False, axis="x")
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter(_THOUSANDS)
        panels.append(figure)
    return lines(
        panels,
        caption="Slices a study, bleeding subtypes a slice, the pixels' spacing and the gantry's "
        "tilt.",
        alternative=f"Four histograms: studies have {int(per_study.index.min())} to "
        f"{int(per_study.index.max())} slices, slices {int(per_slice.index.min())} to "
        f"{int(per_slice.index.max())} subtypes; pixels are {spacing.min():.2f} to "
        f"{spacing.max():.2f} mm wide, and series are tilted by {tilt.min():.0f} to "
        f"{tilt.max():.0f} degrees.",
    )


@mpl.rc_context(STYLE)
def bleed_positions(store: Store) -> Drawing:
    """Where along the head each label occurs."""
    table = summary.bleed_positions(store.slices)
    figure, axes = _axes(_WIDE)
    for label in LABELS:
        axes.plot(table.index, table[label], color=LABEL_COLORS[label], label=label)
    axes.set(xlabel="height in the series (0 lowest slice, 1 highest)", ylabel="share of slices")
    axes.set(xlim=(0, 1), ylim=(0, None))
    axes.yaxis.set_major_formatter(_PERCENT)
    figure.legend(loc="outside lower center", ncols=3)
    peaks = [
        f"{label} near {float(table.index.to_numpy()[int(np.nanargmax(table[label]))]):.2f}"
        for label in LABELS
        if table[label].notna().any()
    ]
    return lines(
        figure,
        caption="Share of the slices at each height of the head that carry each label.",
        alternative=f"Six curves over the height in the series; most frequent: {', '.join(peaks)}.",
    )


@mpl.rc_context(STYLE)
def hu_distribution(store: Store) -> Drawing:
    """Intensities inside the skull, in bone and outside."""
    table = summary.hu_histogram(store)
    figure, axes = _axes(_WIDE)
    for column, color in zip(table.columns, (ACCENT, SOFT, SECOND), strict=False):
        values = table[column].where(table[column] > 0)
        axes.plot(table.index, values, label=column, color=color)
    axes.set(xlabel="intensity (HU)", ylabel="share of pixels", yscale="log")
    figure.legend(loc="outside lower center", ncols=3)
    inside = float(table.index.to_numpy()[int(np.argmax(table["inside"]))])
    return lines(
        figure,
        caption="Intensities inside the skull, in bone and outside, over a random draw of slices. "
        "Note the logarithmic scale.",
        alternative=f"Three histograms on a logarithmic scale; inside the skull most pixels lie "
        f"near {inside:.0f} HU.",
    )


@mpl.rc_context(STYLE)
def dots(
    names: Sequence[str],
    series: Mapping[str, tuple[Sequence[float], str, str]],
    *,
    xlabel: str,
    caption: str,
    alternative: str,
    intervals: Sequence[tuple[float, float]] | None = None,
    zero: bool = False,
) -> Drawing:
    """A dot plot: a line a name, a mark for each series.

    Args:
        names: What stands on each line, from the top.
        series: By name, its values (NaN where there is none), colour and marker.
        xlabel: What is measured.
        caption: What is shown.
        alternative: The same in words.
        intervals: Interval of the first series on each line.
        zero: Whether to mark zero, for differences.
    """
    figure, axes = _axes((5.4, 0.9 + 0.2 * len(names)))
    place = np.arange(len(names))
    if zero:
        axes.axvline(0, color=FAINT, linewidth=1)
    if intervals is not None:
        low, high = np.array(intervals, dtype=float).T
        axes.hlines(place, low, high, color=next(iter(series.values()))[1], alpha=0.4)
    for name, (values, color, marker) in series.items():
        filled = PAPER if marker == "o" and color != ACCENT else color
        axes.plot(
            values, place, linestyle="none", marker=marker, color=color, markerfacecolor=filled,
            markersize=7 if marker == "|" else 5, markeredgewidth=1.2, label=name,
        )  # fmt: skip
    axes.set_yticks(place, names)
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel=xlabel)
    axes.grid(visible=False, axis="x")
    axes.spines["left"].set_visible(False)
    if len(series) > 1:
        figure.legend(loc="outside upper center", ncols=len(series))
    return lines(figure, caption=caption, alternative=alternative)


_THOUSANDS: Final = FuncFormatter(lambda value, _: f"{value:,.0f}")
_PERCENT: Final = FuncFormatter(lambda value, _: f"{100 * value:.0f} %")


def _axes(size: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size)
    return figure, figure.subplots()


def _bars(axes: Axes, x: Any, height: Any) -> None:
    axes.bar(np.asarray(x, dtype=float), np.asarray(height, dtype=float), color=ACCENT, width=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))


def _label_line(axes: Axes, x: Any, y: Any, index: int, value: float) -> None:
    label = LABELS[index]
    axes.plot(
        x, y, color=LABEL_COLORS[label], label=f"{value:.3f}  {label}",
        linewidth=2.2 if label == ANY else 1.5, zorder=3 if label == ANY else 2,
    )  # fmt: skip


def _legend_below(figure: Figure, title: str) -> None:
    """A legend under the axes, where no curve can pass beneath it."""
    if any(axes.get_legend_handles_labels()[0] for axes in figure.axes):
        figure.legend(title=title, loc="outside lower center", alignment="left", ncols=2)


def _undefined(values: NDArray[np.float64]) -> str:
    """A sentence that names the labels without a value, if there are any."""
    missing = [label for label, value in zip(LABELS, values, strict=True) if np.isnan(value)]
    return f" Undefined, with one class only: {', '.join(missing)}." if missing else ""


def _by_value(values: NDArray[np.float64]) -> list[int]:
    """Indices of the defined values, the largest first."""
    return [int(index) for index in np.argsort(-values) if not np.isnan(values[index])]


def _of(predictions: pd.DataFrame, split: Split) -> tuple[NDArray[Any], NDArray[Any]]:
    rows = of_split(predictions, split)
    return truths(rows), probabilities(rows)


def _pair(table: pd.DataFrame, row: int) -> str:
    return f"{number(table['predicted'].iloc[row], 2)}, {number(table['observed'].iloc[row], 2)}"


def _listed(values: NDArray[np.float64]) -> str:
    return ", ".join(f"{label} {number(v)}" for label, v in zip(LABELS, values, strict=True)) + "."

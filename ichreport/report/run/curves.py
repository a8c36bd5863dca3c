"""The curves of a run: losses, ROC, precision-recall, calibration; and a dot plot of runs."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ichreport.evaluation.assessment import Assessment
from ichreport.labels import ANY, LABELS
from ichreport.report.html.blocks import Drawing, lines
from ichreport.report.html.captions import Captions
from ichreport.report.html.figure_style import STYLE, WIDE, one_axes
from ichreport.report.html.formats import counted, number
from ichreport.report.html.palette import ACCENT, FAINT, LABEL_COLORS, PAPER, SOFT

_CAPTIONS: Final = Captions.beside(__file__)
_SQUARE: Final = (3.5, 3.5)
_SQUARE_AND_LEGEND: Final = (3.5, 4.25)


@mpl.rc_context(STYLE)
def loss_curves(history: Mapping[str, Sequence[float]]) -> Drawing:
    """Loss on train and validation after each epoch.

    Args:
        history: `loss` and `val_loss`, one value an epoch.
    """
    figure, axes = one_axes(WIDE)
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
        caption=_CAPTIONS.fill("loss_curves"),
        alternative=_CAPTIONS.fill(
            "loss_curves_alternative",
            epochs=counted(len(epochs), "epoch"),
            lowest=low,
            best=best + 1,
            last=number(history["loss"][-1]),
        ),
    )


@mpl.rc_context(STYLE)
def roc_curves(assessed: Assessment) -> Drawing:
    """ROC curves of all labels on test."""
    areas = np.array([assessed.score("auc", label)["value"] for label in LABELS])
    figure, axes = one_axes(_SQUARE_AND_LEGEND)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
    for index in _by_value(areas):
        curve = assessed.curve("roc", LABELS[index])
        _label_line(axes, curve["false_positive_rate"], curve["recall"], index, areas[index])
    axes.set(xlabel="1 − specificity", ylabel="sensitivity", xlim=(-0.01, 1), ylim=(0, 1.01))
    _legend_below(figure, "area under the curve")
    return lines(
        figure,
        caption=_CAPTIONS.fill("roc_curves", undefined=_undefined(areas)),
        alternative=f"ROC curves on test. Areas: {_listed(areas)}",
    )


@mpl.rc_context(STYLE)
def precision_recall_curves(assessed: Assessment) -> Drawing:
    """Precision-recall curves of all labels on test."""
    rows = [assessed.average_precision(label) for label in LABELS]
    averages = np.array([row["value"] for row in rows])
    figure, axes = one_axes(_SQUARE_AND_LEGEND)
    for index in _by_value(averages):
        curve = assessed.curve("precision_recall", LABELS[index])
        _label_line(axes, curve["recall"], curve["precision"], index, averages[index])
        axes.plot(1.015, rows[index]["floor"], color=LABEL_COLORS[LABELS[index]], marker="<",
                  markersize=4, clip_on=False)  # fmt: skip
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.01))
    _legend_below(figure, "average precision")
    return lines(
        figure,
        caption=_CAPTIONS.fill("precision_recall_curves", undefined=_undefined(averages)),
        alternative=f"Precision-recall curves on test. Average precision: {_listed(averages)}",
    )


@mpl.rc_context(STYLE)
def calibration(assessed: Assessment, label: str = ANY) -> Drawing:
    """Observed against predicted shares of one label on test, with intervals over patient groups.

    Args:
        assessed: The run's assessment.
        label: One of the six labels.
    """
    table = assessed.curve("reliability", label)
    bins, table = len(table), table[table["slices"] > 0]
    figure, axes = one_axes(_SQUARE)
    color = LABEL_COLORS[label]
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
    axes.vlines(table["predicted"], table["low"], table["high"], color=color, alpha=0.45)
    axes.plot(table["predicted"], table["observed"], color=color, marker="o", markersize=3.4)
    axes.set(xlabel="predicted probability", ylabel="observed share", xlim=(-0.01, 1.01))
    axes.set(ylim=(-0.01, 1.01))
    error = assessed.calibration_measure("expected_calibration_error", label)["value"]
    brier = assessed.calibration_measure("brier", label)["value"]
    return lines(
        figure,
        caption=_CAPTIONS.fill(
            "calibration_curve",
            label=label,
            bins=counted(bins, "bin"),
            brier=number(brier),
            error=number(error),
        ),
        alternative=f"A curve of {counted(len(table), 'point')}"
        f"{_ends(table)} (predicted, observed).",
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
    figure, axes = one_axes((5.4, 0.9 + 0.2 * len(names)))
    heights = np.arange(len(names))
    if zero:
        axes.axvline(0, color=FAINT, linewidth=1)
    if intervals is not None:
        low, high = np.array(intervals, dtype=float).T
        axes.hlines(heights, low, high, color=next(iter(series.values()))[1], alpha=0.4)
    for name, (values, color, marker) in series.items():
        filled = PAPER if marker == "o" and color != ACCENT else color
        axes.plot(
            values, heights, linestyle="none", marker=marker, color=color, markerfacecolor=filled,
            markersize=7 if marker == "|" else 5, markeredgewidth=1.2, label=name,
        )  # fmt: skip
    axes.set_yticks(heights, names)
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel=xlabel)
    axes.grid(visible=False, axis="x")
    axes.spines["left"].set_visible(False)
    if len(series) > 1:
        figure.legend(loc="outside upper center", ncols=len(series))
    return lines(figure, caption=caption, alternative=alternative)


def _label_line(axes: Axes, x: Any, y: Any, index: int, value: float) -> None:
    label = LABELS[index]
    axes.plot(
        x, y, color=LABEL_COLORS[label], label=f"{number(value)}  {label}",
        linewidth=2.2 if label == ANY else 1.5, zorder=3 if label == ANY else 2,
    )  # fmt: skip


def _legend_below(figure: Figure, title: str) -> None:
    """A legend under the axes, where no curve can pass beneath it."""
    if any(axes.get_legend_handles_labels()[0] for axes in figure.axes):
        figure.legend(title=title, loc="outside lower center", alignment="left", ncols=2)


def _undefined(values: NDArray[np.float64]) -> str:
    """A sentence that names the labels without a value, if there are any."""
    missing = [label for label, value in zip(LABELS, values, strict=True) if np.isnan(value)]
    return f"Undefined, with one class only: {', '.join(missing)}." if missing else ""


def _by_value(values: NDArray[np.float64]) -> list[int]:
    """Indices of the defined values, the largest first."""
    return [int(index) for index in np.argsort(-values) if not np.isnan(values[index])]


def _ends(table: pd.DataFrame) -> str:
    """From where to where a curve leads, or where its only point is; nothing without points."""
    pairs = zip(table["predicted"], table["observed"], strict=True)
    words = [f"{number(predicted, 2)}, {number(observed, 2)}" for predicted, observed in pairs]
    if len(words) < 2:
        return f" at {words[0]}" if words else ""
    return f" from {words[0]} to {words[-1]}"


def _listed(values: NDArray[np.float64]) -> str:
    return ", ".join(f"{label} {number(v)}" for label, v in zip(LABELS, values, strict=True)) + "."

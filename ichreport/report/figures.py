"""The figures of the report: one style, one colour a label, a caption and words for each."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ichreport.data import summary
from ichreport.data.store import Store
from ichreport.evaluation import curves
from ichreport.evaluation.predictions import of_split, probabilities, truths
from ichreport.evaluation.scores import auc_scores
from ichreport.labels import LABELS
from ichreport.report.captioned import Picture, lines, number

PALETTE: Final = dict(
    zip(LABELS, ("#d55e00", "#0072b2", "#56b4e9", "#009e73", "#cc79a7", "#333333"), strict=True)
)
"""One colour a label, from Okabe and Ito's palette for every kind of colour vision."""

STYLE: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "svg.hashsalt": "ichreport",
}


def loss_curves(history: Mapping[str, Sequence[float]]) -> Picture:
    """Loss on train and validation after each epoch."""
    figure, [axes] = _panels(1)
    epochs = np.arange(1, len(history["loss"]) + 1)
    axes.plot(epochs, history["loss"], label="train", color="#0072b2", marker="o", markersize=3)
    axes.plot(epochs, history["val_loss"], label="validation", color="#d55e00", marker="s", ms=3)
    best = int(np.argmin(history["val_loss"]))
    axes.axvline(best + 1, color="#999999", linestyle=":", label="kept")
    axes.set(xlabel="epoch", ylabel="training loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    low = number(history["val_loss"][best])
    return lines(
        figure,
        caption="Training and validation loss by epoch. The dotted line marks the epoch that was "
        "kept.",
        alternative=f"Two curves over {len(epochs)} epochs; the validation loss is lowest, {low}, "
        f"at epoch {best + 1}.",
    )


def roc_curves(predictions: pd.DataFrame, split: str = "test") -> Picture:
    """ROC curves of all labels on one split."""
    y_true, y_score = _of(predictions, split)
    areas = auc_scores(y_true, y_score)
    figure, [axes] = _panels(1, square=True)
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle=":")
    for index, label in enumerate(LABELS):
        if np.isnan(areas[index]):
            continue
        curve = curves.roc(y_true[:, index], y_score[:, index])
        shown = f"{label} {areas[index]:.3f}"
        axes.plot(curve.iloc[:, 0], curve.iloc[:, 1], color=PALETTE[label], label=shown)
    axes.set(xlabel="1 − specificity", ylabel="sensitivity")
    axes.legend(title="AUC", loc="lower right", fontsize=8)
    missing = [label for label, area in zip(LABELS, areas, strict=True) if np.isnan(area)]
    return lines(
        figure,
        caption=f"ROC curves on {split}, by label."
        + (f" Undefined, with one class only: {', '.join(missing)}." if missing else ""),
        alternative="ROC curves above the diagonal by how well each label is ranked; areas: "
        + _listed(areas),
    )


def precision_recall_curves(predictions: pd.DataFrame, split: str = "test") -> Picture:
    """Precision-recall curves of all labels on one split."""
    y_true, y_score = _of(predictions, split)
    shares = y_true.mean(axis=0)
    figure, [axes] = _panels(1, square=True)
    averages = np.full(len(LABELS), np.nan)
    for index, label in enumerate(LABELS):
        if shares[index] in (0.0, 1.0):
            continue
        curve = curves.precision_recall(y_true[:, index], y_score[:, index])
        averages[index] = curves.average_precision(y_true[:, index], y_score[:, index])
        shown = f"{label} {averages[index]:.3f}"
        axes.plot(curve["recall"], curve["precision"], color=PALETTE[label], label=shown)
        axes.axhline(shares[index], color=PALETTE[label], linewidth=0.8, linestyle=":")
    axes.set(xlabel="recall", ylabel="precision", ylim=(-0.02, 1.02))
    axes.legend(title="average precision", fontsize=8)
    return lines(
        figure,
        caption=f"Precision against recall on {split}, by label. Dotted: the label's prevalence, "
        "which a random order would reach.",
        alternative="Precision-recall curves; average precision: " + _listed(averages),
    )


def co_occurrence(store: Store) -> Picture:
    """How often each label comes with each other."""
    table = summary.co_occurrence(store.slices)
    counts = table.to_numpy(dtype=float)
    own = np.diag(counts)[:, None]
    share = np.divide(counts, own, out=np.full_like(counts, np.nan), where=own > 0)
    figure, [axes] = _panels(1, square=True)
    sns.heatmap(
        pd.DataFrame(share, index=table.index, columns=table.columns),
        annot=True, fmt=".2f", cmap="Blues", vmin=0, vmax=1, cbar=False, ax=axes,
    )  # fmt: skip
    axes.set(ylabel="of the slices with this label …", xlabel="… this share has that one too")
    axes.grid(visible=False)
    off = share - np.diag(np.diag(share))
    off[:, -1] = 0
    row, column = np.unravel_index(np.nanargmax(off), off.shape)
    return lines(
        figure,
        caption="Co-occurrence of labels: each row's share of slices that carry the column's label "
        "too.",
        alternative=f"A six by six heat map; beside any, {LABELS[row]} comes most often with "
        f"{LABELS[column]}, in {off[row, column]:.0%} of its slices.",
    )


def series_shape(store: Store) -> Picture:
    """Slices a study, labels a slice, and the tilt of the gantry."""
    figure, (first, second, third) = _panels(3)
    per_study = summary.slices_per_study(store.slices)
    per_slice = summary.labels_per_slice(store.slices)
    tilt = summary.series_geometry(store.slices)["tilt"]
    first.bar(per_study.index, per_study.to_numpy(), color="#0072b2")
    first.set(xlabel="slices a study", ylabel="studies")
    second.bar(per_slice.index.astype(str), per_slice.to_numpy(), color="#0072b2")
    second.set(xlabel="subtypes a slice", ylabel="slices")
    third.hist(tilt.dropna(), bins=24, color="#0072b2")
    third.set(xlabel="tilt (degrees)", ylabel="series")
    return lines(
        figure,
        caption="Slices a study, bleeding subtypes a slice, and the gantry's tilt.",
        alternative=f"Three histograms: studies have {int(per_study.index.min())} to "
        f"{int(per_study.index.max())} slices, slices {int(per_slice.index.min())} to "
        f"{int(per_slice.index.max())} subtypes, and series tilts from {tilt.min():.0f} to "
        f"{tilt.max():.0f} degrees.",
    )


def bleed_positions(store: Store) -> Picture:
    """Where along the head each label occurs."""
    table = summary.bleed_positions(store.slices)
    figure, [axes] = _panels(1)
    for label in LABELS:
        axes.plot(table.index, table[label], color=PALETTE[label], label=label)
    axes.set(xlabel="position in the series (0 lowest slice, 1 highest)", ylabel="share of slices")
    axes.legend(fontsize=8, ncols=2)
    peak = float(table.index.to_numpy()[int(np.nanargmax(table["any"].to_numpy()))])
    return lines(
        figure,
        caption="Share of the slices at each height of the head that carry each label.",
        alternative=f"Six curves over the position in the series; any bleeding is most frequent "
        f"near {peak:.2f} of the way up.",
    )


def hu_distribution(store: Store) -> Picture:
    """Intensities inside the skull, in bone and outside."""
    table = summary.hu_histogram(store)
    figure, [axes] = _panels(1)
    colors = ("#0072b2", "#999999", "#d55e00")
    for column, color in zip(table.columns, colors, strict=False):
        axes.plot(table.index, table[column], label=column, color=color)
    axes.set(xlabel="intensity (HU)", ylabel="share of pixels", yscale="log")
    axes.legend()
    inside = table.index[int(np.argmax(table["inside"]))]
    return lines(
        figure,
        caption="Intensities inside the skull, in bone and outside, over a random draw of slices.",
        alternative=f"Three histograms on a logarithmic scale; inside the skull most pixels lie "
        f"near {float(inside):.0f} HU.",
    )


def _panels(count: int, *, square: bool = False) -> tuple[Figure, list[Axes]]:
    with mpl.rc_context(STYLE):
        size = (5.2, 4.6) if square else (3.2 * count, 2.8) if count > 1 else (6.4, 3.2)
        figure = Figure(figsize=size, layout="constrained")
        axes: Any = figure.subplots(1, count, squeeze=False)[0]
    return figure, list(axes)


def _of(predictions: pd.DataFrame, split: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    rows = of_split(predictions, split)
    return truths(rows), probabilities(rows)


def _listed(values: NDArray[np.float64]) -> str:
    return ", ".join(f"{label} {number(v)}" for label, v in zip(LABELS, values, strict=True)) + "."

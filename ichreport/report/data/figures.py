"""Figures of the data: labels, series, positions and intensities, each with words for it."""

from collections.abc import Callable
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ichreport.data import summary
from ichreport.data.store import Store
from ichreport.labels import LABELS
from ichreport.report.data import missing
from ichreport.report.html.blocks import Drawing, Sentences, lines
from ichreport.report.html.captions import Captions
from ichreport.report.html.figure_style import STYLE, WIDE, one_axes
from ichreport.report.html.formats import counted_range, number, number_range, percent
from ichreport.report.html.palette import ACCENT, INK, LABEL_COLORS, SECOND, SOFT

_CAPTIONS: Final = Captions.beside(__file__)
_SMALL: Final = (2.3, 1.9)


@mpl.rc_context(STYLE)
def co_occurrence(store: Store) -> Drawing | Sentences:
    """How often each label comes with each other, in slices, or in studies where they have none."""
    labelled, rows = store.slices, "slices"
    if not _is_labelled(store):
        if store.studies is None:
            return missing.no_labels()
        labelled, rows = store.studies, "studies"
    share = summary.co_occurrence(labelled).to_numpy()
    figure, axes = one_axes((4.4, 3.5))
    import seaborn  # takes longer than all else here, and only the page of the data needs it

    # one colour, more or less of it, so that it shows on light and dark pages alike
    shades = LinearSegmentedColormap.from_list("shades", [(*to_rgb(ACCENT), a) for a in (0, 0.45)])
    words = [[number(value, 2) for value in row] for row in share]
    seaborn.heatmap(
        np.nan_to_num(share), ax=axes, cmap=shades, vmin=0, vmax=1, cbar=False, annot=words,
        fmt="", annot_kws={"color": INK}, xticklabels=LABELS, yticklabels=LABELS,
    )  # fmt: skip
    axes.xaxis.tick_top()
    axes.tick_params(axis="y", rotation=0)
    for name in axes.get_xticklabels():
        name.set(rotation=30, ha="left", rotation_mode="anchor")
    axes.grid(visible=False)
    off_diagonal = np.nan_to_num(share) * (1 - np.eye(len(LABELS)))
    off_diagonal[-1], off_diagonal[:, -1] = 0, 0
    row, column = np.unravel_index(np.argmax(off_diagonal), off_diagonal.shape)
    alternative = _CAPTIONS.fill("co_occurrence_none")
    if off_diagonal.any():
        alternative = _CAPTIONS.fill(
            "co_occurrence_alternative",
            label=LABELS[row],
            other=LABELS[column],
            share=percent(off_diagonal[row, column]),
            rows=rows,
        )
    return lines(
        figure, caption=_CAPTIONS.fill("co_occurrence", rows=rows), alternative=alternative
    )


@mpl.rc_context(STYLE)
def series_shape(store: Store) -> Drawing:
    """Slices a study, subtypes a slice, spacing of the pixels, and the tilt of the gantry.

    What the files do not say, or nobody has labelled, is named and not drawn.
    """
    per_study = summary.slices_per_study(store.slices)
    per_slice = summary.labels_per_slice(store.slices)
    geometry = summary.series_geometry(store.slices)
    tilt, spacing = geometry["tilt"].dropna(), geometry["spacing"].dropna()
    length, subtypes = per_study.index, per_slice.index[per_slice > 0]
    panels, ranges, unknown = [], [], []
    every: tuple[tuple[str, str, Any, Callable[[Any], str], Callable[[Axes], Any]], ...] = (
        ("slices a study", "studies", length,
         lambda known: _CAPTIONS.fill("range_of_studies", slices=counted_range(known, "slice")),
         lambda a: _bars(a, per_study.index, per_study)),
        ("subtypes a slice", "slices", subtypes,
         lambda known: _CAPTIONS.fill("range_of_subtypes", kinds=counted_range(known, "subtype")),
         lambda a: _bars(a, per_slice.index, per_slice)),
        ("pixel spacing (mm)", "series", spacing,
         lambda known: _CAPTIONS.fill("range_of_spacing", width=number_range(known, 2)),
         lambda a: a.hist(spacing, bins=18, color=ACCENT)),
        ("tilt (degrees)", "series", tilt,
         lambda known: _CAPTIONS.fill("range_of_tilt", angle=counted_range(known, "degree")),
         lambda a: a.hist(tilt, bins=18, color=ACCENT)),
    )  # fmt: skip
    for name, unit, values, words, draw in every:
        if not len(values):
            unknown.append(name)
            continue
        ranges.append(words(values))
        figure, axes = one_axes(_SMALL)
        draw(axes)
        axes.set(xlabel=name, ylabel=unit)
        axes.grid(visible=False, axis="x")
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter(_THOUSANDS)
        panels.append(figure)
    not_drawn = _CAPTIONS.fill("not_drawn", names=", ".join(unknown)) if unknown else ""
    return lines(
        panels,
        caption=_CAPTIONS.fill("series_shape", not_drawn=not_drawn),
        alternative=f"Histograms: {'; '.join(ranges)}.",
    )


@mpl.rc_context(STYLE)
def bleed_positions(store: Store) -> Drawing | Sentences:
    """Where along the head each label occurs."""
    if not _is_labelled(store):
        return missing.no_labels_of_slices(store)
    table = summary.bleed_positions(store.slices)
    if not table["slices"].any():
        return Sentences([_CAPTIONS.fill("no_positions")])
    figure, axes = one_axes(WIDE)
    for label in LABELS:
        axes.plot(table.index, table[label], color=LABEL_COLORS[label], label=label)
    axes.set(xlabel="height in the series (0 lowest slice, 1 highest)", ylabel="share of slices")
    axes.set(xlim=(0, 1), ylim=(0, None))
    axes.yaxis.set_major_formatter(_PERCENT)
    figure.legend(loc="outside lower center", ncols=3)
    peaks = [
        f"{label} near {float(table.index.to_numpy()[int(np.nanargmax(table[label]))]):.2f}"
        for label in LABELS
        if (table[label] > 0).any()
    ]
    alternative = _CAPTIONS.fill("bleed_positions_none")
    if peaks:
        alternative = _CAPTIONS.fill("bleed_positions_alternative", peaks=", ".join(peaks))
    return lines(figure, caption=_CAPTIONS.fill("bleed_positions"), alternative=alternative)


@mpl.rc_context(STYLE)
def hu_distribution(store: Store) -> Drawing:
    """Intensities inside the skull, in bone and outside."""
    table = summary.hu_histogram(store)
    figure, axes = one_axes(WIDE)
    for column, color in zip(table.columns, (ACCENT, SOFT, SECOND), strict=False):
        values = table[column].where(table[column] > 0)
        axes.plot(table.index, values, label=column, color=color)
    axes.set(xlabel="intensity (HU)", ylabel="share of pixels", yscale="log")
    figure.legend(loc="outside lower center", ncols=3)
    alternative = _CAPTIONS.fill("hu_distribution_open")
    if table["inside"].any():
        peak = float(table.index.to_numpy()[int(np.argmax(table["inside"]))])
        alternative = _CAPTIONS.fill("hu_distribution_alternative", peak=f"{peak:.0f}")
    return lines(figure, caption=_CAPTIONS.fill("hu_distribution"), alternative=alternative)


_THOUSANDS: Final = FuncFormatter(lambda value, _: f"{value:,.0f}")


_PERCENT: Final = FuncFormatter(lambda value, _: f"{100 * value:.0f} %")


def _is_labelled(store: Store) -> bool:
    """Whether a slice of the store has a label."""
    return bool((store.slices[list(LABELS)] >= 0).any(axis=None))


def _bars(axes: Axes, x: Any, height: Any) -> None:
    axes.bar(np.asarray(x, dtype=float), np.asarray(height, dtype=float), color=ACCENT, width=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))

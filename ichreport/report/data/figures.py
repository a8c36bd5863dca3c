"""Figures of the data: labels, series, positions and intensities, each with words for it."""

from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ichreport.data import summary
from ichreport.data.store import Store
from ichreport.labels import LABELS
from ichreport.report.html.blocks import Drawing, lines
from ichreport.report.html.figure_style import STYLE, WIDE, one_axes
from ichreport.report.html.palette import ACCENT, INK, LABEL_COLORS, SECOND, SOFT

_SMALL: Final = (2.3, 1.9)


@mpl.rc_context(STYLE)
def co_occurrence(store: Store) -> Drawing:
    """How often each label comes with each other."""
    table = summary.co_occurrence(store.slices)
    counts = table.to_numpy(dtype=float)
    own = np.diag(counts)[:, None]
    share = np.divide(counts, own, out=np.full_like(counts, np.nan), where=own > 0)
    figure, axes = one_axes((4.4, 3.5))
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
        figure, axes = one_axes(_SMALL)
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
    figure, axes = one_axes(WIDE)
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


_THOUSANDS: Final = FuncFormatter(lambda value, _: f"{value:,.0f}")


_PERCENT: Final = FuncFormatter(lambda value, _: f"{100 * value:.0f} %")


def _bars(axes: Axes, x: Any, height: Any) -> None:
    axes.bar(np.asarray(x, dtype=float), np.asarray(height, dtype=float), color=ACCENT, width=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))

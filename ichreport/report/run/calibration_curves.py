"""Reliability and decision curves of every label."""

from typing import Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ichreport.evaluation.assessment import Assessment
from ichreport.labels import ANY, SUBTYPES
from ichreport.report.html.blocks import Drawing, lines
from ichreport.report.html.captions import Captions
from ichreport.report.html.figure_style import STYLE
from ichreport.report.html.formats import counted_range, number
from ichreport.report.html.palette import FAINT, LABEL_COLORS, SOFT

_CAPTIONS: Final = Captions.beside(__file__)
_PANEL: Final = (2.5, 2.5)


@mpl.rc_context(STYLE)
def reliability(assessed: Assessment) -> Drawing:
    """Observed against predicted shares of every label on test, with intervals."""
    panels, words, bins = [], [], []
    for label in (ANY, *SUBTYPES):
        curve = assessed.curve("reliability", label)
        bins.append(len(curve))
        curve = curve[curve["slices"] > 0]
        top = 1.05 * float(np.nanmax([curve["predicted"].max(), curve["high"].max(), 0.05]))
        figure = Figure(figsize=_PANEL)
        axes = figure.subplots()
        axes.plot([0, top], [0, top], color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
        color = LABEL_COLORS[label]
        axes.vlines(curve["predicted"], curve["low"], curve["high"], color=color, alpha=0.45)
        axes.plot(curve["predicted"], curve["observed"], color=color, marker="o", markersize=3)
        axes.set(title=label, xlabel="predicted", ylabel="observed", xlim=(0, top), ylim=(0, top))
        panels.append(figure)
        words += [
            f"{label}: where {number(highest['predicted'], 2)} was predicted, "
            f"{number(highest['observed'], 2)} was observed"
            for highest in curve.tail(1).to_dict("records")
        ]
    return lines(
        panels,
        caption=_CAPTIONS.fill("reliability", bins=counted_range(bins, "bin")),
        alternative=f"Six reliability curves. In the highest bin, {'; '.join(words) or 'nothing'}.",
    )


@mpl.rc_context(STYLE)
def net_benefit(assessed: Assessment) -> Drawing:
    """Decision curves of every label on test, against acting on everyone and on no one."""
    panels, words = [], []
    for label in (ANY, *SUBTYPES):
        curve = assessed.curve("net_benefit", label)
        figure = Figure(figsize=_PANEL)
        axes = figure.subplots()
        color = LABEL_COLORS[label]
        axes.axhline(0, color=FAINT, linewidth=1)
        axes.plot(curve["threshold"], curve["treat_all"], color=SOFT, linewidth=1)
        axes.fill_between(
            curve["threshold"], curve["low"], curve["high"], color=color, alpha=0.15, linewidth=0
        )
        axes.plot(curve["threshold"], curve["net_benefit"], color=color)
        top = float(np.nanmax([curve["net_benefit"].max(), curve["high"].max(), 0.01]))
        axes.set(title=label, xlabel="threshold", ylabel="net benefit", ylim=(-0.3 * top, top))
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        panels.append(figure)
        better = _runs(curve["above_both_low"] > 0, curve["threshold"])
        words.append(f"{label} {', '.join(better) or 'nowhere'}")
    return lines(
        panels,
        caption=_CAPTIONS.fill("net_benefit"),
        alternative=_CAPTIONS.fill("net_benefit_alternative", thresholds="; ".join(words)),
    )


def _runs(true: pd.Series, thresholds: pd.Series) -> list[str]:
    """The unbroken runs of thresholds at which something is true, as `9–12 %`."""
    run = (true != true.shift()).cumsum()[true]
    ends = thresholds[true].groupby(run).agg(["min", "max"])
    return [
        f"{100 * low:.0f} %" if low == high else f"{100 * low:.0f}–{100 * high:.0f} %"
        for low, high in ends.itertuples(index=False)
    ]

"""Whether probabilities can be trusted: reliability and decision curves of every label."""

from typing import Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ichreport.evaluation.assessment import Assessment
from ichreport.labels import ANY, SUBTYPES
from ichreport.report.html.blocks import Drawing, lines
from ichreport.report.html.figure_style import STYLE
from ichreport.report.html.formats import number
from ichreport.report.html.palette import FAINT, LABEL_COLORS, SOFT

_PANEL: Final = (2.5, 2.5)


@mpl.rc_context(STYLE)
def reliability(assessed: Assessment) -> Drawing:
    """Observed against predicted shares of every label on test, with intervals."""
    panels, said, bins_of = [], [], []
    for label in (ANY, *SUBTYPES):
        curve = assessed.curve("reliability", label)
        bins_of.append(len(curve))
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
        highest = curve.iloc[-1]
        said.append(
            f"{label}: where {number(highest['predicted'], 2)} was predicted, "
            f"{number(highest['observed'], 2)} was observed"
        )
    most, fewest = max(bins_of), min(bins_of)
    bins_said = f"{most}" if fewest == most else f"{fewest} to {most}"
    return lines(
        panels,
        caption=f"Reliability on test: in {bins_said} bins of equally many slices, as far as "
        "ties allow, the share that bled against the mean probability, with 95 % intervals over "
        "patient groups. On the dotted line probabilities mean what they say. Scales differ.",
        alternative=f"Six reliability curves. In the highest bin, {'; '.join(said)}.",
    )


@mpl.rc_context(STYLE)
def net_benefit(assessed: Assessment) -> Drawing:
    """Decision curves of every label on test, against acting on everyone and on no one."""
    panels, said = [], []
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
        said.append(f"{label} {', '.join(better) or 'nowhere'}")
    return lines(
        panels,
        caption="Net benefit on test, true positives a slice less the false ones at the "
        "exchange rate that the threshold stands for: acting on the prediction (coloured, with its "
        "95 % interval), on everyone (grey) and on no one (0).",
        alternative="Six decision curves. Thresholds at which the prediction is above both, "
        f"interval and all: {'; '.join(said)}.",
    )


def _runs(true: pd.Series, thresholds: pd.Series) -> list[str]:
    """The unbroken runs of thresholds at which something is true, as `9–12 %`."""
    run = (true != true.shift()).cumsum()[true]
    ends = thresholds[true].groupby(run).agg(["min", "max"])
    return [
        f"{100 * low:.0f} %" if low == high else f"{100 * low:.0f}–{100 * high:.0f} %"
        for low, high in ends.itertuples(index=False)
    ]

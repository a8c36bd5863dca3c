"""Whether probabilities can be trusted: reliability and decision curves of every label."""

from typing import Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ichreport.evaluation.calibration.net_benefit import (
    PROBABILITY_THRESHOLDS,
    decision_curve,
)
from ichreport.evaluation.calibration.reliability import make_bins, reliability_curve
from ichreport.evaluation.inference.bootstrap import draw_resamples
from ichreport.evaluation.predictions import of_split, probabilities, truths
from ichreport.labels import ANY, LABELS, SUBTYPES
from ichreport.report.html.blocks import Drawing, lines, number
from ichreport.report.html.figure_style import STYLE
from ichreport.report.html.palette import FAINT, LABEL_COLORS, SOFT
from ichreport.splits import Split

_PANEL: Final = (2.5, 2.5)
_THRESHOLDS: Final = tuple(p for p in PROBABILITY_THRESHOLDS if p <= 0.5)
"""Decision curves end at 50 %: nobody asks for more than one hit for one false alarm."""


@mpl.rc_context(STYLE)
def reliability(predictions: pd.DataFrame, split: Split = "test") -> Drawing:
    """Observed against predicted shares of every label, with intervals.

    Args:
        predictions: A run's predictions.
        split: The split to show.
    """
    rows = of_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    resamples = draw_resamples(rows["group"])
    place = resamples.places(rows["group"])
    panels, said, bins_of = [], [], []
    for label in (ANY, *SUBTYPES):
        own = LABELS.index(label)
        bins = make_bins(y_score[:, own])
        bins_of.append(len(bins))
        curve = reliability_curve(
            y_true[:, own], y_score[:, own], bins, place=place, resamples=resamples
        )
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
        caption=f"Reliability on {split}: in {bins_said} bins of equally many slices, as far as "
        "ties allow, the share that bled against the mean probability, with 95 % intervals over "
        "patient groups. On the dotted line probabilities mean what they say. Scales differ.",
        alternative=f"Six reliability curves. In the highest bin, {'; '.join(said)}.",
    )


@mpl.rc_context(STYLE)
def net_benefit(predictions: pd.DataFrame, split: Split = "test") -> Drawing:
    """Decision curves of every label against acting on everyone and on no one.

    Args:
        predictions: A run's predictions.
        split: The split to show.
    """
    rows = of_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    resamples = draw_resamples(rows["group"])
    place = resamples.places(rows["group"])
    panels, said = [], []
    for label in (ANY, *SUBTYPES):
        own = LABELS.index(label)
        curve = decision_curve(
            y_true[:, own],
            y_score[:, own],
            place=place,
            resamples=resamples,
            thresholds=_THRESHOLDS,
        )
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
        caption=f"Net benefit on {split}, true positives a slice less the false ones at the "
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

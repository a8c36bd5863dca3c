"""Whether more patients would help: test scores by the number of patients trained on."""

import math
from typing import Any, Final

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from ichreport.evaluation.uncertainty.intervals import ALPHA
from ichreport.report.html.blocks import Drawing, Sentences, Verdict, lines
from ichreport.report.html.captions import Captions
from ichreport.report.html.figure_style import STYLE, one_axes
from ichreport.report.html.formats import (
    counted,
    number,
    p_value,
    with_interval,
    with_named_interval,
)
from ichreport.report.html.palette import ACCENT

_CAPTIONS: Final = Captions.beside(__file__)
_PANEL: Final = (3.5, 2.7)
_NAMES: Final = {"auc": "AUC of any bleeding", "weighted_log_loss_sum": "weighted log loss"}
_IS_BETTER: Final = {"auc": 1, "weighted_log_loss_sum": -1}
"""The sign of a step by which each score gets better."""


@mpl.rc_context(STYLE)
def figure(curve: pd.DataFrame) -> Drawing | Sentences:
    """AUC of any bleeding and weighted log loss on test, by the patients that were trained on.

    Args:
        curve: Of `evaluation.learning_curve.scores_by_share`; empty where none was asked for.
    """
    if curve.empty:
        return Sentences(["There is no curve to show."])
    by_score = {score: curve[curve["score"] == score] for score in _NAMES}
    return lines(
        [_panel(of_score, _NAMES[score]) for score, of_score in by_score.items()],
        caption=_CAPTIONS.fill("learning_curve"),
        alternative=" ".join(_in_words(rows, _NAMES[score]) for score, rows in by_score.items()),
    )


def verdict(curve: pd.DataFrame) -> Verdict:
    """Whether the curve still gets better at its end.

    Args:
        curve: Of `evaluation.learning_curve.scores_by_share`, of two shares at least; empty where
            none was asked for.
    """
    if curve.empty:
        return Verdict(_CAPTIONS.fill("no_learning_curve"))
    last = curve[curve["share"] == curve["share"].max()].to_dict("records")
    before = curve[curve["share"] < curve["share"].max()].iloc[-1]
    clear = [row for row in last if row["p_adjusted"] < ALPHA]
    gains = [_IS_BETTER[row["score"]] * row["step"] for row in clear]
    steps = "; ".join(_step(row) for row in last)
    opening = f"From {before['groups']:,} to {last[0]['groups']:,} patient groups: {steps}."
    if all(math.isnan(row["p_adjusted"]) for row in last):
        return Verdict(f"{opening} {_CAPTIONS.fill('learning_curve_untested')}")
    if not gains:
        return Verdict(f"{opening} {_CAPTIONS.fill('learning_curve_flat')}")
    if min(gains) < 0:
        return Verdict(f"{opening} {_CAPTIONS.fill('learning_curve_worse')}")
    return Verdict(f"{opening} {_CAPTIONS.fill('learning_curve_steep')}")


def _step(row: dict[Any, Any]) -> str:
    step = {"value": row["step"], "low": row["step_low"], "high": row["step_high"]}
    name = _NAMES[row["score"]]
    if math.isnan(row["step"]):
        return f"how the {name} changes is not known"
    if math.isnan(row["p_adjusted"]):
        return f"{name} changes by {with_named_interval(step)}"
    return f"{name} changes by {with_interval(step)}, p {p_value(row['p_adjusted'])}"


def _panel(rows: pd.DataFrame, name: str) -> Figure:
    drawn, axes = one_axes(_PANEL)
    below, above = rows["value"] - rows["low"], rows["high"] - rows["value"]
    axes.errorbar(
        rows["groups"], rows["value"], yerr=[below, above], color=ACCENT, marker="o",
        markersize=3, elinewidth=1,
    )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_xticks(rows["groups"].tolist(), [f"{groups:,}" for groups in rows["groups"]])
    axes.minorticks_off()
    axes.set(xlabel="patient groups trained on", ylabel=f"{name}, test")
    for groups, value in zip(rows["groups"], rows["value"], strict=True):
        axes.annotate(
            number(value), (groups, value), xytext=(4, 4), textcoords="offset points",
            annotation_clip=False,
        )  # fmt: skip
    return drawn


def _in_words(rows: pd.DataFrame, name: str) -> str:
    records: list[Any] = rows.to_dict("records")
    points = "; ".join(f"{counted(row['groups'], 'group')} {with_interval(row)}" for row in records)
    return f"{name} on test by patient groups trained on: {points}."

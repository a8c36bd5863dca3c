"""Each label, step by step: what gains on average may lose where a label is rare."""

from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ichreport.evaluation.comparisons import compare_pairs
from ichreport.labels import ANY, SUBTYPES
from ichreport.report.beyond.ladder import Ladder, difference, difference_columns, marked
from ichreport.report.html.blocks import Cell, Drawing, Link, Sentences, Table, lines, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.figure_style import STYLE
from ichreport.report.html.formats import (
    counted,
    digits_apart,
    digits_for,
    interval,
    number,
    number_range,
)
from ichreport.report.html.palette import FAINT, LABEL_COLORS

_CAPTIONS: Final = Captions.beside(__file__)
_ORDER: Final = (ANY, *SUBTYPES)
_PANEL: Final = (3.4, 2.1)
_FEW: Final = 30
"""Patients with a label on test: with fewer, an interval of an AUC is wide, and a loss unseen."""


def compare(ladder: Ladder) -> pd.DataFrame:
    """The AUC of each label in each step, less the baseline's.

    Args:
        ladder: As `ladder.climb` gives it.

    Returns:
        The columns of `evaluation.comparisons.compare_pairs`, with p-values adjusted by Holm over
        steps and labels; `positives` and `patients`: test slices and linked patient groups of the
        run that have the label; and `step`: its name, with a * where test patients are in train.
    """
    scores = [("auc", label) for label in _ORDER]
    compared = compare_pairs(ladder.comparison, ladder.baselines, scores)
    pairs = zip(compared["run"], compared["label"], strict=True)
    counts = [_positives(ladder, run, label) for run, label in pairs]
    return compared.assign(
        positives=[slices for slices, _ in counts],
        patients=[patients for _, patients in counts],
        step=[marked(ladder, run) for run in compared["run"]],
    )


def sentences(by_label: pd.DataFrame) -> Sentences:
    """Which labels gain or lose in which step by more than chance, and which of them are rare.

    Args:
        by_label: As `compare` gives it.
    """
    rows = _compared(by_label)
    if not rows:
        return Sentences([_CAPTIONS.fill("no_label_compared")])
    told = [
        _CAPTIONS.fill(
            "label_apart",
            verb="gains" if row["outcome"] == "better" else "loses",
            label=row["label"],
            run=row["step"],
            baseline=row["baseline"],
            area=number(row["value"], digits_apart(row["value"], row["baseline_value"])),
            before=number(row["baseline_value"], digits_apart(row["value"], row["baseline_value"])),
            interval=interval(
                row["low"], row["high"], digits_for(row["difference"], row["low"], row["high"])
            ),
            patients=counted(row["patients"], "patient of test has", "patients of test have"),
        )
        for row in rows
        if _is_apart(row)
    ]
    if not any(row["outcome"] == "worse" for row in rows):
        none_known = all(row["outcome"] == "undefined" for row in rows)
        told.append(
            _CAPTIONS.fill("no_label_known") if none_known else _CAPTIONS.fill("no_label_loses")
        )
    return Sentences([*told, *_of_rare_labels(rows)])


def table(by_label: pd.DataFrame) -> Table | Sentences:
    """Every step and label: the AUC, its difference from the baseline's, and who has the label.

    Args:
        by_label: As `compare` gives it.
    """
    compared = _compared(by_label)
    if not compared:
        return Sentences([_CAPTIONS.fill("no_label_compared")])
    rows: list[list[Cell]] = [
        [
            Link(f"experiments/{row['run']}.html", row["step"]),
            row["label"],
            number(row["value"]),
            *difference(row),
            f"{row['patients']:,}",
            f"{row['positives']:,}",
        ]
        for row in compared
    ]
    return Table(
        _CAPTIONS.fill("each_label"),
        [
            *("step", "label"),
            *difference_columns("AUC", "its own"),
            *numbers("patients", "slices", group="test, with the label"),
        ],
        rows,
        sortable=True,
    )


@mpl.rc_context(STYLE)
def forest(by_label: pd.DataFrame) -> Drawing | Sentences:
    """The same as dots with intervals: a panel a step, a line a label.

    Args:
        by_label: As `compare` gives it.
    """
    rows = _compared(by_label)
    if not rows:
        return Sentences([_CAPTIONS.fill("no_label_compared")])
    ends = np.array([[row["low"], row["high"], row["difference"], 0] for row in rows], dtype=float)
    low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
    margin = 0.05 * (high - low) or 0.01
    steps: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        steps.setdefault(row["run"], []).append(row)
    apart = [f"{row['run']}, {row['label']}: {row['outcome']}" for row in rows if _is_apart(row)]
    return lines(
        [_panel(run, of_step, (low - margin, high + margin)) for run, of_step in steps.items()],
        caption=_CAPTIONS.fill("each_label_forest"),
        alternative=f"Forest plots of {counted(len(steps), 'step')}. After adjustment, "
        f"{'; '.join(apart) or 'no label differs'}.",
    )


def _panel(run: str, rows: Sequence[dict[str, Any]], limits: tuple[float, float]) -> Figure:
    figure = Figure(figsize=_PANEL)
    axes = figure.subplots()
    axes.axvline(0, color=FAINT, linewidth=1)
    for height, row in enumerate(rows):
        color = LABEL_COLORS[row["label"]]
        axes.hlines(height, row["low"], row["high"], color=color, alpha=0.5)
        axes.plot(
            row["difference"], height, "o", color=color, markersize=6 if _is_apart(row) else 4
        )
    axes.set_yticks(range(len(rows)), [row["label"] for row in rows])
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlim=limits, xlabel="AUC, less the baseline's")
    figure.suptitle(run, x=0.01, ha="left", fontsize=8)
    axes.grid(visible=False, axis="x")
    axes.spines["left"].set_visible(False)
    return figure


def _is_apart(row: dict[str, Any]) -> bool:
    return row["outcome"] in ("better", "worse")


def _of_rare_labels(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence on the labels that few test patients have, if there are any."""
    counts: dict[str, set[int]] = {}
    for row in rows:
        counts.setdefault(row["label"], set()).add(row["patients"])
    few = {label: {n for n in patients if n < _FEW} for label, patients in counts.items()}
    rare = {label: patients for label, patients in few.items() if patients}
    if not rare:
        return []
    listed = ", ".join(f"{label} {number_range(patients)}" for label, patients in rare.items())
    return [_CAPTIONS.fill("rare_labels", few=_FEW, labels=listed)]


def _positives(ladder: Ladder, run: str, label: str) -> tuple[int, int]:
    """Test slices and linked patient groups with a label; none without figures."""
    if run not in ladder.comparison.rows:
        return 0, 0
    rows = ladder.comparison.rows[run]
    positive = rows.loc[rows[f"truth_{label}"] == 1, "group"]
    return len(positive), positive.nunique()


def _compared(by_label: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of steps that have figures; a label of one class has none to compare."""
    known = by_label.dropna(subset=["shared_slices"])
    rows: list[dict[str, Any]] = known.to_dict("records")  # type: ignore[assignment]
    return rows

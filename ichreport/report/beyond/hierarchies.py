"""Flat against hierarchical: labels side by side, or subtypes given any bleeding."""

from typing import Any, Final

import pandas as pd

from ichreport.labels import ANY, SUBTYPES
from ichreport.report.beyond.ladder import Ladder, difference, difference_columns
from ichreport.report.html.blocks import Cell, Link, Sentences, Table
from ichreport.report.html.captions import Captions

_CAPTIONS: Final = Captions.beside(__file__)


def table(ladder: Ladder, by_label: pd.DataFrame) -> Table | Sentences:
    """Every hierarchical row against its flat baseline, by log loss and by the AUC of each label.

    Args:
        ladder: As `ladder.climb` gives it.
        by_label: As `each_label.compare` gives it.
    """
    runs = hierarchical(ladder)
    if not runs:
        return Sentences([_CAPTIONS.fill("no_hierarchy")])
    losses = ladder.compared[ladder.compared["label"] != ANY].assign(measure="weighted log loss")
    areas = by_label.assign(measure="AUC, " + by_label["label"])
    both = pd.concat([losses, areas], ignore_index=True)
    rows: list[list[Cell]] = [
        [Link(f"experiments/{run}.html", run), row["measure"], *difference(row)]
        for run in runs
        for row in _rows(both, run)
    ]
    return Table(
        _CAPTIONS.fill("hierarchy", labels=f"{ANY} and of {len(SUBTYPES)} subtypes"),
        ["hierarchical row", "score", *difference_columns("less the flat baseline's")],
        rows,
    )


def hierarchical(ladder: Ladder) -> list[str]:
    """The steps whose labels come in two steps, and the baseline's side by side."""
    flat = {name for name, one in ladder.experiments.items() if one.hierarchy is None}
    return [
        name
        for name, step in ladder.steps.items()
        if step.hierarchy is not None and ladder.baselines[name] in flat
    ]


def _rows(table: pd.DataFrame, run: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table[table["run"] == run].to_dict("records")  # type: ignore[assignment]
    return rows

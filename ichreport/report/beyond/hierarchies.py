"""Flat against hierarchical: labels side by side, or subtypes given any bleeding."""

from collections import Counter
from typing import Any, Final

import pandas as pd

from ichreport.labels import ANY, SUBTYPES
from ichreport.report.beyond.ladder import Ladder, difference, difference_columns
from ichreport.report.html.blocks import Cell, Link, Sentences, Table, Verdict
from ichreport.report.html.captions import Captions

_CAPTIONS: Final = Captions.beside(__file__)
_OUTCOMES: Final = {
    "better": "better by more than chance",
    "worse": "worse by more than chance",
    "not distinguishable": "not distinguishable",
    "undefined": "not to be compared",
}


def verdict(ladder: Ladder) -> Verdict:
    """Whether hierarchical rows beat their flat baselines by the weighted log loss.

    Args:
        ladder: As `ladder.climb` gives it.
    """
    runs = hierarchical(ladder)
    if not runs:
        return Verdict(_CAPTIONS.fill("no_hierarchy"))
    losses = ladder.compared[ladder.compared["label"] != ANY]
    outcomes = Counter(map(str, losses[losses["run"].isin(runs)]["outcome"]))
    told = [f"{count} {_OUTCOMES[outcome]}" for outcome, count in outcomes.items()]
    compared = "; ".join(told) or "none has figures"
    return Verdict(_CAPTIONS.fill("hierarchy_verdict", compared=compared))


def table(ladder: Ladder, by_label: pd.DataFrame) -> Table | Sentences:
    """Every hierarchical row against its flat baseline, by log loss and by the AUC of each label.

    Args:
        ladder: As `ladder.climb` gives it.
        by_label: As `each_label.compare` gives it.
    """
    runs = hierarchical(ladder)
    if not runs:
        return Sentences(["There is nothing to compare."])
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

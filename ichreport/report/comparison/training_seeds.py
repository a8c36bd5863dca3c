"""How scores spread over training seeds."""

import math
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from ichreport.evaluation.scores import ALL_LABELS
from ichreport.evaluation.uncertainty.training_seeds import across_seeds
from ichreport.labels import ANY
from ichreport.report.html.blocks import Sentences, Table, Verdict, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import digits_for, interval, number
from ichreport.runs.results import Results, ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)
_NO_ROW: Final = "No row has a run."
SCORES: Final = {
    "weighted log loss": ("weighted_log_loss_sum", ALL_LABELS),
    "AUC, any": ("auc", ANY),
}
"""What is told over seeds."""


def verdict(results: Results) -> Verdict:
    """How far scores spread over training seeds, of the row where they do most."""
    if not results.by_row:
        return Verdict(_NO_ROW)
    spreads = [_on_test(runs) for runs in results.by_row.values() if len(runs) > 1]
    if not spreads:
        return Verdict(_CAPTIONS.fill("seeds_single"))
    loss, area = (
        pd.Series([of_row[key]["standard_deviation"] for of_row in spreads]).max()
        for key in SCORES.values()
    )
    of_area = ""
    if not math.isnan(area):
        of_area = _CAPTIONS.fill("seeds_area", area=number(area, digits_for(area)))
    said = number(loss, digits_for(loss))
    return Verdict(_CAPTIONS.fill("seeds_spread", loss=said, area=of_area))


def table(results: Results) -> Table | Sentences:
    """Mean and spread over training seeds of the rows that were run with several."""
    if not results.by_row:
        return Sentences([_NO_ROW])
    rows = []
    for name, runs in results.by_row.items():
        if len(runs) < 2:
            continue
        by_score = _on_test(runs)
        rows += [[f"{name}: {words}", *_cells(by_score[key])] for words, key in SCORES.items()]
    if not rows:
        return Sentences(["There is no spread to show."])
    return Table(
        _CAPTIONS.fill("seeds"),
        ["row and score", *numbers("mean", "standard deviation", "range", "runs")],
        rows,
    )


def mean_and_spread(runs: Sequence[ScoredRun]) -> list[str]:
    """The mean over training seeds and the standard deviation of one run among them, on test.

    Args:
        runs: Those of one row.

    Returns:
        Of the weighted log loss and of the AUC of any bleeding; dashes of a single run, and of what
        is undefined.
    """
    if len(runs) < 2:
        return ["–"] * len(SCORES)
    by_score = _on_test(runs)
    return [
        "–"
        if math.isnan(row["mean"])
        else f"{number(row['mean'])} ± {number(row['standard_deviation'])}"
        for row in (by_score[key] for key in SCORES.values())
    ]


def _on_test(runs: Sequence[ScoredRun]) -> dict[Any, Any]:
    """What `across_seeds` finds on test, by score and label."""
    spread = across_seeds([run.assessment.scores for run in runs])
    rows = spread[spread["split"] == "test"].to_dict("records")
    return {(row["score"], row["label"]): row for row in rows}


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        number(row["mean"]),
        number(row["standard_deviation"]),
        interval(row["lowest"], row["highest"]),
        f"{row['runs']}",
    ]

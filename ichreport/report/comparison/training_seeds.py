"""How scores spread over training seeds."""

import math
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from ichreport.evaluation.scores import ALL_LABELS
from ichreport.evaluation.uncertainty.training_seeds import across_seeds
from ichreport.labels import ANY
from ichreport.params.endpoint import AREA_OF_SLICES
from ichreport.report.html.blocks import Sentences, Table, Verdict, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import digits_for, interval, number
from ichreport.runs.results import Results, ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)
_NO_ROW: Final = "No row has a run."
_LOSS: Final = ("weighted_log_loss_sum", ALL_LABELS)
_AREA: Final = ("auc", ANY)
_PRIMARY: Final = ("primary", "")


def scores(results: Results) -> dict[str, tuple[str, str]]:
    """What is told over seeds: by its words, the score and the label."""
    told = {"weighted log loss": _LOSS, "AUC, any": _AREA}
    return (
        told if results.primary == AREA_OF_SLICES else told | {results.primary.in_words: _PRIMARY}
    )


def verdict(results: Results) -> Verdict:
    """How far scores spread over training seeds, of the row where they do most."""
    if not results.by_row:
        return Verdict(_NO_ROW)
    spreads = [_on_test(runs, results) for runs in results.by_row.values() if len(runs) > 1]
    if not spreads:
        return Verdict(_CAPTIONS.fill("seeds_single"))
    loss, area = (
        pd.Series([of_row[key]["standard_deviation"] for of_row in spreads]).max()
        for key in (_LOSS, _AREA)
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
        by_score = _on_test(runs, results)
        told = scores(results).items()
        rows += [[f"{name}: {words}", *_cells(by_score[key])] for words, key in told]
    if not rows:
        return Sentences(["There is no spread to show."])
    return Table(
        _CAPTIONS.fill("seeds"),
        ["row and score", *numbers("mean", "standard deviation", "range", "runs")],
        rows,
    )


def mean_and_spread(runs: Sequence[ScoredRun], results: Results) -> list[str]:
    """The mean over training seeds and the standard deviation of one run among them, on test.

    Args:
        runs: Those of one row.
        results: All runs, and the primary endpoint.

    Returns:
        Of each of `scores`; dashes of a single run, and of what is undefined.
    """
    if len(runs) < 2:
        return ["–"] * len(scores(results))
    by_score = _on_test(runs, results)
    return [
        "–"
        if math.isnan(row["mean"])
        else f"{number(row['mean'])} ± {number(row['standard_deviation'])}"
        for row in (by_score[key] for key in scores(results).values())
    ]


def _on_test(runs: Sequence[ScoredRun], results: Results) -> dict[Any, Any]:
    """What `across_seeds` finds on test, by score and label."""
    spread = across_seeds([_with_primary(run, results) for run in runs])
    rows = spread[spread["split"] == "test"].to_dict("records")
    return {(row["score"], row["label"]): row for row in rows}


def _with_primary(run: ScoredRun, results: Results) -> pd.DataFrame:
    """A run's scores, and its primary endpoint on test as one more."""
    score, label = _PRIMARY
    row = {"split": "test", "score": score, "label": label}
    primary = pd.DataFrame([row | {"value": results.primary_of(run)["value"]}])
    return pd.concat([run.assessment.scores, primary], ignore_index=True)


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        number(row["mean"]),
        number(row["standard_deviation"]),
        interval(row["lowest"], row["highest"]),
        f"{row['runs']}",
    ]

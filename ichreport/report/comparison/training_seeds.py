"""How scores spread over training seeds."""

from typing import Any, Final

from ichreport.evaluation.scores import ALL_LABELS
from ichreport.evaluation.uncertainty.training_seeds import across_seeds
from ichreport.labels import ANY
from ichreport.report.html.blocks import Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import interval, number
from ichreport.runs.results import Results

_CAPTIONS: Final = Captions.beside(__file__)
_SCORES: Final = {
    "weighted log loss": ("weighted_log_loss_sum", ALL_LABELS),
    "AUC, any": ("auc", ANY),
}


def table(results: Results) -> Table | Sentences:
    """Mean and spread over training seeds of the rows that were run with several."""
    if not results.by_row:
        return Sentences(["No row has a run."])
    rows = []
    for name, runs in results.by_row.items():
        if len(runs) < 2:
            continue
        spread = across_seeds([run.assessment.scores for run in runs])
        on_test = spread[spread["split"] == "test"].to_dict("records")
        by_score: dict[Any, Any] = {(row["score"], row["label"]): row for row in on_test}
        rows += [[f"{name}: {words}", *_cells(by_score[key])] for words, key in _SCORES.items()]
    if not rows:
        return Sentences([_CAPTIONS.fill("seeds_single")])
    return Table(
        _CAPTIONS.fill("seeds"),
        ["row and score", *numbers("mean", "standard deviation", "range", "runs")],
        rows,
    )


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        number(row["mean"]),
        number(row["standard_deviation"]),
        interval(row["lowest"], row["highest"]),
        f"{row['runs']}",
    ]

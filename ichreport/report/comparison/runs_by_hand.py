"""Runs by hand: each beside the row that it is a variant of, with what differs."""

from typing import Any, Final

from ichreport.evaluation.comparisons import Comparison
from ichreport.evaluation.scores import ALL_LABELS
from ichreport.labels import ANY
from ichreport.report.html.blocks import Cell, Link, Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import starred, with_interval
from ichreport.report.run import parameters
from ichreport.runs.results import Results, ScoredRun, Variant

_CAPTIONS: Final = Captions.beside(__file__)


def table(results: Results) -> Table | Sentences:
    """Every run by hand with figures: what differs from its row, and what that changes on test."""
    if not results.variants:
        return Sentences([_CAPTIONS.fill("no_run_by_hand")])
    rows: list[list[Cell]] = []
    for name, variant in results.variants.items():
        scored = variant.scored
        loss = scored.assessment.score("weighted_log_loss_sum", ALL_LABELS, "test")
        star = "" if scored.unseen_patients else " *"
        rows.append(
            [
                Link(f"experiments/{name}.html", name),
                _row(variant),
                parameters.what_differs(variant),
                with_interval(loss),
                starred(with_interval(scored.assessment.score("auc", ANY, "test")), star),
                *_differences(scored, results.scored.get(variant.row)),
            ]
        )
    return Table(
        _CAPTIONS.fill("runs_by_hand"),
        [
            *("run", "variant of", "what differs (the row's value)"),
            *numbers("log loss", "AUC, any bleeding", group="test"),
            *numbers("log loss", "AUC, any bleeding", group="less its row's"),
        ],
        rows,
    )


def _row(variant: Variant) -> Cell:
    return Link(f"experiments/{variant.row}.html", variant.row) if variant.row else "–"


def _differences(scored: ScoredRun, row: ScoredRun | None) -> list[str]:
    """Log loss and AUC less the row's, paired over patients; dashes on other slices."""
    if row is None or scored.assessment.test_set != row.assessment.test_set:
        return ["–", "–"]
    both = Comparison({"run": scored.predictions, "row": row.predictions})
    differences = (
        both.difference("run", "row", "weighted_log_loss_sum", ALL_LABELS),
        both.difference("run", "row", "auc", ANY),
    )
    measures: list[dict[str, Any]] = [
        {"value": one.difference, **vars(one.interval)} for one in differences
    ]
    return [with_interval(measure) for measure in measures]

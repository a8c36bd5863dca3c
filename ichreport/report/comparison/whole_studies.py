"""How well runs find any bleeding in whole studies."""

from typing import Any, Final

from ichreport.labels import ANY
from ichreport.report.html.blocks import Cell, Link, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import with_interval
from ichreport.runs.results import Results

_CAPTIONS: Final = Captions.beside(__file__)


def table(results: Results) -> Table:
    """Any bleeding in whole studies of test, for every row."""
    rows: list[list[Cell]] = []
    for name, run in results.rows.items():
        studies = run.assessment.studies
        of_any = studies[studies["label"] == ANY].to_dict("records")
        measures: dict[Any, Any] = {(row["pooling"], row["score"]): row for row in of_any}
        learned = measures["learned", "auc"]
        rows.append(
            [
                Link(f"experiments/{name}.html", name),
                with_interval(measures["maximum", "auc"], 2),
                with_interval(learned, 2),
                with_interval(measures["learned", "recall"], 2),
                with_interval(measures["learned", "specificity"], 2),
                f"{learned['positives']:,}",
                f"{learned['studies']:,}",
            ]
        )
    return Table(
        _CAPTIONS.fill("whole_studies"),
        [
            "experiment",
            *numbers("AUC, maximum", "AUC, learned", "recall", "specificity"),
            *numbers("positive", "studies"),
        ],
        rows,
    )

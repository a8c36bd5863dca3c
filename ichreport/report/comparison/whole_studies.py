"""How well runs find any bleeding in whole studies."""

from typing import Any, Final

from ichreport.labels import ANY
from ichreport.report.html.blocks import Cell, Link, Table, Verdict, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import with_interval
from ichreport.report.run import verdicts
from ichreport.runs.results import Results, ScoredRun

_CAPTIONS: Final = Captions.beside(__file__)


def verdict(results: Results) -> Verdict:
    """How well the best run, chosen on validation, finds any bleeding in whole studies."""
    if results.best is None:
        return Verdict(_CAPTIONS.fill("no_best"))
    said = verdicts.whole_studies(results.best.assessment)
    return Verdict(_CAPTIONS.fill("studies_of_best", run=results.best.name, said=said))


def table(results: Results) -> Table:
    """Any bleeding in whole studies of test, for every row."""
    rows: list[list[Cell]] = []
    for name, run in results.rows.items():
        measures = _of_any(run)
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


def _of_any(run: ScoredRun) -> dict[Any, Any]:
    """The measures of any bleeding in studies, by pooling and score."""
    studies = run.assessment.studies
    of_any = studies[studies["label"] == ANY].to_dict("records")
    return {(row["pooling"], row["score"]): row for row in of_any}

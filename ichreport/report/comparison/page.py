"""The page that sets runs side by side: any two to four, and all of them."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final

import pandas as pd

from ichreport.evaluation import curves
from ichreport.evaluation.assessment import Assessment
from ichreport.files import without_nan
from ichreport.labels import LABELS
from ichreport.params.samples import SAMPLES
from ichreport.report.comparison import all_runs, open_choices, overlays
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import counted, in_words, with_interval
from ichreport.report.html.sanitise import data_element
from ichreport.runs.results import Results, ScoredRun

PATH: Final = "compare.html"
TITLE: Final = "Compare experiments"
ABOUT: Final = "Two to four experiments side by side, and one table of all runs."

_CAPTIONS: Final = Captions.beside(__file__)
_MAX_POINTS: Final = 120
_ALL_POINTS: Final = 48_000
"""Points of curves on the whole page: about 0.45 MB."""


def content(results: Results) -> str:
    """The content of the page of these runs."""
    runs = all_runs.table(results)._repr_html_()
    return (
        f"<h1>{TITLE}</h1>"
        f'<p class="lead">{escape(_CAPTIONS.fill("page_lead"))}</p>'
        "<h2>Side by side</h2>"
        f"{_side_by_side(results)}"
        "<h2>All runs</h2>"
        f'<div class="runs">{runs}</div>'
        "<h2>All curves</h2>"
        f"{overlays.roc_of_all(results)._repr_html_()}"
        f"{overlays.learning_of_all(results)._repr_html_()}"
        "<h2>What the poster leaves open</h2>"
        f"{open_choices.table(results)._repr_html_()}"
    )


def address(names: Sequence[str], *, up: str = "") -> str:
    """A link to the page with these runs chosen.

    Args:
        names: Two to four names of runs.
        up: What leads from the linking page to the report's folder.
    """
    return f"{up}{PATH}#runs={','.join(names)}"


def data(results: Results) -> dict[str, Any]:
    """What the page's script draws: by run its parameters, history, scores and curves.

    One that combines others has neither history nor loss.

    Numbers to read are texts, formatted as in all tables. Curves are flat lists of x and y in
    thousandths. The runs of `start` are chosen where the address names none.
    """
    scored = list(results.all_scored.values())
    points = max(8, min(_MAX_POINTS, _ALL_POINTS // (2 * len(LABELS) * max(1, len(scored)))))
    return {
        "labels": list(LABELS),
        "start": _start(results),
        "runs": [_run(run, results, points) for run in scored],
    }


def _side_by_side(results: Results) -> str:
    if len(results.all_scored) < 2:
        return "<p>It takes two runs with predictions to compare; there are not as many yet.</p>"
    return (
        '<div class="compare">'
        f'<p class="note">{escape(_CAPTIONS.fill("page_without_script"))}</p>'
        f"{data_element('compare', without_nan(data(results)))}</div>"
    )


def _start(results: Results) -> list[str]:
    """The best run on unseen patients, and the next best of those tested on the same slices."""
    everyone = results.all_scored.values()
    best = results.best or next(iter(everyone), None)
    if best is None:
        return []
    others = [run for run in everyone if run.name != best.name]
    others.sort(
        key=lambda run: (run.assessment.test_set != best.assessment.test_set, -run.learned.auc_any)
    )
    return [run.name for run in (best, *others[:1])]


def _run(run: ScoredRun, results: Results, points: int) -> dict[str, Any]:
    parameters = all_runs.parameters_of(run.run_record, results)
    test = run.assessment.split("test")
    history = run.record["history"]
    groups = counted(test["groups"], "linked group")
    seen = "" if run.unseen_patients else ", whose patients are in train too"
    return {
        "name": run.name,
        "page": f"experiments/{run.name}.html",
        "question": run.experiment.question,
        "sample": SAMPLES[run.sample].name,
        "test": f"{counted(test['slices'], 'slice')} of {groups}{seen}",
        "test_set": run.assessment.test_set,
        "loss": None if history is None else run.experiment.loss,
        "parameters": {
            name.replace("_", " "): in_words(value) for name, value in parameters.items()
        },
        "history": history and {name: _rounded(history[name]) for name in ("loss", "val_loss")},
        "scores": {
            label: [
                with_interval(run.assessment.score("auc", label, "test")),
                with_interval(run.assessment.average_precision(label)),
                with_interval(run.assessment.score("log_loss", label, "test")),
            ]
            for label in LABELS
        },
        "curves": _curves(run.assessment, points),
    }


def _curves(assessed: Assessment, points: int) -> dict[str, dict[str, list[int]]]:
    points_of = {}
    for label in LABELS:
        roc = curves.thin_roc(assessed.curve("roc", label), points)
        precision = curves.thin_precision_recall(assessed.curve("precision_recall", label), points)
        points_of[label] = {
            "roc": _flat(roc, "false_positive_rate", "recall"),
            "pr": _flat(precision, "recall", "precision"),
        }
    return points_of


def _flat(curve: pd.DataFrame, x: str, y: str) -> list[int]:
    """The points of a curve as x, y, x, y, …, in thousandths."""
    thousandths = (curve[[x, y]].to_numpy() * 1000).round().astype(int)
    return [int(value) for value in thousandths.ravel()]


def _rounded(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]

"""The page that sets runs side by side: any two to four, and all of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from ichreport.evaluation import curves
from ichreport.evaluation.assessment import Assessment
from ichreport.files import without_nan
from ichreport.labels import LABELS
from ichreport.params.choices import SAMPLES
from ichreport.report.comparison import all_runs, overlays
from ichreport.report.html.formats import in_words, with_interval
from ichreport.report.html.sanitise import data_element
from ichreport.runs.results import Results, Scored

PATH: Final = "compare.html"
SCRIPT: Final = Path(__file__).with_name("compare.js")
TITLE: Final = "Compare experiments"
ABOUT: Final = "Two to four experiments side by side, and one table of all runs."

_MAX_POINTS: Final = 120
_ALL_POINTS: Final = 48_000
"""Points of curves on the whole page: about 0.45 MB."""


def content(found: Results) -> str:
    """The content of the page of these runs."""
    runs = all_runs.table(found)._repr_html_()
    return (
        f"<h1>{TITLE}</h1>"
        '<p class="lead">How do experiments differ, in what they are and in what they find?</p>'
        "<h2>Side by side</h2>"
        f"{_side_by_side(found)}"
        "<h2>All runs</h2>"
        f'<div class="runs">{runs}</div>'
        "<h2>All curves</h2>"
        f"{overlays.roc_of_all(found)._repr_html_()}"
        f"{overlays.learning_of_all(found)._repr_html_()}"
    )


def address(names: Sequence[str], *, up: str = "") -> str:
    """A link to the page with these runs chosen.

    Args:
        names: Two to four names of runs.
        up: What leads from the linking page to the report's folder.
    """
    return f"{up}{PATH}#runs={','.join(names)}"


def data(found: Results) -> dict[str, Any]:
    """What the page's script draws: by run its parameters, history, scores and curves.

    Numbers to read are texts, formatted as in all tables. Curves are flat lists of x and y in
    thousandths. The runs of `start` are chosen where the address names none.
    """
    scored = list(found.scored.values())
    points = max(8, min(_MAX_POINTS, _ALL_POINTS // (2 * len(LABELS) * max(1, len(scored)))))
    return {
        "labels": list(LABELS),
        "start": _start(found),
        "runs": [_run(own, found, points) for own in scored],
    }


def _side_by_side(found: Results) -> str:
    if len(found.scored) < 2:
        return "<p>It takes two runs with predictions to compare; there are not as many yet.</p>"
    return (
        '<div class="compare">'
        '<p class="note">To choose runs here takes JavaScript. Without it, the table and the '
        "curves below hold all of them.</p>"
        f"{data_element('compare', without_nan(data(found)))}</div>"
    )


def _start(found: Results) -> list[str]:
    """The best run on unseen patients, and the next best of those tested on the same slices."""
    best = found.best or next(iter(found.scored.values()), None)
    if best is None:
        return []
    others = [own for own in found.scored.values() if own is not best]
    others.sort(
        key=lambda own: (own.assessment.test_set != best.assessment.test_set, -own.learned.auc_any)
    )
    return [own.run.name for own in (best, *others[:1])]


def _run(own: Scored, found: Results, points: int) -> dict[str, Any]:
    parameters = all_runs.parameters_of(own.run, found)
    test = own.assessment.split("test")
    history = own.run.record["history"]
    seen = "" if own.unseen_patients else ", whose patients stand in train too"
    return {
        "name": own.run.name,
        "page": f"experiments/{own.run.name}.html",
        "question": own.run.experiment.question,
        "sample": SAMPLES[own.sample].name,
        "test": f"{test['slices']:,} slices of {test['groups']:,} linked groups{seen}",
        "test_set": own.assessment.test_set,
        "loss": own.run.experiment.loss,
        "parameters": {
            name.replace("_", " "): in_words(value) for name, value in parameters.items()
        },
        "history": {name: _rounded(history[name]) for name in ("loss", "val_loss")},
        "scores": {
            label: [
                with_interval(own.assessment.score("auc", label, "test")),
                with_interval(own.assessment.average_precision(label)),
                with_interval(own.assessment.score("log_loss", label, "test")),
            ]
            for label in LABELS
        },
        "curves": _curves(own.assessment, points),
    }


def _curves(assessed: Assessment, points: int) -> dict[str, dict[str, list[int]]]:
    drawn = {}
    for label in LABELS:
        roc = curves.thin_roc(assessed.curve("roc", label), points)
        pure = curves.thin_precision_recall(assessed.curve("precision_recall", label), points)
        drawn[label] = {
            "roc": _flat(roc, "false_positive_rate", "recall"),
            "pr": _flat(pure, "recall", "precision"),
        }
    return drawn


def _flat(curve: pd.DataFrame, x: str, y: str) -> list[int]:
    """The points of a curve as x, y, x, y, …, in thousandths."""
    thousandths = (curve[[x, y]].to_numpy() * 1000).round().astype(int)
    return [int(value) for value in thousandths.ravel()]


def _rounded(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]

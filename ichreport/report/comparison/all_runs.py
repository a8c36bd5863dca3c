"""One table of everything: each run's parameters beside its scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ichreport.evaluation.scores import ALL_LABELS
from ichreport.labels import ANY, SUBTYPES
from ichreport.report.html.blocks import Cell, Column, Link, Marked, Row, Table, numbers
from ichreport.report.html.formats import in_words, with_interval
from ichreport.report.run import parameters
from ichreport.runs.record import RunRecord
from ichreport.runs.results import VERDICT_KINDS, VERDICTS_EXPLAINED, Results, Scored
from ichreport.splits import SPLITS

SCRIPT: Final = Path(__file__).with_name("runs.js")

_OF_THE_REPORT: Final = frozenset(
    {
        "name", "question", "profile", "source", "labels", "pseudonymise", "store", "phantom",
        "max_reject_share", "experiments", "cam_run", "cam_per_group", "kernel",
    }
)  # fmt: skip
"""Parameters that say where a report stands and what it shows, not what a run is."""

_SCORES: Final = (
    *(f"log loss, {split}" for split in SPLITS),
    *(f"AUC {label}" for label in (ANY, *SUBTYPES)),
    f"average precision {ANY}",
    "weights trained",
    "seconds",
)


def table(found: Results) -> Table:
    """All runs with their parameters and scores, those without a record with their reason."""
    parameters = {run.name: parameters_of(run, found) for run in found.runs}
    names = list(dict.fromkeys(name for own in parameters.values() for name in own))
    rows = []
    for run in found.runs:
        values, scored = parameters[run.name], found.scored.get(run.name)
        link = Link(f"experiments/{run.name}.html", run.name)
        texts = [in_words(values[name]) if name in values else "–" for name in names]
        cells = [link, *texts, *(_scores(scored) if scored else _reason(run))]
        rows.append(Row(cells, "" if scored else "quiet"))
    columns = [
        Column(
            name.replace("_", " "),
            numeric=_are_numbers([values.get(name) for values in parameters.values()]),
        )
        for name in names
    ]
    return Table(
        "Every run with its parameters and its scores. Log losses are weighted sums over labels, "
        "in nats; areas and average precision are of the test split; seconds are of the whole run. "
        "Intervals are 95 %, by bootstrap over linked patient groups. * is split by slice: its "
        f"test patients stand in train too. {VERDICTS_EXPLAINED}",
        ["experiment", *columns, *numbers(*_SCORES), "verdict"],
        rows,
        sortable=True,
    )


def parameters_of(run: RunRecord, found: Results) -> dict[str, Any]:
    """The parameters that make a run what it is, as recorded or else as expected."""
    asked = run.experiment if run.parameters else found.expected.get(run.name)
    given = parameters.values_of(asked) if asked else {}
    return {name: value for name, value in given.items() if name not in _OF_THE_REPORT}


def _are_numbers(values: Sequence[Any]) -> bool:
    """Whether all values that there are, are numbers, and there is one."""
    given = [value for value in values if value is not None]
    return bool(given) and all(type(value) in (int, float) for value in given)


def _scores(scored: Scored) -> list[Cell]:
    learned, record = scored.learned, scored.run.record
    star = "" if scored.unseen_patients else " *"
    return [
        *(
            with_interval(scored.assessment.score("weighted_log_loss_sum", ALL_LABELS, one))
            for one in SPLITS
        ),
        *(
            with_interval(scored.assessment.score("auc", label, "test")) + star
            for label in (ANY, *SUBTYPES)
        ),
        with_interval(scored.assessment.average_precision(ANY)) + star,
        f"{record['model']['trainable']:,}",
        f"{sum(record['timings'].values()):.0f}",
        Marked(learned.verdict, VERDICT_KINDS[learned.verdict]),
    ]


def _reason(run: RunRecord) -> list[Cell]:
    kind = "bad" if run.status == "failed" else "open"
    return [*(["–"] * len(_SCORES)), Marked(f"{run.status}: {run.reason}", kind)]

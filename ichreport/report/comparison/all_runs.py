"""One table of all runs: the parameters of each beside its scores."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from ichreport.evaluation.scores import ALL_LABELS
from ichreport.labels import ANY, SUBTYPES
from ichreport.params.profile import OF_THE_REPORT
from ichreport.report.comparison import verdicts
from ichreport.report.html.blocks import Cell, Column, Link, Marked, Row, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import in_words, starred, with_interval
from ichreport.report.run import parameters
from ichreport.runs.record import RunRecord
from ichreport.runs.results import Results, ScoredRun
from ichreport.splits import SPLITS

_CAPTIONS: Final = Captions.beside(__file__)

_REPORT_PARAMETERS: Final = (OF_THE_REPORT - {"image_size"}) | {"name", "question", "hindsight"}
"""Parameters that say where a report stands and what it shows, not what a run is."""

_SCORES: Final = (
    *(f"log loss, {split}" for split in SPLITS),
    *(f"AUC {label}" for label in (ANY, *SUBTYPES)),
    f"average precision {ANY}",
    "weights trained",
    "seconds",
)


def table(results: Results) -> Table:
    """All runs with their parameters and scores, those without a record with their reason."""
    parameters = {run.name: parameters_of(run, results) for run in results.all_runs}
    names = list(dict.fromkeys(chain.from_iterable(parameters.values())))
    rows = []
    for run in results.all_runs:
        values, scored = parameters[run.name], results.all_scored.get(run.name)
        mark = " †" if scored and verdicts.had_no_epochs_left(scored) else ""
        link = Link(f"experiments/{run.name}.html", f"{run.name}{mark}")
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
        _CAPTIONS.fill("all_runs", verdicts=verdicts.explanation()),
        ["experiment", *columns, *numbers(*_SCORES), "verdict"],
        rows,
        sortable=True,
    )


def parameters_of(run: RunRecord, results: Results) -> dict[str, Any]:
    """The parameters that define a run: as recorded, or else as its file says."""
    experiment = results.experiment_of(run)
    values = parameters.values_of(experiment) if experiment else {}
    return {name: value for name, value in values.items() if name not in _REPORT_PARAMETERS}


def _are_numbers(values: Sequence[Any]) -> bool:
    """Whether there are values other than None, and all of them are numbers."""
    known = [value for value in values if value is not None]
    return bool(known) and all(type(value) in (int, float) for value in known)


def _scores(run: ScoredRun) -> list[Cell]:
    record = run.record
    star = "" if run.unseen_patients else " *"
    return [
        *(
            with_interval(run.assessment.score("weighted_log_loss_sum", ALL_LABELS, split))
            for split in SPLITS
        ),
        *(
            starred(with_interval(run.assessment.score("auc", label, "test")), star)
            for label in (ANY, *SUBTYPES)
        ),
        starred(with_interval(run.assessment.average_precision(ANY)), star),
        f"{record['model']['trainable']:,}" if record["model"] else "–",
        f"{sum(record['timings'].values()):.0f}",
        verdicts.verdict_cell(run),
    ]


def _reason(run: RunRecord) -> list[Cell]:
    kind = "bad" if run.status == "failed" else "open"
    return [*(["–"] * len(_SCORES)), Marked(f"{run.status}: {run.reason}", kind)]

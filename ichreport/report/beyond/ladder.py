"""The ladder: each row beyond the poster as a step from the run that it builds on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from ichreport.evaluation.comparisons import Comparison, compare_pairs
from ichreport.evaluation.scores import ALL_LABELS
from ichreport.labels import ANY
from ichreport.params.experiment import Experiment
from ichreport.report import trainings
from ichreport.report.beyond import changes
from ichreport.report.comparison import verdicts
from ichreport.report.html.blocks import Cell, Column, Link, Marked, Sentences, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import digits_for, number, p_value, with_interval
from ichreport.runs.results import Results

_CAPTIONS: Final = Captions.beside(__file__)
_KINDS: Final = {"better": "good", "worse": "bad"}
_LOSS: Final = ("weighted_log_loss_sum", ALL_LABELS)
_AREA: Final = ("auc", ANY)
_SCORES: Final = {_LOSS: "the weighted log loss", _AREA: "the AUC of any bleeding"}


@dataclass(frozen=True)
class Ladder:
    """The steps of a report, and all runs that they lead from and to.

    Attributes:
        results: The runs of the report.
        steps: What is asked in each step, by the run's name.
        baselines: The run that each step builds on, by the step's run.
        runs: The names of all runs that steps lead from and to, in the order of the report.
        comparison: Those of them that have figures, on test, paired over shared patients.
        compared: As `evaluation.comparisons.compare_pairs` gives it, by the weighted log loss and
            by the AUC of any bleeding; `p_holm` is adjusted over the steps, score by score.
    """

    results: Results
    steps: Mapping[str, Experiment]
    baselines: Mapping[str, str]
    runs: Sequence[str]
    comparison: Comparison
    compared: pd.DataFrame

    @property
    def experiments(self) -> dict[str, Experiment]:
        """What is asked in each of the runs, by name; a file with a mistake asks nothing."""
        asked = {run.name: self.results.experiment_of(run) for run in self.results.runs}
        return {name: one for name, one in asked.items() if name in self.runs and one is not None}


def climb(results: Results) -> Ladder:
    """Compare every row beyond the poster with its baseline, paired over patients.

    Args:
        results: The runs of a report.
    """
    steps = results.beyond_poster
    baselines = {name: step.baseline for name, step in steps.items() if step.baseline is not None}
    named = {*baselines, *baselines.values()}
    runs = [run.name for run in results.runs if run.name in named]
    scored = [results.scored[name] for name in runs if name in results.scored]
    comparison = Comparison({run.name: results.trainings_on_test(run) for run in scored})
    tables = [compare_pairs(comparison, baselines, [score]) for score in _SCORES]
    compared = pd.concat(tables, ignore_index=True)
    return Ladder(results, steps, baselines, runs, comparison, compared)


def sentences(ladder: Ladder) -> Sentences:
    """Which steps are more than chance, which are not, and which rows have no figures.

    Args:
        ladder: As `climb` gives it.
    """
    if not ladder.steps:
        return Sentences([_CAPTIONS.fill("no_step")])
    told = [
        sentence
        for score, words in _SCORES.items()
        for sentence in _of_score(words, _marked_rows(ladder, score))
    ]
    return Sentences([*told, *_on_seen(ladder), *_in_hindsight(ladder), *_without_figures(ladder)])


def marked(ladder: Ladder, name: str) -> str:
    """The name of a step's run, with a * where its test patients are in train too.

    Args:
        ladder: As `climb` gives it.
        name: The run.
    """
    run = ladder.results.scored.get(name)
    return name if run is None else verdicts.marked_name(run)


def _on_seen(ladder: Ladder) -> list[str]:
    """What a mark says, if a step bears one."""
    is_marked = any(marked(ladder, name) != name for name in ladder.steps)
    return [verdicts.on_seen()] if is_marked else []


def _in_hindsight(ladder: Ladder) -> list[str]:
    """What of the runs of a ladder was chosen after a look at test patients, said once."""
    scored = ladder.results.scored
    own = [scored[name] for name in ladder.runs if name in scored]
    return [
        said
        for run in own
        if run.experiment.hindsight
        for said in ladder.results.hindsight_of(run)[:1]
    ]


def what_changes(ladder: Ladder) -> Table | Sentences:
    """Every step: the run that it builds on, and what it does otherwise.

    Args:
        ladder: As `climb` gives it.
    """
    if not ladder.steps:
        return Sentences([_CAPTIONS.fill("no_step")])
    rows: list[list[Cell]] = [
        [_link(name), _link(baseline), _change(ladder, name)]
        for name, baseline in ladder.baselines.items()
    ]
    return Table(_CAPTIONS.fill("changes"), ["step", "from", "what changes"], rows)


def table(ladder: Ladder) -> Table | Sentences:
    """Every step: its scores, and their differences from its baseline's, with outcomes.

    Args:
        ladder: As `climb` gives it.
    """
    if not ladder.steps:
        return Sentences([_CAPTIONS.fill("no_step")])
    losses, areas = _rows(ladder, _LOSS), _rows(ladder, _AREA)
    rows: list[list[Cell]] = [
        [
            Link(f"experiments/{loss['run']}.html", marked(ladder, loss["run"])),
            number(loss["value"]),
            *difference(loss),
            number(area["value"]),
            *difference(area),
        ]
        for loss, area in zip(losses, areas, strict=True)
    ]
    return Table(
        _CAPTIONS.fill("ladder", luck=trainings.luck_of(ladder.runs, ladder.results)),
        [
            "step",
            *difference_columns("weighted log loss", "its own"),
            *difference_columns("AUC, any bleeding", "its own"),
        ],
        rows,
    )


def difference(row: Mapping[str, Any]) -> list[Cell]:
    """A row of a comparison as cells: the difference, its adjusted p-value and the outcome."""
    ends = [row["difference"], row["low"], row["high"]]
    digits = digits_for(*ends) if row["outcome"] in _KINDS else 3
    return [
        with_interval({**row, "value": row["difference"]}, digits),
        p_value(row["p_holm"]),
        Marked(row["outcome"], _KINDS.get(row["outcome"], "open")),
    ]


def difference_columns(score: str, *before: str) -> list[Column]:
    """The columns of `difference`, after others of numbers under the same heading."""
    return [*numbers(*before, "difference", "p", group=score), Column("outcome", group=score)]


def _of_score(score: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence an outcome, and one if no step is more than chance."""
    better, worse, undecided, undefined = (
        ", ".join(_named(row) for row in rows if row["outcome"] == outcome)
        for outcome in ("better", "worse", "not distinguishable", "undefined")
    )
    told = []
    if better:
        told.append(_CAPTIONS.fill("better", score=score, steps=better))
    if worse:
        told.append(_CAPTIONS.fill("worse", score=score, steps=worse))
    if undecided and not told:
        told.append(_CAPTIONS.fill("all_chance", score=score, steps=undecided))
    elif undecided:
        told.append(_CAPTIONS.fill("chance", score=score, steps=undecided))
    if undefined:
        told.append(_CAPTIONS.fill("undefined", score=score, steps=undefined))
    return told


def _named(row: Mapping[str, Any]) -> str:
    """A step's run, with its difference where it has one."""
    if row["outcome"] == "undefined":
        return str(row["run"])
    return f"{row['run']} ({number(row['difference'], digits_for(row['difference']))})"


def _without_figures(ladder: Ladder) -> list[str]:
    """Rows of the ladder that failed or are missing, and those that nobody can tell a step of."""
    names = set(ladder.runs)
    told = [
        _CAPTIONS.fill("no_figures", run=run.name, status=run.status, reason=run.reason)
        for run in ladder.results.without_figures
        if run.name in names
    ]
    unread = [
        run.name
        for run in ladder.results.without_figures
        if ladder.results.experiment_of(run) is None
    ]
    if unread:
        told.append(_CAPTIONS.fill("unread", runs=", ".join(unread)))
    return told


def _marked_rows(ladder: Ladder, score: tuple[str, str]) -> list[dict[str, Any]]:
    """The comparisons by a score, each with the marked name of its run."""
    return [row | {"run": marked(ladder, row["run"])} for row in _rows(ladder, score)]


def _change(ladder: Ladder, name: str) -> str:
    """What a step changes; a dash where its baseline's parameters are not known."""
    baseline = ladder.experiments.get(ladder.baselines[name])
    return "–" if baseline is None else changes.in_words(ladder.steps[name], baseline)


def _link(name: str) -> Link:
    return Link(f"experiments/{name}.html", name)


def _rows(ladder: Ladder, score: tuple[str, str]) -> list[dict[str, Any]]:
    table = ladder.compared
    chosen = table[(table["score"] == score[0]) & (table["label"] == score[1])]
    rows: list[dict[str, Any]] = chosen.to_dict("records")  # type: ignore[assignment]
    return rows

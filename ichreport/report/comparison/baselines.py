"""Every row against its baseline: the differences, as a table, a forest plot and sentences."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from ichreport.evaluation.comparisons import compare_runs
from ichreport.labels import ANY
from ichreport.params.samples import SAMPLES
from ichreport.report import trainings
from ichreport.report.comparison import verdicts
from ichreport.report.html.blocks import (
    Cell,
    Column,
    Drawing,
    Link,
    Marked,
    Sentences,
    Table,
    numbers,
)
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import p_value, with_interval
from ichreport.report.html.palette import ACCENT
from ichreport.report.run import curves as run_curves
from ichreport.runs.results import Results

_CAPTIONS: Final = Captions.beside(__file__)
_OUTCOMES: Final = {"better": "good", "worse": "bad"}


@dataclass(frozen=True)
class _ComparedScore:
    """A score that runs and baselines are compared by."""

    score: str
    label: str
    axis: str


_LOSS: Final = _ComparedScore(
    "weighted_log_loss_sum", "all", "weighted log loss, less the baseline's"
)
_AREA: Final = _ComparedScore("auc", ANY, "AUC, less the baseline's")


def against_baselines(results: Results) -> pd.DataFrame:
    """Every row against its baseline, by log loss and by the AUC of any bleeding.

    Each experiment's file names its baseline, a run of the same sample and split. Differences are
    paired over linked patient groups, p-values adjusted by Holm over the rows.

    Args:
        results: The runs of a report.

    Returns:
        The columns of `evaluation.comparisons.compare_runs`, rows of both scores.
    """
    rows = results.rows
    baselines = {
        name: run.experiment.baseline for name, run in rows.items() if run.experiment.baseline
    }
    predictions = {name: results.trainings_on_test(run) for name, run in rows.items()}
    return pd.concat(
        [
            compare_runs(predictions, baselines, score=compared.score, label=compared.label)
            for compared in (_LOSS, _AREA)
        ],
        ignore_index=True,
    )


def comparisons(results: Results, compared: pd.DataFrame) -> Table:
    """The differences from the baselines, with their outcomes.

    Args:
        results: The runs.
        compared: As `against_baselines` gives it.
    """
    areas = {row["run"]: row for row in _rows(compared, _AREA)}
    rows: list[list[Cell]] = []
    for loss in _rows(compared, _LOSS):
        name = loss["run"]
        rows.append(
            [
                Link(f"experiments/{name}.html", *_starred([name], results)),
                _row_label(loss["baseline"], results),
                *_difference(loss),
                *_difference(areas[name]),
            ]
        )
    luck = trainings.luck_of(pd.unique(compared[["run", "baseline"]].to_numpy().ravel()), results)
    return Table(
        _CAPTIONS.fill(
            "baselines", baselines=_baselines(results), luck=luck, shared=_shared(compared)
        ),
        [
            "experiment",
            "baseline",
            *_columns("weighted log loss"),
            *_columns("AUC, any bleeding"),
        ],
        rows,
    )


def forest(compared: pd.DataFrame) -> Drawing | Sentences:
    """The differences from the baselines as dots with their intervals.

    Args:
        compared: As `against_baselines` gives it.
    """
    table = compared.dropna(subset=["difference"])
    if table.empty:
        return Sentences(["No run can be compared with its baseline."])
    panels: list[str] = []
    words = []
    for score in (_LOSS, _AREA):
        differences = table[table["score"] == score.score]
        names = differences["run"].tolist()
        dots = run_curves.dots(
            names,
            {"difference": (differences["difference"].tolist(), ACCENT, "o")},
            xlabel=score.axis,
            caption=score.axis,
            alternative=score.axis,
            intervals=list(zip(differences["low"], differences["high"], strict=True)),
            zero=True,
        )
        panels += dots.panels
        distinguished = [
            f"{name} {outcome}"
            for name, outcome in zip(names, differences["outcome"], strict=True)
            if outcome in _OUTCOMES
        ]
        words.append(f"{score.axis}: {', '.join(distinguished) or 'no run differs'}")
    return Drawing(
        _CAPTIONS.fill("forest"),
        "Two forest plots. After adjustment, " + "; ".join(words) + ".",
        panels,
    )


def outcomes(results: Results, compared: pd.DataFrame) -> Sentences:
    """What the comparisons say, by log loss; a * marks test patients that are in train too.

    Args:
        results: The runs.
        compared: As `against_baselines` gives it.
    """
    losses = compared[compared["score"] == _LOSS.score]
    openings = {
        "better": "Better than the baseline",
        "worse": "Worse than the baseline",
        "not distinguishable": "Not distinguishable from the baseline",
        "undefined": "Not compared, since a run is missing or its score undefined",
    }
    names = {
        outcome: _starred(losses.loc[losses["outcome"] == outcome, "run"], results)
        for outcome in openings
    }
    sentences = [
        f"{opening}: {', '.join(names[outcome])}."
        for outcome, opening in openings.items()
        if names[outcome]
    ]
    if any(" *" in sentence for sentence in sentences):
        sentences.append(verdicts.on_seen())
    return Sentences(sentences or ["There is no run to compare with a baseline."])


def _starred(names: Iterable[str], results: Results) -> list[str]:
    """Names of rows, with a * where their test patients are in train too."""
    rows = results.rows
    return [verdicts.marked_name(rows[name]) if name in rows else name for name in names]


def _columns(score: str) -> list[Column]:
    """The columns of a difference."""
    return [*numbers("difference", "p", group=score), Column("outcome", group=score)]


def _difference(row: Mapping[str, Any]) -> list[Cell]:
    outcome = row["outcome"]
    return [
        with_interval({**row, "value": row["difference"]}),
        p_value(row["p_holm"]),
        Marked(outcome, _OUTCOMES.get(outcome, "open")),
    ]


def _rows(compared: pd.DataFrame, score: _ComparedScore) -> list[dict[str, Any]]:
    table = compared[compared["score"] == score.score]
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    return rows


def _baselines(results: Results) -> str:
    """Which run is the baseline of which sample, in a sentence; empty where none is named."""
    named = {
        run.experiment.baseline: f"{SAMPLES[run.sample].name} split by {run.split_by}"
        for run in results.rows.values()
        if run.experiment.baseline
    }
    listed = [f"{_row_label(name, results)} of {sample}" for name, sample in named.items()]
    if not listed:
        return ""
    verb = "The baseline is" if len(listed) == 1 else "The baselines are"
    return f"{verb} {', '.join(listed)}."


def _shared(compared: pd.DataFrame) -> str:
    """Whether runs and their baselines were tested on the same slices."""
    least = compared["shared_slices"].min()
    if math.isnan(least):  # nothing is compared
        return ""
    if least == 1:
        return _CAPTIONS.fill("shared_all")
    return _CAPTIONS.fill("shared_in_part", percent=f"{math.floor(100 * least)}")


def _row_label(name: str, results: Results) -> str:
    """Which row of the poster's table a run is; its name, where it is none."""
    row = results.rows[name].poster_row if name in results.rows else None
    return f"row {row}" if row else name

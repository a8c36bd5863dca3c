"""What sets runs apart and what does not: baselines, the poster's findings, the leak, the seeds."""

import math
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from ichreport.evaluation.comparisons import compare_runs
from ichreport.evaluation.findings import Criterion, findings
from ichreport.evaluation.inference.training_seeds import across_seeds
from ichreport.labels import ANY
from ichreport.report.html.blocks import (
    Cell,
    Column,
    Drawing,
    Link,
    Marked,
    Row,
    Sentences,
    Table,
    numbers,
)
from ichreport.report.html.formats import interval, number, p_value, with_interval
from ichreport.report.html.palette import ACCENT
from ichreport.report.run import curves as run_curves
from ichreport.runs.results import Results, Scored

_OUTCOMES: Final = {"better": "good", "worse": "bad"}
_VERDICTS: Final = {"supported": "good", "contradicted": "bad", "undecided": "open"}
_COMPARED: Final = (
    ("weighted_log_loss_sum", "all", "weighted log loss, less the baseline's"),
    ("auc", ANY, "AUC, less the baseline's"),
)


def against_baselines(found: Results) -> pd.DataFrame:
    """Every row against its declared baseline, by log loss and by area of any bleeding.

    The baseline is the plain row of the same sample and split. Differences are on shared resamples
    of linked patient groups, p-values adjusted by Holm over the rows.

    Args:
        found: The runs of a report.

    Returns:
        The columns of `evaluation.comparisons.compare_runs`, rows of both scores.
    """
    rows = found.rows
    baselines = {
        name: own.run.experiment.baseline
        for name, own in rows.items()
        if own.run.experiment.baseline
    }
    runs = {name: own.predictions for name, own in rows.items()}
    return pd.concat(
        [compare_runs(runs, baselines, score=score, label=of) for score, of, _ in _COMPARED],
        ignore_index=True,
    )


def comparisons(found: Results, compared: pd.DataFrame) -> Table:
    """The differences from the baselines and what can be said of them.

    Args:
        found: The runs.
        compared: As `against_baselines` gives it.
    """
    by_score = {score: compared[compared["score"] == score] for score, _, _ in _COMPARED}
    areas = {row["run"]: row for row in _records(by_score["auc"])}
    rows: list[list[Cell]] = []
    for row in _records(by_score["weighted_log_loss_sum"]):
        area = areas[row["run"]]
        rows.append(
            [
                Link(f"experiments/{row['run']}.html", row["run"]),
                _row_of(row["baseline"], found),
                with_interval({**row, "value": row["difference"]}),
                p_value(row["p_holm"]),
                _outcome(row),
                with_interval({**area, "value": area["difference"]}),
                p_value(area["p_holm"]),
                _outcome(area),
            ]
        )
    return Table(
        "Every row against its declared baseline, the plain one of its sample and split: row 5 of "
        "SampA, which is split by slice, row 10 of SampB and row 13 of all slices. Differences of "
        "the weighted log loss (below 0 is better) and of the area for any bleeding (above 0 is "
        "better) on test, with 95 % intervals over resamples of linked patient groups that both "
        "runs share, not adjusted; p-values are, by Holm over the rows of this table, and the "
        f"outcome follows them. {_shared(compared)}",
        [
            "experiment",
            "baseline",
            *_compared("weighted log loss"),
            *_compared("AUC, any bleeding"),
        ],
        rows,
    )


def _compared(score: str) -> list[Column]:
    """The columns of a difference."""
    return [*numbers("difference", "p", group=score), Column("outcome", group=score)]


def _shared(compared: pd.DataFrame) -> str:
    """Whether runs and their baselines were tested on the same slices."""
    least = compared["shared_slices"].min()  # NaN where nothing is compared
    if not least < 1:
        return "Each was tested on the slices of its baseline."
    return (
        "Not all were tested on the slices of their baseline: of those that either was tested on, "
        f"at least {100 * least:.0f} % are shared."
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
    said = []
    for score, _, xlabel in _COMPARED:
        own = table[table["score"] == score]
        names = own["run"].tolist()
        drawn = run_curves.dots(
            names,
            {"difference": (own["difference"].tolist(), ACCENT, "o")},
            xlabel=xlabel,
            caption=xlabel,
            alternative=xlabel,
            intervals=list(zip(own["low"], own["high"], strict=True)),
            zero=True,
        )
        panels += drawn.panels
        apart = [
            f"{name} {outcome}"
            for name, outcome in zip(names, own["outcome"], strict=True)
            if outcome in _OUTCOMES
        ]
        said.append(f"{xlabel}: {', '.join(apart) or 'none is told apart'}")
    return Drawing(
        "Every row's difference from its baseline, with 95 % intervals, on test: of the "
        "log loss, where left of the line is better, and of the area for any bleeding, where right "
        "of it is.",
        "Two forest plots. After adjustment, " + "; ".join(said) + ".",
        panels,
    )


def outcomes(compared: pd.DataFrame) -> Sentences:
    """What the comparisons say, by log loss.

    Args:
        compared: As `against_baselines` gives it.
    """
    own = compared[compared["score"] == "weighted_log_loss_sum"]
    openings = {
        "better": "Better than the baseline",
        "worse": "Worse than the baseline",
        "not distinguishable": "Not distinguishable from the baseline",
        "undefined": "Not compared, since a run is missing or its score undefined",
    }
    said = [
        f"{opening}: {', '.join(own.loc[own['outcome'] == outcome, 'run'])}."
        for outcome, opening in openings.items()
        if (own["outcome"] == outcome).any()
    ]
    return Sentences(said or ["There is no run to compare with a baseline."])


def poster_findings(found: Results) -> Table:
    """The poster's five findings, each with what these runs say to it and why."""
    rows: list[Row] = []
    by_row = _by_poster_row(found)
    runs = {row: own.predictions for row, own in by_row.items()}
    untaught = {row for row, own in by_row.items() if own.untaught}
    for one in findings(runs, random_backbones=untaught):
        verdict = _verdict(one.verdict)
        cells: list[Cell] = [f"{one.number}. {one.claim}", verdict, *[""] * 4]
        rows.append(Row(cells, "marked"))
        rows += [Row(_criterion(criterion)) for criterion in one.criteria]
        notes = {"no run of row": one.missing, "random weights in row": one.random_backbones}
        rows += [
            Row([f"{note} {', '.join(map(str, of))}", *[""] * 5])
            for note, of in notes.items()
            if of
        ]
    return Table(
        "The poster's findings restated, each above the parts that it rests on. A part is "
        "supported or contradicted where its whole 95 % interval lies as the columns on the right "
        "say, which was declared beforehand; where it lies in both, it is supported: a gain that "
        "is surely below what is worthwhile brings nothing. Where a finding rests on several "
        "differences, none contradicts it unless its p-value stays below 0.05 after Holm's "
        "adjustment over them. A finding is supported if all parts are, contradicted if one is. "
        "Subtypes are compared with any bleeding by area: they are rarer, so that their precision, "
        "by which the poster calls them weak, is lower even by chance. The poster's backbones were "
        "pre-trained: parts that rest on one of random weights stay undecided, whatever is "
        "measured.",
        [
            *("the poster says", "these runs", Column("here", numeric=True)),
            *("supports it", "contradicts it", "measured by"),
        ],
        rows,
    )


def seeds(found: Results) -> Table | Sentences:
    """Mean and spread over training seeds of the rows that were run with several."""
    rows = []
    for row, runs in found.by_row.items():
        if len(runs) < 2:
            continue
        table = across_seeds([own.assessment.scores for own in runs])
        for score, label, name in (
            ("weighted_log_loss_sum", "all", "weighted log loss"),
            ("auc", ANY, "AUC, any"),
        ):
            found_there = (
                (table["split"] == "test") & (table["score"] == score) & (table["label"] == label)
            )
            one = _records(table[found_there])[0]
            rows.append(
                [
                    f"{row}: {name}",
                    number(one["mean"]),
                    number(one["standard_deviation"]),
                    interval(one["lowest"], one["highest"]),
                    f"{one['runs']}",
                ]
            )
    if not found.by_row:
        return Sentences(["No row has a run."])
    if not rows:
        return Sentences(
            [
                "Every row was run once, with a single seed: how much of its scores is luck of the "
                "training is not known here. seeds: [2, 3] in the profile runs each again."
            ]
        )
    return Table(
        "Spread over training seeds, on test: the standard deviation of one run among them. It is "
        "of training alone; intervals elsewhere are of patients.",
        ["row and score", *numbers("mean", "standard deviation", "range", "runs")],
        rows,
    )


def whole_studies(found: Results) -> Table:
    """Any bleeding in whole studies of test, for every row."""
    rows: list[list[Cell]] = []
    for name, own in found.rows.items():
        studies = {
            (row["pooling"], row["score"]): row
            for row in _records(own.assessment.studies)
            if row["label"] == ANY
        }
        learned = studies["learned", "auc"]
        rows.append(
            [
                Link(f"experiments/{name}.html", name),
                with_interval(studies["maximum", "auc"], 2),
                with_interval(learned, 2),
                with_interval(studies["learned", "recall"], 2),
                with_interval(studies["learned", "specificity"], 2),
                f"{learned['positives']:,}",
                f"{learned['studies']:,}",
            ]
        )
    return Table(
        "Any bleeding in a whole study of test, its slices pooled by the maximum and as learned on "
        "validation; recall and specificity at validation's 85 % recall threshold, each with its "
        "95 % interval over linked patient groups. A study counts if all its slices are in test: a "
        "sample of single slices, or one that is split by slice, has no such study (–). Nothing is "
        "learned (–) where validation's studies are of one class, or score lower with bleeding "
        "than without.",
        [
            "experiment",
            *numbers("AUC, maximum", "AUC, learned", "recall", "specificity"),
            *numbers("positive", "studies"),
        ],
        rows,
    )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    return rows


def _outcome(row: Mapping[str, Any]) -> Marked:
    return Marked(row["outcome"], _OUTCOMES.get(row["outcome"], "open"))


def _verdict(verdict: str) -> Marked:
    return Marked(verdict, _VERDICTS[verdict])


def _criterion(criterion: Criterion) -> list[Cell]:
    here = with_interval({"value": criterion.value, **vars(criterion.interval)})
    against = " or ".join(map(_range, criterion.contradicted_if))
    return [
        criterion.name, _verdict(criterion.verdict), here, _range(criterion.supported_if), against,
        criterion.measure,
    ]  # fmt: skip


def _range(limits: tuple[float, float]) -> str:
    """An open range in words; a dash where a limit is not known."""
    low, high = limits
    if math.isnan(low) or math.isnan(high):
        return "–"
    if math.isinf(low):
        return f"below {_limit(high)}"
    return f"above {_limit(low)}" if math.isinf(high) else f"{_limit(low)} to {_limit(high)}"


def _limit(value: float) -> str:
    return number(value) if value else "0"


def _row_of(name: str, found: Results) -> str:
    """Which row of the poster's table a run is; its name, where it is none."""
    row = found.rows[name].poster_row if name in found.rows else None
    return f"row {row}" if row else name


def _by_poster_row(found: Results) -> dict[int, Scored]:
    """The runs of the poster's rows; a run by hand, which is last, takes no row's place."""
    rows: dict[int, Scored] = {}
    for own in found.rows.values():
        if own.poster_row:
            rows.setdefault(own.poster_row, own)
    return rows

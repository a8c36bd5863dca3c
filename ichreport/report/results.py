"""The results over all runs: the poster's tables with ours beside, and what they say."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ichreport.data.samples import SPLITS
from ichreport.evaluation.learned import Learned, learned_or_not
from ichreport.evaluation.operating_points import operating_points
from ichreport.evaluation.scores import scores_by_split
from ichreport.labels import ANY, LABELS
from ichreport.params import Profile, read_experiments
from ichreport.report import poster
from ichreport.report.captioned import Link, Sentences, Table, number
from ichreport.report.records import RunRecord, read_runs

HELD_OUT = frozenset({"sampb", "fullid"})
"""The samples that are split by linked patient group: their test patients are unseen."""


@dataclass(frozen=True)
class Scored:
    """A run with what its predictions say, computed from them alone."""

    run: RunRecord

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """The run's predictions."""
        return self.run.predictions()

    @cached_property
    def scores(self) -> dict[str, dict[str, Any]]:
        """Scores by split."""
        return scores_by_split(self.predictions)

    @cached_property
    def learned(self) -> Learned:
        """The run against the constant prevalence of its training slices, on test."""
        return learned_or_not(self.predictions)

    @property
    def test_loss(self) -> float:
        """Weighted log loss on test, summed over labels."""
        return float(self.scores["test"]["weighted_log_loss_sum"])

    @property
    def unseen_patients(self) -> bool:
        """Whether the test patients are unseen: the sample is split by linked group."""
        return self.run.parameters["sample"] in HELD_OUT


@dataclass(frozen=True)
class Results:
    """Every run of a report: those with predictions, and those without, with their reasons."""

    runs: Sequence[RunRecord]
    scored: dict[str, Scored]

    @property
    def best(self) -> Scored | None:
        """The run that ranks any bleeding best on patients that it has not seen."""
        unseen = [run for run in self.scored.values() if run.unseen_patients]
        return max(unseen, key=lambda run: run.learned.auc_any, default=None)

    @property
    def without(self) -> list[RunRecord]:
        """The runs that failed or are missing."""
        return [run for run in self.runs if run.status != "ok"]


def read(profile: Profile) -> Results:
    """Read and score all runs of a profile's report."""
    runs = read_runs(profile.report_folder, read_experiments(profile).values())
    return Results(runs, {run.name: Scored(run) for run in runs if run.status == "ok"})


def losses(results: Results) -> Table:
    """The poster's table of losses, ours beside it, with a floor for each row's own sample."""
    best = results.best
    rows, marked, quiet = [], set(), set()
    for place, run in enumerate(results.runs):
        own = results.scored.get(run.name)
        row = own.run.parameters.get("poster_row") if own else _row_of(run.name)
        theirs = poster.LOSSES.get(row or 0, (None, None))
        link: str | Link = Link(f"experiments/{run.name}.html", run.name)
        if own is None:
            quiet.add(place)
            ours = ["–"] * 5 + [f"{run.status}: {run.reason}"]
        else:
            found = [own.scores[split]["weighted_log_loss_sum"] for split in SPLITS]
            floor = own.scores["test"]["floor"]["weighted_log_loss_sum"]
            area = own.learned.auc_interval
            auc = f"{number(own.learned.auc_any)} ({number(area.low)}–{number(area.high)})"
            ours = [*map(number, (*found, floor)), auc, _verdict(own)]
            if best is not None and own is best:
                marked.add(place)
        rows.append([link, *ours[:3], number(theirs[0]), number(theirs[1]), *ours[3:]])
    head = [
        "experiment", "train", "validation", "test", "poster train", "poster test", "floor",
        "AUC any (95 % interval)", "verdict",
    ]  # fmt: skip
    return Table(
        "Weighted multi-label log loss, a sum over labels, of every experiment beside the "
        "poster's. The floor predicts the training prevalence everywhere, on the same test "
        "slices. Intervals are by bootstrap over linked patient groups. Rows marked * are split "
        "by slice, as the poster did: their test patients stand in train too. Bold: the best AUC "
        "on unseen patients.",
        head,
        rows,
        numeric=frozenset(range(1, 8)),
        marked=frozenset(marked),
        quiet=frozenset(quiet),
    )


def operating_points_of_best(results: Results) -> Table:
    """The operating points of the run that stands for the poster's row 13, beside the poster's."""
    own = _for_poster_points(results)
    if own is None:
        return Table("Operating points: no run has predictions.", ["label"], [])
    points, scores = operating_points(own.predictions), own.scores
    rows: list[list[str]] = []
    for label in (ANY, *LABELS[:-1]):
        for split in ("train", "test"):
            at = points[label][split]
            ours = (scores[split]["auc"][label], at["precision"], at["accuracy"], at["recall"])
            theirs = poster.OPERATING_POINTS[label, split]
            pairs = [text for pair in zip(ours, theirs, strict=True) for text in map(number, pair)]
            rows.append([label, split, *pairs])
    head = ["label", "split"]
    for name in ("AUC", "precision", "accuracy", "recall"):
        head += [name, "poster"]
    return Table(
        f"Operating points of {own.run.name} at 85 % recall beside the poster's row "
        f"{poster.BEST_ROW}. Our thresholds are chosen on validation, exactly, and frozen; the "
        "poster's seem to come from held-out data on a coarse grid.",
        head,
        rows,
        numeric=frozenset(range(2, 10)),
    )


def curves_of_best(results: Results) -> pd.DataFrame:
    """Predictions of the run that ranks any bleeding best on unseen patients.

    Raises:
        ValueError: If no run that is split by patient has predictions.
    """
    best = results.best
    if best is None:
        raise ValueError("No run that is split by patient has predictions; see the table of runs.")
    return best.predictions


def sentences(results: Results) -> Sentences:
    """What the numbers say, computed from the runs' predictions."""
    said = [_counted(results)]
    best = results.best
    if best is not None:
        area, groups = best.learned.auc_interval, best.predictions
        patients = groups.loc[groups["split"] == "test", "group"].nunique()
        said.append(
            f"On patients that it has not seen, {best.run.name} ranks any bleeding best: AUC "
            f"{number(best.learned.auc_any)} (95 % interval {number(area.low)} to "
            f"{number(area.high)}, {best.learned.slices:,} slices of {patients:,} linked groups)."
        )
    by_verdict = {
        "learned": "Better than the constant prevalence on test: ",
        "ranks only": "Rank bleeding, but with probabilities no better than the constant: ",
        "not learned": "Learned nothing that test shows: ",
        "undecided": "Not distinguishable from the constant prevalence: ",
    }
    for verdict, opening in by_verdict.items():
        names = [n for n, own in results.scored.items() if own.learned.verdict == verdict]
        if names:
            said.append(opening + ", ".join(names) + ".")
    said += [f"{run.name} has no figures ({run.status}): {run.reason}" for run in results.without]
    return Sentences(said)


def _counted(results: Results) -> str:
    done, all_runs = len(results.scored), len(results.runs)
    return f"{done} of {all_runs} experiments have a record."


def _verdict(own: Scored) -> str:
    return own.learned.verdict if own.unseen_patients else f"{own.learned.verdict} *"


def _row_of(name: str) -> int | None:
    start = Path(name).name[:2]
    return int(start) if start.isdigit() else None


def _for_poster_points(results: Results) -> Scored | None:
    rows = {own.run.parameters.get("poster_row"): own for own in results.scored.values()}
    return rows.get(poster.BEST_ROW, results.best)

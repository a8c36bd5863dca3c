"""All runs of a report, with what their records say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from ichreport import poster
from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.constant_prevalence import FloorComparison
from ichreport.params.endpoint import Endpoint
from ichreport.params.experiment import SEED_MARK, Experiment
from ichreport.params.profile import Profile
from ichreport.params.rows.differences import differences
from ichreport.params.rows.read import read_each_experiment
from ichreport.params.rows.twins import is_twin, steps_beyond_poster
from ichreport.params.samples import Sample, SplitBy
from ichreport.runs.record import RunRecord, read_runs, read_runs_by_hand
from ichreport.splits import Split

_JUDGED: Final[tuple[Split, ...]] = ("validation", "test")
"""Where a run needs a figure to be the best: to be chosen, and to be judged."""


@dataclass(frozen=True)
class ScoredRun:
    """A run whose record has figures.

    Attributes:
        run_record: The run's folder and what its record says.
        by_hand: Whether it is no row of the report, so that it stands beside no figure of the
            poster's, whatever row its parameters say.
    """

    run_record: RunRecord
    by_hand: bool = False

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run_record.name

    @property
    def experiment(self) -> Experiment:
        """What was run."""
        return self.run_record.experiment

    @property
    def record(self) -> Mapping[str, Any]:
        """The content of `record.json`."""
        return self.run_record.record

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """The run's predictions, for what is computed of several runs together."""
        return self.run_record.predictions()

    def predictions_on(self, split: Split) -> pd.DataFrame:
        """As `predictions`, of one split; for who compares many runs and keeps all in memory."""
        return self.run_record.predictions(split)

    @cached_property
    def assessment(self) -> Assessment:
        """What was measured when the run was made, with intervals."""
        return Assessment.from_record(self.record["assessment"])

    @property
    def learned(self) -> FloorComparison:
        """The run against the constant prevalence of its training slices, on test."""
        return self.assessment.learned

    @property
    def test_loss(self) -> float:
        """Weighted log loss on test, summed over labels."""
        return self.learned.score

    @property
    def sample(self) -> Sample:
        """The sample that the run was made on."""
        return self.experiment.sample

    @property
    def split_by(self) -> SplitBy:
        """What the sample is split by: `slice`, or `group` of linked patients."""
        return self.experiment.splits_by

    @property
    def unseen_patients(self) -> bool:
        """Whether the test patients are unseen: the sample is split by linked group."""
        return self.split_by == "group"

    @property
    def has_random_backbone(self) -> bool:
        """Whether its own backbone is of random weights, of which some stay so."""
        experiment = self.experiment
        trains_whole = experiment.trainable_layers == "all"
        return experiment.needs_features and experiment.weights is None and not trains_whole

    @property
    def synthetic(self) -> bool:
        """Whether its slices are of synthetic heads, as their store says."""
        return bool(self.record["provenance"]["synthetic"])

    @property
    def made_on(self) -> date | None:
        """The day (UTC) on which it was trained or combined; None if its record does not say."""
        provenance = self.record["provenance"]
        finished = (provenance.get("training") or provenance).get("finished")
        return None if finished is None else datetime.fromisoformat(finished).date()

    @property
    def declared_primary(self) -> Endpoint:
        """The primary endpoint that was named when it was trained; else when it was recorded."""
        training = self.record["provenance"].get("training") or {}
        declared = training.get("declared", {}).get("primary")
        return Endpoint(**declared) if declared else self.experiment.primary

    @property
    def row(self) -> str:
        """The row of the table that this is a run of, with whatever seed."""
        return self.name.partition(SEED_MARK)[0]

    @property
    def poster_row(self) -> int | None:
        """The row of the poster's table that this run reproduces."""
        return None if self.by_hand else self.experiment.poster_row

    @property
    def poster_losses(self) -> poster.Losses | None:
        """The poster's train and test loss of the row that this run reproduces."""
        return poster.losses().get(self.poster_row or 0)


@dataclass(frozen=True)
class Variant:
    """A run by hand, beside the row that it is a variant of.

    Attributes:
        scored: The run.
        row: The name of the row whose parameters are nearest to its own; empty without a row.
        differences: As `params.differences.differences`: the run's own values, and the row's.
    """

    scored: ScoredRun
    row: str
    differences: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Results:
    """Every run of a report: those with predictions, and those without, with their reasons.

    What a report says of its rows rests on `scored`. Runs by hand are apart, so that no try changes
    what is said of the rows.

    Attributes:
        runs: The expected runs, in order.
        scored: Those with predictions, by name.
        expected: The experiments that have a parameter file, by name.
        runs_by_hand: The other runs, by name.
        variants: Those with predictions, by name.
        primary: What the report is about, and what its best run is chosen by.
    """

    runs: Sequence[RunRecord]
    scored: Mapping[str, ScoredRun]
    expected: Mapping[str, Experiment] = field(default_factory=dict)
    runs_by_hand: Sequence[RunRecord] = ()
    variants: Mapping[str, Variant] = field(default_factory=dict)
    primary: Endpoint = field(default_factory=Endpoint)

    @cached_property
    def all_runs(self) -> list[RunRecord]:
        """The expected runs, and those by hand after them."""
        return [*self.runs, *self.runs_by_hand]

    @cached_property
    def all_scored(self) -> dict[str, ScoredRun]:
        """As `all_runs`, those with predictions, by name."""
        return {**self.scored, **{name: one.scored for name, one in self.variants.items()}}

    @cached_property
    def candidates(self) -> list[ScoredRun]:
        """The rows whose test patients are unseen and that have the primary endpoint.

        Of a row with several seeds its first run with figures stands for it.
        """
        return [
            run
            for run, *_ in self.by_row.values()
            if run.unseen_patients
            and not any(np.isnan(self.primary_of(run, split)["value"]) for split in _JUDGED)
        ]

    @property
    def best(self) -> ScoredRun | None:
        """The candidate with the largest primary endpoint on validation; test has no say."""
        return next(iter(self.tied_for_best), None)

    @cached_property
    def tied_for_best(self) -> list[ScoredRun]:
        """The candidates that have the largest primary endpoint on validation, in order."""
        figures = [self.on_validation(run) for run in self.candidates]
        largest = max(figures, default=np.nan)
        return [
            run for run, figure in zip(self.candidates, figures, strict=True) if figure == largest
        ]

    def on_validation(self, run: ScoredRun) -> float:
        """A row's primary endpoint on validation: over several seeds, the mean.

        The largest of five seeds would be chosen for its luck.
        """
        values = [self.primary_of(one, "validation")["value"] for one in self.by_row[run.row]]
        return float(np.nanmean(values))

    def primary_of(self, run: ScoredRun, split: Split = "test") -> dict[str, Any]:
        """A run's primary endpoint: a row of `Assessment.endpoints`."""
        return run.assessment.endpoint(self.primary, split)

    def rests_on_random_backbone(self, run: ScoredRun) -> bool:
        """Whether a run has a backbone of random weights, or reads a run that has one.

        Args:
            run: One whose network another has trained is judged by that one's, and a combination by
                its members'.
        """
        others = (self.all_scored[name] for name in _read_by(run) if name in self.all_scored)
        return run.has_random_backbone or any(map(self.rests_on_random_backbone, others))

    def hindsight_of(self, run: ScoredRun) -> list[str]:
        """What of a run, and of those that it reads, was chosen after a look at test patients."""
        told = []
        for name, chosen in self._chosen_in_hindsight(run).items():
            rests = "" if name == run.name else f", on which {run.name} rests,"
            told.append(f"{name}{rests} is not free of hindsight: {chosen}")
        return told

    def _chosen_in_hindsight(self, run: ScoredRun) -> dict[str, str]:
        own = run.experiment.hindsight
        told = {run.name: own} if own else {}
        for name in _read_by(run):
            if name in self.all_scored:
                told |= self._chosen_in_hindsight(self.all_scored[name])
        return told

    @property
    def named_later(self) -> list[str]:
        """The runs that were trained, or have a member that was, when another endpoint was named.

        What is recorded anew, and not trained, stays what it was.
        """
        return [name for name, run in self.scored.items() if self._named_later(run)]

    def _named_later(self, run: ScoredRun) -> bool:
        others = (self.all_scored[name] for name in _read_by(run) if name in self.all_scored)
        return run.declared_primary != self.primary or any(map(self._named_later, others))

    @property
    def synthetic(self) -> bool:
        """Whether some run is on synthetic heads, whose scores say nothing beside the poster's."""
        return any(run.synthetic for run in self.scored.values())

    @property
    def best_poster_run(self) -> ScoredRun | None:
        """The first run of the poster's best row."""
        runs = (run for run in self.rows.values() if run.poster_row == poster.BEST_ROW)
        return next(runs, None)

    @cached_property
    def by_row(self) -> dict[str, list[ScoredRun]]:
        """The runs of each row: one, and one more for each further training seed."""
        rows: dict[str, list[ScoredRun]] = {}
        for run in self.scored.values():
            rows.setdefault(run.row, []).append(run)
        return rows

    def trainings_on_test(self, row: ScoredRun) -> list[pd.DataFrame]:
        """The predictions on test of each training of a row: one, and one more a further seed.

        Args:
            row: Its first run.
        """
        return [run.predictions_on("test") for run in self.by_row[row.name]]

    def trainings(self, row: ScoredRun) -> list[pd.DataFrame]:
        """As `trainings_on_test`, of the first training on all splits."""
        return [row.predictions, *self.trainings_on_test(row)[1:]]

    @property
    def rows(self) -> dict[str, ScoredRun]:
        """Each row's first run, by name."""
        return {name: run for name, run in self.scored.items() if run.row == name}

    def experiment_of(self, run: RunRecord) -> Experiment | None:
        """What a run is: as recorded, or else as its file says; None where that has a mistake."""
        return run.experiment if run.parameters else self.expected.get(run.name)

    @property
    def beyond_poster(self) -> dict[str, Experiment]:
        """The rows that go beyond the poster, by name, with figures or without."""
        rows = {run.name: self.experiment_of(run) for run in self.runs if SEED_MARK not in run.name}
        return steps_beyond_poster({name: row for name, row in rows.items() if row is not None})

    def twins_of(self, row: Experiment) -> list[ScoredRun]:
        """The runs of a row's twins, whose test patients are not in train.

        Args:
            row: A row that is split by slice; others have no twin.
        """
        return [run for run in self.rows.values() if is_twin(run.experiment, row)]

    @property
    def without_figures(self) -> list[RunRecord]:
        """The expected runs that failed or are missing."""
        return [run for run in self.runs if run.status != "ok"]


def read(profile: Profile, report_folder: Path | None = None) -> Results:
    """Read all runs of a profile's report; records alone are read.

    Args:
        profile: The profile.
        report_folder: Where its report is; `reports/<profile>` if not given.
    """
    experiments, mistakes = read_each_experiment(profile)
    folder = report_folder or profile.report_folder
    runs = read_runs(folder, experiments.values(), mistakes)
    by_hand = read_runs_by_hand(folder, {run.name for run in runs})
    return Results(
        runs,
        {run.name: ScoredRun(run) for run in runs if run.status == "ok"},
        experiments,
        by_hand,
        {run.name: _variant(run, experiments) for run in by_hand if run.status == "ok"},
        profile.primary,
    )


def _read_by(run: ScoredRun) -> list[str]:
    """The runs that a run reads: whose network it looks through, or whose predictions it joins."""
    return [*filter(None, [run.experiment.features_from]), *run.experiment.members]


def _variant(run: RunRecord, experiments: Mapping[str, Experiment]) -> Variant:
    """A run by hand beside the row that it shares most with, its question among that."""
    asked = run.experiment

    def distance(row: Experiment) -> int:
        other_names = (asked.question != row.question) + (asked.poster_row != row.poster_row)
        return len(differences(asked, row)) + other_names

    rows = [experiment for name, experiment in experiments.items() if experiment.row == name]
    nearest = min(rows, key=distance, default=None)
    scored = ScoredRun(run, by_hand=True)
    if nearest is None:
        return Variant(scored, "", {})
    return Variant(scored, nearest.name, differences(asked, nearest))

"""All runs of a report, with what their records say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ichreport import poster
from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.constant_prevalence import FloorComparison
from ichreport.params.experiment import SEED_MARK, Experiment, read_each_experiment
from ichreport.params.profile import Profile
from ichreport.params.samples import Sample, SplitBy
from ichreport.runs.record import RunRecord, read_runs


@dataclass(frozen=True)
class ScoredRun:
    """A run whose record has figures.

    Attributes:
        run_record: The run's folder and what its record says.
    """

    run_record: RunRecord

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
        """Whether it rests on a backbone of random weights, of which some stay so."""
        experiment = self.experiment
        trains_whole = experiment.trainable_layers == "all"
        return experiment.needs_features and experiment.weights is None and not trains_whole

    @property
    def synthetic(self) -> bool:
        """Whether its slices are of synthetic heads."""
        return self.experiment.phantom is not None

    @property
    def row(self) -> str:
        """The row of the table that this is a run of, with whatever seed."""
        return self.name.partition(SEED_MARK)[0]

    @property
    def poster_row(self) -> int | None:
        """The row of the poster's table that this run reproduces."""
        return self.experiment.poster_row

    @property
    def poster_losses(self) -> poster.Losses | None:
        """The poster's train and test loss of the row that this run reproduces."""
        return poster.losses().get(self.poster_row or 0)


@dataclass(frozen=True)
class Results:
    """Every run of a report: those with predictions, and those without, with their reasons.

    Attributes:
        runs: All runs, the expected ones first.
        scored: Those with predictions, by name.
        expected: The experiments that have a parameter file, by name.
    """

    runs: Sequence[RunRecord]
    scored: dict[str, ScoredRun]
    expected: Mapping[str, Experiment] = field(default_factory=dict)

    @cached_property
    def best(self) -> ScoredRun | None:
        """The run that ranks any bleeding best on patients that it has not seen."""
        unseen = [run for run in self.scored.values() if run.unseen_patients]
        ranked = [run for run in unseen if not np.isnan(run.learned.auc_any)]
        return max(ranked, key=lambda run: run.learned.auc_any, default=None)

    @property
    def synthetic(self) -> bool:
        """Whether some run is on synthetic heads, whose scores say nothing beside the poster's."""
        return any(run.synthetic for run in self.scored.values())

    @property
    def best_poster_run(self) -> ScoredRun | None:
        """The first run of the poster's best row, as a run by hand comes last."""
        runs = (run for run in self.rows.values() if run.poster_row == poster.BEST_ROW)
        return next(runs, None)

    @property
    def by_row(self) -> dict[str, list[ScoredRun]]:
        """The runs of each row: one, and one more for each further training seed."""
        rows: dict[str, list[ScoredRun]] = {}
        for run in self.scored.values():
            rows.setdefault(run.row, []).append(run)
        return rows

    @property
    def rows(self) -> dict[str, ScoredRun]:
        """Each row's first run, by name."""
        return {name: run for name, run in self.scored.items() if run.row == name}

    @property
    def without_figures(self) -> list[RunRecord]:
        """The runs that failed or are missing."""
        return [run for run in self.runs if run.status != "ok"]


def read(profile: Profile, report_folder: Path | None = None) -> Results:
    """Read all runs of a profile's report; records alone are read.

    Args:
        profile: The profile.
        report_folder: Where its report is; `reports/<profile>` if not given.
    """
    experiments, mistakes = read_each_experiment(profile)
    runs = read_runs(report_folder or profile.report_folder, experiments.values(), mistakes)
    scored = {run.name: ScoredRun(run) for run in runs if run.status == "ok"}
    return Results(runs, scored, experiments)

"""The results over all runs: the poster's tables with ours beside, and what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from ichreport import poster
from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.floor import FloorComparison
from ichreport.params.choices import Sample, SplitBy
from ichreport.params.experiment import SEED_MARK, Experiment, read_each_experiment
from ichreport.params.profile import Profile
from ichreport.runs.record import RunRecord, read_runs

VERDICT_KINDS: Final = {
    "learned": "good",
    "not learned": "bad",
    "ranks only": "open",
    "ranks at least": "open",
    "undecided": "open",
}
"""How the page sets each verdict."""

VERDICTS_EXPLAINED: Final = (
    "Against the constant, which predicts the train prevalence everywhere: learned, its log loss "
    "is lower; ranks only, it is not, but bleeding ranks above its absence; ranks at least, that "
    "too, and whether the log loss is lower is undecided; not learned, neither. Each goes by whole "
    "intervals, of the log loss less the constant's and of the AUC of any bleeding beside 0.5; "
    "undecided is what they leave open."
)
"""What the verdicts mean, for the captions of tables that hold them."""


@dataclass(frozen=True)
class Scored:
    """A run with what its record says."""

    run: RunRecord

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """The run's predictions, for what is computed of several runs together."""
        return self.run.predictions()

    @cached_property
    def assessment(self) -> Assessment:
        """What was measured when the run was made, with intervals."""
        return Assessment.from_record(self.run.record["assessment"])

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
        return self.run.experiment.sample

    @property
    def split_by(self) -> SplitBy:
        """What the sample is split by: `slice`, or `group` of linked patients."""
        return self.run.experiment.splits_by

    @property
    def unseen_patients(self) -> bool:
        """Whether the test patients are unseen: the sample is split by linked group."""
        return self.split_by == "group"

    @property
    def untaught(self) -> bool:
        """Whether it rests on a backbone of random weights, of which some stay so."""
        asked = self.run.experiment
        return asked.needs_features and asked.weights is None and asked.trainable_layers != "all"

    @property
    def synthetic(self) -> bool:
        """Whether its slices are of synthetic heads."""
        return self.run.experiment.phantom is not None

    @property
    def row(self) -> str:
        """The row of the table that this is a run of, with whatever seed."""
        return self.run.name.partition(SEED_MARK)[0]

    @property
    def poster_row(self) -> int | None:
        """The row of the poster's table that this run reproduces."""
        return self.run.experiment.poster_row

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
    scored: dict[str, Scored]
    expected: Mapping[str, Experiment] = field(default_factory=dict)

    @cached_property
    def best(self) -> Scored | None:
        """The run that ranks any bleeding best on patients that it has not seen."""
        unseen = [run for run in self.scored.values() if run.unseen_patients]
        ranked = [run for run in unseen if not np.isnan(run.learned.auc_any)]
        return max(ranked, key=lambda run: run.learned.auc_any, default=None)

    @property
    def synthetic(self) -> bool:
        """Whether some run is on synthetic heads, whose scores are not to be held to a poster's."""
        return any(own.synthetic for own in self.scored.values())

    @property
    def of_best_poster_row(self) -> Scored | None:
        """The run of the poster's best row; the first, as a run by hand takes no row's place."""
        own = (one for one in self.rows.values() if one.poster_row == poster.BEST_ROW)
        return next(own, None)

    @property
    def by_row(self) -> dict[str, list[Scored]]:
        """The runs of each row: one, and one more for each further training seed."""
        rows: dict[str, list[Scored]] = {}
        for own in self.scored.values():
            rows.setdefault(own.row, []).append(own)
        return rows

    @property
    def rows(self) -> dict[str, Scored]:
        """Each row's first run, by name."""
        return {name: own for name, own in self.scored.items() if own.row == name}

    @property
    def without(self) -> list[RunRecord]:
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
    scored = {run.name: Scored(run) for run in runs if run.status == "ok"}
    return Results(runs, scored, experiments)

"""Runs against their baselines, paired over patients.

Each group's share in the difference of two scores is what a test rests on. Where two runs were
tested on the same slices, what is hard for both cancels, which makes the interval of their
difference narrower. Where the slices differ, the groups that both have are still paired, and the
table says how many slices they share. Nothing is drawn: a p-value is the same each time.

Of a row that was trained with several seeds the scores are means over its trainings, and what their
luck adds counts in intervals and p-values (`training_seeds`). Of a single training it isn't known.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.constant_prevalence import floor_losses
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS, select_split
from ichreport.evaluation.scores import ALL_LABELS
from ichreport.evaluation.uncertainty.area_differences import difference_of_areas
from ichreport.evaluation.uncertainty.closed_differences import (
    difference_interval,
    difference_p_value,
)
from ichreport.evaluation.uncertainty.intervals import ALPHA, Interval, holm
from ichreport.evaluation.uncertainty.jackknife import LeftOut, mean_left_out
from ichreport.evaluation.uncertainty.score_table import score_left_out
from ichreport.evaluation.uncertainty.training_seeds import mean_over_seeds
from ichreport.splits import Split

Trainings = pd.DataFrame | Sequence[pd.DataFrame]
"""The predictions of a run; of a row with several seeds those of each training, on the same slices.
Of all but the first, the split that is compared is enough."""

Outcome = Literal["better", "worse", "not distinguishable", "undefined"]

_SCORED: Final = ["group", *TRUTHS, *PROBABILITIES]

_COLUMNS: Final = [
    *("run", "baseline", "score", "label", "value", "baseline_value", "difference"),
    *("low", "high", "groups", "shared_slices", "p"),
]


@dataclass(frozen=True)
class Difference:
    """A run's score less its baseline's.

    Attributes:
        value: The run's score.
        baseline: The baseline's score.
        difference: `value` - `baseline`.
        interval: Interval of the difference, over groups paired in both.
        p: Two-sided p-value of no difference, in agreement with the interval; not adjusted.
        shared_slices: Slices that both were scored on, over slices that either was scored on: 1 on
            the same slices, 0 on quite different ones.
    """

    value: float
    baseline: float
    difference: float
    interval: Interval
    p: float
    shared_slices: float


class Comparison:
    """Runs scored on one split, over all their groups together.

    Args:
        runs: Predictions by the run's name; of a row with several seeds those of each training.
        split: The split to compare on.

    Attributes:
        first: Predictions of each run's first training, on all splits that there are, by name.
        rows: The same on the split.
        groups: The distinct groups of all runs, sorted.
    """

    def __init__(self, runs: Mapping[str, Trainings], *, split: Split = "test") -> None:
        self.split = split
        trainings = {name: _each_training(predictions) for name, predictions in runs.items()}
        self.first = {name: first for name, (first, *_) in trainings.items()}
        self.rows = {name: select_split(first, split) for name, first in self.first.items()}
        self._again = {
            name: [select_split(each, split)[_SCORED] for each in others]
            for name, (_, *others) in trainings.items()
        }
        self.groups = _distinct([rows["group"] for rows in self.rows.values()])
        self._left_out: dict[tuple[str, str, str], list[LeftOut]] = {}

    def value(self, name: str, score: str, label: str = ALL_LABELS) -> float:
        """A run's score on the split; NaN if undefined."""
        return self.left_out(name, score, label).value

    def left_out(self, name: str, score: str, label: str = ALL_LABELS) -> LeftOut:
        """A run's score, and without each of `groups`; over several seeds the mean."""
        return mean_over_seeds(self._of_trainings(name, score, label))

    def num_trainings(self, name: str) -> int:
        """How many trainings a run's scores are means over."""
        return 1 + len(self._again[name])

    def left_out_between(self, name: str, score: str, label: str, other: str) -> LeftOut:
        """A run's score of a label less that of another, and without each of `groups`.

        Over several seeds the mean. A training has one luck for both labels.
        """
        pairs = zip(
            self._of_trainings(name, score, label),
            self._of_trainings(name, score, other),
            strict=True,
        )
        return mean_over_seeds([one.minus(another) for one, another in pairs])

    def _of_trainings(self, name: str, score: str, label: str) -> list[LeftOut]:
        """The score of each training, and without each of `groups`."""
        key = (name, score, label)
        if key not in self._left_out:
            self._left_out[key] = [
                score_left_out(rows, self._codes(rows), score, label, len(self.groups))
                for rows in (self.rows[name], *self._again[name])
            ]
        return self._left_out[key]

    def _codes(self, rows: pd.DataFrame) -> NDArray[np.intp]:
        codes: NDArray[np.intp] = self.groups.get_indexer(pd.Index(rows["group"]))
        return codes

    def above_floor(self, name: str) -> LeftOut:
        """A run's weighted log loss less that of the constant prevalence of its training slices.

        NaN without training slices, as where a run's predictions are of one split alone.
        """
        rows = self.rows[name]
        losses = floor_losses(rows, select_split(self.first[name], "train"))
        floor = mean_left_out(losses, self._codes(rows), len(self.groups))
        return self.left_out(name, "weighted_log_loss_sum").minus(floor)

    def difference(
        self, name: str, baseline: str, score: str, label: str = ALL_LABELS
    ) -> Difference:
        """A run's score less its baseline's, with its interval.

        Args:
            name: The run.
            baseline: The run to compare with.
            score: As `score_table` names it.
            label: One of `LABELS`, or `all` for the scores over all six.
        """
        scored = self.left_out(name, score, label), self.left_out(baseline, score, label)
        shared = self._shared_slices(name, baseline)
        return paired_difference(*scored, shared_slices=shared, of_areas=score == "auc")

    def difference_above_floors(self, name: str, baseline: str) -> Difference:
        """How far a run's weighted log loss is above its floor, less how far its baseline's is.

        The floor is the loss of the constant prevalence of a run's training slices. Runs that were
        tested on different slices have different floors. Without the floors, the run with the
        harder slices would seem the worse one.

        Args:
            name: The run.
            baseline: The run to compare with.
        """
        scored = self.above_floor(name), self.above_floor(baseline)
        return paired_difference(*scored, shared_slices=self._shared_slices(name, baseline))

    def _shared_slices(self, name: str, baseline: str) -> float:
        rows, other = self.rows[name], self.rows[baseline]
        return _overlap(rows["sop_instance_uid"], other["sop_instance_uid"])


def paired_difference(
    score: LeftOut, baseline: LeftOut, *, shared_slices: float, of_areas: bool = False
) -> Difference:
    """The difference of two scores over the same groups, with its interval and p-value.

    Of losses it is the clustered form of the paired t test, which allows for one group more that
    differs as far as any (`closed_differences`); the variance is the sum over groups of the squared
    difference of what the group adds to either score. Of areas it comes from the interval of each
    and from what groups add to both (`area_differences`).

    Args:
        score: The run's score.
        baseline: The baseline's, without the same groups in the same order.
        shared_slices: As `Difference` says.
        of_areas: Whether they are areas under ROC curves.
    """
    difference = score.minus(baseline)
    if of_areas:
        ends, p = difference_of_areas(score, baseline)
    else:
        ends, p = difference_interval(difference), difference_p_value(difference)
    return Difference(
        value=score.value,
        baseline=baseline.value,
        difference=difference.value,
        interval=ends,
        p=p,
        shared_slices=shared_slices,
    )


def compare_runs(
    runs: Mapping[str, Trainings],
    baselines: Mapping[str, str],
    *,
    score: str = "weighted_log_loss_sum",
    label: str = ALL_LABELS,
    split: Split = "test",
) -> pd.DataFrame:
    """Runs against their baselines, p-values adjusted by Holm over all of them.

    Args:
        runs: Predictions by the run's name; of a row with several seeds those of each training.
        baselines: The baseline's name by the run's name. A pair is listed without figures if one of
            the two is not among `runs`.
        score: As `score_table` names it; areas are better when higher, losses when lower.
        label: One of `LABELS`, or `all` for the scores over all six.
        split: The split to compare on.

    Returns:
        One row for each pair: `run`, `baseline`, `score`, `label`, `value`, `baseline_value`,
        `difference`, `low`, `high` (not adjusted), `groups`, `shared_slices`, `p`,
        `p_holm` and `outcome`: `better` or `worse` than the baseline where `p_holm` is below
        0.05, else `not distinguishable`; `undefined` without figures.
    """
    wanted = {name for pair in baselines.items() for name in pair}
    present = {name: predictions for name, predictions in runs.items() if name in wanted}
    comparison = Comparison(present, split=split)
    return compare_pairs(comparison, baselines, [(score, label)])


def compare_pairs(
    comparison: Comparison, baselines: Mapping[str, str], scores: Sequence[tuple[str, str]]
) -> pd.DataFrame:
    """As `compare_runs`, by several scores of runs that are there already.

    Args:
        comparison: The runs.
        baselines: The baseline's name by the run's name.
        scores: Scores and labels, as `score_table` names them.

    Returns:
        The columns of `compare_runs`, one row for each pair and score; `p_holm` is adjusted over
        all of them.
    """
    rows = []
    for name, baseline in baselines.items():
        compared = name in comparison.rows and baseline in comparison.rows
        for score, label in scores:
            row: dict[str, Any] = {"run": name, "baseline": baseline}
            row |= {"score": score, "label": label}
            if compared:
                row |= _as_row(comparison.difference(name, baseline, score, label))
            rows.append(row)
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table["p_holm"] = holm(table["p"].to_numpy(np.float64))
    better = np.where(table["score"] == "auc", 1, -1)
    table["outcome"] = [
        _outcome(gain, p)
        for gain, p in zip(better * table["difference"], table["p_holm"], strict=True)
    ]
    return table


def _each_training(predictions: Trainings) -> Sequence[pd.DataFrame]:
    return [predictions] if isinstance(predictions, pd.DataFrame) else predictions


def _distinct(groups: Sequence[pd.Series]) -> pd.Index:
    """The distinct groups, sorted."""
    distinct: pd.Index = pd.Index(sorted({name for names in groups for name in names}))
    return distinct


def _as_row(difference: Difference) -> dict[str, Any]:
    return {
        "value": difference.value,
        "baseline_value": difference.baseline,
        "difference": difference.difference,
        "shared_slices": difference.shared_slices,
        "p": difference.p,
        **vars(difference.interval),
    }


def _outcome(gain: float, p: float) -> Outcome:
    if math.isnan(gain) or math.isnan(p):
        return "undefined"
    if p >= ALPHA:
        return "not distinguishable"
    return "better" if gain > 0 else "worse"


def _overlap(uids: pd.Series, others: pd.Series) -> float:
    """The values in both over the values in either; each must be without duplicates."""
    either = pd.concat([uids, others]).nunique()
    return (len(uids) + len(others) - either) / either if either else math.nan

"""Runs against their baselines, on the same resamples of patients.

Two runs that were tested on the same slices are resampled together, which makes the interval of
their difference narrower. Where the slices differ, the groups that both have are still drawn
together, and the table says how many slices they share.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.constant_prevalence import losses_above_floor
from ichreport.evaluation.predictions import probabilities, select_split, truths
from ichreport.evaluation.scores import ALL_LABELS, select_score, split_scores
from ichreport.evaluation.uncertainty.bootstrap import (
    REPLICATES,
    Resamples,
    draw_resamples,
    mean_replicates,
)
from ichreport.evaluation.uncertainty.intervals import Interval, holm, interval, p_value
from ichreport.evaluation.uncertainty.score_table import contributing_groups, score_replicates
from ichreport.splits import Split

Outcome = Literal["better", "worse", "not distinguishable", "undefined"]

ALPHA: Final = 0.05
"""Significance level of comparisons, after adjustment."""

_ROUNDING: Final = 1e-12
"""Smaller differences count as 0: they come from summing in another order."""


_COLUMNS: Final = [
    *("run", "baseline", "score", "label", "value", "baseline_value", "difference"),
    *("low", "high", "groups", "undefined", "shared_slices", "p"),
]


@dataclass(frozen=True)
class Difference:
    """A run's score less its baseline's.

    Attributes:
        value: The run's score.
        baseline: The baseline's score.
        difference: `value` - `baseline`.
        interval: Interval of the difference, over groups drawn for both at once.
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
    """Runs scored on one split, and shared resamples of all their groups.

    Args:
        runs: Predictions by the run's name.
        split: The split to compare on.
        replicates: Resamples of linked patient groups.
        seed: Seed of the resamples.
    """

    def __init__(
        self,
        runs: Mapping[str, pd.DataFrame],
        *,
        split: Split = "test",
        replicates: int = REPLICATES,
        seed: int = 0,
    ) -> None:
        self.split = split
        self.rows = {name: select_split(predictions, split) for name, predictions in runs.items()}
        groups = [rows["group"] for rows in self.rows.values()]
        together = pd.concat(groups) if groups else pd.Series([], dtype=str)
        self.resamples: Resamples = draw_resamples(together, replicates=replicates, seed=seed)
        self._replicates: dict[tuple[str, str, str], NDArray[np.float64]] = {}
        self._scores = {
            name: split_scores(truths(rows), probabilities(rows))
            for name, rows in self.rows.items()
        }

    def value(self, name: str, score: str, label: str = ALL_LABELS) -> float:
        """A run's score on the split; NaN if undefined."""
        return select_score(self._scores[name], score, label)

    def replicates(self, name: str, score: str, label: str = ALL_LABELS) -> NDArray[np.float64]:
        """A run's score in each resample: (replicates,)."""
        key = (name, score, label)
        if key not in self._replicates:
            rows = self.rows[name]
            self._replicates[key] = score_replicates(rows, self.resamples, score, label)
        return self._replicates[key]

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
        rows, other = self.rows[name], self.rows[baseline]
        resampled = self.replicates(name, score, label) - self.replicates(baseline, score, label)
        resampled[np.abs(resampled) < _ROUNDING] = 0
        groups = min(
            contributing_groups(rows, score, label), contributing_groups(other, score, label)
        )
        value, reference = self.value(name, score, label), self.value(baseline, score, label)
        return Difference(
            value=value,
            baseline=reference,
            difference=value - reference,
            interval=interval(resampled, groups=groups),
            p=p_value(resampled, groups=groups),
            shared_slices=_overlap(rows["sop_instance_uid"], other["sop_instance_uid"]),
        )


def difference_above_floors(
    run: pd.DataFrame,
    other: pd.DataFrame,
    *,
    split: Split = "test",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Difference:
    """How far a run's weighted log loss is above its floor, less how far another's is.

    The floor is the loss of the constant prevalence of a run's training slices. Runs that were
    tested on different slices have different floors. Without the floors, the run with the harder
    slices would seem the worse one.

    Args:
        run: The run's predictions.
        other: The predictions of the run to compare with.
        split: The split to compare on.
        replicates: Resamples of the linked patient groups of both.
        seed: Seed of the resamples.
    """
    tested = [select_split(predictions, split) for predictions in (run, other)]
    groups = [rows["group"] for rows in tested]
    resamples = draw_resamples(pd.concat(groups), replicates=replicates, seed=seed)
    losses = [losses_above_floor(predictions, split) for predictions in (run, other)]
    resampled = [
        mean_replicates(above, resamples.group_codes(names), resamples.counts)
        for above, names in zip(losses, groups, strict=True)
    ]
    value, reference = (float(above.mean()) if len(above) else math.nan for above in losses)
    num_groups = min(names.nunique() for names in groups)
    return Difference(
        value=value,
        baseline=reference,
        difference=value - reference,
        interval=interval(resampled[0] - resampled[1], groups=num_groups),
        p=p_value(resampled[0] - resampled[1], groups=num_groups),
        shared_slices=_overlap(*(rows["sop_instance_uid"] for rows in tested)),
    )


def compare_runs(
    runs: Mapping[str, pd.DataFrame],
    baselines: Mapping[str, str],
    *,
    score: str = "weighted_log_loss_sum",
    label: str = ALL_LABELS,
    split: Split = "test",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Runs against their baselines, p-values adjusted by Holm over all of them.

    Args:
        runs: Predictions by the run's name.
        baselines: The baseline's name by the run's name. A pair is listed without figures if one of
            the two is not among `runs`.
        score: As `score_table` names it; areas are better when higher, losses when lower.
        label: One of `LABELS`, or `all` for the scores over all six.
        split: The split to compare on.
        replicates: Resamples of linked patient groups.
        seed: Seed of the resamples.

    Returns:
        One row for each pair: `run`, `baseline`, `score`, `label`, `value`, `baseline_value`,
        `difference`, `low`, `high` (not adjusted), `groups`, `undefined`, `shared_slices`, `p`,
        `p_holm` and `outcome`: `better` or `worse` than the baseline where `p_holm` is below
        0.05, else `not distinguishable`; `undefined` without figures.
    """
    wanted = {name for pair in baselines.items() for name in pair}
    present = {name: predictions for name, predictions in runs.items() if name in wanted}
    comparison = Comparison(present, split=split, replicates=replicates, seed=seed)
    return compare_pairs(comparison, baselines, [(score, label)])


def compare_pairs(
    comparison: Comparison, baselines: Mapping[str, str], scores: Sequence[tuple[str, str]]
) -> pd.DataFrame:
    """As `compare_runs`, by several scores over resamples that are there already.

    Args:
        comparison: The runs and their resamples.
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

"""Runs that are combined: read by their records, checked, and predicting by their logits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.evaluation import blending
from ichreport.evaluation.calibration.recalibration import to_logit, to_probability
from ichreport.evaluation.predictions import PROBABILITIES, probabilities, select_split, truths
from ichreport.files import without_nan
from ichreport.params.experiment import Experiment
from ichreport.params.rows.combinations import Combination, parameter_of
from ichreport.params.rows.relations import problem_of_member
from ichreport.runs.record import read_finished
from ichreport.runs.results import ScoredRun
from ichreport.splits import SPLITS


@dataclass(frozen=True)
class Member(ScoredRun):
    """A run that is combined with others."""

    @property
    def predictions_sha256(self) -> str:
        """The hash of its predictions, as its record says."""
        return str(self.record["provenance"]["predictions_sha256"])

    @cached_property
    def logits(self) -> NDArray[np.float64]:
        """Its logits, (slices, 6), from its probabilities: within ±16.6."""
        return to_logit(probabilities(self.predictions))

    def in_split(self, split: str) -> NDArray[np.bool_]:
        """Whether each slice is in this split of the run's own, (slices,)."""
        inside: NDArray[np.bool_] = (self.predictions["split"] == split).to_numpy()
        return inside


@dataclass(frozen=True)
class CombinedRuns:
    """Runs that are combined.

    Attributes:
        kind: How.
        members: The runs; of a blend the first and the second.
        predictions: One row a slice of the sample, with the columns of a trained run's.
        weights: `evaluation.blending.choose_weights` of a blend; None for an ensemble.
        counting: How many members count at how many slices of each split, `split`, `members` and
            `slices`; None for a blend.
    """

    kind: Combination
    members: Sequence[Member]
    predictions: pd.DataFrame
    weights: pd.DataFrame | None = None
    counting: pd.DataFrame | None = None

    def record(self) -> dict[str, Any]:
        """The members with the hashes of their predictions, and how they are combined."""
        named = [
            {"name": member.name, "predictions_sha256": member.predictions_sha256}
            for member in self.members
        ]
        tables = {"weights": self.weights, "counting": self.counting}
        rows = {
            name: None if table is None else table.to_dict("records")
            for name, table in tables.items()
        }
        told: dict[str, Any] = without_nan({"kind": self.kind, "members": named, **rows})
        return told


def read_members(experiment: Experiment) -> list[Member]:
    """The runs that an experiment combines, once they are finished and whole.

    Raises:
        ValueError: If one is not finished, is damaged, or does not serve; the message names it and
            the cure.
    """
    return [_read_member(experiment, name) for name in experiment.members]


def combine(
    experiment: Experiment, members: Sequence[Member], store: Store, sample: Sample
) -> CombinedRuns:
    """Combine runs as an experiment says.

    An ensemble is the mean of its members' logits. On test all of them count. On another slice
    those count that have not trained on it, or all where all have. A blend weighs the logits of two
    runs, for each label as validation chooses.

    Args:
        experiment: What says how.
        members: The runs, as `read_members` gives them.
        store: The store that all of them were made from.
        sample: The slices and splits of the combination.

    Raises:
        ValueError: If a member is of another store, of other slices or tested on others, or if
            validation holds slices that were trained on; the message names it and the cure.
    """
    for member in members:
        _check_slices(experiment, member, store, sample)
    table = members[0].predictions.drop(columns=list(PROBABILITIES)).assign(split=sample.split)
    if experiment.combination == "blend":
        return _blend(experiment, members, table)
    return _ensemble(experiment, members, table)


def _read_member(experiment: Experiment, name: str) -> Member:
    whose = f"{experiment.name} combines"
    run = read_finished(experiment.report_folder / "runs" / name, whose)
    problem = problem_of_member(experiment, run.experiment)
    if problem:
        raise ValueError(f"{parameter_of(experiment)}: {problem}")
    return Member(run)


def _check_slices(experiment: Experiment, member: Member, store: Store, sample: Sample) -> None:
    """Refuse a member that was made from another store, or has other slices or another test split.

    Raises:
        ValueError: If it has; the message says what differs.
    """
    problem = ""
    table = member.predictions
    names = store.slices["sop_instance_uid"].to_numpy()[sample.rows]
    if member.record["provenance"]["store_hash"] != store.manifest["store_hash"]:
        problem = f"was made from another store than {store.folder} holds now; run it again"
    elif len(table) != len(sample) or (table["sop_instance_uid"].to_numpy() != names).any():
        shared = int(np.isin(names, table["sop_instance_uid"]).sum())
        problem = (
            f"has {len(table):,} slices, of which {shared:,} are among the {len(sample):,} of this "
            "run; name runs on the same slices"
        )
    elif (member.in_split("test") != (sample.split == "test")).any():
        other = int((member.in_split("test") != (sample.split == "test")).sum())
        problem = f"has {other:,} slices in test or out of it that this run has not; run it again"
    if problem:
        raise ValueError(f"{parameter_of(experiment)}: {member.name!r} {problem}.")


def _ensemble(
    experiment: Experiment, members: Sequence[Member], table: pd.DataFrame
) -> CombinedRuns:
    trained = np.stack([member.in_split("train") for member in members])
    seen = trained.all(axis=0) & (table["split"] == "validation").to_numpy()
    if seen.any():
        raise ValueError(
            f"ensemble_of: on {int(seen.sum()):,} slices of validation all runs of "
            f"{experiment.name} have trained, so that nothing could be chosen there; name the "
            "missing folds, too, or a run without a fold."
        )
    counting = blending.counting_members(trained)
    logits = blending.mean_logits(np.stack([member.logits for member in members]), counting)
    counts = table[["split"]].assign(members=counting.sum(axis=0)).value_counts()
    counted = counts.rename("slices").reset_index()
    place = counted["split"].map(list(SPLITS).index)
    counted = counted.assign(place=place).sort_values(["place", "members"], ignore_index=True)
    predictions = _with_probabilities(table, logits)
    return CombinedRuns("ensemble", members, predictions, counting=counted.drop(columns="place"))


def _blend(experiment: Experiment, members: Sequence[Member], table: pd.DataFrame) -> CombinedRuns:
    validation = (table["split"] == "validation").to_numpy()
    for member in members:
        seen = int((member.in_split("train") & validation).sum())
        if seen:
            raise ValueError(
                f"blend_of: {member.name!r} has trained on {seen:,} slices of this run's "
                "validation, where weights are chosen; name a run without a fold, or an ensemble "
                "over all folds."
            )
    first, second = (member.logits for member in members)
    y_true = truths(select_split(table, "validation"))
    weights = blending.choose_weights(y_true, first[validation], second[validation])
    logits = blending.blended(first, second, weights["weight"].to_numpy())
    return CombinedRuns("blend", members, _with_probabilities(table, logits), weights=weights)


def _with_probabilities(table: pd.DataFrame, logits: NDArray[np.float64]) -> pd.DataFrame:
    """Slices with their probabilities, as float32 after all other columns."""
    probability = to_probability(logits).astype(np.float32)
    columns: Mapping[str, Any] = dict(zip(PROBABILITIES, probability.T, strict=True))
    return table.assign(**columns)

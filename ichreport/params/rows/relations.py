"""What one run needs of others: a baseline's slices, features of a network, or predictions."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Final

from ichreport.params.rows.differences import differences
from ichreport.params.samples import Fold

if TYPE_CHECKING:
    from ichreport.params.experiment import Experiment


def problem_of_baseline(experiment: "Experiment", baseline: "Experiment") -> str:
    """Why an experiment cannot be compared with another, with the cure; nothing if it can."""
    name = experiment.baseline
    if baseline.row == experiment.row:
        return f"{name!r} is this row itself; leave baseline out."
    if (baseline.sample, baseline.splits_by) != (experiment.sample, experiment.splits_by):
        return (
            f"{name!r} is of {baseline.sample} split by {baseline.splits_by}, this row of "
            f"{experiment.sample} split by {experiment.splits_by}; name one that is tested on the "
            "same slices."
        )
    return ""


def problem_of_features(experiment: "Experiment", source: "Experiment") -> str:
    """Why an experiment cannot read the features of another run; nothing if it can.

    The run's network must see what the experiment says, and must not have learned from slices that
    the experiment is tested on.
    """
    name = experiment.features_from
    if source.row == experiment.row:
        return f"{name!r} is this row itself; name the run whose network was trained."
    if source.members:
        return (
            f"{name!r} combines {', '.join(source.members)} and has no network of its own; name "
            "one of them."
        )
    if not source.trains_on_slices:
        return (
            f"{name!r} trains no layer of its network {source.network}; leave features_from out, "
            "which reads that network as it came."
        )
    for what, mine, theirs in (
        ("network", experiment.network, source.network),
        ("input", experiment.input_spec.name, source.input_spec.name),
        ("image_size", experiment.image_size, source.image_size),
        ("pixels that the network sees", experiment.view.pixels_seen, source.view.pixels_seen),
        ("seed of the splits", experiment.seed, source.seed),
        ("fold", experiment.fold, source.fold),
    ):
        if mine != theirs:
            theirs, mine = ("null" if value is None else value for value in (theirs, mine))
            return f"{name!r} has {what} {theirs}, this row {mine}; say {theirs} here, too."
    if source.splits_by != "group":
        return (
            f"{name!r} is split by slice, so that its network has learned from patients that this "
            "row is tested on; name a run that is split by group."
        )
    return ""


def problem_of_member(experiment: "Experiment", member: "Experiment") -> str:
    """Why a combination cannot be of another run, with the cure; nothing if it can.

    An ensemble takes runs that are trained, a blend ensembles too, so that no run comes back to
    itself.
    """
    name = member.name
    if member.row == experiment.row:
        return f"{name!r} is this row itself; name others."
    if member.combination == "blend" or {experiment.combination, member.combination} == {
        "ensemble"
    }:
        return (
            f"{name!r} is {_WITH_ARTICLE[member.combination]} of {', '.join(member.members)}, and "
            f"this row {_WITH_ARTICLE[experiment.combination]}; name runs that are trained."
        )
    if experiment.combination == "blend" and member.fold is not None:
        return (
            f"{name!r} is of fold {member.fold}, so that it has trained on slices of this row's "
            "validation; blend an ensemble over all folds, or runs without one."
        )
    if (member.sample, member.splits_by) != (experiment.sample, experiment.splits_by):
        return (
            f"{name!r} is of {member.sample} split by {member.splits_by}, this row of "
            f"{experiment.sample} split by {experiment.splits_by}; name runs on the same slices."
        )
    for parameter, theirs in member.sampling.items():
        mine = experiment.sampling[parameter]
        if parameter not in ("fold", "split_by") and mine != theirs:
            return (
                f"{name!r} has {parameter} {theirs}, this row {mine}, so that their slices differ; "
                "name runs of this one's."
            )
    return ""


def problem_of_repeats(members: Sequence["Experiment"]) -> str:
    """Why a combination has one training twice, with the cure; nothing if it has not."""
    for first, second in combinations(members, 2):
        if _is_repeated(first, second):
            return (
                f"{first.name!r} and {second.name!r} compute with the same parameters, so that one "
                "training would count twice; name runs that differ, such as by training_seed."
            )
    return ""


def _is_repeated(first: "Experiment", second: "Experiment") -> bool:
    """Whether two runs give the same figures; nobody knows it of what need not repeat itself."""
    return first.determinism != "none" and not differences(first, second)


def problem_of_folds(members: Sequence["Experiment"]) -> str:
    """Why an ensemble has nothing to choose on; nothing if it has.

    A slice outside test is predicted by the runs that have not trained on it. Of folds alone, the
    slices of one that is missing are known to all.
    """
    folds = [Fold.parse(member.fold) for member in members if member.fold is not None]
    if len(folds) < len(members):
        return ""
    # each is a part of one line, by whose place a group of patients is dealt
    parts = sorted(
        (Fraction(fold.index, fold.count), Fraction(fold.index + 1, fold.count)) for fold in folds
    )
    reached = Fraction(0)
    for start, end in parts:
        if start > reached:
            break
        reached = max(reached, end)
    if reached == 1:
        return ""
    if len({fold.count for fold in folds}) == 1:
        missing = sorted(set(range(folds[0].count)) - {fold.index for fold in folds})
        known = "fold " + ", ".join(f"{index}/{folds[0].count}" for index in missing)
    else:
        known = "other folds than these"
    return (
        f"all runs have trained on the slices of {known}, so that nothing could be chosen "
        "there; name the runs of all folds, or one without a fold."
    )


_WITH_ARTICLE: Final[Mapping[str | None, str]] = {"ensemble": "an ensemble", "blend": "a blend"}

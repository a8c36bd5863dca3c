"""What one run needs of another: its baseline's slices, or the features of its network."""

from typing import TYPE_CHECKING

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
    if not source.trains_on_slices:
        return (
            f"{name!r} trains no layer of its network {source.network}; leave features_from out, "
            "which reads that network as it came."
        )
    for what, mine, theirs in (
        ("network", experiment.network, source.network),
        ("input", experiment.input_spec.name, source.input_spec.name),
        ("image_size", experiment.image_size, source.image_size),
        ("pixels that the network sees", experiment.pixels_seen, source.pixels_seen),
        ("seed of the splits", experiment.seed, source.seed),
    ):
        if mine != theirs:
            return f"{name!r} has {what} {theirs}, this row {mine}; say {theirs} here, too."
    if source.splits_by != "group":
        return (
            f"{name!r} is split by slice, so that its network has learned from patients that this "
            "row is tested on; name a run that is split by group."
        )
    return ""

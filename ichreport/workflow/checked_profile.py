"""A profile as `make report` reads it: checked for what would make its jobs fail hours later."""

import difflib
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from ichreport.params.experiment import Experiment
from ichreport.params.mistakes import brief
from ichreport.params.profile import Profile
from ichreport.params.rows.read import no_experiment, read_each_experiment
from ichreport.params.yaml import shown


def read_profile(path: str) -> Profile:
    """Read a profile, and check what would make its jobs fail hours later.

    Args:
        path: Its parameter file.

    Raises:
        ValueError: If a parameter is wrong, or names what is not there; in one line.
    """
    profile = Profile.from_files(path)
    try:
        _check(profile, Path(path).stem)
    except ValueError as mistake:
        raise ValueError(f"{path}: {mistake}") from None
    return profile


def _check(profile: Profile, stem: str) -> None:
    """Refuse a profile whose jobs would fail, or whose report would lack what it asks for.

    Raises:
        ValueError: If it is one.
    """
    if stem != profile.profile:
        raise ValueError(f"profile must be the file's name, got {profile.profile!r}.")
    experiments, mistakes = read_each_experiment(profile)
    _check_run_of_maps(profile, experiments)
    curve = profile.learning_curve
    if curve is not None:
        if curve.run not in profile.experiment_files:
            raise ValueError(
                f"learning_curve.run: {no_experiment(curve.run, profile.experiment_files)}"
            )
        _, parameter, problem = mistakes.get(curve.run, "").partition("learning_curve.run: ")
        if problem:  # which is of the profile, and not of the row
            raise ValueError(f"{parameter}{problem}")
    of_profile = [row for row in experiments.values() if row.weights == profile.weights]
    for problem in missing_weights(of_profile).values():
        raise ValueError(f"{problem}.{_weights_that_are_meant(profile.weights)}")
    _check_runs_elsewhere(profile, {*experiments, *mistakes}, experiments)
    if profile.kernel != "python3":
        from ichreport.workflow import kernels

        kernels.environment_of(profile.kernel)


def _check_run_of_maps(profile: Profile, experiments: Mapping[str, Experiment]) -> None:
    """Refuse a run of maps that no row makes, or that has no network of its own.

    Raises:
        ValueError: If it is one; the message names those that are.
    """
    if profile.cam_run not in profile.experiment_files:
        raise ValueError(f"cam_run: {no_experiment(profile.cam_run, profile.experiment_files)}")
    row = experiments.get(profile.cam_run)
    if row is not None and row.members:
        raise ValueError(
            f"cam_run: {profile.cam_run!r} combines other runs and has no network of its own; "
            f"name one of them: {', '.join(row.members)}."
        )
    if row is not None and row.features_from is not None:
        raise ValueError(
            f"cam_run: {profile.cam_run!r} reads the features of another run, whose network has "
            f"the maps; name that one: {row.features_from}."
        )


def missing_weights(experiments: Iterable[Experiment]) -> dict[str, str]:
    """By the row's file, what files of weights rows name that are not there."""
    missing = {}
    for row in experiments:
        file = row.backbone.weights_file if row.backbone is not None else None
        if file is not None and not file.is_file():
            missing[row.row] = (
                f"weights: there is no file {brief(shown(file))}, for the weights of {row.network}"
            )
    return missing


def _weights_that_are_meant(weights: str | None) -> str:
    """What goes on after weights of which there is no file."""
    word = str(weights).lower()
    if word in ("none", "no", "random"):
        return " For random weights, write null."
    return " Did you mean imagenet?" if difflib.get_close_matches(word, ["imagenet"]) else ""


def _check_runs_elsewhere(
    profile: Profile, rows: Container[str], experiments: Iterable[str]
) -> None:
    """Refuse runs of other hospitals' data that no row makes.

    Raises:
        ValueError: If there is one; the message names it and the rows.
    """
    for data in profile.external:
        for name in profile.runs_elsewhere(data):
            if name not in rows:
                raise ValueError(f"external {data.name}: {no_experiment(name, experiments)}")

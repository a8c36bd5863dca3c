"""Reading the rows of a report from their files, with what they name of each other."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ichreport.params.experiment import SEED_MARK, Experiment
from ichreport.params.profile import OF_THE_REPORT, Profile
from ichreport.params.row_parameters import SCRATCH
from ichreport.params.rows import combinations, relations, without_effect
from ichreport.params.yaml import read_yaml


def read_each_experiment(profile: Profile) -> tuple[dict[str, Experiment], dict[str, str]]:
    """Read the experiments that a profile's report is expected to have, in order.

    Each row of the table comes once, and once more with each of the profile's further seeds. What
    an experiment's file sets wins over what the profile sets, as with papermill's
    `-f params/demo.yaml -f params/experiments/05-….yaml`.

    Returns:
        The experiments by name, and of each file with a mistake, by its stem, what is wrong.
    """
    experiments: dict[str, Experiment] = {}
    mistakes: dict[str, str] = {}
    for stem, path in profile.experiment_files.items():
        try:
            experiments |= _rows_of(profile, path)
        except ValueError as mistake:
            mistakes[stem] = str(mistake)
    of_runs = {
        name: _problem_of_runs(experiment, experiments, mistakes)
        for name, experiment in experiments.items()
    }
    _refuse(of_runs, profile, experiments, mistakes)
    among_rows = {
        name: _problem_among_rows(experiment, experiments)
        for name, experiment in experiments.items()
    }
    _refuse(among_rows, profile, experiments, mistakes)
    return experiments, mistakes


def _refuse(
    problems: Mapping[str, str],
    profile: Profile,
    experiments: dict[str, Experiment],
    mistakes: dict[str, str],
) -> None:
    """Take the experiments with a problem out, and say which of a row's files it is in."""
    for name, problem in problems.items():
        if problem:
            row = experiments.pop(name).row
            mistakes.setdefault(row, f"{profile.experiment_files[row]}: {problem}")


def no_experiment(name: str, rows: Iterable[str]) -> str:
    """What is said of a run that is named and is no row's.

    Args:
        name: Its name.
        rows: The names of the rows.
    """
    known = list(rows)
    longer = [row for row in known if row.startswith(f"{name}-")]
    close = longer if len(longer) == 1 else difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"{name!r} is no experiment.{hint} There are {', '.join(known) or 'none'}."


def refuse_unfit_baseline(experiment: Experiment) -> None:
    """Refuse a baseline that an experiment cannot be compared with, before anything is computed.

    Runs that it reads otherwise may be by hand: who reads them looks at them.

    Raises:
        ValueError: If it has such a baseline; the message says why, and the cure.
    """
    if experiment.baseline is None:
        return
    profile = Profile(**{name: getattr(experiment, name) for name in Profile.model_fields})
    problem = _problem(experiment, "baseline", experiment.baseline, *read_each_experiment(profile))
    if problem:
        raise ValueError(f"{experiment.name}: {problem}")


def beside_its_file(experiment: Experiment) -> dict[str, Any]:
    """What a row's run with another seed is besides what the row's file says; else nothing."""
    if experiment.name == experiment.row:
        return {}
    names = ("name", "training_seed", "features_from", *combinations.NAMED_BY)
    values = {name: getattr(experiment, name) for name in names}
    return {name: value for name, value in values.items() if value not in (None, [])}


def _problem_of_runs(
    experiment: Experiment, experiments: Mapping[str, Experiment], mistakes: Mapping[str, str]
) -> str:
    """Why one of the runs that an experiment names does not serve it; nothing if all do."""
    named = [
        (relation, name)
        for relation in _RELATIONS
        for name in _names(getattr(experiment, relation))
    ]
    problems = (_problem(experiment, *one, experiments, mistakes) for one in named)
    return next(filter(None, problems), "") or _problem_of_members(experiment, experiments)


def _problem_among_rows(experiment: Experiment, experiments: Mapping[str, Experiment]) -> str:
    """Why a row does not stand beside the others; nothing if it does.

    Of two rows that reproduce one of the poster's, the first by name does. Baselines lead to a row
    without one.
    """
    number = experiment.poster_row
    firsts = (other.row for other in experiments.values() if other.poster_row == number)
    if number is not None and (first := next(firsts)) != experiment.row:
        return f"poster_row: {number} is that of {first!r} already; leave it out of one of them."
    chain, baseline = [experiment.row], experiment.baseline
    while baseline is not None and baseline in experiments and baseline not in chain:
        chain.append(baseline)
        baseline = experiments[baseline].baseline
    if baseline == experiment.row:
        return (
            f"baseline: {' is compared with '.join([*chain, baseline])}, so that none is the "
            "first; leave baseline out of one of them."
        )
    return ""


def _problem_of_members(experiment: Experiment, experiments: Mapping[str, Experiment]) -> str:
    """Why the runs that a row combines do not go together; nothing if they do."""
    members = [experiments[name] for name in experiment.members if name in experiments]
    if not members or len(members) < len(experiment.members):
        return ""
    problem = relations.problem_of_repeats(members)
    if not problem and experiment.combination == "ensemble":
        problem = relations.problem_of_folds(members)
    return f"{combinations.parameter_of(experiment)}: {problem}" if problem else ""


def _names(said: str | list[str] | None) -> list[str]:
    """The runs that a parameter names, which takes one or several."""
    if said is None:
        return []
    return [said] if isinstance(said, str) else said


_RELATIONS: Final = {
    "baseline": relations.problem_of_baseline,
    "features_from": relations.problem_of_features,
    **dict.fromkeys(combinations.NAMED_BY, relations.problem_of_member),
}


def _problem(
    experiment: Experiment,
    relation: str,
    name: str,
    experiments: Mapping[str, Experiment],
    mistakes: Mapping[str, str],
) -> str:
    """Why a run that an experiment names does not serve it; nothing if it does.

    Args:
        experiment: What names the run.
        relation: The parameter that does.
        name: The run.
        experiments: The runs that there are, by name.
        mistakes: Those whose files have mistakes: a row that fails is no mistake of the others.
    """
    if name.partition(SEED_MARK)[0] in mistakes:
        return ""
    if name not in experiments:
        rows = dict.fromkeys(other.row for other in experiments.values())
        return f"{relation}: {no_experiment(name, rows)}"
    problem = _RELATIONS[relation](experiment, experiments[name])
    return f"{relation}: {problem}" if problem else ""


def _rows_of(profile: Profile, path: Path) -> dict[str, Experiment]:
    """The runs of one experiment's file."""
    of_file = read_yaml(path)
    of_report = sorted(OF_THE_REPORT & of_file.keys())
    if of_report:
        raise ValueError(
            f"{path}: {', '.join(of_report)} is of the whole report; set it in its profile, "
            f"params/{profile.profile}.yaml."
        )
    values = profile.model_dump(exclude_unset=True) | of_file
    experiment = Experiment.parse(values, where=str(path))
    if experiment.name == SCRATCH:
        raise ValueError(f"{path}: {SCRATCH} is no name for a row: notebooks write over that run.")
    if SEED_MARK in path.stem:
        raise ValueError(
            f"{path}: {SEED_MARK!r} in the name of a row marks its runs with further seeds; rename "
            "the file."
        )
    if experiment.name != path.stem:
        raise ValueError(f"{path}: name must be {path.stem!r}, got {experiment.name!r}.")
    for_nothing = without_effect.problem_of_file(experiment, of_file.keys())
    if for_nothing:
        raise ValueError(f"{path}: {for_nothing}")
    rows = {experiment.name: experiment}
    for seed in profile.seeds if experiment.runs_with_seeds else []:
        if seed == experiment.training_seed:
            raise ValueError(
                f"{path}: training_seed is {seed}, which is among the profile's further seeds, so "
                "that this row would be trained twice alike; leave training_seed out, or name "
                "another."
            )
        again = values | _of_seed(experiment, seed)
        rows[again["name"]] = Experiment.parse(again, where=str(path))
    return rows


def _of_seed(experiment: Experiment, seed: int) -> dict[str, Any]:
    """What tells a row's run with another seed from its first: runs that it names have that seed.

    A row that combines others trains nothing, and has no seed of its own.
    """

    def with_seed(name: str) -> str:
        return f"{name}{SEED_MARK}{seed}"

    differs: dict[str, Any] = {"name": with_seed(experiment.name)}
    if experiment.combination is None:
        differs["training_seed"] = seed
    else:
        named_by = combinations.parameter_of(experiment)
        differs[named_by] = [with_seed(name) for name in experiment.members]
    if experiment.features_from is not None:
        differs["features_from"] = with_seed(experiment.features_from)
    return differs

"""Rows that train nothing and combine the predictions of others: what their files may say."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final, Literal

from ichreport.params.profile import Profile

if TYPE_CHECKING:
    from ichreport.params.experiment import Experiment

Combination = Literal["ensemble", "blend"]

NAMED_BY: Final = ("ensemble_of", "blend_of")
"""The parameters that name the runs to combine."""

IN_EFFECT: Final = frozenset(
    {
        *("store", "group_by", "series", "image_size", "sampa_share", "sampb_share", "seed"),
        *("sample", "split_by"),
        *NAMED_BY,
    }
)
"""What the figures of such a row depend on: which slices, which splits, and which runs."""

_SAID: Final = (*("name", "question", "hindsight", "baseline", "sample", "split_by"), *NAMED_BY)
"""All that the file of such a row may say."""


def parameter_of(experiment: "Experiment") -> str:
    """The parameter that names the runs which a row combines."""
    return "blend_of" if experiment.blend_of else "ensemble_of"


def problem_of_members(experiment: "Experiment") -> str:
    """Why a row's lists of runs make no combination, with the cure; nothing if they do, or none is.

    Args:
        experiment: The row.
    """
    ensemble, blend = experiment.ensemble_of, experiment.blend_of
    if ensemble and blend:
        return "ensemble_of and blend_of both say what the row is; leave one of them out."
    if len(ensemble) == 1:
        return f"ensemble_of needs two runs or more, got {ensemble[0]} alone; name another one."
    if blend and len(blend) != 2:
        return (
            f"blend_of needs exactly two runs, got {len(blend)}: {', '.join(blend)}; take "
            "ensemble_of for the mean of more."
        )
    twice = sorted({name for name in experiment.members if experiment.members.count(name) > 1})
    if twice:
        return f"{', '.join(twice)} stands twice among the runs to combine; name each once."
    return ""


def problem_of_slices(experiment: "Experiment") -> str:
    """Why a combination cannot be of the sample that its row names, with the cure."""
    if experiment.members and experiment.splits_by == "slice":
        return (
            f"{parameter_of(experiment)} combines runs of unseen patients, and sample "
            f"{experiment.sample} is split by slice; choose split_by: group, or sample: sampb or "
            "fullid."
        )
    return ""


def problem_of_what_trains(experiment: "Experiment") -> str:
    """Which parameters of a row have no effect because it combines others, with the cure.

    Those of the profile have no effect either, and stand there for the other rows.
    """
    if not experiment.members:
        return ""
    own = {name for name in type(experiment).model_fields if name not in Profile.model_fields}
    defaults = type(experiment).model_fields
    values: dict[str, Any] = {name: getattr(experiment, name) for name in own}
    said = [name for name, value in values.items() if value != defaults[name].default]
    return problem_of_file(experiment, said)


def problem_of_file(experiment: "Experiment", said: Collection[str]) -> str:
    """Which of the parameters that a row's file says have no effect, with the cure.

    Args:
        experiment: The row.
        said: Names of parameters.
    """
    without_effect = [name for name in type(experiment).model_fields if name in {*said} - {*_SAID}]
    if not experiment.members or not without_effect:
        return ""
    return (
        f"{parameter_of(experiment)} trains nothing, so that {', '.join(without_effect)} would "
        f"have no effect; leave {'it' if len(without_effect) == 1 else 'them'} out."
    )

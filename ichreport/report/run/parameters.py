"""What a run, a profile and a machine are: their parameters as tables."""

from collections.abc import Iterable, Mapping
from typing import Any

from ichreport.params.experiment import Experiment
from ichreport.params.profile import OF_THE_REPORT, Profile
from ichreport.params.rows.combinations import IN_EFFECT, parameter_of
from ichreport.report.html.blocks import Sentences, Table
from ichreport.report.html.formats import duration, in_words
from ichreport.runs.recording import Training
from ichreport.runs.results import Variant

DEFINING = (
    "sample", "split_by", "input", "network", "trainable_layers", "head", "dense_layers", "loss",
)  # fmt: skip
"""The parameters that define a run, as its page and its notebook show them."""

_STEPPING = ("optimizer", "weight_decay", "schedule", "warm_up")

_COMBINING = ("sample", "split_by", "seed", "sampa_share", "sampb_share")

_SELDOM = (
    "fold", "features_from", "augment", "positive_weight", "rarity_power", "label_weights",
    "focal_labels", "hierarchy", "step_epochs", "clip_norm", "accumulate", "ema", "mixup", "cutmix",
    "slices_per_study", "head_epochs", "test_time",
)  # fmt: skip
"""What most rows leave as it is: shown where a row does not."""

_DEFAULTS = {name: field.default for name, field in Experiment.model_fields.items()}

_NAMING = frozenset({"name", "question", "hindsight", "poster_row", "baseline"})

_RUNNING = (
    "image_size", "backbone_size", "weights", "epochs", "patience", "batch_size", "seed",
    "sampa_share", "sampb_share",
)  # fmt: skip


def experiment(experiment: Experiment) -> Table:
    """The parameters of an experiment."""
    if experiment.combination is not None:
        return _table(experiment, [parameter_of(experiment), *_COMBINING])
    names = [*DEFINING, *_set(experiment), experiment.step_size_name]
    names += [*_STEPPING, *_RUNNING]
    if experiment.schedule != "plateau":
        names.remove("patience")  # nothing waits for a gain
    return _table(experiment, names)


def _table(experiment: Experiment, names: Iterable[str]) -> Table:
    values = values_of(experiment)
    rows = [["asks", experiment.question or "–"]]
    rows += [[name.replace("_", " "), in_words(values[name], 6)] for name in names]
    return Table(f"The experiment {experiment.name}.", ["parameter", "value"], rows)


def machine(described: Mapping[str, Any]) -> Table:
    """The machine and the Keras backend that a run used."""
    rows = [[name.replace("_", " "), in_words(value, 0)] for name, value in described.items()]
    return Table("Backend and devices of this run.", ["what", "value"], rows)


def training(training: Training) -> Sentences:
    """Whether a training was made now or loaded, how long it took, and whether it was cut off."""
    seconds = duration(training.seconds["training"])
    sentence = (
        f"Trained now, in {seconds}."
        if training.is_new
        else f"Found: it was trained at {training.finished} (UTC) in {seconds}, and nothing that "
        "it depends on has changed since."
    )
    parts = [f"It {was_cut_off(training.resumed)}."] if training.resumed else []
    return Sentences([" ".join([sentence, *parts, f"It is kept as {training.folder.name}."])])


def was_cut_off(resumed: int) -> str:
    """That a training was cut off, so many times, in words that follow its name."""
    times = "once" if resumed == 1 else f"{resumed} times"
    return f"was cut off and went on from a checkpoint {times}; its seconds are those of all parts"


def not_trained(experiment: Experiment) -> str:
    """What the numbers of a network are that no step of its training changes."""
    averages = "moving averages and scalings"
    return f"frozen layers, {averages}" if experiment.has_frozen_layers else averages


def profile(profile: Profile) -> Table:
    """A profile's values, for the end of a page."""
    values = profile.model_dump() | {"external": [data.name for data in profile.external]}
    rows = [[name, in_words(value, 6)] for name, value in values.items()]
    return Table(f"The profile {profile.profile}.", ["parameter", "value"], rows)


def values_of(experiment: Experiment) -> dict[str, Any]:
    """An experiment's parameters by name; some as they are in effect, and not as they are set.

    Of one that combines others, those that say how a network trains are left out.
    """
    values = _in_effect(experiment)
    if experiment.combination is None:
        return values
    without_effect = values.keys() - OF_THE_REPORT - IN_EFFECT - _NAMING
    return {name: value for name, value in values.items() if name not in without_effect}


def _in_effect(experiment: Experiment) -> dict[str, Any]:
    recipe = experiment.recipe_of_head
    return experiment.model_dump() | {
        "input": experiment.input_spec.name,
        "split_by": experiment.splits_by,
        "augment": experiment.augment_in_words,
        "sequence": _listed(recipe.model_dump(exclude_defaults=True)) if recipe else None,
        "label_weights": _listed(experiment.label_weights),
    }


def _listed(values: Mapping[str, Any]) -> str:
    """Values by name, as a person would say them: `layers 1, units 48`."""
    told = (f"{name.replace('_', ' ')} {in_words(value)}" for name, value in values.items())
    return ", ".join(told) or "as by default"


def _set(experiment: Experiment) -> list[str]:
    """Parameters of heads and losses that most rows leave alone, where they say something."""
    says = {
        "sequence": experiment.recipe_of_head is not None,
        **{name: getattr(experiment, name) != _DEFAULTS[name] for name in _SELDOM},
    }
    return [name for name, told in says.items() if told]


def what_differs(variant: Variant) -> str:
    """The parameters of a run by hand that are not its row's, each with the row's in brackets."""
    listed = [
        f"{name.replace('_', ' ')} {in_words(mine)} ({in_words(of_row)})"
        for name, (mine, of_row) in variant.differences.items()
    ]
    return "; ".join(listed) or ("nothing" if variant.row else "–")


def told(values: Mapping[str, Any], name: str) -> str:
    """A parameter's value as `values_of` gives it; a dash where it says nothing of the run."""
    return in_words(values[name]) if name in values else "–"

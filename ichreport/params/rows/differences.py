"""Where two experiments compute with other parameters, whatever else they are called or show."""

from collections.abc import Mapping
from typing import Any, Final

from ichreport.params.experiment import Experiment
from ichreport.params.mistakes import brief
from ichreport.params.profile import OF_THE_REPORT
from ichreport.params.rows import combinations
from ichreport.params.samples import SAMPLES
from ichreport.params.yaml import project_path

_NEVER_COMPUTED_WITH: Final = OF_THE_REPORT - {"store", "image_size"} | {
    *("name", "question", "hindsight", "poster_row", "baseline"),
}
"""Names, and what says where a report stands: two runs that differ in them alone are alike."""

_COMPUTED_WITH: Final = tuple(
    name for name in Experiment.model_fields if name not in _NEVER_COMPUTED_WITH
)

OF_SLICES_ALONE: Final = frozenset(
    {"weights", "trainable_layers", "fine_tuning_rate", "head_epochs", "augment", "shuffle_block"}
)
"""What says nothing of a head on another run's features: how slices are read and trained on."""

_SAID_BY_INPUT: Final = ("windows", "neighbours", "window_shape")
"""What the name of the input in effect holds."""


def differences(first: Experiment, second: Experiment) -> dict[str, tuple[Any, Any]]:
    """Where an experiment computes with other parameters than another.

    Returns:
        By parameter, the first one's value and the second one's. What is left to a rule
        (`split_by: null`) counts as what the rule gives.
    """
    mine, others = _in_effect(first), _in_effect(second)
    return {name: (value, others[name]) for name, value in mine.items() if value != others[name]}


def in_words(differing: Mapping[str, tuple[Any, Any]]) -> str:
    """Differences of parameters as an error says them: `epochs 3 instead of 12, loss …`."""
    return ", ".join(
        f"{name} {brief(mine)} instead of {brief(other)}"
        for name, (mine, other) in differing.items()
    )


def _in_effect(experiment: Experiment) -> dict[str, Any]:
    """The parameters that its figures depend on, as they are in effect.

    Of a run that combines others, only those that say which slices and which runs.
    """
    effective = _in_effect_of_training(experiment)
    if experiment.features_from is not None:
        effective |= dict.fromkeys(OF_SLICES_ALONE)
    if not experiment.members:
        return effective
    return {
        name: value if name in combinations.IN_EFFECT else None for name, value in effective.items()
    }


def _in_effect_of_training(experiment: Experiment) -> dict[str, Any]:
    recipe = experiment.recipe_of_head
    return {
        **{name: getattr(experiment, name) for name in _COMPUTED_WITH},
        **dict.fromkeys(_SAID_BY_INPUT),
        "input": experiment.input_spec.name,
        "store": str(project_path(str(experiment.store))),
        "backbone_size": experiment.backbone_size or experiment.image_size,
        "augment": _unusual_augment(experiment),
        "label_weights": experiment.unequal_weights,
        "sequence": recipe.model_dump(exclude_defaults=True) if recipe else None,
        "split_by": experiment.splits_by if experiment.sample in SAMPLES else experiment.split_by,
        "training_seed": experiment.seed_of_training,
    }


def _unusual_augment(experiment: Experiment) -> list[Any] | None:
    """How slices vary, or None where that is as if nothing were said of it."""
    words = experiment.augment_in_words
    usual = experiment.augment is None or words == [
        str(one) for one in experiment.usual_augmentations
    ]
    return None if usual else words

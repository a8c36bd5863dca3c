"""What a step changes, in words: from the parameters of a run and of its baseline."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ichreport.params.experiment import Experiment
from ichreport.params.networks import HEADS, NETWORKS
from ichreport.params.rows.differences import OF_SLICES_ALONE, differences

_COMBINATIONS: Final = {"blend_of": "a blend of", "ensemble_of": "an ensemble of"}
"""Parameters that name the runs that a row combines, each with how."""


class _Aspect(NamedTuple):
    """Something that experiments do this way or that, with words of its own.

    Attributes:
        describe: An experiment's way.
        parameters: What says it.
    """

    describe: Callable[[Experiment], str]
    parameters: frozenset[str]


def in_words(run: Experiment, baseline: Experiment) -> str:
    """What a run does otherwise than its baseline: `frozen → fine-tuned; also epochs`.

    Args:
        run: The run.
        baseline: The run that it builds on.
    """
    differing = differences(run, baseline)
    combination = combined(differing)
    if combination:
        return combination
    words, unsaid = [], set(differing)
    for describe, parameters in _aspects(run, baseline):
        before, after = describe(baseline), describe(run)
        if before != after:
            words.append(f"{before} → {after}")
            unsaid -= parameters
    if run.features_from is not None:
        unsaid -= OF_SLICES_ALONE
    else:
        words += _by_default(run, baseline)
    others = [name.replace("_", " ") for name in differing if name in unsaid]
    if others:
        words.append(("also " if words else "") + ", ".join(others))
    return "; ".join(words) or "nothing"


def _by_default(run: Experiment, baseline: Experiment) -> list[str]:
    """That slices are flipped, or no more, where neither file says how they vary."""
    usual, before = run.usual_augmentations, baseline.usual_augmentations
    if usual == before or run.augment is not None or baseline.augment is not None:
        return []
    return ["slices flipped at random" if usual else "slices as they are"]


def combined(differing: Mapping[str, tuple[Any, Any]]) -> str:
    """Of which runs the run or its baseline is a blend or an ensemble; empty if neither is one.

    Args:
        differing: As `params.differences.differences` gives it.
    """
    after, before = (_members(differing, side) for side in (0, 1))
    return "" if before == after else f"{before} → {after}"


def _members(differing: Mapping[str, tuple[Any, Any]], side: int) -> str:
    """The runs that one side combines: 0 the run, 1 its baseline."""
    for name, words in _COMBINATIONS.items():
        members = differing.get(name, ((), ()))[side]
        if members:
            return f"{words} {', '.join(members)}"
    return "one run"


def _aspects(run: Experiment, baseline: Experiment) -> tuple[_Aspect, ...]:
    """What is compared: on a baseline's own features, its network is as it was trained."""
    if run.features_from is not None and run.features_from == baseline.name:
        return (_Aspect(_reading, _READING.parameters | {"features_from"}), *_OTHERS)
    return (_TRAINING, _READING, *_OTHERS)


def _training(experiment: Experiment) -> str:
    if not experiment.network_spec.is_backbone:
        return "from scratch"
    if experiment.features_from is not None or experiment.trainable_layers == "all":
        return "fine-tuned"
    layers = experiment.trainable_layers
    if not layers:
        return "frozen"
    return "the last layer fine-tuned" if layers == 1 else f"the last {layers} layers fine-tuned"


def _reading(experiment: Experiment) -> str:
    return "series" if HEADS[experiment.head].reads_series else "slices"


def _labels(experiment: Experiment) -> str:
    return f"hierarchical ({experiment.hierarchy})" if experiment.hierarchy else "flat"


def _network(experiment: Experiment) -> str:
    spec = NETWORKS[experiment.network]
    return spec.words if spec.is_backbone else experiment.network


def _input(experiment: Experiment) -> str:
    return f"input {experiment.input_spec.name}"


def _loss(experiment: Experiment) -> str:
    return f"loss {experiment.loss}"


_TRAINING: Final = _Aspect(
    _training, frozenset({"trainable_layers", "fine_tuning_rate", "head_epochs"})
)
_READING: Final = _Aspect(_reading, frozenset({"head", "sequence"}))
_OTHERS: Final = (
    _Aspect(_labels, frozenset({"hierarchy"})),
    _Aspect(_network, frozenset({"network"})),
    _Aspect(_input, frozenset({"input"})),
    _Aspect(_loss, frozenset({"loss"})),
)

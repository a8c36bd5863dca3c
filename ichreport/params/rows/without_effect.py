"""What the file of a row says for nothing: it would seem to change the row, and does not."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from ichreport.labels import LABELS
from ichreport.params.rows import combinations

if TYPE_CHECKING:
    from ichreport.params.experiment import Experiment


def problem_of_file(row: "Experiment", said: Collection[str]) -> str:
    """The first parameter of a row's file that has no effect, with the cure; nothing if all have.

    What a profile says is for all rows, and each takes what it needs.

    Args:
        row: The row.
        said: Names of the parameters that its file says.
    """
    if row.members:
        return combinations.problem_of_file(row, said)
    for name, reason in _REASONS.items():
        why = reason(row) if name in said else ""
        if why:
            return f"{name} would have no effect: {why}."
    return ""


def _no_backbone(row: "Experiment") -> str:
    if row.features_from is not None:
        return f"the features are those of {row.features_from}; leave it out"
    if not row.network_spec.is_backbone:
        return f"network {row.network} is no backbone; leave it out"
    return ""


def _no_layer_trains(row: "Experiment") -> str:
    if row.trainable_layers:
        return ""
    return "no layer of a backbone trains; leave it out, or set trainable_layers"


def _another_rate(row: "Experiment") -> str:
    if not row.trainable_layers or row.head_epochs:
        return ""
    return "layers of the backbone train, whose steps fine_tuning_rate says; set that"


def _nothing_waits(row: "Experiment") -> str:
    if row.schedule == "plateau":
        return ""
    return f"schedule {row.schedule} runs through all epochs; leave it out"


def _all_are_focal(row: "Experiment") -> str:
    if len(set(row.focal_labels)) < len(LABELS):
        return ""
    return "focal_labels names all labels; say loss: focal in place of these"


def _rarity_weighs_nothing(row: "Experiment") -> str:
    if row.loss != "weighted-bce":
        return f"loss {row.loss} does not weigh positives; leave it out, or choose weighted-bce"
    if row.positive_weight is not None:
        return "positive_weight weighs all labels alike; leave one of them out"
    return _all_are_focal(row)


_REASONS: Final[dict[str, Callable[["Experiment"], str]]] = {
    "weights": _no_backbone,
    "backbone_size": _no_backbone,
    "fine_tuning_rate": _no_layer_trains,
    "learning_rate": _another_rate,
    "patience": _nothing_waits,
    "positive_weight": _all_are_focal,
    "rarity_power": _rarity_weighs_nothing,
    "loss": _all_are_focal,
}

"""What goes together in one row, and what does not: found in seconds, with the cure."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ichreport.labels import ANY
from ichreport.params.rows import combinations
from ichreport.params.training import mixing

if TYPE_CHECKING:
    from ichreport.params.experiment import Experiment


def problem(experiment: "Experiment") -> str:
    """Why the parameters of an experiment contradict each other; nothing if they do not."""
    found = (check(experiment) for check in _CHECKS)
    return next(filter(None, found), "")


def _of_groups(row: "Experiment") -> str:
    if row.splits_by != "slice":
        return ""
    if row.fold is not None:
        return (
            f"fold: {row.fold} deals out groups of patients, and sample {row.sample} is split by "
            "slice; say split_by: group, or leave fold out."
        )
    if row.head_spec.reads_series:
        return (
            f"head {row.head} reads whole series, and sample {row.sample} is split by slice; "
            "choose head: dense, split_by: group, or sample: sampb or fullid."
        )
    return ""


def _of_features(row: "Experiment") -> str:
    has_features = row.network_spec.is_backbone or row.features_from is not None
    if not has_features and row.head != "dense":
        return (
            f"head {row.head} reads the features of a backbone, and network {row.network} has "
            f"none; choose head: dense, a backbone, or features_from: a run of {row.network}."
        )
    if row.features_from is not None and not row.head_spec.reads_series:
        return (
            f"features_from: {row.features_from} has a dense head of its own; choose a head that "
            "reads series, such as head: sequence, or leave features_from out."
        )
    if row.sequence is not None and not row.head_spec.has_recipe:
        return (
            f"sequence says what head: sequence is, and head is {row.head}; choose head: sequence, "
            "or leave sequence out."
        )
    return ""


def _of_layers(row: "Experiment") -> str:
    if row.trainable_layers and not row.network_spec.is_backbone:
        return (
            f"trainable_layers is for backbones, and network {row.network} always trains whole; "
            "leave trainable_layers out."
        )
    if row.trainable_layers and row.head_spec.reads_series:
        return (
            f"head {row.head} reads stored features, which trainable_layers would change; choose "
            "head: dense, or trainable_layers: 0."
        )
    wanted, there_are = row.trainable_layers, row.network_spec.convolutions
    if wanted != "all" and 0 < there_are < wanted:
        return (
            f"trainable_layers is {wanted}, but {row.network} has {there_are} convolutions; say "
            "trainable_layers: all for all of them."
        )
    if row.head_epochs and not row.trainable_layers:
        cure = (
            ", or let layers train: trainable_layers"
            if row.backbone is not None and not row.head_spec.reads_series
            else ""
        )
        return (
            "head_epochs are those before layers of a backbone train too, and here none does; "
            f"leave head_epochs out{cure}."
        )
    return ""


def _of_slices(row: "Experiment") -> str:
    if row.augmentations and not row.trains_on_slices:
        return (
            "augment varies the slices that convolutions train on, and here a head trains on "
            "stored features; leave augment out, or let layers train: trainable_layers."
        )
    if row.slices_per_study and row.head_spec.reads_series:
        return (
            f"head {row.head} reads whole series, of which slices_per_study would take some "
            "slices alone; leave slices_per_study out, or choose head: dense."
        )
    return mixing.problem(
        row.mixup,
        row.cutmix,
        trains_on_slices=row.trains_on_slices,
        batch_size=row.batch_size,
    )


def _of_views(row: "Experiment") -> str:
    if "flip" in row.test_time and not row.trains_on_slices:
        return (
            "test_time: [flip] mirrors slices, and here a head reads features of slices as they "
            "are; leave it out, or let layers train: trainable_layers."
        )
    if "reverse" in row.test_time and not row.head_spec.reads_series:
        return (
            f"test_time: [reverse] turns series around, which head {row.head} does not read; leave "
            "it out, or choose head: sequence."
        )
    return ""


def _of_loss(row: "Experiment") -> str:
    if row.focal_labels and row.loss == "focal":
        return (
            "focal_labels says which labels' loss is focal, and loss: focal says it of all; leave "
            "one of them out."
        )
    if row.positive_weight is not None and row.loss != "weighted-bce":
        return (
            "positive_weight says how often positives count in loss: weighted-bce, and this row's "
            f"is {row.loss}; leave it out, or choose that loss."
        )
    if row.rarity_power != 1 and row.loss != "weighted-bce":
        return (
            "rarity_power says how rarity weighs positives in loss: weighted-bce, and this row's "
            f"is {row.loss}; leave it out, or choose that loss."
        )
    if row.rarity_power != 1 and row.positive_weight is not None:
        return (
            "positive_weight weighs the positives of all labels alike, and rarity_power by how "
            "rare they are; leave one of them out."
        )
    if row.loss == "weighted-bce" and row.slices_per_study is not None:
        needless = "rarity_power" if row.rarity_power != 1 else ""
        needless = "positive_weight" if row.positive_weight is not None else needless
        weight = f" without {needless}" if needless else ""
        return (
            "loss: weighted-bce weighs positives, and slices_per_study already draws as many "
            "slices with bleeding as without, where a study has enough of both; choose loss: "
            f"bce{weight}, or leave slices_per_study out."
        )
    return ""


def _of_hierarchy(row: "Experiment") -> str:
    if row.hierarchy == "conditional" and (row.mixup or row.cutmix):
        return (
            "hierarchy: conditional learns subtypes from slices with bleeding, and mixup and "
            "cutmix mix them with others; choose hierarchy: together, or leave them out."
        )
    if row.hierarchy is not None and row.label_weights.get(ANY) == 0:
        return (
            "hierarchy multiplies each subtype by the probability of any, which would never train: "
            "label_weights has any: 0; let it weigh something, or leave hierarchy out."
        )
    recipe = row.recipe_of_head
    if row.hierarchy is not None and recipe is not None and recipe.second_stage:
        return (
            "hierarchy multiplies the logits that sequence: second_stage would correct; leave one "
            "of them out."
        )
    return ""


def _of_steps(row: "Experiment") -> str:
    return row.steps.problem(row.epochs)


def _of_learning_curve(row: "Experiment") -> str:
    if not row.learning_shares:
        return ""
    if not row.trains_on_stored_features:
        return (
            f"learning_curve.run: {row.name} does not train a head on stored features of a network "
            "that knows none of the patients, which is what a curve is made of; name a row that "
            "does, or leave learning_curve out."
        )
    if row.splits_by == "slice":
        return (
            f"learning_curve.run: {row.name} is split by slice, so that it trains on test patients "
            "too; name a row that is split by group, or leave learning_curve out."
        )
    return ""


_CHECKS: Final[tuple[Callable[["Experiment"], str], ...]] = (
    combinations.problem_of_members,
    combinations.problem_of_what_trains,
    combinations.problem_of_slices,
    _of_features,
    _of_layers,
    _of_groups,
    _of_slices,
    _of_views,
    _of_loss,
    _of_hierarchy,
    _of_steps,
    _of_learning_curve,
)
"""In the order in which a person is told; a row that combines others has nothing else to say."""

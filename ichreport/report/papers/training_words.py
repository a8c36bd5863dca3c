"""How a run is trained, in the words of papers: from its parameters alone."""

from typing import Final

from ichreport.params.experiment import Experiment
from ichreport.params.networks import HEADS, HIERARCHIES, LOSSES, NETWORKS
from ichreport.params.training import augmentations, mixing
from ichreport.params.training.sequences import SERIES_A_BATCH
from ichreport.params.training.training_plan import Fitting
from ichreport.report.html.formats import counted


def of_experiment(experiment: Experiment) -> dict[str, str]:
    """What a run's network is, how it starts and how it is trained, by the names of facts.

    Args:
        experiment: A run that trains.
    """
    fitting, recipe = experiment.fitting, experiment.recipe_of_head
    reads_series = experiment.head_spec.reads_series
    return {
        "pixels_seen": str(experiment.view.pixels_seen),
        "network_words": f"{_network(experiment)}, global average pooling and "
        f"{counted(experiment.dense_layers, 'dense layer')}"
        f"{recipe.words if recipe else HEADS[experiment.head].words}",
        "input_words": experiment.input_spec.words,
        "seen_words": _seen(experiment),
        "loss_words": _loss(experiment),
        "initial_words": _initial(experiment),
        "augmentation_words": _varied(experiment) + _views(experiment),
        "imbalance_words": _imbalance(experiment),
        "step_words": fitting.in_words(fitting.step_size),
        "epoch_words": _head_alone(fitting)
        + fitting.epochs_in_words(fitting.epochs, fitting.patience),
        "batch_words": _series_a_batch(experiment)
        if reads_series
        else f"{counted(experiment.batch_size, 'slice')} a batch",
        "prediction_words": _prediction(experiment),
        "chosen_words": "the epoch that is kept and thresholds",
    }


def _seen(experiment: Experiment) -> str:
    """The pixels that a probability rests on."""
    around, recipe = experiment.input_spec.neighbours, experiment.recipe_of_head
    if experiment.head_spec.reads_series:
        at_once = f", up to {recipe.window:,} slices at once" if recipe else ""
        distances = " and with their distances in mm" if recipe and recipe.gaps else ""
        return f"the pixels of a whole series{at_once}, in the order of its slices{distances}"
    if around:
        return f"the pixels of a slice and of the {2 * around} slices next to it in its series"
    return "the pixels of a slice alone"


def _series_a_batch(experiment: Experiment) -> str:
    return f"about {experiment.batch_size:,} slices a batch, and {SERIES_A_BATCH} series at least"


def _prediction(experiment: Experiment) -> str:
    """How the network's output becomes a probability."""
    views = "".join(f", their means over {_VIEWS[view]}," for view in experiment.test_time)
    told = f"the network's logits{views} through the logistic function"
    if experiment.hierarchy is None:
        return told
    return f"{told}; a subtype's probability is that of any bleeding times its own given any"


def _network(experiment: Experiment) -> str:
    """The network, and what of it trains."""
    name, trainable = NETWORKS[experiment.network].words, experiment.trainable_layers
    if experiment.features_from is not None:
        return f"{name} as the run {experiment.features_from} has trained it, now frozen"
    if not experiment.needs_features:
        return name
    if not trainable:
        return f"a frozen {name}"
    which = "all" if trainable == "all" else f"the last {trainable}"
    which = "the last" if trainable == 1 else which
    return f"{name}, {which} of its convolutions trained"


def _initial(experiment: Experiment) -> str:
    unseeded = experiment.determinism == "none"
    drawn = (
        "drawn anew at each training" if unseeded else f"with seed {experiment.seed_of_training}"
    )
    if experiment.features_from is not None:
        of_run = f"The frozen network's weights are those of the run {experiment.features_from}"
        return f"{of_run}; the head's start at random, {drawn}."
    if not experiment.needs_features:
        return f"All weights start at random, {drawn}."
    weights = {None: f"random (seed {experiment.seed})", "imagenet": "those of ImageNet"}
    start = weights.get(experiment.weights, "those of a file")
    backbone = (
        "The backbone's weights start from"
        if experiment.trainable_layers
        else "The frozen backbone's weights are"
    )
    return f"{backbone} {start}; the head's start at random, {drawn}."


def _loss(experiment: Experiment) -> str:
    """The loss, and where labels do not stand alike in it."""
    words = LOSSES[experiment.loss]
    if experiment.focal_labels:
        words += f", focal loss for {', '.join(experiment.focal_labels)}"
    unequal = experiment.unequal_weights
    if unequal:
        told = ", ".join(f"{label} {weight:g}" for label, weight in unequal.items())
        words += f" (labels count in it: {told}; the others 1)"
    if experiment.hierarchy is not None:
        words += f". {HIERARCHIES[experiment.hierarchy]}"
    return words


def _imbalance(experiment: Experiment) -> str:
    """What is done about rare labels."""
    most = experiment.slices_per_study
    drawn = ""
    if most is not None:
        bleeding = ", half of them with bleeding where the study has enough of both"
        half = bleeding if most > 1 else ""
        drawn = (
            f"Each epoch takes at most {counted(most, 'slice')} of a study{half}; "
            "validation and test have all slices. "
        )
    if experiment.loss == "weighted-bce":
        weight = experiment.positive_weight
        if weight == 1:
            return f"{drawn}Positives and negatives weigh the same in the loss."
        power = experiment.rarity_power
        rarity = "their rarity" if power == 1 else f"their rarity to the power {power:g}"
        how = f"by {rarity}" if weight is None else f"{weight:g} times"
        wrong = "low" if weight is not None and weight < 1 else "high"
        return (
            f"{drawn}Positives are weighted {how} in the loss; probabilities are too {wrong} by "
            "that, on purpose."
        )
    given = ", of subtypes among slices with bleeding" if experiment.hierarchy else ""
    start = f"logits start at the log-odds of each label's prevalence{given}."
    return f"{drawn}{start.capitalize()}" if drawn else f"Slices are not resampled; {start}"


def _varied(experiment: Experiment) -> str:
    """How slices are varied in training, and how they are mixed."""
    recipe = experiment.recipe_of_head
    if recipe is not None and recipe.varies:
        told = {
            "read from above": recipe.reverse,
            "of which every second slice is read": recipe.thin,
        }
        words = [f"{share:.0%} {what}" for what, share in told.items() if share]
        if recipe.drop:
            words.append(f"{recipe.drop:.0%} of the slices left out")
        return f"Series vary in training: {', '.join(words)}."
    varied = augmentations.sentence(experiment.augmentations)
    mixed = mixing.sentence(experiment.mixup, experiment.cutmix)
    return f"{varied} {mixed}" if mixed else varied


_VIEWS: Final = {
    "flip": "a slice and its mirror image",
    "reverse": "a series read from below and from above",
}


def _views(experiment: Experiment) -> str:
    """Over which views predictions are means; nothing where there is one."""
    return "".join(f" Predictions are means over {_VIEWS[view]}." for view in experiment.test_time)


def _head_alone(fitting: Fitting) -> str:
    """Epochs in which the head of a fine-tuned backbone trained alone; nothing where none did."""
    if not fitting.head_epochs:
        return ""
    epochs = counted(fitting.head_epochs, "epoch")
    return f"first the head alone for {epochs} with a step of {fitting.head_rate:g}, then "

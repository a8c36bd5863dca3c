"""Parts of an experiment's parameters, each what one piece of the model needs to know."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from ichreport.params.inputs import InputSpec, input_spec
from ichreport.params.machine import Machine
from ichreport.params.networks import (
    HEADS,
    NETWORKS,
    Head,
    HeadSpec,
    Hierarchy,
    Loss,
    Network,
    NetworkSpec,
    TrainableLayers,
    facts_of,
)
from ichreport.params.training.augmentations import Augmentations
from ichreport.params.training.optimizers import Steps
from ichreport.params.training.positive_weights import Weighting
from ichreport.params.training.sequences import SequenceRecipe
from ichreport.params.yaml import project_path

TestTimeView = Literal["flip", "reverse"]
"""How a slice is looked at once more at prediction: mirrored, or in its series from above."""

FEATURES_FOLDER: Final = "features"
"""Where the features of a store's slices are kept: beside it."""


@dataclass(frozen=True)
class View:
    """What a network sees of a store's slices.

    Attributes:
        input: How HU become its input, by the name of an `InputSpec`.
        network: The network.
        image_size: Pixels a side in the store.
        pixels_seen: Pixels a side that it sees; at most those.
    """

    input: str
    network: Network
    image_size: int
    pixels_seen: int

    @property
    def input_spec(self) -> InputSpec:
        """What the input is."""
        return input_spec(self.input)

    @property
    def network_spec(self) -> NetworkSpec:
        """What the network is."""
        return NETWORKS[self.network]

    def specs(self) -> dict[str, Any]:
        """What its input and network are, as JSON takes it."""
        return {"input": self.input_spec.facts(), "network": facts_of(self.network_spec)}


@dataclass(frozen=True)
class Backbone:
    """A pre-trained network.

    Attributes:
        view: What it sees.
        weights: `imagenet`, a weights file, or None for random ones.
        seed: Seed of random weights.
    """

    view: View
    weights: str | None
    seed: int

    @property
    def network(self) -> Network:
        """Its name."""
        return self.view.network

    @property
    def network_spec(self) -> NetworkSpec:
        """What it is."""
        return self.view.network_spec

    @property
    def weights_file(self) -> Path | None:
        """The file that `weights` names, if it does; `{network}` stands for the network."""
        if self.weights in (None, "imagenet"):
            return None
        return project_path(str(self.weights).replace("{network}", self.network))


@dataclass(frozen=True)
class TrainedNetwork:
    """The network of a finished run, whose pooled maps are features for another.

    Attributes:
        run: The run's name, for messages.
        plan: How it was trained.
        weights: The file of its weights.
        weights_sha256: The hash of that file, as the run's record says.
    """

    run: str
    plan: "TrainingPlan"
    weights: str
    weights_sha256: str


@dataclass(frozen=True)
class HeadPart:
    """What is trained on a backbone's features.

    Attributes:
        kind: Its kind.
        dense_layers: Dense layers, the logits included.
        sequence: What a sequence head is; None for the others.
        hierarchy: How subtypes are given any bleeding; None where labels stand side by side.
    """

    kind: Head
    dense_layers: int
    sequence: SequenceRecipe | None = None
    hierarchy: Hierarchy | None = None

    @property
    def spec(self) -> HeadSpec:
        """What this kind is."""
        return HEADS[self.kind]

    @property
    def is_linear(self) -> bool:
        """Whether it is one linear layer, whose activation maps are exact."""
        side_by_side = self.hierarchy is None
        return side_by_side and not self.spec.reads_series and self.dense_layers == 1


@dataclass(frozen=True)
class Fitting(Steps):
    """How a network is trained, beside how it takes its steps.

    Attributes:
        loss: The loss.
        epochs: Most passes over the training slices.
        patience: Epochs without gain before stopping.
        batch_size: Slices a step.
        step_size: The largest step size; where it only falls, the first.
        step_size_name: The parameter that says it.
        trainable_layers: The backbone's last layers that train.
        shuffle_block: Slices that lie together and are shuffled as one.
        seed: Seed of first weights, order, dropout and augmentation.
        augment: How slices are varied where each epoch reads them.
        mixup: Alpha of mixup; 0 mixes no slices.
        cutmix: Alpha of CutMix; 0 patches none.
        slices_per_study: Slices that a study gives an epoch, at most; None takes all.
        label_weights: Labels that weigh otherwise than 1 in the loss, each with its weight.
        focal_labels: Labels whose loss is focal, whatever the others' is.
        positive_weight: How often a positive counts in `weighted-bce`; None for the negatives per
            positive of its label.
        rarity_power: The power of these that is the weight.
        head_epochs: Passes in which a fine-tuned network's head trains alone, before all of it.
        head_rate: The step size of these; 0 where there are none.
    """

    loss: Loss
    epochs: int
    patience: int
    batch_size: int
    step_size: float
    step_size_name: Literal["learning_rate", "fine_tuning_rate"]
    trainable_layers: TrainableLayers
    shuffle_block: int
    seed: int
    augment: Augmentations = ()
    mixup: float = 0.0
    cutmix: float = 0.0
    slices_per_study: int | None = None
    label_weights: tuple[tuple[str, float], ...] = ()
    focal_labels: tuple[str, ...] = ()
    positive_weight: float | None = None
    rarity_power: float = 1.0
    head_epochs: int = 0
    head_rate: float = 0.0

    @property
    def of_head_alone(self) -> "Fitting":
        """How the head trains before the backbone does: as on stored features, all its epochs."""
        return replace(
            self,
            epochs=self.head_epochs,
            step_size=self.head_rate,
            step_size_name="learning_rate",
            schedule="plateau",
            warm_up=0.0,
            step_epochs=(),
            shuffle_block=1,
            augment=(),
        )

    @property
    def weighting(self) -> Weighting:
        """How `weighted-bce` weighs positives."""
        return Weighting(self.positive_weight, self.rarity_power)

    @property
    def mixes(self) -> bool:
        """Whether slices are mixed in pairs."""
        return bool(self.mixup or self.cutmix)


@dataclass(frozen=True)
class TrainingPlan:
    """All that a training depends on, but for its slices and the code.

    Attributes:
        name: The run, for messages; nothing depends on it.
        view: What the network sees.
        backbone: The pre-trained network behind it; None for one that trains from scratch, and
            behind a head on the features of another run.
        head: What is trained on its features; of a network from scratch, its Dense layers.
        fitting: How it is trained.
        machine: How it computes.
        trained: The other run's network on whose features it trains a head.
        test_time: Further views of each slice over whose logits predictions are means.
    """

    name: str
    view: View
    backbone: Backbone | None
    head: HeadPart
    fitting: Fitting
    machine: Machine
    trained: TrainedNetwork | None = None
    test_time: tuple[TestTimeView, ...] = ()

    @property
    def is_fine_tuned(self) -> bool:
        """Whether layers of a backbone train with the head."""
        return self.backbone is not None and self.fitting.trainable_layers != 0

    @property
    def trains_on_slices(self) -> bool:
        """Whether convolutions train, so that each epoch reads the slices themselves."""
        return self.trained is None and (self.backbone is None or self.is_fine_tuned)

    def values(self) -> dict[str, Any]:
        """Everything but the name, as JSON takes it: equal plans train alike.

        It holds what the tables of `ichreport.params.networks` say of this row, so that a line
        that is added there changes no other row.
        """
        alone = replace(self, trained=None)
        values = asdict(alone) | {"specs": {**self.view.specs(), "head": facts_of(self.head.spec)}}
        sequence = self.head.sequence
        values["head"]["sequence"] = sequence.model_dump() if sequence else None
        values["test_time"] = list(self.test_time)
        values["trained"] = self.trained.weights_sha256 if self.trained else None
        values["fitting"]["augment"] = [one.values() for one in self.fitting.augment]
        values["fitting"]["step_epochs"] = list(self.fitting.step_epochs)
        values["fitting"]["label_weights"] = dict(self.fitting.label_weights)
        values["fitting"]["focal_labels"] = list(self.fitting.focal_labels)
        del values["name"]
        return values

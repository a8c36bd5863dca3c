"""Parts of an experiment's parameters, each what one piece of the model needs to know."""

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from ichreport.params.augmentations import Augmentations
from ichreport.params.inputs import InputSpec, input_spec
from ichreport.params.machine import Machine
from ichreport.params.networks import (
    HEADS,
    NETWORKS,
    Head,
    HeadSpec,
    Loss,
    Network,
    NetworkSpec,
    TrainableLayers,
    facts_of,
)
from ichreport.params.optimizers import Steps

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


@dataclass(frozen=True)
class HeadPart:
    """What is trained on a backbone's features.

    Attributes:
        kind: Its kind.
        dense_layers: Dense layers, the logits included.
    """

    kind: Head
    dense_layers: int

    @property
    def spec(self) -> HeadSpec:
        """What this kind is."""
        return HEADS[self.kind]

    @property
    def is_linear(self) -> bool:
        """Whether it is one linear layer, whose activation maps are exact."""
        return not self.spec.reads_series and self.dense_layers == 1


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
        backbone: The pre-trained network behind it; None for one that trains from scratch.
        head: What is trained on its features; of a network from scratch, its Dense layers.
        fitting: How it is trained.
        machine: How it computes.
    """

    name: str
    view: View
    backbone: Backbone | None
    head: HeadPart
    fitting: Fitting
    machine: Machine

    @property
    def is_fine_tuned(self) -> bool:
        """Whether layers of a backbone train with the head."""
        return self.backbone is not None and self.fitting.trainable_layers != 0

    @property
    def trains_on_slices(self) -> bool:
        """Whether convolutions train, so that each epoch reads the slices themselves."""
        return self.backbone is None or self.is_fine_tuned

    def values(self) -> dict[str, Any]:
        """Everything but the name, as JSON takes it: equal plans train alike.

        It holds what the tables of `ichreport.params.networks` say of this row, so that a line
        that is added there changes no other row.
        """
        values = asdict(self) | {"specs": {**self.view.specs(), "head": facts_of(self.head.spec)}}
        values["fitting"]["augment"] = [one.values() for one in self.fitting.augment]
        values["fitting"]["step_epochs"] = list(self.fitting.step_epochs)
        values["fitting"]["label_weights"] = dict(self.fitting.label_weights)
        del values["name"]
        return values

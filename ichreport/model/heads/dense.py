"""Dense layers on the features of one slice."""

from typing import Any, Final

import keras
from keras import layers

from ichreport.labels import LABELS
from ichreport.model import backend
from ichreport.params.machine import Machine
from ichreport.params.training_plan import HeadPart

HEAD_UNITS: Final = 256
"""Units of every Dense layer of a head but the last."""

DROPOUT: Final = 0.3
"""Share of units that drop out between Dense layers in training."""


def dense_head(head: HeadPart, features: int, machine: Machine) -> keras.Model:
    """Dense layers on standardised features: float32 (batch, features) to logits (batch, 6).

    With one layer, it and the pooling before it are one linear map of the feature maps, which is
    what an exact class activation map needs; the standardisation is affine and changes nothing.
    """
    with backend.building(machine):
        inputs = keras.Input((features,), name="features")
        x = layers.Normalization(dtype="float32", name="standardised")(inputs)
        return keras.Model(inputs, dense_layers(x, head.dense_layers), name="dense_head")


def dense_layers(x: Any, count: int) -> Any:
    """So many Dense layers, with dropout between them: features to `logits`, one a label."""
    for index in range(1, count):
        x = layers.Dense(HEAD_UNITS, activation="relu", name=f"dense{index}")(x)
        x = layers.Dropout(DROPOUT, name=f"dropout{index}")(x)
    return layers.Dense(len(LABELS), name="logits", dtype="float32")(x)

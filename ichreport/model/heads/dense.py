"""Dense layers on the features of one slice."""

from typing import Any

import keras
from keras import layers

from ichreport.labels import LABELS
from ichreport.model import backend
from ichreport.model.heads.hierarchy import Product
from ichreport.params.machine import Machine
from ichreport.params.training.open_choices import DROPOUT, HEAD_UNITS
from ichreport.params.training.training_plan import HeadPart


def dense_head(head: HeadPart, features: int, machine: Machine) -> keras.Model:
    """Dense layers on standardised features: float32 (batch, features) to logits (batch, 6).

    With one layer, it and the pooling before it are one linear map of the feature maps, which is
    what an exact class activation map needs; the standardisation is affine and changes nothing.
    """
    with backend.building(machine):
        inputs = keras.Input((features,), name="features")
        x = layers.Normalization(dtype="float32", name="standardised")(inputs)
        return keras.Model(inputs, output_layers(x, head), name="dense_head")


def output_layers(x: Any, head: HeadPart) -> Any:
    """A head's Dense layers, with dropout between them: to `logits`, one a label.

    Where labels are in two steps, these are of the factors, and their products follow.
    """
    for index in range(1, head.dense_layers):
        x = layers.Dense(HEAD_UNITS, activation="relu", name=f"dense{index}")(x)
        x = layers.Dropout(DROPOUT, name=f"dropout{index}")(x)
    logits = layers.Dense(len(LABELS), name="logits", dtype="float32")(x)
    if head.hierarchy is None:
        return logits
    return Product(name="product", dtype="float32")(logits)

"""What is trained on a backbone's features: Dense layers, or a recurrence over the series."""

from typing import Any, Final

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ichreport.labels import LABELS
from ichreport.model import backend
from ichreport.params.machine import Machine
from ichreport.params.training_plan import HeadPart

HEAD_UNITS: Final = 256
"""Units of every Dense layer of a head but the last."""

LSTM_UNITS: Final = 64
"""Units of the LSTM in each direction."""

ATTENTION_HEADS: Final = 4
DROPOUT: Final = 0.3

SMALLEST_DEVIATION: Final = 0.01
"""What features are divided by at least, over the root mean square of all their deviations."""

_SLICES_AT_ONCE: Final = 8192
"""Slices whose features are in memory twice, and more exactly, for their mean and variance."""


def build(head: HeadPart, features: int, machine: Machine) -> keras.Model:
    """The head of a row, from so many features: see `dense_head` and `sequence_head`."""
    kind = sequence_head if head.spec.reads_series else dense_head
    return kind(head, features, machine)


def dense_head(head: HeadPart, features: int, machine: Machine) -> keras.Model:
    """Dense layers on standardised features: float32 (batch, features) to logits (batch, 6).

    With one layer, it and the pooling before it are one linear map of the feature maps, which is
    what an exact class activation map needs; the standardisation is affine and changes nothing.
    """
    with backend.building(machine):
        inputs = keras.Input((features,), name="features")
        x = layers.Normalization(dtype="float32", name="standardised")(inputs)
        return keras.Model(inputs, dense_layers(x, head.dense_layers), name="dense_head")


def sequence_head(head: HeadPart, features: int, machine: Machine) -> keras.Model:
    """A bidirectional LSTM over a series, with or without attention, and Dense layers a slice.

    Attention is multi-head self-attention over the series' LSTM states, added to them (Vaswani et
    al. 2017). Padding is masked throughout.

    Returns:
        A model from {features: float32 (batch, slices, features), present: bool (batch, slices)}
        to logits (batch, slices, 6).
    """
    with backend.building(machine):
        inputs = keras.Input((None, features), name="features")
        present = keras.Input((None,), dtype="bool", name="present")
        x = layers.Normalization(dtype="float32", name="standardised")(inputs)
        x = layers.Dense(HEAD_UNITS, activation="relu", name="reduced")(x)
        x = layers.Bidirectional(layers.LSTM(LSTM_UNITS, return_sequences=True), name="lstm")(
            x, mask=present
        )
        if head.spec.attends:
            attended = layers.MultiHeadAttention(
                ATTENTION_HEADS, 2 * LSTM_UNITS // ATTENTION_HEADS, name="attention"
            )(x, x, key_mask=present, value_mask=present)
            x = layers.LayerNormalization(name="attended")(layers.Add()([x, attended]))
        logits = dense_layers(x, head.dense_layers)
        return keras.Model({"features": inputs, "present": present}, logits, name="sequence_head")


def dense_layers(x: Any, count: int) -> Any:
    """So many Dense layers, with dropout between them: features to `logits`, one a label."""
    for index in range(1, count):
        x = layers.Dense(HEAD_UNITS, activation="relu", name=f"dense{index}")(x)
        x = layers.Dropout(DROPOUT, name=f"dropout{index}")(x)
    return layers.Dense(len(LABELS), name="logits", dtype="float32")(x)


def standardise(
    model: keras.Model, features: NDArray[np.float32], indices: NDArray[np.int64] | None = None
) -> None:
    """Let a head shift and scale features by the mean and deviation of some.

    A feature that these slices hardly vary in, as one that is always 0, is divided by
    `SMALLEST_DEVIATION` instead: another slice in which it is not 0 must not decide alone.

    Args:
        model: A head.
        features: (slices, features); it may be larger than what memory takes twice.
        indices: Which of them are of the training split; all if not given.
    """
    indices = np.arange(len(features)) if indices is None else indices
    parts = np.array_split(indices, -(-len(indices) // _SLICES_AT_ONCE))
    mean, variance = np.zeros((2, features.shape[1]))
    for part in parts:
        mean += features[part].sum(axis=0, dtype=np.float64)
    mean /= len(indices)
    for part in parts:
        variance += np.square(features[part] - mean).sum(axis=0)
    variance /= len(indices)
    least = SMALLEST_DEVIATION**2 * variance.mean() or 1.0
    layer = model.get_layer("standardised")
    layer.adapt_mean.assign(mean)
    layer.adapt_variance.assign(np.maximum(variance, least))
    layer.finalize_state()


def set_output_bias(model: keras.Model, prevalence: NDArray[np.float64]) -> None:
    """Start the logits at the log-odds of the labels' training prevalence.

    An untrained network then scores like the constant-prevalence floor instead of a coin.

    Args:
        model: A model whose last layer is named `logits`.
        prevalence: Share of positives of each label, in [0, 1]; kept off 0 and 1 by 1e-4.
    """
    share = np.clip(prevalence, 1e-4, 1 - 1e-4)
    model.get_layer("logits").bias.assign(np.log(share / (1 - share)).astype(np.float32))

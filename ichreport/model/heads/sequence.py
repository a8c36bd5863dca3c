"""A recurrence over the features of a series' slices, from the lowest to the highest."""

import keras
from keras import layers

from ichreport.model import backend
from ichreport.model.heads.dense import output_layers
from ichreport.params.machine import Machine
from ichreport.params.training.open_choices import (
    ATTENTION_HEADS,
    ATTENTION_KEY,
    HEAD_UNITS,
    LSTM_UNITS,
)
from ichreport.params.training.training_plan import HeadPart


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
            attended = layers.MultiHeadAttention(ATTENTION_HEADS, ATTENTION_KEY, name="attention")(
                x, x, key_mask=present, value_mask=present
            )
            x = layers.LayerNormalization(name="attended")(layers.Add()([x, attended]))
        logits = output_layers(x, head)
        return keras.Model({"features": inputs, "present": present}, logits, name="sequence_head")

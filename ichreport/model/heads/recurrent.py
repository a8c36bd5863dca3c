"""A sequence head by its recipe: recurrent layers over the features of a series' slices."""

from collections.abc import Callable
from typing import Any, Final

import keras
from keras import layers, ops

from ichreport.labels import LABELS
from ichreport.model import backend
from ichreport.model.heads.dense import output_layers
from ichreport.params.machine import Machine
from ichreport.params.training.sequences import SequenceRecipe
from ichreport.params.training.training_plan import HeadPart

DILATIONS: Final = (1, 2, 4)
"""Slices between those that a convolution over logits reads, layer by layer."""

_CELLS: Final = {"gru": layers.GRU, "lstm": layers.LSTM}


@keras.saving.register_keras_serializable("ichreport")
class Deltas(layers.Layer):  # type: ignore[misc]
    """Features beside how they differ from those of the slices below and above."""

    def call(self, features: Any, present: Any) -> Any:
        """Features (batch, slices, f) and which slices are there; gives (batch, slices, 3 f).

        Beyond an end of a series, differences are 0.
        """
        there = ops.cast(present, features.dtype)[..., None]
        features = features * there
        steps = (features[:, 1:] - features[:, :-1]) * there[:, 1:]
        nothing = ops.zeros_like(features[:, :1])
        below = ops.concatenate([nothing, steps], axis=1)
        above = ops.concatenate([-steps, nothing], axis=1)
        return ops.concatenate([features, below, above], axis=-1)

    def compute_output_shape(
        self, features_shape: tuple[Any, ...], present_shape: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Three times the features."""
        del present_shape
        return (*features_shape[:-1], 3 * features_shape[-1])


@keras.saving.register_keras_serializable("ichreport")
class Present(layers.Layer):  # type: ignore[misc]
    """Values of slices that are there; 0 where a series is filled up."""

    supports_masking = True  # as `present` says, so that nothing later needs Keras' own mask

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """None goes on."""

    def call(self, values: Any, present: Any) -> Any:
        """Values (batch, slices, n), of the same shape."""
        return values * ops.cast(present, values.dtype)[..., None]


@keras.saving.register_keras_serializable("ichreport")
class BothStages(layers.Layer):  # type: ignore[misc]
    """The logits of both stages, one behind the other, where a loss is to count both.

    At evaluation the second stage stands for both, since it is what predicts.
    """

    supports_masking = True

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """None goes on: the loss weighs what is filled up by 0."""

    def call(self, first: Any, second: Any, training: bool = False) -> Any:
        """Logits (batch, slices, labels) twice; gives (batch, slices, 2, labels)."""
        return ops.stack([first if training else second, second], axis=-2)


def recurrent_head(head: HeadPart, features: int, machine: Machine) -> keras.Model:
    """Bidirectional recurrent layers over a series, and Dense layers a slice.

    Padding is masked throughout: what a slice is given does not depend on how many slices a series
    is filled up to.

    Args:
        head: Its recipe (`sequence`) and its Dense layers.
        features: Numbers that a backbone gives a slice.
        machine: How it computes.

    Returns:
        A model from {features: float32 (batch, slices, features), present: bool (batch, slices)},
        with gaps: float32 (batch, slices, 1) where its recipe reads them, to logits (batch, slices,
        6).
    """
    recipe = head.sequence or SequenceRecipe()
    with backend.building(machine):
        inputs = {
            "features": keras.Input((None, features), name="features"),
            "present": keras.Input((None,), dtype="bool", name="present"),
        }
        if recipe.gaps:
            inputs["gaps"] = keras.Input((None, 1), name="gaps")
        present, beside = inputs["present"], [inputs["gaps"]] if recipe.gaps else []
        x = layers.Normalization(dtype="float32", name="standardised")(inputs["features"])
        if recipe.deltas:
            x = Deltas(name="deltas")(x, present)
        if recipe.reduced:
            x = layers.Dense(recipe.reduced, activation="relu", name="reduced")(x)
        for number in range(1, recipe.layers + 1):
            x = layers.Dropout(recipe.dropout, name=f"dropped{number}")(x)
            if beside and number == 1:
                x = layers.Concatenate(name="beside")([x, *beside])
            x = _both_ways(recipe, f"recurrent{number}")(x, mask=present)
        logits = output_layers(x, head)
        if recipe.second_stage:
            logits = _corrected(logits, present, beside, recipe)
        return keras.Model(inputs, logits, name="recurrent_head")


def with_both_stages(model: keras.Model) -> keras.Model:
    """A head of two stages as it trains: to the logits of both, (batch, slices, 2, 6)."""
    first, second = model.get_layer("logits").output, model.output
    return keras.Model(model.input, BothStages(name="both_stages")(first, second))


def mean_over_stages(loss: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A loss of logits (..., labels) as one of (..., stages, labels): the mean over stages."""

    def of_stages(truth: Any, logits: Any) -> Any:
        repeated = ops.broadcast_to(truth[..., None, :], ops.shape(logits))
        return ops.mean(loss(repeated, logits), axis=-1)

    return of_stages


def _both_ways(recipe: SequenceRecipe, name: str) -> keras.Layer:
    cell = _CELLS[recipe.cell](recipe.units, return_sequences=True)
    return layers.Bidirectional(cell, name=name)


def _corrected(logits: Any, present: Any, beside: list[Any], recipe: SequenceRecipe) -> Any:
    """Logits with what a second network along the series adds to them: nothing at first."""
    x = layers.Concatenate(name="first_stage")([logits, *beside]) if beside else logits
    for dilation in DILATIONS:
        x = Present(name=f"present{dilation}")(x, present)
        x = layers.Conv1D(
            recipe.units,
            3,
            padding="same",
            dilation_rate=dilation,
            activation="relu",
            name=f"dilated{dilation}",
        )(x)
    x = _both_ways(recipe, "recurrent_second")(x, mask=present)
    change = layers.Dense(
        len(LABELS), kernel_initializer="zeros", name="correction", dtype="float32"
    )(x)
    return layers.Add(name="corrected", dtype="float32")([logits, change])

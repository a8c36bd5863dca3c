"""Networks that train on slices: the small one, and backbones whose last layers train.

A network from scratch and a fine-tuned one go from HU to logits; other rows train a head on stored
features (`heads`).
"""

from dataclasses import replace
from typing import Any, Final

import keras
from keras import layers

from ichreport.model import backbones, backend, inputs
from ichreport.model.heads.dense import dense_head, output_layers
from ichreport.params.machine import Machine
from ichreport.params.training.open_choices import (
    CNN7_FILTERS,
    CNN7_INITIALISATION,
    CNN7_KERNEL,
    CNN7_MOMENTUM,
)
from ichreport.params.training.training_plan import HeadPart, TrainingPlan, View

_CONVOLUTIONS: Final = (
    *(layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D),
    layers.Dense,  # ConvNeXt's convolutions of one pixel
)


def cnn7(view: View, head: HeadPart, machine: Machine) -> keras.Model:
    """Seven blocks of Conv-BN-ReLU-MaxPool, global average pooling and Dense layers, to 6 logits.

    From int16 HU (batch, slices seen, size, size) to float32 logits (batch, 6). The poster names
    the layers in this order. `cnn7fast` pools before it normalizes, which leaves a quarter of the
    pixels to normalize: a training step takes 0.6 of the time on a CPU, as
    `benchmarks/compilation.py` measures.
    """
    with backend.building(machine):
        hu = inputs.hu_input(view)
        x = inputs.images(hu, view)
        for block, filters in enumerate(CNN7_FILTERS, start=1):
            x = layers.Conv2D(
                filters,
                CNN7_KERNEL,
                padding="same",
                use_bias=False,
                kernel_initializer=CNN7_INITIALISATION,
                name=f"conv{block}",
                dtype="float32" if block == 1 else None,  # as in backbones
            )(x)
            x = _after_convolution(block, x, view, machine)
        x = layers.GlobalAveragePooling2D(dtype="float32", name="pooling")(x)
        return keras.Model(hu, output_layers(x, head), name=view.network)


def _after_convolution(block: int, x: Any, view: View, machine: Machine) -> Any:
    """What follows the convolution of a block: normalization, ReLU and pooling, in its order."""
    pooling = layers.MaxPooling2D(2, padding="same", name=f"pool{block}")
    normalization = backend.group(machine.devices).batch_normalization(
        momentum=CNN7_MOMENTUM, name=f"bn{block}"
    )
    relu = layers.ReLU(name=f"relu{block}")
    pools_first = view.network_spec.pools_first
    for layer in [pooling, normalization, relu] if pools_first else [normalization, relu, pooling]:
        x = layer(x)
    return x


def fine_tuned(maps_model: keras.Model, plan: TrainingPlan) -> keras.Model:
    """A backbone of which the last layers train, and a dense head on its pooled maps.

    Args:
        maps_model: As `backbones.build` makes it; its last `trainable_layers` thaw.
        plan: Gives how many, and the head.

    Returns:
        A model from int16 HU (batch, slices seen, size, size) to float32 logits (batch, 6), which
        shares the backbone's weights.

    Raises:
        ValueError: If the backbone has fewer convolutions.
    """
    _thaw(backbones.body(maps_model), plan)
    with backend.building(plan.machine):
        features = layers.GlobalAveragePooling2D(dtype="float32", name="pooling")(maps_model.output)
        head = dense_head(plan.head, features.shape[-1], plan.machine)
        return keras.Model(maps_model.input, head(features), name=f"{maps_model.name}_fine_tuned")


def untrained(plan: TrainingPlan) -> keras.Model:
    """A network that trains on slices, with random weights: what a run keeps fits into it."""
    if plan.backbone is None:
        return cnn7(plan.view, plan.head, plan.machine)
    random = replace(plan.backbone, weights=None)
    return fine_tuned(backbones.build(random, plan.machine), plan)


def maps_and_head(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """The two parts of a `fine_tuned` model, sharing its weights: from HU to maps, and its head."""
    maps = model.get_layer("pooling").input
    return keras.Model(model.input, maps), model.get_layer("dense_head")


def _thaw(network: keras.Model, plan: TrainingPlan) -> None:
    """Let the last convolutions train, as many as the plan says.

    Keras calls the layers of a model that trains in the training mode even where the model within
    was built with `training=False`; only a frozen batch normalization keeps its statistics.
    """
    inside = list(backbones.layers_within(network))
    convolutions = [layer for layer in inside if isinstance(layer, _CONVOLUTIONS)]
    wanted, there_are = plan.fitting.trainable_layers, len(convolutions)
    count = there_are if wanted == "all" else wanted
    if count > there_are:
        raise ValueError(
            f"{plan.name}: trainable_layers is {count}, but {plan.view.network} has "
            f"{there_are} convolutions; say trainable_layers: all for all of them."
        )
    thawed = set(map(id, convolutions[there_are - count :]))
    network.trainable = True
    for layer in inside:
        layer.trainable = id(layer) in thawed


def take_weights(model: keras.Model, other: keras.Model) -> None:
    """Give a model copies of the weights of another of its kind, the standardisation included."""
    model.set_weights(other.get_weights())
    for layer in backbones.layers_within(model):
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()  # Keras computes with a copy of the weights that it keeps

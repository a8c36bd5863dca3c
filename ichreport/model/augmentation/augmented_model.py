"""A network as it trains on slices: with layers before it that apply what was drawn to HU."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers, ops

from ichreport.data.resample import HU_MAX, HU_MIN
from ichreport.model import backend, inputs
from ichreport.model.augmentation import intensities
from ichreport.model.augmentation.drawing import Drawing
from ichreport.model.augmentation.resampling import resampled
from ichreport.params.machine import Machine
from ichreport.params.training.augmentations import (
    Augmentation,
    Augmentations,
    Blur,
    Contrast,
    Erase,
    Noise,
    parse,
)
from ichreport.params.training.training_plan import View


def build(
    model: keras.Model, view: View, augmentations: Augmentations, machine: Machine
) -> keras.Model:
    """A network as it trains on slices, sharing all weights.

    Which slices vary and how is an input, drawn on the host, so that it is the same on every
    backend and on any number of devices.

    Args:
        model: From HU to logits.
        view: What it sees.
        augmentations: How slices vary.
        machine: How it computes.

    Returns:
        A model from `hu`, as the network's, and all that `Drawing` draws, to logits; the network
        itself where that is nothing.
    """
    if not augmentations:
        return model
    with backend.building(machine):
        given = input_tensors(view, augmentations)
        drawn = {name: tensor for name, tensor in given.items() if name != "hu"}
        seen = varied(given["hu"], drawn, augmentations)
        return keras.Model(given, model(seen), name=f"{model.name}_augmented")


def input_tensors(view: View, augmentations: Augmentations, prefix: str = "") -> dict[str, Any]:
    """What a model takes whose slices vary, by name: `hu`, and all that `Drawing` draws.

    Args:
        view: What its network sees.
        augmentations: How slices vary.
        prefix: Stands before each name.
    """
    drawn = Drawing(augmentations, view.input_spec.slices_seen, None)(1)
    given = {prefix + "hu": inputs.hu_input(view, prefix + "hu")}
    for name, array in drawn.items():
        dtype = array.dtype.name
        given[prefix + name] = keras.Input(array.shape[1:], dtype=dtype, name=prefix + name)
    return given


def varied(
    hu: Any, drawn: Mapping[str, Any], augmentations: Augmentations, training: bool | None = None
) -> Any:
    """HU (batch, slices, h, w) as `drawn`, see `Drawing`, says; of their shape and type.

    Flips alone are kept apart: they take one look at each pixel, and nothing else has to be done.

    Args:
        hu: A model's input, or an array of int16.
        drawn: The same beside it, by name.
        augmentations: The list that it was drawn for.
        training: Whether to do it; as the model's call says if not given.
    """
    others = dict(drawn)
    if "flip" in others:
        hu = inputs.Mirror(name="mirror")(hu, others.pop("flip"))
    if not others:
        return hu
    layer = Augment([one.values() for one in augmentations], name="augment")
    return layer(hu, others, training=training)


@keras.saving.register_keras_serializable("ichreport")
class Augment(layers.Layer):  # type: ignore[misc]
    """Resample HU and change them as was drawn, while training; elsewhere they stay as they are.

    Args:
        augment: The `augment` list.
    """

    def __init__(self, augment: Sequence[Any], **options: Any) -> None:
        super().__init__(**{"dtype": "float32", **options})  # HU need more than 8 bits
        self.augment = list(augment)

    def call(self, hu: Any, drawn: Mapping[str, Any], training: bool | None = None) -> Any:
        """HU (batch, slices, h, w) as `drawn`, see `Drawing`, says.

        Returns:
            Whole HU from `HU_MIN` to `HU_MAX`, as a store holds them, of the same shape and type.
        """
        if not training:
            return hu
        varied = ops.cast(hu, "float32")
        if "sampling" in drawn:
            varied = resampled(varied, drawn["sampling"])
        for augmentation in parse(self.augment):
            varied = _changed(varied, augmentation, drawn)
        return ops.cast(ops.round(ops.clip(varied, HU_MIN, HU_MAX)), hu.dtype)

    def get_config(self) -> dict[str, Any]:
        """The layer's arguments."""
        return {**super().get_config(), "augment": self.augment}


def _changed(hu: Any, augmentation: Augmentation, drawn: Mapping[str, Any]) -> Any:
    """What one augmentation makes of HU; what moves pixels is done by then."""
    match augmentation:
        case Noise():
            return intensities.noisy(hu, drawn["noise"], drawn["noise_place"])
        case Blur(pixels=most):
            return intensities.blurred(hu, drawn["blur"], most)
        case Contrast():
            return intensities.contrasted(hu, drawn["contrast"])
        case Erase():
            return intensities.erased(hu, drawn["erase"])
        case _:
            return hu

"""A network as it trains on slices that are mixed in pairs."""

from typing import Any

import keras
from keras import layers, ops

from ichreport.model import backend, inputs
from ichreport.model.augmentation import augmented_model
from ichreport.model.fitting.mixing import PARTNER
from ichreport.params.machine import Machine
from ichreport.params.training.augmentations import Augmentations
from ichreport.params.training.training_plan import View


def build(
    model: keras.Model, view: View, augmentations: Augmentations, machine: Machine
) -> keras.Model:
    """A network as it trains on mixed slices, sharing all weights.

    Both slices of a pair vary by what was drawn for each. They are mixed as the network sees them,
    behind windows: a mean of HU is other tissue than either slice has, such as blood from brain
    and bone.

    Args:
        model: From HU to logits.
        view: What it sees.
        augmentations: How slices vary.
        machine: How it computes.

    Returns:
        A model to logits from `hu`, as the network's, and all that `Drawing` draws; the same of
        partners; and `blend` and `box`, see `Pairs`.
    """
    with backend.building(machine):
        seen_of = _seen_of(model, view, augmentations)
        own = augmented_model.input_tensors(view, augmentations)
        partners = augmented_model.input_tensors(view, augmentations, PARTNER)
        blend = keras.Input((), dtype="float32", name="blend")
        box = keras.Input((4,), dtype="int32", name="box")
        partner_seen = seen_of({name.removeprefix(PARTNER): one for name, one in partners.items()})
        mixed = Mix(name="mix")(seen_of(own), partner_seen, blend, box)
        rest = keras.Model(inputs.images_of(model, view), model.output, name="behind_the_input")
        given = {**own, **partners, "blend": blend, "box": box}
        return keras.Model(given, rest(mixed), name=f"{model.name}_mixed")


def _seen_of(model: keras.Model, view: View, augmentations: Augmentations) -> keras.Model:
    """From HU, and what is drawn for them, to what the network sees."""
    given = augmented_model.input_tensors(view, augmentations)
    drawn = {name: tensor for name, tensor in given.items() if name != "hu"}
    hu = augmented_model.varied(given["hu"], drawn, augmentations)
    seen = keras.Model(model.input, inputs.images_of(model, view), name="seen")
    return keras.Model(given, seen(hu), name="varied_and_seen")


@keras.saving.register_keras_serializable("ichreport")
class Mix(layers.Layer):  # type: ignore[misc]
    """Mix slices with their partners, while training; elsewhere they stay as they are."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"dtype": "float32", **options})  # as what networks see is

    def call(
        self, seen: Any, partner: Any, blend: Any, box: Any, training: bool | None = None
    ) -> Any:
        """What the network sees of both, (batch, h, w, channels), mixed as `Pairs` says."""
        if not training:
            return seen
        height, width = seen.shape[1:3]
        top, bottom, left, right = (box[:, end, None] for end in range(4))
        y, x = ops.arange(height, dtype="int32"), ops.arange(width, dtype="int32")
        rows, columns = (y >= top) & (y < bottom), (x >= left) & (x < right)
        cut = ops.logical_and(rows[:, :, None], columns[:, None, :])
        kept = ops.where(cut, 0.0, blend[:, None, None])[..., None]
        return kept * seen + (1.0 - kept) * partner

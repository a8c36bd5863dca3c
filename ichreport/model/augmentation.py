"""Augmentation of training slices: drawn on the host by seed, applied to HU on the device.

What is drawn for a slice is a few numbers, so that it is the same on every backend and on any
number of devices. All that moves pixels is composed into one transform, for one bilinear
resampling; what changes HU follows, in the order of the list. Outside the picture is air. A slice's
neighbours move with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ichreport.data.resample import HU_MAX, HU_MIN
from ichreport.model import backend, inputs, networks
from ichreport.params.augmentations import (
    Affine,
    Augmentation,
    Augmentations,
    Contrast,
    Noise,
)
from ichreport.params.machine import Machine
from ichreport.params.training_plan import View

AIR: Final = -900.0
"""HU up to which there is air or padding, which noise and contrast leave alone."""

_NOISE_VALUES: Final = 2**18
"""Values of noise that are kept; each slice takes them from a place of its own on."""

Drawn = dict[str, NDArray[Any]]
"""What is drawn for a batch: arrays by name, each with a row a slice."""


@dataclass(frozen=True)
class Drawing:
    """Draws what happens to the slices of a batch.

    Attributes:
        augmentations: Which there are.
        slices_seen: Slices that a network sees to judge one.
        random: Draws; none leaves every slice as it is.
    """

    augmentations: Augmentations
    slices_seen: int
    random: np.random.Generator | None

    def __call__(self, size: int) -> Drawn:
        """What happens to each of `size` slices.

        Returns:
            What `Augment` and `inputs.Mirror` take: `flip`, bool (size,), where nothing else moves
            pixels, or else `sampling`; and what each of the others needs, by name.
        """
        random = np.random.default_rng(0) if self.random is None else self.random
        resamples = _resamples(self.augmentations)
        sampling = np.tile(np.eye(3), (size, 1, 1))
        drawn: Drawn = {}
        for augmentation in self.augmentations:
            happens = random.random(size) < augmentation.share
            if self.random is None:
                happens[:] = False
            if augmentation.moves and resamples:
                moved = _transforms(augmentation, size, random)
                sampling = sampling @ np.where(happens[:, None, None], moved, np.eye(3))
            elif augmentation.moves:
                drawn["flip"] = happens
            else:
                drawn |= self._of_hu(augmentation, happens, random)
        if resamples:
            drawn["sampling"] = sampling[:, :2].astype(np.float32)
        return drawn

    def _of_hu(
        self, augmentation: Augmentation, happens: NDArray[np.bool_], random: np.random.Generator
    ) -> Drawn:
        """What one that changes HU needs, for each slice."""
        size = len(happens)
        if isinstance(augmentation, Noise):
            deviation = happens * random.uniform(0, augmentation.hu, size)
            places = random.integers(_NOISE_VALUES, size=(size, self.slices_seen))
            return {
                "noise": deviation.astype(np.float32),
                "noise_place": places.astype(np.int32),
            }
        if isinstance(augmentation, Contrast):
            gain = 1 + happens * random.uniform(-augmentation.gain, augmentation.gain, size)
            offset = happens * random.uniform(-augmentation.offset, augmentation.offset, size)
            return {"contrast": np.stack([gain, offset], axis=1).astype(np.float32)}
        raise TypeError(f"{augmentation!r} is drawn nowhere.")


def _resamples(augmentations: Augmentations) -> bool:
    """Whether pixels are taken from between others, and not only mirrored."""
    return any(one.moves and one.kind != "flip" for one in augmentations)


def _transforms(
    augmentation: Augmentation, size: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """From where a pixel is to where it is taken, (size, 3, 3), in sides from the middle (x, y)."""
    if isinstance(augmentation, Affine):
        return _affine(augmentation, size, random)
    return np.tile(np.diag([-1.0, 1.0, 1.0]), (size, 1, 1))


def _affine(affine: Affine, size: int, random: np.random.Generator) -> NDArray[np.float64]:
    """The inverse of: sheared and stretched, then scaled, then turned, then shifted."""
    draws = random.uniform(-1, 1, (6, size))
    angle, slant = np.deg2rad(affine.rotate) * draws[0], np.deg2rad(affine.shear) * draws[1]
    scale, aspect = 1 + affine.scale * draws[2], np.sqrt(1 + affine.aspect * draws[3])
    turned = _matrices(np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle))
    stretched = _matrices(scale * aspect, scale * aspect * np.tan(slant), 0, scale / aspect)
    moved = turned @ stretched
    moved[:, :2, 2] = affine.shift * draws[4:].T
    inverse: NDArray[np.float64] = np.linalg.inv(moved)
    return inverse


def _matrices(a: Any, b: Any, c: Any, d: Any) -> NDArray[np.float64]:
    """Transforms [[a, b, 0], [c, d, 0], [0, 0, 1]] for each slice."""
    values = np.broadcast_arrays(a, b, c, d)
    matrices = np.tile(np.eye(3), (len(values[0]), 1, 1))
    matrices[:, :2, :2] = np.stack(values, axis=-1).reshape(-1, 2, 2)
    return matrices


@keras.saving.register_keras_serializable("ichreport")
class Augment(layers.Layer):  # type: ignore[misc]
    """Apply what was drawn to HU, while training; elsewhere HU stay as they are.

    Args:
        order: Names of what changes HU, in the order in which it does.
    """

    def __init__(self, order: Sequence[str], **options: Any) -> None:
        super().__init__(**{"dtype": "float32", **options})  # HU need more than 8 bits
        self.order = list(order)

    def call(self, hu: Any, drawn: Mapping[str, Any], training: bool | None = None) -> Any:
        """HU (batch, slices, h, w) as `drawn`, see `Drawing`, says, in its order.

        Returns:
            Whole HU from `HU_MIN` to `HU_MAX` of the same shape and type, as a store holds them.
        """
        if not training:
            return hu
        varied = ops.cast(hu, "float32")
        if "sampling" in drawn:
            varied = resampled(varied, drawn["sampling"])
        for name in self.order:
            varied = _OF_HU[name](varied, drawn)
        return ops.cast(ops.round(ops.clip(varied, HU_MIN, HU_MAX)), hu.dtype)

    def get_config(self) -> dict[str, Any]:
        """The layer's arguments."""
        return {**super().get_config(), "order": self.order}


def resampled(hu: Any, sampling: Any) -> Any:
    """Take each pixel from between four others, by bilinear interpolation; outside is air.

    Args:
        hu: float32 HU (batch, slices, h, w).
        sampling: float32 (batch, 2, 3), from where a pixel is to where it is taken, in sides of the
            picture from its middle, (x, y).

    Returns:
        float32 HU of the same shape.
    """
    _, slices, height, width = hu.shape
    framed = ops.pad(hu, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=float(HU_MIN))
    flat = ops.reshape(framed, (-1, slices, (height + 2) * (width + 2)))
    x = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
    y = (np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2))[:, None]

    def taken(axis: int, side: int) -> tuple[Any, Any]:
        """The pixel before each place along an axis, and how far behind it that is."""
        along, across, shift = (sampling[:, axis, column, None, None] for column in range(3))
        place = along * x + across * y + shift * side + (side - 1) / 2
        place = ops.clip(place, -1.0, float(side))
        before = ops.minimum(ops.floor(place), side - 1.0)
        return ops.cast(before, "int32") + 1, place - before  # the frame counts

    (column, right), (row, below) = taken(0, width), taken(1, height)
    first = ops.reshape(row * (width + 2) + column, (-1, 1, height * width))
    right, below = (ops.reshape(share, (-1, 1, height * width)) for share in (right, below))

    def corner(offset: int) -> Any:
        index = ops.repeat(first + offset, slices, axis=1)
        return ops.take_along_axis(flat, index, axis=-1)

    above = corner(0) * (1 - right) + corner(1) * right
    under = corner(width + 2) * (1 - right) + corner(width + 3) * right
    return ops.reshape(above * (1 - below) + under * below, (-1, slices, height, width))


def _noisy(hu: Any, drawn: Mapping[str, Any]) -> Any:
    """Noise for all that is no air, of a standard deviation for each item."""
    _, _, height, width = hu.shape
    pixels = np.arange(height * width, dtype=np.int32).reshape(height, width)
    places = (drawn["noise_place"][..., None, None] + pixels) % _NOISE_VALUES
    noise = ops.take(_noise(), places, axis=0) * drawn["noise"][:, None, None, None]
    return ops.where(hu > AIR, hu + noise, hu)


@lru_cache(maxsize=1)
def _noise() -> NDArray[np.float32]:
    """White noise of mean 0 and standard deviation 1."""
    return np.random.default_rng(0).standard_normal(_NOISE_VALUES, dtype=np.float32)


def _contrasted(hu: Any, drawn: Mapping[str, Any]) -> Any:
    """HU times a gain, plus an offset, for all that is no air."""
    gain, offset = (drawn["contrast"][:, column, None, None, None] for column in range(2))
    return ops.where(hu > AIR, hu * gain + offset, hu)


_OF_HU: Final = {"noise": _noisy, "contrast": _contrasted}


def learner(
    model: keras.Model, view: View, augmentations: Augmentations, machine: Machine
) -> keras.Model:
    """A network as it trains on slices, sharing all weights.

    Returns:
        A model from `hu`, as the network's, and what `Drawing` draws beside it, to logits; the
        network itself where nothing is drawn.
    """
    shapes = Drawing(augmentations, view.input_spec.slices_seen, None)(1)
    if not shapes:
        return model
    if list(shapes) == ["flip"]:
        return networks.flipping(model, view, machine)
    with backend.building(machine):
        hu = inputs.hu_input(view)
        drawn = {
            name: keras.Input(array.shape[1:], dtype=array.dtype.name, name=name)
            for name, array in shapes.items()
        }
        varied = hu
        if "flip" in drawn:
            varied = inputs.Mirror(name="mirror")(varied, drawn["flip"])
        others = {name: given for name, given in drawn.items() if name != "flip"}
        order = [one.kind for one in augmentations if one.kind in _OF_HU]
        varied = Augment(order, name="augment")(varied, others)
        name = f"{model.name}_augmented"
        return keras.Model({"hu": hu, **drawn}, model(varied), name=name)

"""From Hounsfield units to a network's input, as Keras layers that travel with the model."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ichreport.data.resample import HU_MAX, HU_MIN, area_means
from ichreport.data.store import Store
from ichreport.data.windowing import WINDOWS, Window, sigmoid_slope_and_offset
from ichreport.model.pretrained.scaling import BackboneScaling
from ichreport.params.inputs import InputSpec, WindowShape, input_spec
from ichreport.params.training.training_plan import View

_POSTER: Final = tuple((window.center, window.width) for window in WINDOWS.values())


@keras.saving.register_keras_serializable("ichreport")
class RawHU(layers.Layer):  # type: ignore[misc]
    """Clip HU to a scanner's range and map it linearly onto [0, 1]; channels stay as they are."""

    def call(self, hu: Any) -> Any:
        """HU of any shape to float32 of the same shape in [0, 1]."""
        low, high = float(HU_MIN), float(HU_MAX)
        return (ops.clip(ops.cast(hu, "float32"), low, high) - low) / (high - low)


class _Windows(layers.Layer):  # type: ignore[misc]
    """Windows of HU, a channel each, in [0, 1].

    Args:
        bands: The center and the width of each window, in HU; the poster's three if not given.
    """

    def __init__(self, bands: Sequence[Sequence[float]] = _POSTER, **options: Any) -> None:
        super().__init__(**options)
        self.windows = [Window(*band) for band in bands]

    def call(self, hu: Any) -> Any:
        """HU (batch, slices, h, w) to float32 (batch, slices * windows, h, w), slice by slice."""
        slices, height, width = hu.shape[1:]
        hu = ops.cast(hu, "float32")
        if slices == 1:  # windows take the place of the slices
            return self._seen(hu)
        seen = self._seen(ops.expand_dims(hu, axis=2))
        return ops.reshape(seen, (-1, slices * len(self.windows), height, width))

    def _seen(self, hu: Any) -> Any:
        """HU (..., 1, h, w) to (..., windows, h, w)."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The layer's arguments."""
        bands = [[window.center, window.width] for window in self.windows]
        return {**super().get_config(), "bands": bands}


@keras.saving.register_keras_serializable("ichreport")
class LinearWindows(_Windows):
    """Windows as channels, each linear onto [0, 1]."""

    def _seen(self, hu: Any) -> Any:
        centers = _by_window([window.center for window in self.windows])
        widths = _by_window([window.width for window in self.windows])
        return ops.clip((hu - centers) / widths + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable("ichreport")
class SigmoidWindows(_Windows):
    """Windows as channels, each a sigmoid.

    1 / (1 + exp(-(w x + b))) with w = (2 / width) ln(1 / epsilon - 1) and b = -center w, so that a
    window's ends map to epsilon and 1 - epsilon (Lee, Kim and Do, arXiv:1812.00572).
    """

    def _seen(self, hu: Any) -> Any:
        centers = _by_window([window.center for window in self.windows])
        slopes = _by_window([sigmoid_slope_and_offset(window)[0] for window in self.windows])
        return ops.sigmoid((hu - centers) * slopes)


def _by_window(values: Sequence[float]) -> NDArray[np.float32]:
    """A number for each window, as wide as images; at each pixel it would take twice as long."""
    return np.array(values, dtype=np.float32)[:, None, None]


@keras.saving.register_keras_serializable("ichreport")
class AreaAverage(layers.Layer):  # type: ignore[misc]
    """Slices at fewer pixels, each the mean of what it covers.

    Args:
        size: Rows and columns of the result.
    """

    def __init__(self, size: int, **options: Any) -> None:
        super().__init__(**options)
        self.size = size

    def call(self, hu: Any) -> Any:
        """HU (batch, slices, side, side) to float32 (batch, slices, size, size)."""
        shares = area_means(hu.shape[-1], self.size)
        rows = ops.matmul(shares, ops.cast(hu, "float32"))
        return ops.matmul(rows, np.ascontiguousarray(shares.T))

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Shape of the result for that of the input."""
        return (*shape[:2], self.size, self.size)

    def get_config(self) -> dict[str, Any]:
        """The layer's arguments."""
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("ichreport")
class Mirror(layers.Layer):  # type: ignore[misc]
    """Mirror some slices left to right."""

    def call(self, hu: Any, flip: Any) -> Any:
        """HU (batch, slices, h, w), mirrored where `flip`, bool (batch,), says so.

        By way of float32, which holds HU exactly: TensorFlow reverses int16 on the host alone.
        """
        mirrored = ops.cast(ops.flip(ops.cast(hu, "float32"), axis=-1), hu.dtype)
        return ops.where(ops.reshape(flip, (-1, 1, 1, 1)), mirrored, hu)


def of_mirrored(model: keras.Model) -> keras.Model:
    """A model of HU that sees all slices mirrored left to right; it shares the weights."""
    hu = keras.Input(model.input.shape[1:], dtype="int16", name="hu")
    everyone = ops.ones_like(hu[:, 0, 0, 0], dtype="bool")
    return keras.Model(hu, model(Mirror(name="mirrored")(hu, everyone)))


_WINDOWS: Final[Mapping[WindowShape, type[_Windows]]] = {
    "linear": LinearWindows,
    "sigmoid": SigmoidWindows,
}


def hu_of(store: Store, rows: NDArray[np.int64], kind: str) -> NDArray[np.int16]:
    """The HU of some slices as a model takes them, whole slices one after the other.

    Args:
        store: Where the slices are.
        rows: Their row numbers.
        kind: The input, by its name.

    Returns:
        int16 array of shape (len(rows), slices seen, size, size).
    """
    neighbours = input_spec(kind).neighbours
    if neighbours:
        return store.adjacent_hu(rows, neighbours)
    return store.hu(rows)[:, None]


def hu_input(view: View, name: str = "hu") -> Any:
    """A model's input: int16 HU of shape (batch, slices seen, image_size, image_size)."""
    shape = (view.input_spec.slices_seen, view.image_size, view.image_size)
    return keras.Input(shape, dtype="int16", name=name)


def images(hu: Any, view: View) -> Any:
    """Turn a batch of HU into what a network sees.

    Args:
        hu: Output of `hu_input`.
        view: How. Where the network sees fewer pixels than there are, HU are averaged; backbones
            get three channels or more, and their own scaling.

    Returns:
        float32 tensor of shape (batch, pixels_seen, pixels_seen, channels).
    """
    if view.pixels_seen != hu.shape[-1]:
        hu = AreaAverage(view.pixels_seen, name="averaged", dtype="float32")(hu)
    seen = _layer(view.input_spec)(hu)
    seen = layers.Permute((2, 3, 1), name="channels_last", dtype="float32")(seen)
    if not view.network_spec.is_backbone:
        return seen
    seen = _at_least_three(seen)
    return BackboneScaling(view.network, name="scaling", dtype="float32")(seen)


def images_of(model: keras.Model, view: View) -> Any:
    """What the network in a model sees: what `images` gave when that was built."""
    last = "scaling" if view.network_spec.is_backbone else "channels_last"
    return model.get_layer(last).output


def _layer(spec: InputSpec) -> keras.Layer:
    """From HU to channels in [0, 1]; in float32, since HU need more than 8 bits."""
    if not spec.windows:
        return RawHU(name="input", dtype="float32")
    bands = [[window.center, window.width] for window in spec.windows]
    return _WINDOWS[spec.window_shape](bands, name="input", dtype="float32")


def _at_least_three(seen: Any) -> Any:
    """One channel three times, two of which the first comes again, or as many as there are."""
    channels = seen.shape[-1]
    if channels >= 3:
        return seen
    three = [seen, seen, seen] if channels == 1 else [seen, seen[..., :1]]
    return layers.Concatenate(name="three_channels", dtype="float32")(three)

"""From Hounsfield units to a network's input, as Keras layers that travel with the model."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ichreport.data.resample import HU_MAX, HU_MIN, area_means
from ichreport.data.store import Store
from ichreport.data.windowing import WINDOWS, sigmoid_slope_and_offset
from ichreport.params.networks import INPUTS, NETWORKS, Input, Network
from ichreport.params.training_plan import View

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION: Final = (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, in [0, 1]."""


@keras.saving.register_keras_serializable("ichreport")
class RawHU(layers.Layer):  # type: ignore[misc]
    """Clip HU to a scanner's range and map it linearly onto [0, 1]; channels stay as they are."""

    def call(self, hu: Any) -> Any:
        """HU of any shape to float32 of the same shape in [0, 1]."""
        low, high = float(HU_MIN), float(HU_MAX)
        return (ops.clip(ops.cast(hu, "float32"), low, high) - low) / (high - low)


@keras.saving.register_keras_serializable("ichreport")
class LinearWindows(layers.Layer):  # type: ignore[misc]
    """The Brain, Subdural and Bone windows as three channels, each linear onto [0, 1]."""

    def call(self, hu: Any) -> Any:
        """HU of shape (batch, 1, h, w) to float32 of shape (batch, 3, h, w) in [0, 1]."""
        centers = _by_window([window.center for window in WINDOWS.values()])
        widths = _by_window([window.width for window in WINDOWS.values()])
        return ops.clip((ops.cast(hu, "float32") - centers) / widths + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable("ichreport")
class SigmoidWindows(layers.Layer):  # type: ignore[misc]
    """The Brain, Subdural and Bone windows as three channels, each a sigmoid.

    1 / (1 + exp(-(w x + b))) with w = (2 / width) ln(1 / epsilon - 1) and b = -center w, so that a
    window's ends map to epsilon and 1 - epsilon (Lee, Kim and Do, arXiv:1812.00572).
    """

    def call(self, hu: Any) -> Any:
        """HU of shape (batch, 1, h, w) to float32 of shape (batch, 3, h, w) in (0, 1)."""
        centers = _by_window([window.center for window in WINDOWS.values()])
        slopes = _by_window([sigmoid_slope_and_offset(window)[0] for window in WINDOWS.values()])
        return ops.sigmoid((ops.cast(hu, "float32") - centers) * slopes)


def _by_window(values: Sequence[float]) -> NDArray[np.float32]:
    """A number for each window, as wide as images; at each pixel it would take twice as long."""
    return np.array(values, dtype=np.float32)[:, None, None]


@keras.saving.register_keras_serializable("ichreport")
class BackboneScaling(layers.Layer):  # type: ignore[misc]
    """Three channels in [0, 1] scaled as a backbone's ImageNet weights expect them.

    Args:
        network: The backbone; `NETWORKS` says what it expects.
    """

    def __init__(self, network: Network, **options: Any) -> None:
        super().__init__(**options)
        self.network = network

    def call(self, images: Any) -> Any:
        """Images of shape (..., 3) in [0, 1] to float32 of the same shape."""
        scaling = NETWORKS[self.network].scaling
        if scaling == "imagenet":
            mean = np.array(IMAGENET_MEAN, dtype=np.float32)
            deviation = np.array(IMAGENET_DEVIATION, dtype=np.float32)
            return (images - mean) / deviation
        return images * 2.0 - 1.0 if scaling == "symmetric" else images * 255.0

    def get_config(self) -> dict[str, Any]:
        """The layer's arguments."""
        return {**super().get_config(), "network": self.network}


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


_LAYERS: Final[Mapping[str, Any]] = {
    "none": RawHU,
    "linear": LinearWindows,
    "sigmoid": SigmoidWindows,
}


def hu_of(store: Store, rows: NDArray[np.int64], kind: Input) -> NDArray[np.int16]:
    """The HU of some slices as a model takes them, whole slices one after the other.

    Returns:
        int16 array of shape (len(rows), slices seen, size, size).
    """
    if INPUTS[kind].slices_seen > 1:
        return store.adjacent_hu(rows)
    return store.hu(rows)[:, None]


def hu_input(view: View) -> Any:
    """A model's input: int16 HU of shape (batch, slices seen, image_size, image_size)."""
    shape = (view.input_spec.slices_seen, view.image_size, view.image_size)
    return keras.Input(shape, dtype="int16", name="hu")


def images(hu: Any, view: View) -> Any:
    """Turn a batch of HU into what a network sees.

    Args:
        hu: Output of `hu_input`.
        view: How. Where the network sees fewer pixels than there are, HU are averaged; backbones
            get three channels and their own scaling.

    Returns:
        float32 tensor of shape (batch, pixels_seen, pixels_seen, channels).
    """
    if view.pixels_seen != hu.shape[-1]:
        hu = AreaAverage(view.pixels_seen, name="averaged", dtype="float32")(hu)
    layer = _LAYERS[view.input_spec.windows]
    seen = layer(name="input", dtype="float32")(hu)  # HU need more than 8 bits
    seen = layers.Permute((2, 3, 1), name="channels_last", dtype="float32")(seen)
    if not view.network_spec.is_backbone:
        return seen
    if seen.shape[-1] == 1:
        seen = layers.Concatenate(name="three_channels", dtype="float32")([seen, seen, seen])
    return BackboneScaling(view.network, name="scaling", dtype="float32")(seen)

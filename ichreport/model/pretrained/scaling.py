"""Channels in [0, 1] scaled as a backbone's ImageNet weights expect them.

Weights were trained on red, green and blue. Our channels have no colour, so that they take turns:
the first is scaled and seen as red, the second as green, the third as blue, the fourth as red.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ichreport.params.networks import NETWORKS, Network, Scaling

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION: Final = (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, in [0, 1]."""

_CAFFE_MEAN: Final = (123.68, 116.779, 103.939)
"""Of ImageNet's red, green and blue, in [0, 255], as Caffe's networks take it."""

_FLIPPED: Final[Scaling] = "caffe"


@keras.saving.register_keras_serializable("ichreport")
class BackboneScaling(layers.Layer):  # type: ignore[misc]
    """Three channels or more in [0, 1] scaled as a backbone's ImageNet weights expect them.

    Args:
        network: The backbone; `NETWORKS` says what it expects.
    """

    def __init__(self, network: Network, **options: Any) -> None:
        super().__init__(**options)
        self.network = network

    def call(self, images: Any) -> Any:
        """Images of shape (..., channels) in [0, 1] to float32 of the same shape."""
        return _SCALINGS[NETWORKS[self.network].scaling](images)

    def get_config(self) -> dict[str, Any]:
        """The layer's arguments."""
        return {**super().get_config(), "network": self.network}


def seen_as(network: Network, channels: int) -> NDArray[np.int64]:
    """Which of its three input channels a pre-trained network takes each scaled channel for.

    Args:
        network: The backbone.
        channels: How many there are, at least three.

    Returns:
        int64 (channels,) of 0, 1 and 2, by the order of the network's own input.
    """
    colours = np.arange(channels) % 3
    return 2 - colours[::-1] if NETWORKS[network].scaling == _FLIPPED else colours


def _taking_turns(values: Sequence[float], channels: int) -> NDArray[np.float32]:
    return np.resize(np.array(values, dtype=np.float32), channels)


def _imagenet(images: Any) -> Any:
    mean = _taking_turns(IMAGENET_MEAN, images.shape[-1])
    return (images - mean) / _taking_turns(IMAGENET_DEVIATION, images.shape[-1])


def _caffe(images: Any) -> Any:
    return ops.flip(images * 255.0 - _taking_turns(_CAFFE_MEAN, images.shape[-1]), axis=-1)


_SCALINGS: Final[Mapping[Scaling, Callable[[Any], Any]]] = {
    "imagenet": _imagenet,
    "symmetric": lambda images: images * 2.0 - 1.0,
    "bytes": lambda images: images * 255.0,
    "caffe": _caffe,
    "lite": lambda images: (images * 255.0 - 127.0) / 128.0,
}

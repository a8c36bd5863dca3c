"""The first layers of a pre-trained network, widened from three channels to any number.

A channel gets the weights of the colour that it is taken for, over the number of channels that are
taken for it. So channels that are all the same give what three that are all the same do, and so do
three colours that come several times.
"""

import warnings
from collections.abc import Callable

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray


def widened(
    network: keras.Model, build: Callable[[int], keras.Model], seen_as: NDArray[np.int64]
) -> keras.Model:
    """A network of three channels as one of more, with its weights.

    Args:
        network: The network of three channels.
        build: Builds the same network for so many channels, at random.
        seen_as: For each channel the one of the three that it is taken for, int64 (channels,).

    Returns:
        A network that shares no weights with the first.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*usually expects 1 or 3 input channels.*")
        wide = build(len(seen_as))
    wide.set_weights(
        [
            _fitted(weight, target.shape, seen_as)
            for weight, target in zip(network.get_weights(), wide.weights, strict=True)
        ]
    )
    for layer in wide.layers:
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()  # Keras computes with a copy of the weights that it keeps
    return wide


def _fitted(
    weight: NDArray[np.float32], shape: tuple[int, ...], seen_as: NDArray[np.int64]
) -> NDArray[np.float32]:
    """A weight as it is, of a convolution over the channels, or of their statistics."""
    if weight.shape == shape:
        return weight
    if weight.ndim == 1:
        return weight[seen_as]
    shares = np.bincount(seen_as, minlength=3)[seen_as].astype(np.float32)
    fitted: NDArray[np.float32] = np.divide(weight[:, :, seen_as], shares[:, None])
    return fitted

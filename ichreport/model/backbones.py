"""Pre-trained networks, of keras.applications and one more, frozen: from HU to feature maps."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers

from ichreport.files import sha256_of_file
from ichreport.model import backend, inputs
from ichreport.model.pretrained import first_layers, lite0, scaling
from ichreport.params.machine import Machine
from ichreport.params.networks import NETWORKS, Network
from ichreport.params.training.training_plan import Backbone


def build(backbone: Backbone, machine: Machine) -> keras.Model:
    """A frozen backbone, from HU to its last feature maps.

    Args:
        backbone: Which network, what it sees, and its weights.
        machine: How it computes.

    Returns:
        A model from int16 HU (batch, slices seen, size, size) to float32 maps (batch, h, w,
        features).

    Raises:
        FileNotFoundError: If the weights are not to be had; the message says what to put where.
    """
    view = backbone.view
    keras.utils.set_random_seed(backbone.seed)
    with backend.building(machine):
        hu = inputs.hu_input(view)
        seen = inputs.images(hu, view)
        network = _with_weights(backbone, seen.shape[1:])
        _see_exactly(network)
        name = f"{view.network}_{view.input}"
        model = keras.Model(hu, network(seen, training=False), name=name)
    model.trainable = False
    return model


def _see_exactly(network: keras.Model) -> None:
    """Compute in float32 up to the first convolution, whatever the precision.

    Of raw HU, bfloat16 tells brain from brain in steps of 4 to 8 HU, and grey matter from white is
    10.
    """
    for layer in layers_within(network):
        layer.dtype_policy = keras.DTypePolicy("float32")
        if isinstance(layer, layers.Conv2D):
            return


def layers_within(model: keras.Model) -> Iterator[keras.Layer]:
    """The layers of a model and of the models inside it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers_within(layer)
        else:
            yield layer


def pooled(maps_model: keras.Model) -> keras.Model:
    """The same model with global average pooling, in float32, at its end: from HU to features."""
    features = layers.GlobalAveragePooling2D(dtype="float32", name="pooling")(maps_model.output)
    return keras.Model(maps_model.input, features, name=f"{maps_model.name}_pooled")


def body(maps_model: keras.Model) -> keras.Model:
    """The network inside a backbone, between the input's scaling and its maps."""
    return next(layer for layer in maps_model.layers if isinstance(layer, keras.Model))


def weights_identity(backbone: Backbone) -> str:
    """What tells one set of backbone weights from another, as a short text.

    Random weights depend on the seed and on the backend that draws them; a file is its hash.

    Raises:
        FileNotFoundError: If a weights file is named and not there.
    """
    if backbone.weights is None:
        return f"random, seed {backbone.seed}, {keras.backend.backend()}, Keras {keras.__version__}"
    path = _weights_file(backbone)
    if path is not None:
        return f"sha256 {sha256_of_file(path)}"
    is_ours = backbone.network_spec.package
    return f"imagenet, sha256 {lite0.SHA256}" if is_ours else "imagenet"


def _weights_file(backbone: Backbone) -> Path | None:
    """The file of a backbone's weights, if they come from one.

    Raises:
        FileNotFoundError: If it is not there.
    """
    path, network = backbone.weights_file, backbone.network
    if path is not None and not path.is_file():
        raise FileNotFoundError(
            f"weights: {path} does not exist. It must hold the weights of the Keras network "
            f"{network} without top, as saved by model.save_weights; {{network}} in the path "
            "stands for the network's name."
        )
    return path


def _with_weights(backbone: Backbone, shape: tuple[int, int, int]) -> keras.Model:
    """A network of so many pixels and channels, whose layers are the same whatever its weights."""
    network, (height, width, channels) = backbone.network, shape
    application = _application(network)

    def build(channels: int, weights: str | None = None) -> keras.Model:
        return application(
            include_top=False, weights=weights, input_shape=(height, width, channels)
        )

    model = build(3)
    file = _weights_file(backbone)
    if file is not None:
        load_weights(model, file, network)
    elif backbone.weights is not None:
        model.set_weights(_imagenet(build, backbone).get_weights())
    for layer in model.layers:
        if backbone.weights is not None and isinstance(layer, layers.Normalization):
            _divide_once_more(layer)
    if channels == 3:
        return model
    return first_layers.widened(model, build, scaling.seen_as(network, channels))


def _application(network: Network) -> Callable[..., keras.Model]:
    """What builds a network."""
    spec = NETWORKS[network]
    if spec.package:
        return lite0.efficient_net_lite0
    application: Callable[..., keras.Model] = getattr(keras.applications, spec.application)
    if spec.application.startswith("ConvNeXt"):  # which would scale three channels, and no others
        return partial(application, include_preprocessing=False)
    return application


def _divide_once_more(normalization: layers.Normalization) -> None:
    """Divide by the square root of ImageNet's deviations, as EfficientNet's weights expect.

    Keras adds a layer for that if it is asked for `imagenet`, and none for the same weights from a
    file (https://github.com/tensorflow/tensorflow/issues/49930).
    """
    deviations = np.array(scaling.IMAGENET_DEVIATION, dtype=np.float32)
    normalization.adapt_variance.assign(normalization.adapt_variance * deviations)
    normalization.finalize_state()


def _imagenet(build: Callable[..., keras.Model], backbone: Backbone) -> keras.Model:
    if backbone.network_spec.package:  # a file that is here, or says itself how to have it
        return build(3, weights="imagenet")
    try:
        return build(3, weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception when a download fails
        network = backbone.network
        raise FileNotFoundError(
            f"weights: imagenet for {network} could not be loaded: {error}. Without a network "
            "connection, put Keras' own weights file (the one without top) into ~/.keras/models/, "
            "or name a file: weights: weights/{network}.weights.h5"
        ) from error


def load_weights(model: keras.Model, path: Path, what: str) -> None:
    """Load a weights file into a model, all of it or not at all.

    Raises:
        ValueError: If the file holds the weights of another model; `what` names the one expected.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns of layers it skips
            model.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        raise ValueError(f"weights: {path} does not fit {what}: {error}") from error

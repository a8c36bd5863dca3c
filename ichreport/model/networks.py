"""The poster's networks: a small one trained from scratch, pre-trained backbones, and heads."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ichreport.files import sha256_of_file
from ichreport.labels import LABELS
from ichreport.model import backend, inputs
from ichreport.params.choices import Network
from ichreport.params.experiment import Experiment
from ichreport.params.yaml import project_path

CNN7_FILTERS = (8, 16, 32, 64, 64, 128, 128)
"""Output channels of the seven blocks."""

HEAD_UNITS = 256
"""Units of every Dense layer of a head but the last."""

SMALLEST_DEVIATION = 0.01
"""What features are divided by at least, over the root mean square of all their deviations."""

_SLICES_AT_ONCE = 8192
"""Slices whose features are in memory twice, and more exactly, for their mean and variance."""

LSTM_UNITS = 64
"""Units of the LSTM in each direction."""

_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)

ATTENTION_HEADS = 4
DROPOUT = 0.3


@dataclass(frozen=True)
class Backbone:
    """A pre-trained network of keras.applications.

    Attributes:
        build: Its constructor.
        features: Channels of its last feature maps.
    """

    build: Any
    features: int


BACKBONES: dict[str, Backbone] = {
    "densenet121": Backbone(keras.applications.DenseNet121, 1024),
    "efficientnetb7": Backbone(keras.applications.EfficientNetB7, 2560),
    "inceptionresnetv2": Backbone(keras.applications.InceptionResNetV2, 1536),
}


def backbone(experiment: Experiment) -> keras.Model:
    """A frozen backbone, from HU to its last feature maps.

    Args:
        experiment: Gives network, input, image size, weights and seed.

    Returns:
        A model from int16 HU (batch, slices seen, size, size) to float32 maps (batch, h, w,
        features).

    Raises:
        FileNotFoundError: If the weights are not to be had; the message says what to put where.
    """
    network, size = experiment.network, experiment.pixels_seen
    keras.utils.set_random_seed(experiment.seed)
    with backend.building(experiment):
        hu = inputs.hu_input(experiment.image_size, experiment.input)
        seen = inputs.images(hu, experiment.input, network, size)
        own = _with_weights(network, experiment.weights, size)
        _see_exactly(own)
        model = keras.Model(hu, own(seen, training=False), name=f"{network}_{experiment.input}")
    model.trainable = False
    return model


def _see_exactly(network: keras.Model) -> None:
    """Compute in float32 up to the first convolution, whatever the precision.

    Of raw HU, bfloat16 tells brain from brain in steps of 4 to 8 HU, and grey matter from white is
    10.
    """
    for layer in network.layers:
        layer.dtype_policy = keras.DTypePolicy("float32")
        if isinstance(layer, layers.Conv2D):
            return


def pooled(maps_model: keras.Model) -> keras.Model:
    """The same model with global average pooling, in float32, at its end: from HU to features."""
    features = layers.GlobalAveragePooling2D(dtype="float32", name="pooling")(maps_model.output)
    return keras.Model(maps_model.input, features, name=f"{maps_model.name}_pooled")


def fine_tuned(maps_model: keras.Model, experiment: Experiment) -> keras.Model:
    """A backbone of which the last layers train, and a dense head on its pooled maps.

    Args:
        maps_model: As `backbone` makes it; its last `trainable_layers` thaw.
        experiment: Gives how many, and the head.

    Returns:
        A model from int16 HU (batch, slices seen, size, size) to float32 logits (batch, 6), which
        shares the backbone's weights.

    Raises:
        ValueError: If the backbone has fewer convolutions.
    """
    _thaw(body(maps_model), experiment)
    with backend.building(experiment):
        features = layers.GlobalAveragePooling2D(dtype="float32", name="pooling")(maps_model.output)
        logits = dense_head(experiment, features.shape[-1])(features)
        return keras.Model(maps_model.input, logits, name=f"{maps_model.name}_fine_tuned")


def halves(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """The two halves of a `fine_tuned` model, sharing its weights: its maps, and its head."""
    maps = model.get_layer("pooling").input
    return keras.Model(model.input, maps), model.get_layer("dense_head")


def body(maps_model: keras.Model) -> keras.Model:
    """The network inside a backbone, between the input's scaling and its maps."""
    return next(layer for layer in maps_model.layers if isinstance(layer, keras.Model))


def _thaw(network: keras.Model, experiment: Experiment) -> None:
    """Let the last convolutions train, as many as the experiment says.

    Keras calls the layers of a model that trains in the training mode even where the model within
    was built with `training=False`; only a frozen batch normalization keeps its statistics.
    """
    convolutions = [layer for layer in network.layers if isinstance(layer, _CONVOLUTIONS)]
    wanted, there_are = experiment.trainable_layers, len(convolutions)
    count = there_are if wanted == "all" else wanted
    if count > there_are:
        raise ValueError(
            f"{experiment.name}: trainable_layers is {count}, but {experiment.network} has "
            f"{there_are} convolutions; say trainable_layers: all for all of them."
        )
    thawed = set(map(id, convolutions[there_are - count :]))
    network.trainable = True
    for layer in network.layers:
        layer.trainable = id(layer) in thawed


def weights_identity(experiment: Experiment) -> str:
    """What tells one set of backbone weights from another, as a short text.

    Random weights depend on the seed and on the backend that draws them; a file is its hash.

    Raises:
        FileNotFoundError: If a weights file is named and not there.
    """
    if experiment.weights is None:
        return (
            f"random, seed {experiment.seed}, {keras.backend.backend()}, Keras {keras.__version__}"
        )
    if experiment.weights == "imagenet":
        return "imagenet"
    return f"sha256 {sha256_of_file(weights_file(experiment.network, experiment.weights))}"


def weights_file(network: Network, weights: str) -> Path:
    """The file that a `weights` parameter names; `{network}` in it stands for the network.

    Raises:
        FileNotFoundError: If it is not there.
    """
    path = project_path(weights.replace("{network}", network))
    if not path.is_file():
        raise FileNotFoundError(
            f"weights: {path} does not exist. It must hold the weights of keras.applications' "
            f"{network} without top, as saved by model.save_weights; {{network}} in the path "
            "stands for the network's name."
        )
    return path


def _with_weights(network: Network, weights: str | None, size: int) -> keras.Model:
    build, shape = BACKBONES[network].build, (size, size, 3)
    if weights is None:
        return build(include_top=False, weights=None, input_shape=shape)
    if weights != "imagenet":
        model = build(include_top=False, weights=None, input_shape=shape)
        load_weights(model, weights_file(network, weights), network)
        return model
    try:
        return build(include_top=False, weights="imagenet", input_shape=shape)
    except Exception as error:  # Keras raises a bare Exception when a download fails
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


def cnn7(experiment: Experiment) -> keras.Model:
    """Seven blocks of Conv-MaxPool-BN-ReLU, global average pooling and Dense layers, to 6 logits.

    From int16 HU (batch, slices seen, size, size) to float32 logits (batch, 6). Pooling before
    normalization leaves a quarter of the pixels to normalize: a training step takes 0.6 of the time
    on a CPU.
    """
    devices = backend.group(experiment.devices)
    with backend.building(experiment):
        hu = inputs.hu_input(experiment.image_size, experiment.input)
        x = inputs.images(hu, experiment.input, "cnn7", experiment.pixels_seen)
        for block, filters in enumerate(CNN7_FILTERS, start=1):
            x = layers.Conv2D(
                filters,
                3,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
                name=f"conv{block}",
                dtype="float32" if block == 1 else None,  # see _see_exactly
            )(x)
            x = layers.MaxPooling2D(2, padding="same", name=f"pool{block}")(x)
            x = devices.batch_normalization(momentum=0.9, name=f"bn{block}")(x)
            x = layers.ReLU(name=f"relu{block}")(x)
        x = layers.GlobalAveragePooling2D(dtype="float32", name="pooling")(x)
        return keras.Model(hu, _dense(x, experiment.dense_layers), name="cnn7")


def flipping(model: keras.Model, experiment: Experiment) -> keras.Model:
    """A network as it trains on slices: a bleed is one on either side, so they may be mirrored.

    Which slices are is an input, drawn on the host, so that it is the same on every backend and on
    any number of devices.

    Returns:
        A model from {hu: as the network's, flip: bool (batch,)} to logits, sharing all weights.
    """
    with backend.building(experiment):
        hu = inputs.hu_input(experiment.image_size, experiment.input)
        flip = keras.Input((), dtype="bool", name="flip")
        mirrored = inputs.Mirror(name="mirror")(hu, flip)
        return keras.Model({"hu": hu, "flip": flip}, model(mirrored), name=f"{model.name}_flipping")


def dense_head(experiment: Experiment, features: int) -> keras.Model:
    """Dense layers on standardised features: float32 (batch, features) to logits (batch, 6).

    With one layer, it and the pooling before it are one linear map of the feature maps, which is
    what an exact class activation map needs; the standardisation is affine and changes nothing.
    """
    with backend.building(experiment):
        given = keras.Input((features,), name="features")
        x = layers.Normalization(dtype="float32", name="standardised")(given)
        return keras.Model(given, _dense(x, experiment.dense_layers), name="dense_head")


def sequence_head(experiment: Experiment, features: int) -> keras.Model:
    """A bidirectional LSTM over a series, with or without attention, and Dense layers a slice.

    Attention is multi-head self-attention over the series' LSTM states, added to them (Vaswani et
    al. 2017). Padding is masked throughout.

    Returns:
        A model from {features: float32 (batch, slices, features), present: bool (batch, slices)}
        to logits (batch, slices, 6).
    """
    with backend.building(experiment):
        given = keras.Input((None, features), name="features")
        present = keras.Input((None,), dtype="bool", name="present")
        x = layers.Normalization(dtype="float32", name="standardised")(given)
        x = layers.Dense(HEAD_UNITS, activation="relu", name="reduced")(x)
        x = layers.Bidirectional(layers.LSTM(LSTM_UNITS, return_sequences=True), name="lstm")(
            x, mask=present
        )
        if experiment.head == "bilstm-attention":
            attended = layers.MultiHeadAttention(
                ATTENTION_HEADS, 2 * LSTM_UNITS // ATTENTION_HEADS, name="attention"
            )(x, x, key_mask=present, value_mask=present)
            x = layers.LayerNormalization(name="attended")(layers.Add()([x, attended]))
        logits = _dense(x, experiment.dense_layers)
        return keras.Model({"features": given, "present": present}, logits, name="sequence_head")


def standardise(
    model: keras.Model, features: NDArray[np.float32], places: NDArray[np.int64] | None = None
) -> None:
    """Let a head shift and scale features by the mean and deviation of some.

    A feature that these slices hardly vary in, as one that is always 0, is divided by
    `SMALLEST_DEVIATION` instead: another slice in which it is not 0 must not decide alone.

    Args:
        model: A head.
        features: (slices, features); it may be larger than what memory takes twice.
        places: Which of them are of the training split; all if not given.
    """
    places = np.arange(len(features)) if places is None else places
    parts = np.array_split(places, -(-len(places) // _SLICES_AT_ONCE))
    mean, variance = np.zeros((2, features.shape[1]))
    for part in parts:
        mean += features[part].sum(axis=0, dtype=np.float64)
    mean /= len(places)
    for part in parts:
        variance += np.square(features[part] - mean).sum(axis=0)
    variance /= len(places)
    least = SMALLEST_DEVIATION**2 * variance.mean() or 1.0
    layer = model.get_layer("standardised")
    layer.adapt_mean.assign(mean)
    layer.adapt_variance.assign(np.maximum(variance, least))
    layer.finalize_state()


def take_weights(model: keras.Model, other: keras.Model) -> None:
    """Give a model copies of the weights of another of its kind, the standardisation included."""
    model.set_weights(other.get_weights())
    for layer in _layers_within(model):
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()  # Keras computes with a copy of the weights that it keeps


def _layers_within(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model and of the models inside it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers_within(layer)
        else:
            yield layer


def set_output_bias(model: keras.Model, prevalence: NDArray[np.float64]) -> None:
    """Start the logits at the log-odds of the labels' training prevalence.

    An untrained network then scores like the constant-prevalence floor instead of a coin.

    Args:
        model: A model whose last layer is named `logits`.
        prevalence: Share of positives of each label, in [0, 1]; kept off 0 and 1 by 1e-4.
    """
    share = np.clip(prevalence, 1e-4, 1 - 1e-4)
    model.get_layer("logits").bias.assign(np.log(share / (1 - share)).astype(np.float32))


def _dense(x: Any, dense_layers: int) -> Any:
    for index in range(1, dense_layers):
        x = layers.Dense(HEAD_UNITS, activation="relu", name=f"dense{index}")(x)
        x = layers.Dropout(DROPOUT, name=f"dropout{index}")(x)
    return layers.Dense(len(LABELS), name="logits", dtype="float32")(x)

"""Shapes, parameter counts worked by hand, weights, and what is refused."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import keras
import numpy as np
import pytest

from ichreport.model import backbones, backend, networks, trained_rows
from ichreport.model.heads.build import build_head
from ichreport.model.heads.first_values import set_output_bias
from ichreport.model.pretrained import lite0
from ichreport.params.machine import Machine
from ichreport.params.networks import NETWORKS
from ichreport.params.networks import backbones as backbone_names
from ichreport.params.training.open_choices import DROPOUT
from ichreport.params.training.training_plan import HeadPart
from tests.model.conftest import make_experiment

MACHINE = Machine()


def dense_head(features, layers):
    return build_head(HeadPart("dense", layers), features, MACHINE)


def sequence_head(kind, features):
    return build_head(HeadPart(kind, 1), features, MACHINE)


def cnn7(experiment):
    plan = experiment.plan
    return networks.cnn7(plan.view, plan.head, plan.machine)


def build_backbone(experiment):
    return backbones.build(experiment.backbone, experiment.machine)


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def by_hand_dense(width, layers, units=256, labels=6):
    total = 0
    for _ in range(layers - 1):
        total += width * units + units
        width = units
    return total + width * labels + labels


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_a_dense_head_has_the_parameters_counted_by_hand(layers):
    head = dense_head(1024, layers)
    assert head.output_shape == (None, 6)
    assert trainable(head) == by_hand_dense(1024, layers)


def test_the_small_network_has_the_parameters_counted_by_hand(make):
    model = cnn7(make(dense_layers=2))
    filters = (1, *networks.CNN7_FILTERS)
    blocks = sum(9 * a * b + 2 * b for a, b in pairwise(filters))
    assert trainable(model) == blocks + by_hand_dense(filters[-1], 2)
    assert model.output_shape == (None, 6)
    assert len([layer for layer in model.layers if layer.name.startswith("conv")]) == 7


@pytest.mark.parametrize("size", [64, 96, 256])
def test_the_small_network_takes_every_image_size(make, size):
    model = cnn7(make(image_size=size, input="sigmoid"))
    batch = np.zeros((2, 1, size, size), dtype=np.int16)
    assert model.predict(batch, verbose=0).shape == (2, 6)


@pytest.mark.parametrize("head", ["bilstm", "bilstm-attention"])
def test_a_sequence_head_ignores_what_is_padding(head):
    model = sequence_head(head, 12)
    random = np.random.default_rng(1)
    features = random.normal(size=(2, 7, 12)).astype(np.float32)
    present = np.arange(7) < np.array([[7], [4]])
    first = model.predict({"features": features, "present": present}, verbose=0)
    features[1, 4:] = 1e3
    second = model.predict({"features": features, "present": present}, verbose=0)
    assert first.shape == (2, 7, 6)
    np.testing.assert_allclose(first[present], second[present], atol=1e-5)


@pytest.mark.parametrize("head", ["bilstm", "bilstm-attention"])
def test_a_sequence_head_gives_a_slice_the_context_of_both_sides(head):
    model = sequence_head(head, 12)
    features = np.random.default_rng(1).normal(size=(1, 5, 12)).astype(np.float32)
    present = np.ones((1, 5), dtype=bool)
    first = model.predict({"features": features, "present": present}, verbose=0)
    for end, other in ((0, 4), (4, 0)):
        changed = features.copy()
        changed[0, end] += 1
        second = model.predict({"features": changed, "present": present}, verbose=0)
        assert np.abs(first[0, other] - second[0, other]).max() > 1e-6


def test_the_lstm_has_the_parameters_counted_by_hand():
    model = sequence_head("bilstm", 1024)
    reduced = 1024 * 256 + 256
    lstm = 2 * 4 * (256 * 64 + 64 * 64 + 64)
    assert trainable(model) == reduced + lstm + by_hand_dense(128, 1)


def test_the_output_bias_starts_at_the_log_odds_of_the_prevalence():
    head = dense_head(3, 1)
    set_output_bias(head, np.array([0.5, 0.2, 0.1, 0.0, 1.0, 0.3]))
    bias = keras.ops.convert_to_numpy(head.get_layer("logits").bias)
    probability = 1 / (1 + np.exp(-bias))
    np.testing.assert_allclose(probability, [0.5, 0.2, 0.1, 1e-4, 1 - 1e-4, 0.3], rtol=1e-4)


SIZES = {
    "densenet121": (1024, 7_037_504),
    "inceptionresnetv2": (1536, 54_336_736),
    "efficientnetb7": (2560, 64_097_687),
}
"""By backbone: its features and parameters, as published."""


DEEP = ("inceptionresnetv2", "efficientnetb7")
"""Those that take longest to build."""


def slow_if_deep(name, *values):
    return pytest.param(name, *values, marks=pytest.mark.slow if name in DEEP else ())


def convolutions_of(maps_model):
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
    inside = backbones.layers_within(backbones.body(maps_model))
    return sum(isinstance(layer, kinds) for layer in inside)


@pytest.fixture(scope="module", params=map(slow_if_deep, SIZES))
def backbone(request):
    """Its name and the whole network, which takes seconds to build, in mixed precision."""
    asked = make_experiment(
        "store", network=request.param, image_size=96, precision="mixed_bfloat16"
    )
    return request.param, build_backbone(asked)


def test_a_backbone_is_frozen_and_of_its_published_size(backbone):
    name, maps_model = backbone
    model = backbones.pooled(maps_model)
    assert (model.output_shape[1:], model.count_params()) == ((SIZES[name][0],), SIZES[name][1])
    assert trainable(model) == 0
    assert convolutions_of(maps_model) == NETWORKS[name].convolutions


def test_a_backbone_is_mixed_from_its_second_convolution_on(backbone):
    body = backbones.body(backbone[1])
    convolutions = [x for x in body.layers if isinstance(x, keras.layers.Conv2D)]
    first, second = convolutions[:2]
    assert (first.compute_dtype, second.compute_dtype) == ("float32", "bfloat16")
    before = body.layers[: body.layers.index(first)]
    assert {layer.compute_dtype for layer in before} <= {"float32"}
    assert not [
        x for x in body.layers[body.layers.index(first) + 1 :] if x.compute_dtype == "float32"
    ]


@pytest.mark.usefixtures("small_backbone")
def test_random_weights_depend_on_the_seed_alone(make):
    def draw(seed):
        return np.asarray(build_backbone(make(network="densenet121", seed=seed)).weights[0])

    np.testing.assert_array_equal(draw(1), draw(1))
    assert not np.array_equal(draw(1), draw(2))


@pytest.mark.parametrize(
    ("network", "parameters"), [("resnet50", 23_587_712), ("convnexttiny", 27_820_128)]
)
def test_further_backbones_are_of_their_published_size(make, network, parameters):
    model = build_backbone(make(network=network))
    assert model.count_params() == parameters
    assert model.output_shape[-1] == NETWORKS[network].features
    assert convolutions_of(model) == NETWORKS[network].convolutions


@pytest.mark.parametrize(
    "network",
    [
        "efficientnetlite0",
        pytest.param("efficientnetv2s", marks=pytest.mark.slow),
        pytest.param("efficientnetv2m", marks=pytest.mark.slow),
    ],
)
def test_as_many_layers_can_train_as_the_table_says(make, network):
    assert convolutions_of(build_backbone(make(network=network))) == NETWORKS[network].convolutions


@pytest.mark.parametrize("network", backbone_names())
def test_the_smallest_image_is_the_smallest_that_keras_takes(network):
    spec = NETWORKS[network]
    side = spec.smallest_side
    build = getattr(keras.applications, spec.application, lite0.efficient_net_lite0)
    with pytest.raises(ValueError, match=f"at least {side}x{side}"):
        build(include_top=False, weights=None, input_shape=(side - 1, side - 1, 3))


def test_what_xla_cannot_compile_runs_without_it(monkeypatch):
    """On a GPU Keras' LSTM calls cuDNN, and says so; a dense head is compiled there."""
    both = sequence_head("bilstm", 8), dense_head(8, 2)
    lstm = both[0].get_layer("lstm")
    for layer in (lstm.forward_layer, lstm.backward_layer):
        layer.supports_jit = False  # as its constructor does where there is a GPU
    compiled = []

    def recording(self, step, *, jit, total):
        compiled.append(jit)
        return step

    monkeypatch.setattr(type(backend.group(1)), "compiled", recording)
    for head in both:
        backend.program(head, MACHINE, jit=True)
    backend.program(both[1], Machine(determinism="strict"), jit=True)
    steps = 4  # train, gather, evaluate, forward
    assert compiled == [False] * steps + [True] * steps + [False] * steps


def test_dropout_follows_the_training_seed():
    """Else runs with further seeds would share their masks, and a seed tell less than its luck."""
    ones = np.ones((4, 8), dtype=np.float32)

    def masked(seed):
        keras.utils.set_random_seed(seed)
        dropout = dense_head(8, 2).get_layer("dropout1")
        return np.asarray(dropout(np.tile(ones, (1, 16)), training=True))

    np.testing.assert_array_equal(masked(1), masked(1))
    assert not np.array_equal(masked(1), masked(2))
    assert set(np.unique(masked(1))) == {0.0, np.float32(1 / (1 - DROPOUT))}


def assert_agree(actual, expected):
    """To two thousandths of the largest: what random weights make of an image is of any size."""
    largest = np.abs(expected).max()
    assert largest > 0
    np.testing.assert_allclose(actual / largest, expected / largest, atol=2e-3)


@pytest.fixture
def shallow_applications(monkeypatch):
    """Networks of `keras.applications` that build in no time, in place of deep ones.

    VGG16 is the one without branches. A block of each kind is what EfficientNetB0 begins with.
    """
    efficient = partial(
        keras.src.applications.efficientnet.EfficientNet, 1.0, 0.2, 32,
        name="efficientnetb0", weights_name="b0",
    )  # fmt: skip
    monkeypatch.setattr(keras.applications, "Shallow", efficient, raising=False)
    for network, application, features in (
        ("densenet121", "VGG16", 512),
        ("efficientnetb7", "Shallow", 1280),
    ):
        spec = replace(NETWORKS[network], application=application, features=features)
        monkeypatch.setitem(NETWORKS, network, spec)


@pytest.mark.usefixtures("shallow_applications")
@pytest.mark.parametrize(
    ("network", "module"),
    [("densenet121", "densenet"), slow_if_deep("efficientnetb7", "efficientnet")],
)
def test_the_same_weights_give_the_same_features_by_whatever_way_they_come(
    make, tmp_path, monkeypatch, network, module
):
    """By name from Keras, from a file, and from a run's own weights."""
    application = getattr(keras.applications, NETWORKS[network].application)
    build = partial(application, include_top=False)
    shape = {"input_shape": (32, 32, 3)}
    drawn = build(weights=None, **shape)
    for layer in drawn.layers:
        if isinstance(layer, keras.layers.Normalization):  # as Keras' file has it
            layer.adapt_mean.assign([0.485, 0.456, 0.406])
            layer.adapt_variance.assign(np.square([0.229, 0.224, 0.225]))
            layer.finalize_state()
    path = tmp_path / f"{network}.weights.h5"
    drawn.save_weights(path)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(path))
    hu = np.random.default_rng(1).integers(-1024, 3071, (2, 1, 32, 32), dtype=np.int16)
    pixels = np.repeat((hu[:, 0, :, :, None].astype(np.float32) + 1024) / 4095 * 255, 3, axis=-1)
    seen = getattr(keras.applications, module).preprocess_input(pixels.copy())
    expected = build(weights="imagenet", **shape)(seen)
    for weights in ("imagenet", str(path)):
        experiment = make(network=network, weights=weights, trainable_layers=1)
        loaded = build_backbone(experiment)
        assert_agree(loaded(hu), expected)
        if weights == "imagenet":
            continue
        tuned = networks.fine_tuned(loaded, experiment.plan)
        tuned.save_weights(tmp_path / "run.weights.h5")
        again = trained_rows.untrained(experiment.plan)
        again.load_weights(tmp_path / "run.weights.h5")
        assert_agree(again(hu), tuned(hu))


@pytest.mark.usefixtures("small_backbone")
def test_a_missing_weights_file_is_named_with_what_to_put_there(make, tmp_path):
    experiment = make(network="densenet121", weights=str(tmp_path / "none.weights.h5"))
    with pytest.raises(FileNotFoundError, match=r"none\.weights\.h5 does not exist.*densenet121"):
        build_backbone(experiment)


@pytest.mark.usefixtures("small_backbone")
def test_weights_of_another_network_are_refused(make, tmp_path):
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    other.save_weights(tmp_path / "other.weights.h5")
    experiment = make(network="densenet121", weights=str(tmp_path / "other.weights.h5"))
    with pytest.raises(ValueError, match=r"other\.weights\.h5 does not fit densenet121"):
        build_backbone(experiment)


@pytest.mark.usefixtures("shallow_applications")
def test_imagenet_weights_that_cannot_be_had_are_never_replaced(make, monkeypatch):
    def offline(*_, **__):
        raise Exception("URL fetch failure")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", offline)
    experiment = make(network="densenet121", weights="imagenet")
    with pytest.raises(FileNotFoundError, match=r"imagenet for densenet121.*put Keras' own"):
        build_backbone(experiment)


@pytest.mark.parametrize(
    ("network", "order"),
    [("cnn7", ["conv", "bn", "relu", "pool"]), ("cnn7fast", ["conv", "pool", "bn", "relu"])],
)
def test_the_blocks_are_in_the_posters_order_or_pool_first(network, order):
    model = networks.untrained(make_experiment("store", network=network).plan)
    blocks = [layer.name for layer in model.layers if layer.name[-1].isdigit()]
    expected = [f"{layer}{block}" for block in range(1, 8) for layer in order]
    assert [name for name in blocks if name.rstrip("1234567") in order] == expected
    plain = networks.untrained(make_experiment("store", network="cnn7").plan)
    assert model.count_params() == plain.count_params()

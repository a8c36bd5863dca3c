"""Mixed precision: applied, close to float32, and float32 wherever numbers are kept."""

import keras
import numpy as np
import pytest

from ichreport.labels import LABELS
from ichreport.model import backbones, backend, inputs, networks, training
from ichreport.params.machine import Machine
from ichreport.params.networks import NETWORKS, NetworkSpec

MIXED = ("mixed_bfloat16", "mixed_float16")
COLUMNS = [f"probability_{label}" for label in LABELS]


def two_convolutions(*, include_top, weights, input_shape):
    """The first convolution of a backbone sees HU in float32; of the second, precision decides."""
    images = keras.Input(input_shape)
    maps = keras.layers.Conv2D(16, 4, strides=4, activation="relu", name="first")(images)
    maps = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="second")(maps)
    return keras.Model(images, maps)


@pytest.fixture(autouse=True)
def _two_convolutions(small_backbone, monkeypatch):
    two = NetworkSpec("two convolutions", 32, "TwoConvolutions", 16, "imagenet")
    monkeypatch.setattr(keras.applications, "TwoConvolutions", two_convolutions, raising=False)
    monkeypatch.setitem(NETWORKS, "densenet121", two)


@pytest.mark.parametrize("precision", MIXED)
def test_features_are_kept_in_float32_and_close_to_those_of_float32(store, make, precision):
    rows = np.arange(40)
    exact = training.features_of(store, rows, make(network="densenet121").plan)
    asked = make(network="densenet121", precision=precision)
    mixed = training.features_of(store, rows, asked.plan)
    assert mixed.dtype == np.float32
    error = np.abs(mixed - exact).max() / np.abs(exact).max()
    assert 0 < error < 2**-7, "16 bits were not used, or more was lost than bfloat16's 8 bits"
    assert len(list(asked.features_folder.iterdir())) == 2


@pytest.mark.parametrize("precision", MIXED)
def test_a_trained_network_predicts_nearly_the_same(store, sample, make, tmp_path, precision):
    trained = training.fit(store, sample, make(epochs=3).plan)
    trained.save(tmp_path / "w.weights.h5")
    mixed = training.load(store, make(precision=precision).plan, tmp_path / "w.weights.h5")
    first, second = (
        training.predict(network, store, sample)[COLUMNS] for network in (trained, mixed)
    )
    assert training.logits_of(mixed, store, sample).dtype == np.float32
    error = np.abs(first - second).to_numpy().max()
    assert 0 < error < 0.03


@pytest.mark.parametrize("precision", MIXED)
@pytest.mark.parametrize("network", ["cnn7", "densenet121"])
def test_training_goes_nearly_the_same_way(store, sample, make, network, precision):
    """A step scaled wrongly, or a gradient lost in 16 bits, would show at once."""
    plans = [
        make(network=network, dense_layers=1, precision=arithmetic).plan
        for arithmetic in ("float32", precision)
    ]
    losses = [training.fit(store, sample, plan).history for plan in plans]
    np.testing.assert_allclose(losses[1]["loss"], losses[0]["loss"], atol=0.03)
    assert losses[1]["loss"][1] < losses[1]["loss"][0]


def test_only_float16_scales_its_losses():
    scaled = keras.optimizers.LossScaleOptimizer
    assert isinstance(backend.adam(1e-3, Machine(precision="mixed_float16")), scaled)
    assert not isinstance(backend.adam(1e-3, Machine(precision="mixed_bfloat16")), scaled)


def test_hu_losses_and_weights_stay_in_float32(make):
    before = keras.config.dtype_policy().name
    plan = make(precision="mixed_bfloat16").plan
    model = networks.cnn7(plan.view, plan.head, plan.machine)
    assert keras.config.dtype_policy().name == before
    assert model.get_layer("conv1").compute_dtype == "float32"
    assert model.get_layer("conv2").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    for name in ("input", "pooling", "logits"):
        assert model.get_layer(name).compute_dtype == "float32"


def test_grey_matter_differs_from_white_as_much_as_in_float32(make):
    """By 10 HU of 4,096: seen in bfloat16, they would be one or two steps apart."""
    grey, white = (np.full((1, 1, 32, 32), hu, dtype=np.int16) for hu in (40, 30))

    def contrast(precision):
        plan = make(network="densenet121", precision=precision).plan
        body = backbones.body(backbones.build(plan.backbone, plan.machine))
        first = keras.Model(body.input, body.get_layer("first").output)
        hu = inputs.hu_input(plan.view)
        model = keras.Model(hu, first(inputs.images(hu, plan.view)))
        return np.asarray(model(grey)) - np.asarray(model(white))

    exact, mixed = contrast("float32"), contrast("mixed_bfloat16")
    np.testing.assert_allclose(mixed, exact, rtol=1e-4, atol=1e-6)
    assert np.abs(exact).max() > 1e-4


@pytest.mark.parametrize("network", ["densenet121", "efficientnetb7", "inceptionresnetv2"])
def test_a_backbone_is_mixed_from_its_second_convolution_on(network, monkeypatch, make):
    monkeypatch.undo()
    asked = make(network=network, precision="mixed_bfloat16", image_size=96)
    body = backbones.body(backbones.build(asked.backbone, asked.machine))
    convolutions = [x for x in body.layers if isinstance(x, keras.layers.Conv2D)]
    first, second = convolutions[:2]
    assert (first.compute_dtype, second.compute_dtype) == ("float32", "bfloat16")
    before = body.layers[: body.layers.index(first)]
    assert {layer.compute_dtype for layer in before} <= {"float32"}
    assert not [
        x for x in body.layers[body.layers.index(first) + 1 :] if x.compute_dtype == "float32"
    ]

"""Mixed precision: applied, close to float32, and float32 wherever numbers are kept."""

import keras
import numpy as np
import pytest

from ichreport.labels import LABELS
from ichreport.model import (
    backbones,
    backend,
    inputs,
    networks,
    prediction,
    trained_rows,
    training,
)
from ichreport.model.features import of_plan
from ichreport.params.machine import Machine
from ichreport.params.networks import NETWORKS, NetworkSpec
from tests.model.conftest import MadeUpStore, made_up_sample, make_experiment

MIXED = ("mixed_bfloat16", "mixed_float16")
SLOW_IN_FLOAT16 = ("mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow))
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
    exact = of_plan.features_of(store, rows, make(network="densenet121").plan)
    asked = make(network="densenet121", precision=precision)
    mixed = of_plan.features_of(store, rows, asked.plan)
    assert mixed.dtype == np.float32
    error = np.abs(mixed - exact).max() / np.abs(exact).max()
    assert 0 < error < 2**-7, "16 bits were not used, or more was lost than bfloat16's 8 bits"
    assert len(list(asked.features_folder.iterdir())) == 2


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    """A store, its sample, the parameters of the small network, and its training in float32."""
    store = MadeUpStore(tmp_path_factory.mktemp("exact"))
    sample, asked = made_up_sample(store), {"dense_layers": 1, "epochs": 3}
    return (
        store,
        sample,
        asked,
        training.fit(store, sample, make_experiment(store.folder, **asked).plan),
    )


@pytest.mark.parametrize("precision", SLOW_IN_FLOAT16)
def test_a_trained_network_predicts_nearly_the_same(exact, make, tmp_path, precision):
    store, sample, asked, trained = exact
    trained.save(tmp_path / "w.weights.h5")
    plan = make(**asked, precision=precision).plan
    mixed = trained_rows.load(store, plan, tmp_path / "w.weights.h5")
    first, second = (
        prediction.predict(network, store, sample)[COLUMNS] for network in (trained, mixed)
    )
    assert prediction.logits_of(mixed, store, sample).dtype == np.float32
    error = np.abs(first - second).to_numpy().max()
    assert 0 < error < 0.03


def assert_goes_the_same_way(mixed, exact):
    """A step scaled wrongly, or a gradient lost in 16 bits, would show at once."""
    np.testing.assert_allclose(mixed.history["loss"], exact.history["loss"], atol=0.03)
    assert mixed.history["loss"][1] < mixed.history["loss"][0]


@pytest.mark.parametrize("precision", SLOW_IN_FLOAT16)
def test_training_goes_nearly_the_same_way(exact, make, precision):
    store, sample, asked, trained = exact
    plan = make(**asked, precision=precision).plan
    assert_goes_the_same_way(training.fit(store, sample, plan), trained)


@pytest.mark.parametrize("precision", MIXED)
def test_training_a_head_goes_nearly_the_same_way(store, sample, make, precision):
    plans = [
        make(network="densenet121", dense_layers=1, precision=arithmetic).plan
        for arithmetic in (precision, "float32")
    ]
    assert_goes_the_same_way(*(training.fit(store, sample, plan) for plan in plans))


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

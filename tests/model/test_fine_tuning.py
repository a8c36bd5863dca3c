"""A backbone of which layers train: which change, what stays, and where it starts."""

import keras
import numpy as np
import pytest

from ichreport.model import backbones, networks, prediction, trained_rows, training
from ichreport.model.features import of_plan
from ichreport.model.heads.first_values import standardise
from ichreport.model.maps import cam, random_layers
from ichreport.params.networks import NETWORKS, NetworkSpec

ROWS = np.array([1, 2, 8])


def three_blocks(*, include_top, weights, input_shape):
    """Stands for a constructor of keras.applications: three convolutions, each normalised."""
    assert not include_top
    assert weights is None
    x = images = keras.Input(input_shape)
    for number, filters in enumerate((4, 8, 16), start=1):
        x = keras.layers.Conv2D(
            filters, 3, strides=2, padding="same", use_bias=False, name=f"conv{number}"
        )(x)
        x = keras.layers.BatchNormalization(name=f"bn{number}")(x)
        x = keras.layers.ReLU()(x)
    return keras.Model(images, x)


@pytest.fixture(autouse=True)
def backbone_of_three_blocks(monkeypatch):
    three = NetworkSpec("three blocks", 32, "ThreeBlocks", 16, "imagenet")
    monkeypatch.setattr(keras.applications, "ThreeBlocks", three_blocks, raising=False)
    monkeypatch.setitem(NETWORKS, "densenet121", three)


@pytest.fixture
def fine_tuned(make):
    """An experiment whose backbone has so many trainable layers."""

    def experiment(trainable_layers, **changes):
        fixed = {"network": "densenet121", "dense_layers": 1, "fine_tuning_rate": 0.01}
        return make(trainable_layers=trainable_layers, **fixed | changes)

    return experiment


def weights_of(backbone):
    """Every weight of the network inside a backbone, by layer and name."""
    inside = backbones.body(backbone)
    return {
        f"{layer.name}/{weight.name}": np.array(weight)
        for layer in inside.layers
        for weight in layer.weights
    }


@pytest.mark.parametrize(
    ("trainable_layers", "thawed"),
    [
        (1, {"conv3"}),
        (2, {"conv3", "conv2"}),
        ("all", {"conv3", "conv2", "conv1"}),
    ],
)
def test_the_last_convolutions_change_and_no_normalisation(
    store, sample, fine_tuned, trainable_layers, thawed
):
    experiment = fine_tuned(trainable_layers)
    trained = training.fit(store, sample, experiment.plan)
    before = weights_of(backbones.build(experiment.backbone, experiment.machine))
    after = weights_of(networks.maps_and_head(trained.model)[0])
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    learned = {name for name in before if name.split("/")[0] in thawed}
    assert changed == learned
    head = 16 * 6 + 6
    assert trained.trainable == sum(before[name].size for name in learned) + head
    statistics = 16 + 16 + 1  # of the standardisation: means, variances, a count
    everything = sum(weight.size for weight in before.values()) + head + statistics
    assert trained.trainable + trained.frozen == everything


def test_it_starts_as_a_head_on_the_frozen_features_would(store, fine_tuned):
    experiment = fine_tuned("all")
    rows = np.arange(len(store))
    stored = of_plan.features_of(store, rows, experiment.plan)
    frozen = backbones.build(experiment.backbone, experiment.machine)
    model = networks.fine_tuned(frozen, experiment.plan)
    _, head = networks.maps_and_head(model)
    standardise(head, stored)
    expected = (stored - stored.mean(axis=0)) / np.maximum(stored.std(axis=0), 1e-7)
    logits = np.asarray(model(store.hu(rows)[:, None], training=True))
    by_hand = expected @ np.asarray(head.get_layer("logits").kernel)
    np.testing.assert_allclose(logits, by_hand, atol=2e-3)


def test_training_the_backbone_too_fits_the_training_slices_better(store, sample, fine_tuned):
    longer = {"epochs": 20, "patience": 20, "learning_rate": 3e-3, "fine_tuning_rate": 3e-3}
    frozen, thawed = (
        training.fit(store, sample, experiment.plan).history["loss"]
        for experiment in (fine_tuned(layers, input="sigmoid", **longer) for layers in (0, "all"))
    )
    assert thawed[-1] < 0.6 * frozen[-1]


@pytest.mark.parametrize("hierarchy", [None, "conditional"])
def test_the_head_trains_alone_first_as_it_does_on_stored_features(
    store, sample, fine_tuned, hierarchy
):
    """Then steps of almost nothing leave it as it is, and the backbone as it came."""
    words = {"input": "sigmoid", "hierarchy": hierarchy, "learning_rate": 0.01, "batch_size": 8}
    alone = training.fit(store, sample, fine_tuned(0, epochs=3, **words).plan, watch=False)
    still = {"epochs": 1, "fine_tuning_rate": 1e-12, "head_epochs": 3}
    trained = training.fit(store, sample, fine_tuned("all", **words, **still).plan)
    _, head = networks.maps_and_head(trained.model)
    expected = alone.model.get_layer("logits").get_weights()
    for weight, value in zip(head.get_layer("logits").get_weights(), expected, strict=True):
        np.testing.assert_allclose(weight, value, atol=1e-6)
    untouched = training.fit(
        store, sample, fine_tuned("all", **words, **still | {"head_epochs": 0}).plan
    )
    _, first = networks.maps_and_head(untouched.model)
    assert np.abs(expected[0] - first.get_layer("logits").get_weights()[0]).max() > 1e-3


def test_saved_weights_predict_the_same_without_the_backbones_first_ones(
    store, sample, fine_tuned, tmp_path
):
    first = tmp_path / "first.weights.h5"
    three_blocks(include_top=False, weights=None, input_shape=(32, 32, 3)).save_weights(first)
    experiment = fine_tuned(3, weights=str(first))
    trained = training.fit(store, sample, experiment.plan)
    trained.save(tmp_path / "run.weights.h5")
    first.unlink()
    again = trained_rows.load(store, experiment.plan, tmp_path / "run.weights.h5")
    for weight, loaded in zip(trained.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, loaded)
    expected, predicted = (prediction.predict(each, store, sample) for each in (trained, again))
    np.testing.assert_allclose(expected["probability_any"], predicted["probability_any"], atol=1e-6)
    assert (again.trainable, again.frozen) == (trained.trainable, trained.frozen)


def test_more_layers_than_there_are_is_refused(store, sample, fine_tuned):
    with pytest.raises(ValueError, match="trainable_layers is 7, but densenet121 has 3 convol"):
        training.fit(store, sample, fine_tuned(7).plan)


def test_a_loss_that_is_not_finite_names_the_step_size_that_was_used(store, sample, fine_tuned):
    with pytest.raises(ValueError, match="try a fine_tuning_rate below 1e\\+30"):
        training.fit(store, sample, fine_tuned("all", fine_tuning_rate=1e30).plan)


def test_its_map_is_the_exact_map_of_what_it_has_become(store, sample, fine_tuned):
    """By the definition: the trained maps times the logits' weights over the deviation."""
    trained = training.fit(store, sample, fine_tuned("all", epochs=3).plan)
    shown = cam.by_label(trained, store, sample, {"any": ROWS})["any"]
    maps_model, head = networks.maps_and_head(trained.model)
    maps = maps_model.predict(store.hu(ROWS)[:, None], verbose=0)
    deviation = np.sqrt(np.asarray(head.get_layer("standardised").variance)).ravel()
    weights = np.asarray(head.get_layer("logits").kernel)[:, -1] / deviation
    exact = cam._scaled_up(np.einsum("nijc,c->nij", maps, weights), 32, "CAM")
    assert (shown.method, shown.side) == ("CAM", 4)
    np.testing.assert_array_equal(shown.empty, exact.empty)
    np.testing.assert_allclose(shown.heat, exact.heat, atol=1e-3)


def test_its_own_backbone_becomes_random_part_by_part(store, sample, fine_tuned):
    trained = training.fit(store, sample, fine_tuned(2, epochs=1).plan)
    before = [weight.copy() for weight in trained.model.get_weights()]
    shown = list(random_layers.cascade(trained, store, sample, {"any": ROWS}, seed=5))
    parts = [f"backbone, part {number} of 4" for number in (4, 3, 2, 1)]
    assert [name for name, _ in shown] == ["nothing", "logits", *parts]
    plain = cam.by_label(trained, store, sample, {"any": ROWS})
    np.testing.assert_array_equal(shown[0][1]["any"].heat, plain["any"].heat)
    heats = [maps["any"].heat for _, maps in shown]
    assert not np.array_equal(heats[0], heats[1])
    assert not np.array_equal(heats[1], heats[-1])
    for old, new in zip(before, trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)

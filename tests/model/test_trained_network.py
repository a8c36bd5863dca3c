"""Features of a run's network: what its own head reads, keyed by its weights."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from ichreport.model import prediction, trained_rows, training
from ichreport.model.features import feature_store, of_plan
from ichreport.model.features.of_run import OfRun
from ichreport.params.training.training_plan import TrainedNetwork

pytestmark = pytest.mark.usefixtures("small_backbone")

SOURCES = [
    {"network": "cnn7", "dense_layers": 1},
    {"network": "densenet121", "trainable_layers": "all", "dense_layers": 1},
]


def trained_run(store, sample, make, folder, **changes):
    """A finished run, and its network as another run reads it."""
    plan = make(name="source", **changes).plan
    trained = training.fit(store, sample, plan)
    path = folder / "model.weights.h5"
    trained.save(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return trained, TrainedNetwork("source", plan, str(path), sha256)


@pytest.mark.parametrize("changes", SOURCES, ids=lambda c: c["network"])
def test_a_runs_own_last_layer_on_its_features_gives_its_own_logits(
    store, sample, make, tmp_path, changes
):
    trained, network = trained_run(store, sample, make, tmp_path, **changes)
    asked = make(network=changes["network"], head="sequence", features_from="source")
    stored = of_plan.features_of(store, sample.rows, asked.plan_on(network))
    if changes["network"] == "cnn7":
        kernel, bias = (np.asarray(w) for w in trained.model.get_layer("logits").get_weights())
        logits = stored @ kernel + bias
    else:
        logits = np.asarray(trained.model.get_layer("dense_head")(stored, training=False))
    np.testing.assert_allclose(logits, prediction.logits_of(trained, store, sample), atol=1e-5)
    assert np.ptp(logits) > 1e-3


def test_features_of_another_training_of_the_run_are_other_features(store, sample, make, tmp_path):
    keys = []
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        _, network = trained_run(store, sample, make, folder, **SOURCES[0], training_seed=seed)
        keys.append(feature_store.key(store, OfRun(network), network.plan.machine))
    assert keys[0]["weights"] != keys[1]["weights"]
    assert {**keys[0], "weights": ""} == {**keys[1], "weights": ""}


def test_weights_that_are_not_those_of_the_record_are_refused(store, sample, make, tmp_path):
    _, network = trained_run(store, sample, make, tmp_path, **SOURCES[0])
    with Path(network.weights).open("ab") as file:
        file.write(b"1")
    asked = make(network="cnn7", head="sequence", features_from="source")
    with pytest.raises(ValueError, match=r"model\.weights\.h5 .*Run source again"):
        of_plan.features_of(store, sample.rows, asked.plan_on(network))


@pytest.mark.parametrize(
    "recipe",
    [
        {"deltas": True, "second_stage": True, "reverse": 0.5, "drop": 0.1, "layers": 1},
        {"cell": "lstm", "window": 3, "layers": 1},
    ],
    ids=str,
)
def test_a_sequence_head_on_a_runs_network_learns_and_is_loaded_again(
    store, sample, make, tmp_path, recipe
):
    _, network = trained_run(store, sample, make, tmp_path, **SOURCES[1])
    asked = make(
        network="densenet121", head="sequence", features_from="source", sequence=recipe,
        epochs=20, patience=20, learning_rate=0.01, dense_layers=1,
    )  # fmt: skip
    plan = asked.plan_on(network)
    trained = training.fit(store, sample, plan)
    assert min(trained.history["loss"]) < 0.8 * trained.history["loss"][0]
    trained.save(tmp_path / "head.weights.h5")
    loaded = trained_rows.load(store, plan, tmp_path / "head.weights.h5")
    expected = prediction.logits_of(trained, store, sample)
    np.testing.assert_allclose(prediction.logits_of(loaded, store, sample), expected, atol=1e-6)
    assert (loaded.trainable, loaded.frozen) == (trained.trainable, trained.frozen)
    assert (
        trained.frozen > feature_store.count_parameters(store, OfRun(network), plan.machine) > 500
    )


def test_distances_are_read_from_the_store(store, sample, make, tmp_path):
    _, network = trained_run(store, sample, make, tmp_path, **SOURCES[0])
    asked = make(
        network="cnn7",
        head="sequence",
        features_from="source",
        sequence={"gaps": True, "layers": 1},
        epochs=1,
    )
    logits = []
    for spacing in (1.0, 10.0):
        store.slices["z"] = np.arange(len(store)) * spacing
        trained = training.fit(store, sample, asked.plan_on(network))
        logits.append(prediction.logits_of(trained, store, sample))
    assert np.abs(logits[0] - logits[1]).max() > 1e-3

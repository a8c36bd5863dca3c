"""Predictions as means over views: mirrored slices, and series from above."""

import numpy as np
import pytest

from ichreport.data.samples import Sample
from ichreport.model import prediction, trained_rows, training

pytestmark = pytest.mark.usefixtures("small_backbone")

OF_SLICES = [
    {"network": "cnn7", "dense_layers": 1, "input": "adjacent"},
    {"network": "densenet121", "trainable_layers": "all", "dense_layers": 1},
]
OF_SERIES = [
    {"network": "densenet121", "head": "bilstm", "dense_layers": 1},
    {
        "network": "densenet121",
        "head": "sequence",
        "dense_layers": 1,
        "sequence": {"gaps": True, "layers": 1},
    },
]


@pytest.mark.parametrize("changes", OF_SLICES, ids=str)
def test_a_flip_is_the_mean_of_the_logits_of_slices_and_of_mirrored_slices(
    store, sample, make, changes
):
    changes = changes | {"epochs": 3, "batch_size": 4}  # with fewer steps, a block is dead
    trained = training.fit(store, sample, make(**changes, test_time=["flip"]).plan)
    both = prediction.logits_of(trained, store, sample)
    plain = trained_rows.Trained(make(**changes).plan, trained.model, {}, 0, 0)
    first = prediction.logits_of(plain, store, sample)
    store.pixels = store.pixels[:, :, ::-1].copy()
    second = prediction.logits_of(plain, store, sample)
    np.testing.assert_allclose(both, (first + second) / 2, atol=1e-5)
    assert np.abs(first - second).max() > 1e-4


@pytest.mark.parametrize("changes", OF_SERIES, ids=str)
def test_a_reversed_series_is_the_mean_of_both_ways_of_reading_it(store, sample, make, changes):
    store.slices["z"] = np.arange(len(store)) ** 1.5
    trained = training.fit(store, sample, make(**changes, test_time=["reverse"]).plan)
    both = prediction.logits_of(trained, store, sample)
    plain = trained_rows.Trained(make(**changes).plan, trained.model, {}, 0, 0)
    first = prediction.logits_of(plain, store, sample)
    backward = np.arange(120).reshape(24, 5)[:, ::-1].ravel()
    store.pixels = store.pixels[backward]  # each series of five, upside down
    store.slices["z"] = -store.slices["z"].to_numpy()[backward]
    store.manifest = {"store_hash": "2" * 64}
    same = Sample(sample.name, sample.rows, sample.split, sample.group)
    second = prediction.logits_of(plain, store, same)[backward]
    np.testing.assert_allclose(both, (first + second) / 2, atol=1e-5)
    assert np.abs(first - second).max() > 1e-4

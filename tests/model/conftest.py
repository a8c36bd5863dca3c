"""A small store of made-up slices, in which label k is a bright square in its own corner."""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from ichreport.data.samples import Sample
from ichreport.labels import LABELS
from ichreport.params.experiment import Experiment
from ichreport.params.networks import NETWORKS, NetworkSpec

SIZE = 32


class MadeUpStore:
    """What the model needs of a store, in memory: 24 series of 5 slices."""

    def __init__(self, folder):
        random = np.random.default_rng(7)
        count = 120
        truth = np.zeros((count, len(LABELS)), dtype=np.int8)
        truth[:, :5] = random.random((count, 5)) < 0.3
        truth[:, 5] = truth[:, :5].max(axis=1)
        hu = random.normal(30, 4, (count, SIZE, SIZE))
        for label in range(5):
            top, left = 2 + 12 * (label // 3), 1 + 10 * (label % 3)
            hu[truth[:, label] == 1, top : top + 8, left : left + 8] += 400
        self.folder = Path(folder)
        self.pixels = hu.astype(np.int16)
        self.image_size = SIZE
        self.manifest = {"store_hash": "1" * 64}
        self.slices = pd.DataFrame(truth, columns=list(LABELS))
        series = np.repeat(np.arange(count // 5), 5)
        for name in ("patient_id", "study_instance_uid", "series_instance_uid"):
            self.slices[name] = [f"ID_{name[0]}{number:03d}" for number in series]
        self.slices["sop_instance_uid"] = [f"ID_{number:09x}" for number in range(count)]
        self.series = series

    @property
    def labelled(self):
        return "slices" if (self.slices[list(LABELS)] >= 0).any(axis=None) else "nothing"

    def check(self):
        """Nothing is on a disk."""

    def __len__(self):
        return len(self.slices)

    def hu(self, rows):
        return self.pixels[rows]

    def in_order_of_storage(self, rows):
        return rows[::-1]

    def adjacent_rows(self, rows, neighbours=1):
        around = np.asarray(rows)[:, None] + np.arange(-neighbours, neighbours + 1)
        first = np.searchsorted(self.series, self.series[rows])[:, None]
        return np.clip(around, first, first + 4)  # its series has five

    def adjacent_hu(self, rows, neighbours=1):
        return self.pixels[self.adjacent_rows(rows, neighbours)]

    def announce(self, rows):
        """Nothing is on a disk."""


def made_up_sample(store):
    """Of eight patients, six for training."""
    part = store.series % 8
    split = np.where(part == 6, "validation", np.where(part == 7, "test", "train"))
    group = store.slices["patient_id"].to_numpy()
    return Sample("fullid", np.arange(len(store)), split, group)


def make_experiment(store_folder, **changes):
    values = {
        "name": "tiny",
        "sample": "fullid",
        "store": str(store_folder),
        "image_size": SIZE,
        "network": "cnn7",
        "epochs": 2,
        "batch_size": 16,
    }
    return Experiment.parse(values | changes, where="test")


def small_build(*, include_top, weights, input_shape):
    """Stands for a constructor of keras.applications: one layer, 16 maps of 8 x 8."""
    assert not include_top
    assert weights is None
    images = keras.Input(input_shape)
    maps = keras.layers.Conv2D(16, 4, strides=4, activation="relu", use_bias=False)(images)
    return keras.Model(images, maps)


@pytest.fixture
def small_backbone(monkeypatch):
    """A backbone that builds in no time, in DenseNet121's place: 16 x (4 * 4 * 3) parameters."""
    small = NetworkSpec("a small one", 32, "Small", 16, "imagenet")
    monkeypatch.setattr(keras.applications, "Small", small_build, raising=False)
    monkeypatch.setitem(NETWORKS, "densenet121", small)
    return small


@pytest.fixture
def store(tmp_path):
    return MadeUpStore(tmp_path / "store")


@pytest.fixture
def sample(store):
    return made_up_sample(store)


@pytest.fixture
def make(tmp_path):
    """An experiment on the made-up store."""
    return partial(make_experiment, tmp_path / "store")

"""The training loop: against Adam written out in numpy, and its rules for steps and stopping."""

from dataclasses import replace

import numpy as np
import pytest

from ichreport.model.fitting import loop, losses
from ichreport.model.fitting.batches import SliceBatches
from ichreport.model.heads.dense import dense_head
from ichreport.params.machine import Machine
from ichreport.params.training.training_plan import Fitting, HeadPart
from tests.model import adam_by_hand

SIZE, WIDTH = 8, 5
MACHINE = Machine()


@pytest.fixture
def data():
    random = np.random.default_rng(2)
    return random.normal(size=(30, WIDTH)), (random.random((30, 6)) < 0.4).astype(np.float32)


def fitting(epochs, step_size):
    return Fitting("bce", epochs, 3, SIZE, step_size, "learning_rate", 0, 1, 1)


def linear_head():
    return dense_head(HeadPart("dense", dense_layers=1), WIDTH, MACHINE)


def reader_of(features):
    return lambda indices, _: features[indices].astype(np.float32)


@pytest.mark.parametrize("way", adam_by_hand.WAYS)
def test_training_takes_the_steps_that_numpy_takes(way):
    asked = adam_by_hand.fitting(**adam_by_hand.WAYS[way])
    weights, history = adam_by_hand.by_the_loop(asked, MACHINE)
    expected, norms = adam_by_hand.by_hand(asked)
    np.testing.assert_allclose(weights, expected, atol=1e-4)
    assert list(history) == ["loss"]
    assert len(history["loss"]) == adam_by_hand.EPOCHS
    if asked.clip_norm is not None:
        assert 0.2 < np.mean(np.array(norms) > asked.clip_norm) < 0.8


def test_a_pass_has_as_many_steps_as_batches(data):
    features, truth = data
    for count in (1, 8, 9, 21):
        batches = SliceBatches(reader_of(features), truth, np.arange(count), SIZE)
        assert batches.steps == len(list(batches.plan(None)))


def test_a_validation_loss_is_the_mean_over_its_slices(data):
    features, truth = data
    head = linear_head()
    read = reader_of(features)
    train, validation = (
        SliceBatches(read, truth, indices, SIZE) for indices in (np.arange(20), np.arange(20, 30))
    )
    loss, asked = losses.build("bce", truth), fitting(1, 1e-12)
    history = loop.fit(head, loss, train, validation, asked, MACHINE, name="tiny", seed=1)
    kernel = head.get_layer("logits").kernel.numpy()
    for name, indices in (("loss", slice(20)), ("val_loss", slice(20, 30))):
        logits = features[indices] @ kernel
        expected = (np.logaddexp(0, logits) - truth[indices] * logits).mean()
        assert history[name] == pytest.approx([expected], abs=1e-5)


class Recorder:
    """A program that has its epochs' numbers for weights."""

    def __init__(self):
        self.epoch, self.cuts = -1, []

    def weights(self):
        return self.epoch

    def cut_steps(self, factor):
        self.cuts.append((self.epoch, factor))


@pytest.mark.parametrize("scale", [1.0, 1 / 7, 1e-3])
def test_steps_are_cut_after_epochs_without_clear_gain_and_patience_counts_any(scale):
    program = Recorder()
    watched = loop._Watched(program, replace(fitting(6, 1.0), patience=2))
    for epoch, loss in enumerate([1.0, 0.9, 0.95, 0.89995, 0.9, 0.91]):
        program.epoch = epoch
        watched.see(loss * scale)
    assert program.cuts == [(epoch, loop.STEP_CUT) for epoch in (2, 3, 4, 5)]
    assert watched.has_enough
    assert watched.best_weights == 3


def test_a_cosine_runs_to_its_end_and_keeps_the_best_epoch():
    program = Recorder()
    watched = loop._Watched(program, replace(fitting(6, 1.0), schedule="cosine"))
    for epoch, loss in enumerate([1.0, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9]):
        program.epoch = epoch
        watched.see(loss)
        assert not watched.has_enough
    assert not program.cuts
    assert watched.best_weights == 1

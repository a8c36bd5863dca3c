"""The training loop: against Adam written out in numpy, and its rules for steps and stopping."""

from dataclasses import replace

import numpy as np
import pytest

from ichreport.model.fitting import loop, losses
from ichreport.model.fitting.batches import SliceBatches
from ichreport.model.fitting.series_batches import SeriesBatches
from ichreport.model.heads.dense import dense_head
from ichreport.params.machine import Machine
from ichreport.params.training_plan import Fitting, HeadPart

SIZE, WIDTH = 8, 5
MACHINE = Machine()


@pytest.fixture
def data():
    random = np.random.default_rng(2)
    return random.normal(size=(30, WIDTH)), (random.random((30, 6)) < 0.4).astype(np.float32)


def adam_on_a_linear_head(features, truth, indices, epochs, rate, seed, decay=0.0):
    """Kingma and Ba 2015, algorithm 1, with Keras' place for epsilon; means over each batch.

    `rate` may be a function of the step, from 0; kernels lose `decay` of themselves, times the
    rate, before each step (Loshchilov and Hutter 2019, algorithm 2), and biases do not.
    """
    rate_of = rate if callable(rate) else lambda step: rate
    random = np.random.default_rng(seed)
    weights = np.zeros((WIDTH + 1, 6))
    first = second = np.zeros_like(weights)
    step = 0
    for _ in range(epochs):
        order = random.permutation(indices)
        for start in range(0, len(order), SIZE):
            batch = order[start : start + SIZE]
            inputs = np.hstack([features[batch], np.ones((len(batch), 1))])
            error = 1 / (1 + np.exp(-inputs @ weights)) - truth[batch]
            slope = inputs.T @ error / error.size
            step += 1
            first = 0.9 * first + 0.1 * slope
            second = 0.999 * second + 0.001 * slope**2
            size = rate_of(step - 1) * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            weights[:-1] *= 1 - decay * rate_of(step - 1)
            weights = weights - size * first / (np.sqrt(second) + 1e-7)
    return weights


def fitting(epochs, step_size):
    return Fitting("bce", epochs, 3, SIZE, step_size, "learning_rate", 0, 1, 1)


def linear_head():
    return dense_head(HeadPart("dense", dense_layers=1), WIDTH, MACHINE)


def reader_of(features):
    return lambda indices, _: features[indices].astype(np.float32)


def test_training_takes_adams_steps_on_every_slice_once_an_epoch(data):
    """21 slices in batches of 8: what fills the last one up must not count."""
    features, truth = data
    indices = np.arange(4, 25)
    head = linear_head()
    head.get_layer("logits").kernel.assign(np.zeros((WIDTH, 6)))
    batches = SliceBatches(reader_of(features), truth, indices, SIZE)
    loss, asked = losses.build("bce", truth), fitting(4, 0.02)
    history = loop.fit(head, loss, batches, None, asked, MACHINE, name="tiny", seed=3)
    expected = adam_on_a_linear_head(features, truth, indices, 4, 0.02, 3)
    logits = head.get_layer("logits")
    np.testing.assert_allclose(logits.kernel.numpy(), expected[:-1], atol=2e-5)
    np.testing.assert_allclose(logits.bias.numpy(), expected[-1], atol=2e-5)
    assert list(history) == ["loss"]
    assert len(history["loss"]) == 4


def test_adamw_takes_its_steps_along_a_cosine_behind_a_warm_up(data):
    """3 batches an epoch for 6 epochs, the first 2 epochs to warm up."""
    features, truth = data
    largest, warming, steps = 0.05, 6, 18

    def rate(step):
        if step < warming:
            return largest / warming + (largest - largest / warming) * step / warming
        return largest * (1 + np.cos(np.pi * (step - warming) / (steps - warming))) / 2

    head = linear_head()
    head.get_layer("logits").kernel.assign(np.zeros((WIDTH, 6)))
    indices = np.arange(4, 25)
    batches = SliceBatches(reader_of(features), truth, indices, SIZE)
    asked = replace(
        fitting(6, largest), optimizer="adamw", weight_decay=0.4, schedule="cosine", warm_up=2.0
    )
    loss = losses.build("bce", truth)
    loop.fit(head, loss, batches, None, asked, MACHINE, name="tiny", seed=3)
    expected = adam_on_a_linear_head(features, truth, indices, 6, rate, 3, decay=0.4)
    logits = head.get_layer("logits")
    np.testing.assert_allclose(logits.kernel.numpy(), expected[:-1], atol=2e-5)
    np.testing.assert_allclose(logits.bias.numpy(), expected[-1], atol=2e-5)


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


def test_steps_are_cut_after_epochs_without_clear_gain_and_patience_counts_any():
    program = Recorder()
    watched = loop._Watched(program, replace(fitting(6, 1.0), patience=2))
    for epoch, loss in enumerate([1.0, 0.9, 0.95, 0.89995, 0.9, 0.91]):
        program.epoch = epoch
        watched.see(loss)
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


@pytest.mark.parametrize("length", [4, 6])
def test_a_batch_of_series_holds_each_slice_at_its_place(data, length):
    features, truth = data
    series = np.array([[0, 3], [3, 4], [4, 8], [8, 10]])
    batches = SeriesBatches(features.astype(np.float32), truth, series, length=length, size=3)
    inputs, labels, weights = batches.gather((np.array([2, 1, 3]), 2))
    assert inputs["features"].shape == (3, length, WIDTH)
    np.testing.assert_allclose(inputs["features"][0, :4], features[4:8], rtol=1e-6)
    np.testing.assert_array_equal(labels[1, 0], truth[3])
    np.testing.assert_array_equal(inputs["present"].sum(axis=1), [4, 1, 2])
    np.testing.assert_array_equal(weights.sum(axis=1), [4, 1, 0])
    assert not inputs["features"][~inputs["present"]].any()
    assert inputs["present"].any(axis=1).all()

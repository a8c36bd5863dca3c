"""The moving average of a network's weights: of every kind, and what is judged and kept."""

import keras
import numpy as np
import pytest

from ichreport.model import backend, networks
from ichreport.model.fitting import averaging, losses
from ichreport.params.training.optimizers import Steps

EMA, TAKEN = 0.7, 5


@pytest.fixture
def program(make):
    """Makes a program of the small network, the same each time but for its average."""

    def start(ema):
        plan = make(learning_rate=0.01, augment=[]).plan
        keras.utils.set_random_seed(3)
        model = networks.cnn7(plan.view, plan.head, plan.machine)
        loss = losses.build("bce", np.zeros((1, 6)))
        optimizer = backend.adam(plan.fitting.step_size, plan.machine)
        return model, backend.program(
            model, plan.machine, loss=loss, optimizer=optimizer, steps=Steps(ema=ema)
        )

    return start


@pytest.fixture
def batch(store):
    rows = np.arange(16)
    truth = store.slices[["any"] * 6].to_numpy(dtype=np.float32)[rows]
    return store.hu(rows)[:, None], truth, np.ones(16, dtype=np.float32)


def test_weights_and_batch_statistics_are_averaged_judged_and_kept(program, batch):
    """By numpy from the weights of each step of a training without an average."""
    _, plain = program(0.0)
    average = [weight.astype(np.float64) for weight in plain.weights()]
    for step in range(1, TAKEN + 1):
        plain.train(*batch)
        decay = min(EMA, (1 + step) / (10 + step))
        pairs = zip(average, plain.weights(), strict=True)
        average = [decay * old + (1 - decay) * new for old, new in pairs]

    model, averaged = program(EMA)
    for _ in range(TAKEN):
        averaged.train(*batch)
    for weight, expected in zip(averaged.weights(), average, strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-6)
    judged, logits = averaged.evaluate(*batch), averaged.forward(batch[0])
    for weight, last in zip(model.get_weights(), plain.weights(), strict=True):
        np.testing.assert_array_equal(weight, last)  # training goes on from the last weights

    model.set_weights([weight.astype(np.float32) for weight in average])
    expected = backend.to_numpy(model(batch[0], training=False))
    np.testing.assert_allclose(backend.to_numpy(logits), expected, atol=1e-4)
    by_hand = np.logaddexp(0, expected) - batch[1] * expected
    assert float(judged) == pytest.approx(by_hand.mean(axis=1).sum(), rel=1e-4)
    assert float(judged) != pytest.approx(float(plain.evaluate(*batch)), rel=1e-2)


def test_what_does_not_change_stays_to_the_bit_and_counters_are_not_averaged():
    weight = np.float32([0.1, 1e-30, -7.3])
    tensor = keras.ops.convert_to_tensor(weight)
    np.testing.assert_array_equal(backend.to_numpy(averaging.moved(tensor, tensor, 0.001)), weight)
    seed = keras.random.SeedGenerator(1).state
    assert not averaging.is_averaged(seed)
    assert averaging.is_averaged(keras.Variable([1.0]))


@pytest.mark.parametrize(("steps", "share"), [(1, 9 / 11), (10, 9 / 20), (10**6, 0.001)])
def test_the_first_weights_are_soon_left_behind(steps, share):
    found = backend.to_numpy(averaging.share_of_new(0.999, steps))
    assert found == pytest.approx(share, rel=1e-3)

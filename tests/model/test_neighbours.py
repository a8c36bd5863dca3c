"""In a pass in order, each slice goes to the device once, and what comes out is the same."""

import keras
import numpy as np
import pytest

from ichreport.model import backend, neighbours, prefetch
from ichreport.model.inputs import hu_of
from ichreport.params.machine import Machine

MACHINE = Machine(1, "float32", "seeded")
SIZE = 7


@pytest.fixture(name="model")
def model_(store):
    """Sees three slices; its outputs tell them and their order apart."""
    return model_of_slices(store, 3)


def model_of_slices(store, count):
    side = store.image_size
    hu = keras.Input((count, side, side), dtype="int16")
    channels = keras.ops.transpose(keras.ops.cast(hu, "float32"), (0, 2, 3, 1)) / 1000
    keras.utils.set_random_seed(1)
    maps = keras.layers.Conv2D(5, 3, activation="relu")(channels)
    return keras.Model(hu, keras.layers.Flatten()(maps))


def outputs(store, rows, program, read):
    results = [
        backend.to_numpy(program.forward(program.to_device(read(chosen))))[:count]
        for chosen, count in prefetch.in_batches(rows, SIZE)
    ]
    return np.concatenate(results)


@pytest.mark.parametrize(
    ("first", "kind", "seen"), [(0, "adjacent", 3), (4, "adjacent", 3), (4, "raw-linear-2", 5)]
)
def test_a_pass_in_order_gives_the_bytes_of_one_that_sends_slices_each_time(
    store, first, kind, seen
):
    model = model_of_slices(store, seen)
    rows = np.arange(first, len(store))
    assert len(rows) % SIZE, "the last batch is filled up"
    program, read = neighbours.in_a_pass(store, rows, kind, model, MACHINE)
    plain = backend.program(model, MACHINE)
    expected = outputs(store, rows, plain, lambda batch: hu_of(store, batch, kind))
    np.testing.assert_array_equal(outputs(store, rows, program, read), expected)
    assert len(np.unique(expected, axis=0)) == len(rows)


def test_a_pass_in_order_sends_each_slice_of_a_batch_once_in_one_shape(store, model):
    rows = np.arange(len(store))
    _, read = neighbours.in_a_pass(store, rows, "adjacent", model, MACHINE)
    side = store.image_size
    for chosen, _ in prefetch.in_batches(rows, SIZE):
        batch = read(chosen)
        assert batch["window"].shape == (SIZE + 4, side, side)
        np.testing.assert_array_equal(batch["window"][batch["index"]], store.adjacent_hu(chosen))


@pytest.mark.parametrize(
    ("rows", "kind"), [([0, 2, 3], "adjacent"), ([2, 1, 0], "adjacent"), ([0, 1, 2], "raw")]
)
def test_other_passes_send_what_the_model_sees(store, model, rows, kind):
    _, read = neighbours.in_a_pass(store, np.array(rows), kind, model, MACHINE)
    np.testing.assert_array_equal(read(np.array(rows)), hu_of(store, np.array(rows), kind))

"""A device without memory: one line, with a batch size that is smaller where there is one."""

import importlib
from importlib.util import find_spec

import jax
import numpy as np
import pytest
import tensorflow as tf

from ichreport import cli
from ichreport.model import backend, prediction, training
from ichreport.model.devices.out_of_memory import OutOfMemoryError, explained
from ichreport.model.features import feature_store
from ichreport.model.frameworks import on_tensorflow
from ichreport.params.machine import Machine

pytestmark = pytest.mark.usefixtures("small_backbone")

OF_TENSORFLOW = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\ntensor")
FEATURES = {"network": "densenet121", "dense_layers": 1, "epochs": 1}
SERIES = FEATURES | {"head": "bilstm"}
"""Of which each has five slices."""


@pytest.fixture
def exhausted(monkeypatch):
    """Lets a step of every program run out of memory."""

    def exhaust(step):
        def fails(*_):
            raise OF_TENSORFLOW

        monkeypatch.setattr(on_tensorflow.Program, step, fails)

    return exhaust


@pytest.fixture
def two_devices(monkeypatch):
    monkeypatch.setattr(backend, "group", lambda _: ["a GPU", "another"])


def errors():
    def torch_error():
        import torch

        return torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    no_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not there")
    jax_error = jax.errors.JaxRuntimeError
    return [
        ("tensorflow", lambda: OF_TENSORFLOW, True),
        ("tensorflow", lambda: tf.errors.InternalError(None, None, "of another kind"), False),
        ("jax", lambda: jax_error("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes."), True),
        ("jax", lambda: jax_error("INTERNAL: of another kind"), False),
        pytest.param("torch", torch_error, True, marks=no_torch),
        pytest.param("torch", lambda: RuntimeError("of another kind"), False, marks=no_torch),
    ]


@pytest.mark.parametrize(("name", "make_error", "is_explained"), errors())
def test_each_backends_own_error_is_explained_and_no_other(
    monkeypatch, name, make_error, is_explained
):
    framework = importlib.import_module(f"ichreport.model.frameworks.on_{name}")
    monkeypatch.setattr(backend, "_framework", lambda: framework)
    monkeypatch.setattr(backend, "group", lambda _: ["a GPU"])
    error = make_error()
    expected = OutOfMemoryError if is_explained else type(error)
    with pytest.raises(expected) as raised, explained("x: training", 32, Machine()):
        raise error
    assert (raised.value is error) == (not is_explained)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "16 slices on 1 device; set batch_size: 8."),
        ({"batch_size": 7}, "7 slices on 1 device; set batch_size: 3."),
        (FEATURES, "16 slices on 1 device; set batch_size: 8."),
        (SERIES | {"batch_size": 2000}, "400 series on 1 device; set batch_size: 1000."),
        (SERIES | {"batch_size": 22}, "4 series on 1 device; no batch_size makes them smaller."),
        ({"batch_size": 1}, "1 slice on 1 device; no batch_size makes them smaller."),
    ],
    ids=str,
)
def test_a_training_without_memory_names_the_batch_and_a_smaller_one(
    store, sample, make, exhausted, changes, said
):
    exhausted("train")
    with pytest.raises(OutOfMemoryError) as raised:
        training.fit(store, sample, make(**changes).plan)
    message = str(raised.value)
    assert message.startswith(f"tiny: training ran out of memory with batches of {said}")
    assert "\n" not in message
    assert raised.value.__suppress_context__
    assert raised.value.__context__ is OF_TENSORFLOW


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "16 slices on 1 device; set batch_size: 8."),
        (FEATURES, "1,024 slices on 1 device; no batch_size makes them smaller."),
        (SERIES | {"batch_size": 40}, "8 series on 1 device; set batch_size: 20."),
    ],
    ids=str,
)
def test_a_prediction_without_memory_names_its_own_batch(
    store, sample, make, exhausted, changes, said
):
    trained = training.fit(store, sample, make(**{"epochs": 1} | changes).plan)
    exhausted("forward")
    with pytest.raises(OutOfMemoryError, match=f"tiny: prediction ran .* of {said}"):
        prediction.predict(trained, store, sample)


def test_features_without_memory_are_a_mistake_of_one_line(store, sample, make, exhausted):
    experiment = make(**FEATURES)
    exhausted("forward")
    with pytest.raises(OutOfMemoryError) as raised:
        feature_store.compute(
            store, sample.rows, feature_store.Frozen(experiment.backbone), experiment.machine
        )
    assert str(raised.value) == (
        "features of densenet121 ran out of memory with batches of 32 slices on 1 device; "
        "set batch_size: 16."
    )
    assert cli._is_mistake(raised.value)


@pytest.mark.parametrize(
    ("batch_size", "said"),
    [
        (32, "32 slices on 2 devices (16 each); set batch_size: 16."),
        (10, "10 slices on 2 devices (5 each); set batch_size: 4."),
        (9, "10 slices on 2 devices (5 each); set batch_size: 4."),
        (3, "4 slices on 2 devices (2 each); set batch_size: 2."),
        (2, "2 slices on 2 devices (1 each); no batch_size makes them smaller. Free the memory"),
    ],
)
def test_two_devices_share_what_is_advised(two_devices, batch_size, said):
    with pytest.raises(OutOfMemoryError) as raised, explained("x", batch_size, Machine(devices=2)):
        raise OF_TENSORFLOW
    assert f"of {said}" in str(raised.value)


def test_what_is_advised_goes_on_from_where_it_stopped_with_fewer_slices(
    store, sample, make, monkeypatch
):
    """Where a device has memory for four slices, the advice leads there."""
    forward = on_tensorflow.Program.forward

    def small_device(self, inputs):
        if len(inputs) > 4:
            raise OF_TENSORFLOW
        return forward(self, inputs)

    monkeypatch.setattr(on_tensorflow.Program, "forward", small_device)
    experiment, size, tried = make(**FEATURES), 32, []
    while True:
        try:
            stored = feature_store.load_or_compute(
                store,
                sample.rows,
                feature_store.Frozen(experiment.backbone),
                experiment.machine,
                batch_size=size,
            )
            break
        except OutOfMemoryError as error:
            tried.append(size)
            size = int(str(error).rpartition("batch_size: ")[2].rstrip("."))
    assert (tried, size) == ([32, 16, 8], 4)
    assert np.isfinite(stored).all()

"""The same results on TensorFlow, JAX and torch, on one device and on two, and from run to run."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tests.model import adam_by_hand

pytestmark = pytest.mark.slow

SHARING = ("tensorflow", "jax")
"""Those that share batches over devices."""
TORCH = pytest.param(
    "torch",
    marks=pytest.mark.skipif(
        find_spec("torch") is None,
        reason="torch, which requirements-dev.lock has not, is not there",
    ),
)
COMPILE_QUICKLY = "--xla_backend_optimization_level=0"
"""Most of the time on JAX goes into compiling programs that run a few times."""
COMPILE_ONCE = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
"""Trainings of one plan, of which some are compared bit for bit, are of the same programs."""
JOB = Path(__file__).with_name("backend_jobs.py")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What a process on each backend, with two virtual devices if it can, has brought."""
    folder = tmp_path_factory.mktemp("backends")
    by_backend = {}
    installed = [*SHARING, *(["torch"] if find_spec("torch") else [])]
    for name in installed:  # TensorFlow comes first: the others look at what it has trained
        environment = os.environ | {
            "KERAS_BACKEND": name,
            "XLA_FLAGS": f"--xla_force_host_platform_device_count=2 {COMPILE_QUICKLY}",
            "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
            **COMPILE_ONCE,
        }
        done = subprocess.run(
            [sys.executable, JOB, folder], env=environment, capture_output=True, text=True,
            timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        with np.load(folder / f"results-{name}.npz") as arrays:
            by_backend[name] = (
                json.loads((folder / f"results-{name}.json").read_text()),
                dict(arrays),
            )
    return by_backend


@pytest.mark.parametrize(
    ("backend", "devices"),
    [("tensorflow", 2), ("jax", 2), pytest.param("torch", 1, marks=TORCH.marks)],
)
def test_a_run_says_what_it_computed_on(results, backend, devices):
    machine = results[backend][0]["machine"]
    assert (machine["backend"], machine["devices_used"]) == (backend, devices)
    assert (machine["gpu"], machine["determinism"]) == (False, "strict")


@pytest.mark.parametrize("other", ["jax", TORCH])
def test_features_agree_between_backends(results, other):
    first, second = results["tensorflow"][1], results[other][1]
    assert first["features"].dtype == second["features"].dtype == np.float32
    np.testing.assert_allclose(first["features"], second["features"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("other", ["jax", TORCH])
@pytest.mark.parametrize("kind", ["cnn7", "dense", "bilstm", "fine-tuned"])
def test_a_row_trained_on_tensorflow_predicts_and_looks_the_same_elsewhere(results, kind, other):
    first, second = results["tensorflow"][1], results[other][1]
    shared = {f"logits {kind}", f"heat {kind}"} & first.keys() & second.keys()
    assert f"logits {kind}" in shared
    for what in shared:
        np.testing.assert_allclose(first[what], second[what], atol=1e-4)
        assert np.ptp(first[what]) > 0


@pytest.mark.parametrize("other", ["jax", TORCH])
def test_the_same_draws_make_the_same_slices(results, other):
    """But for whole HU that rounding decides."""
    first, second = (results[name][1]["varied"].astype(int) for name in ("tensorflow", other))
    apart = np.abs(first - second)
    assert apart.max() <= 1
    assert apart.mean() < 0.002
    assert np.ptp(first) > 1000


@pytest.mark.parametrize("backend", SHARING)
@pytest.mark.parametrize("kind", ["cnn7", "dense", "fine-tuned"])
def test_two_devices_train_as_one_does(results, backend, kind):
    one, two = (results[backend][0]["losses"][count][kind] for count in ("1", "2"))
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4)
    if kind != "fine-tuned":  # whose losses are of other mixed slices each epoch
        assert one["loss"][1] < one["loss"][0]


@pytest.mark.parametrize(
    ("backend", "devices", "way"),
    [
        *product(SHARING, (2,), adam_by_hand.OF_SHARES),
        *product(("jax",), (1,), adam_by_hand.WAYS),
        *(pytest.param("torch", 1, way, marks=TORCH.marks) for way in adam_by_hand.WAYS),
    ],
)
def test_every_way_to_take_steps_is_that_of_numpy(results, backend, devices, way):
    """On one device of TensorFlow: see test_loop.py."""
    found = results[backend][1][f"{way}, {devices}"]
    expected, _ = adam_by_hand.by_hand(adam_by_hand.fitting(**adam_by_hand.WAYS[way]))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("backend", SHARING)
def test_two_devices_take_half_of_a_batch_each(results, backend):
    parts = results[backend][0]["parts"]
    assert [shape for _, shape in parts] == [[8, 1, 32, 32]] * 2
    assert len({device for device, _ in parts}) == 2
    assert len(results[backend][0]["computing"]) == 2


@pytest.mark.parametrize("backend", SHARING)
def test_an_overflow_in_float16_on_either_device_leaves_the_weights_finite(results, backend):
    assert results[backend][0]["overflow"] == [{"finite": True, "moved": True}] * 4


@pytest.mark.parametrize("backend", [*SHARING, TORCH])
def test_strict_determinism_gives_the_same_weights_bit_for_bit(results, backend):
    arrays = results[backend][1]
    weights = [name for name in arrays if name.startswith("turn 0")]
    assert len(weights) >= 7
    for name in weights:
        np.testing.assert_array_equal(arrays[name], arrays[name.replace("turn 0", "turn 1")])


@pytest.mark.parametrize(
    ("backend", "devices"),
    [*((name, 2) for name in SHARING), ("jax", 1), pytest.param("torch", 1, marks=TORCH.marks)],
)
def test_a_training_that_was_cut_off_ends_with_the_same_weights_bit_for_bit(
    results, backend, devices
):
    """On one device of TensorFlow: see test_checkpoints.py."""
    arrays = results[backend][1]
    undisturbed = [name for name in arrays if name.startswith(f"devices {devices}, undisturbed")]
    assert len(undisturbed) >= 7
    for name in undisturbed:
        np.testing.assert_array_equal(
            arrays[name.replace("undisturbed", "cut off")], arrays[name], strict=True
        )


@pytest.mark.parametrize("backend", SHARING)
def test_more_devices_than_there_are_is_refused(results, backend):
    message = results[backend][0]["too many"]
    assert message.startswith(f"devices is 3, but {backend} sees only [")

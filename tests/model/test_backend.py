"""What is said of a machine before anything is computed on it, and what is refused."""

import keras
import pytest

from ichreport.model import backend
from ichreport.params.machine import Machine


@pytest.fixture
def no_gpu(monkeypatch):
    described = backend.describe() | {"devices": ["CPU, 2 threads"], "gpu": False}
    monkeypatch.setattr(backend, "describe", lambda: described)
    return described


def test_a_start_says_how_a_network_computes(no_gpu):
    started = backend.start(Machine(precision="mixed_bfloat16", determinism="strict"))
    how = {"devices_used": 1, "precision": "mixed_bfloat16", "determinism": "strict"}
    assert started == no_gpu | how
    assert started | backend.software() == started


def test_a_gpu_that_is_required_and_not_there_is_refused_with_the_cure(no_gpu):
    with pytest.raises(RuntimeError, match=r"sees only \['CPU, 2 threads'\].*set require_gpu: fal"):
        backend.start(Machine(), require_gpu=True)


def test_more_devices_than_there_are_are_refused():
    with pytest.raises(RuntimeError, match=r"devices is 64, but .* sees only"):
        backend.start(Machine(devices=64))


def test_without_determinism_each_training_has_a_seed_of_its_own():
    seeds = {backend.training_seed(3, Machine(determinism="none")) for _ in range(5)}
    assert len(seeds) == 5
    assert {backend.training_seed(3, Machine(determinism=how)) for how in ("seeded", "strict")} == {
        3
    }


def test_only_the_other_frameworks_are_unused():
    unused = backend.unused_frameworks()
    assert len(unused) == 2
    assert not [name for name in unused if name.endswith(keras.backend.backend())]

"""What is said of a machine before anything is computed on it, and what is refused."""

import keras
import pytest

from ichreport import dependencies, software
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


@pytest.fixture
def code_with(monkeypatch):
    """The code of training, were one file another one."""

    def code(name):
        changed, read = dependencies._FOLDER / name, dependencies._meaning
        with monkeypatch.context() as patched:
            dependencies._fingerprint.cache_clear()
            patched.setattr(
                dependencies, "_meaning", lambda path: b"x" if path == changed else read(path)
            )
            return backend.code("ichreport.model.training")

    yield code
    dependencies._fingerprint.cache_clear()


def test_code_is_that_of_the_framework_that_computes_and_not_of_the_others(code_with):
    computing = keras.backend.backend()
    others = {"tensorflow", "jax", "torch"} - {computing}
    today = code_with("nothing")
    assert code_with("model/heads/dense.py") != today
    assert code_with(f"model/frameworks/on_{computing}.py") != today
    assert {code_with(f"model/frameworks/on_{name}.py") for name in others} == {today}


def test_a_new_line_of_the_tables_changes_no_code_that_trains(code_with):
    """A row's own lines are in its key: `TrainingPlan.values`."""
    assert code_with("params/networks.py") == code_with("nothing")
    assert code_with("params/machine.py") != code_with("nothing")


def test_software_is_what_the_runner_says_without_importing_it():
    assert backend.software() == software.computing(keras.backend.backend())

"""What a GPU is tried with; without one, that the trial itself works and that failing is told."""

import keras
import numpy as np
import pytest

from ichreport.dependencies import closure
from ichreport.model import backend
from ichreport.model.devices import gpu_check
from ichreport.params.experiment import Experiment
from ichreport.params.machine import Machine


@pytest.mark.parametrize(
    ("step", "slices"), [(gpu_check.convolutions, 8), (gpu_check.recurrence, 16)]
)
def test_a_trial_is_a_training_step_of_an_untrained_network(step, slices, monkeypatch):
    """Its loss is about ln 2 a slice, and the step changes weights."""
    made = {}
    keras.utils.set_random_seed(1)
    program = backend.program

    def watched(model, *arguments, **words):
        made.update(model=model, before=model.get_weights())
        return program(model, *arguments, **words)

    monkeypatch.setattr(backend, "program", watched)
    assert step() == pytest.approx(slices * np.log(2), rel=0.5)
    after = made["model"].get_weights()
    assert any(not np.array_equal(*pair) for pair in zip(made["before"], after, strict=True))


def test_a_library_that_fails_is_told_with_what_it_was_asked(monkeypatch):
    def fails():
        raise ValueError("no algorithm worked!")

    monkeypatch.setattr(backend, "check_gpu", lambda: "a GPU")
    monkeypatch.setattr(gpu_check, "recurrence", fails)
    with pytest.raises(RuntimeError, match="training an LSTM on a GPU fails: no algorithm worked!"):
        gpu_check.check()


def test_a_loss_that_is_no_number_is_told(monkeypatch):
    monkeypatch.setattr(backend, "check_gpu", lambda: "a GPU")
    monkeypatch.setattr(gpu_check, "convolutions", lambda: float("nan"))
    with pytest.raises(RuntimeError, match="convolutions on a GPU gives a loss of nan"):
        gpu_check.check()


def test_a_gpu_that_does_all_is_named(monkeypatch):
    tried = []
    for name in ("convolutions", "recurrence"):
        monkeypatch.setattr(gpu_check, name, lambda name=name: tried.append(name) or 0.7)
    monkeypatch.setattr(backend, "check_gpu", lambda: "a GPU")
    assert gpu_check.check() == "a GPU"
    assert tried == ["convolutions", "recurrence"]


def test_it_computes_as_an_experiment_does_that_says_nothing_of_the_machine():
    assert gpu_check._MACHINE == Machine() == Experiment().machine


def test_it_needs_no_experiment_and_no_profile():
    names = {path.name for path in closure("ichreport.model.devices.gpu_check")}
    assert {"backend.py", "training_plan.py"} <= names
    assert not {"experiment.py", "profile.py"} & names

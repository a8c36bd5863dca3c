"""The kernel for a GPU: installed as Jupyter finds it, and checked by computing in it."""

import json
import subprocess
import sys

import pytest

from ichreport.cli import main
from ichreport.model import backend
from ichreport.workflow import kernels


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The kernel, where only this test's Jupyter finds it."""
    folder = kernels.install("tensorflow", prefix=tmp_path)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    return folder


def test_the_kernel_is_this_python_with_its_environment(installed):
    spec = json.loads((installed / "kernel.json").read_text(encoding="utf-8"))
    assert spec["argv"][0] == sys.executable
    assert spec["env"]["KERAS_BACKEND"] == "tensorflow"
    assert spec["env"]["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert spec["env"]["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert kernels.environment_of("ichreport-gpu") == spec["env"]


def test_an_environment_sees_its_own_kernel(installed):
    listed = subprocess.run(
        [sys.executable, "-m", "jupyter", "kernelspec", "list", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "ichreport-gpu" in json.loads(listed.stdout)["kernelspecs"]


@pytest.mark.skipif(backend.describe()["gpu"], reason="this machine has a GPU")
def test_a_machine_without_a_gpu_fails_the_check_and_says_why(installed, capsys):
    assert main(["kernel", "check"]) == 2
    said = capsys.readouterr().err
    assert "kernel ichreport-gpu: there is no GPU: tensorflow" in said
    assert 'pip install ".[gpu]"' in said


@pytest.mark.skipif(not backend.describe()["gpu"], reason="needs a GPU")
def test_a_gpu_computes_in_the_kernel(installed):
    assert kernels.check() == ", ".join(backend.describe()["devices"])


def test_an_unknown_kernel_and_backend_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no Jupyter kernel is called 'julia'"):
        kernels.environment_of("julia")
    with pytest.raises(ValueError, match="tensorflow, jax, torch, got 'theano'"):
        kernels.install("theano", prefix=tmp_path)

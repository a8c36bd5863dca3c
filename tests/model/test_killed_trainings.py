"""Trainings that are killed at any moment end with the bytes of undisturbed ones.

A few kills on each backend; `benchmarks/killed_trainings.py` kills thirty, of all kinds of network.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

JOB = Path(__file__).with_name("killed_trainings.py")
TORCH = pytest.mark.skipif(
    find_spec("torch") is None, reason="torch, which requirements-dev.lock has not, is not there"
)


@pytest.mark.parametrize(
    ("backend", "kills", "kinds"),
    [
        ("tensorflow", 6, ["dense", "cnn7"]),
        ("jax", 2, ["dense"]),
        pytest.param("torch", 4, ["dense"], marks=TORCH),  # which draws for dropout by itself
    ],
)
def test_killed_trainings_end_with_the_bytes_of_undisturbed_ones(tmp_path, backend, kills, kinds):
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # quicker to compile
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled"),  # once for all that are killed
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    done = subprocess.run(
        [sys.executable, JOB, tmp_path, str(kills), "1", *kinds], env=environment,
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / f"killed-{backend}.json").read_text())
    assert list(results) == kinds
    assert sum(result["kills"] for result in results.values()) == kills
    for kind, result in results.items():
        expected = result["undisturbed"]
        assert set(expected["files"]) == {"model.weights.h5", "predictions.parquet"}, kind
        assert expected["resumed"] == 0
        for brought in result["killed"]:
            assert brought["files"] == expected["files"], kind
            assert brought["history"] == expected["history"], kind
    resumed = [one["resumed"] for result in results.values() for one in result["killed"]]
    assert sum(resumed) >= kills // 4  # not all were killed before their first epoch had ended

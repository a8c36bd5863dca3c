"""The tiny workflow with JAX behind Keras: heads, store, and a run by notebook."""

import json

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

PROFILE = {
    "profile": "tiny",
    "source": "data/tiny/rsna",
    "store": "data/tiny/store",
    "phantom": {"patients": 40, "matrix": 96, "slices": 8, "faults": False},
    "image_size": 32,
    "epochs": 1,
    "cam_run": "cnn",
}
EXPERIMENTS = {
    "cnn": {"network": "cnn7", "sample": "fullid"},
}


def test_a_network_is_trained_and_scored_by_notebook(tmp_path, make_project, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")  # compiles quickly
    project = make_project(tmp_path, PROFILE, EXPERIMENTS)
    records = [f"reports/tiny/runs/{name}/record.json" for name in EXPERIMENTS]
    done = project.run(
        "snakemake", "--cores", "2", "--config", "profile=params/tiny.yaml", "--", *records
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for path in records:
        record = json.loads((project.root / path).read_text())
        assert record["provenance"]["backend"]["backend"] == "jax"
        assert record["assessment"]["learned"]["score"] > 0
        predicted = pd.read_parquet((project.root / path).with_name("predictions.parquet"))
        assert predicted["probability_any"].between(0, 1, inclusive="neither").all()
        assert predicted["probability_any"].nunique() > len(predicted) / 2

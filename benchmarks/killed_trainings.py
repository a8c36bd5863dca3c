"""Whether trainings that are killed again and again end as if nobody had touched them.

    python benchmarks/killed_trainings.py

On TensorFlow and on JAX, thirty small trainings are killed at random moments and go on from their
checkpoints, of four kinds of network: the small one and a fine-tuned one on augmented slices, a
dense head with dropout, and a bidirectional LSTM. Each that ends has to have the weights,
predictions and losses of one that was never killed, byte for byte; what differs is counted. Of how
many trainings that ended each had gone on from a checkpoint says whether the kills hit anything.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from side_by_side import main

from ichreport.files import read_json

JOB = Path(__file__).parents[1] / "tests" / "model" / "killed_trainings.py"
BACKENDS = ("tensorflow", "jax")
SEED = 1
COMPILE_QUICKLY = "--xla_backend_optimization_level=0"
"""Each training that is killed is compiled anew, which takes JAX longer than to train."""


def on(backend: str, kills: int) -> dict[str, Any]:
    """The outcome of so many kills on one backend, by kind of network.

    Raises:
        RuntimeError: If a training failed by itself.
    """
    environment = os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": COMPILE_QUICKLY}
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, str(JOB), folder, str(kills), str(SEED)]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"a training on {backend} failed:\n{done.stderr[-2000:]}")
        results = read_json(Path(folder) / f"killed-{backend}.json")
    return {kind: outcome(result) for kind, result in results.items()}


def outcome(result: dict[str, Any]) -> dict[str, Any]:
    """What became of one kind's trainings, beside the undisturbed one."""
    compared = ("files", "history")
    return {
        "kills": result["kills"],
        "trainings_that_ended": len(result["killed"]),
        "times_they_went_on_from_a_checkpoint": sum(one["resumed"] for one in result["killed"]),
        "trainings_that_differ": sum(
            any(one[what] != result["undisturbed"][what] for what in compared)
            for one in result["killed"]
        ),
    }


def measure(kills: int = 30) -> dict[str, Any]:
    """Kills on each backend, and what differed after them."""
    return {backend: on(backend, kills) for backend in BACKENDS}


if __name__ == "__main__":
    main(measure, kills=4)

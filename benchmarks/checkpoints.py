"""What it costs a training to leave checkpoints.

    python benchmarks/checkpoints.py

The small network on 1,280 slices of 96 x 96, as in the demo, and a head of two Dense layers on
1,024 features of as many; TensorFlow. Each is trained with the pauses between checkpoints that the
package makes, and with one after each epoch. Of both, the share of the training's time that went
into them is measured, and of one checkpoint its size and what it takes to write.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from side_by_side import main

from ichreport.model import networks
from ichreport.model.fitting import checkpoints, loop, losses
from ichreport.model.fitting.batches import SliceBatches
from ichreport.model.fitting.checkpoints import Checkpoint, Checkpoints
from ichreport.model.heads.build import build_head
from ichreport.params.experiment import Experiment

COUNT, WIDTH = 1_600, 1_024
EPOCHS = {"cnn7": 12, "head": 200}
"""The demo's, and so many that a head is trained for longer than the pause."""


class Timed(Checkpoints):
    """Checkpoints that note what they take, and the size of each."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "benchmark")
        self.offering, self.writing, self.sizes = 0.0, [], []

    def offer(self, take: Callable[[], Checkpoint]) -> None:
        """Write one if it is time, by the clock."""
        started = time.perf_counter()
        before = self._written
        super().offer(take)
        taken = time.perf_counter() - started
        self.offering += taken
        if self._written != before:
            self.writing.append(taken)
            newest = max(self._folder.glob("checkpoint-*.npz"))
            self.sizes.append(newest.stat().st_size)


def train(kind: str, epochs: int, count: int) -> dict[str, Any]:
    """One training; gives its seconds, those of its checkpoints, and how many there were."""
    network = "cnn7fast" if kind == "cnn7" else "densenet121"
    plan = Experiment(network=network, epochs=epochs, patience=epochs, dense_layers=2).plan
    random = np.random.default_rng(0)
    truth = (random.random((count, 6)) < 0.3).astype(np.float32)
    keras.utils.set_random_seed(1)
    if kind == "cnn7":
        shape = (count, plan.view.input_spec.slices_seen, *2 * [plan.view.image_size])
        inputs: np.ndarray = random.integers(-1024, 3072, shape).astype(np.int16)
        model = networks.cnn7(plan.view, plan.head, plan.machine)
    else:
        inputs = random.normal(size=(count, WIDTH)).astype(np.float32)
        model = build_head(plan.head, WIDTH, plan.machine)
    batches = [
        SliceBatches(lambda indices, _: inputs[indices], truth, part, plan.fitting.batch_size)
        for part in np.split(np.arange(count), [count * 4 // 5])
    ]
    with tempfile.TemporaryDirectory() as folder:
        kept = Timed(Path(folder))
        started = time.perf_counter()
        loop.fit(
            model, losses.build("bce", truth), *batches, plan.fitting, plan.machine,
            name=kind, seed=1, checkpoints=kept,
        )  # fmt: skip
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "kept": kept}


def measure(count: int = COUNT, shortened: int = 1) -> dict[str, Any]:
    """Shares of trainings, seconds of an epoch, and what a checkpoint is."""
    results: dict[str, Any] = {"slices": count}
    for kind, epochs in EPOCHS.items():
        usual = train(kind, epochs // shortened, count)
        with (
            mock.patch.object(checkpoints, "SECONDS_BETWEEN", 0.0),
            mock.patch.object(checkpoints, "SHARE", float("inf")),
        ):
            each = train(kind, epochs // shortened, count)
        results[kind] = {
            "seconds": usual["seconds"],
            "seconds_an_epoch": usual["seconds"] / (epochs // shortened),
            "checkpoints": len(usual["kept"].writing),
            "share": usual["kept"].offering / usual["seconds"],
            "share_after_each_epoch": each["kept"].offering / each["seconds"],
            "megabytes_of_one": statistics.median(each["kept"].sizes) / 1e6,
            "seconds_of_one": statistics.median(each["kept"].writing),
        }
    return results


if __name__ == "__main__":
    main(measure, count=320, shortened=4)

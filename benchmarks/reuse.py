"""What it saves to pass slices through a frozen backbone once, beside once an epoch.

    python benchmarks/reuse.py

DenseNet121 on raw HU of 96 x 96, as in the demo, and a head of two Dense layers that trains for 16
epochs. Measured are one pass of the backbone and one training of the head on stored features; an
experiment that passes through the backbone in each epoch takes 16 of the one beside the other. In
the report 12 experiments share 6 passes.
"""

import os
import statistics
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from side_by_side import interleaved, main

from ichreport.model import backbones, backend
from ichreport.model.fitting import loop, losses
from ichreport.model.fitting.batches import SliceBatches
from ichreport.model.heads.build import build_head
from ichreport.params.experiment import Experiment

COUNT, EPOCHS = 512, 16
EXPERIMENTS, SHARED = 12, 6
"""Experiments of the report on a frozen backbone, and the passes that they share."""


def measure(repeats: int = 3, count: int = COUNT) -> dict[str, Any]:
    """Seconds of a pass and of a head, and how many times as long a pass an epoch takes."""
    plan = Experiment(epochs=EPOCHS, patience=EPOCHS).plan
    machine, size = plan.machine, plan.fitting.batch_size
    random = np.random.default_rng(0)
    side = plan.view.image_size
    shape = (count, plan.view.input_spec.slices_seen, side, side)
    hu = random.integers(-1024, 3072, shape).astype(np.int16)
    truth = (random.random((count, 6)) < 0.3).astype(np.float32)
    model = backbones.pooled(backbones.build(plan.backbone, machine))
    program = backend.program(model, machine)
    indices = np.arange(count)

    def backbone() -> np.ndarray:
        return loop.outputs(program, hu.__getitem__, indices, size)

    features = backbone()

    def head() -> None:
        built = build_head(plan.head, features.shape[1], machine)
        train, validation = (
            SliceBatches(lambda indices, _: features[indices], truth, part, size)
            for part in np.split(indices, [count * 4 // 5])
        )
        loss = losses.build("bce", truth)
        loop.fit(built, loss, train, validation, plan.fitting, machine, name="head", seed=1)

    seconds = interleaved({"backbone": backbone, "head": head}, repeats=repeats)
    turns = list(zip(seconds["backbone"], seconds["head"], strict=True))
    ratios = [(EPOCHS * b + h) / (b + h) for b, h in turns]
    report = [EXPERIMENTS * (EPOCHS * b + h) / (SHARED * b + EXPERIMENTS * h) for b, h in turns]
    return {
        "slices": count,
        "epochs": EPOCHS,
        "backbone_seconds": statistics.median(seconds["backbone"]),
        "head_seconds": statistics.median(seconds["head"]),
        "pass_an_epoch_over_stored_features": statistics.median(ratios),
        "pass_an_epoch_over_shared_features_in_the_report": statistics.median(report),
    }


if __name__ == "__main__":
    main(measure, repeats=1, count=128)

"""What augmentation costs of a training step, beside one that sees slices as they are.

    python benchmarks/augmentation.py

Steps of DenseNet121 trained whole on slices of 256 x 256, and of the small network on slices of 96
x 96, in memory and without what a first call compiles: without augmentation, with the flips that
are the default, with the 1st place's list, and with every augmentation for every slice. Beside
that, the layers alone, whose share of a step is steadier than a difference of two steps.
"""

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from side_by_side import interleaved, main, median_ratio

from ichreport.model import backbones, backend, inputs, networks
from ichreport.model.augmentation import augmented_model
from ichreport.model.augmentation.drawing import Drawing
from ichreport.model.fitting import losses
from ichreport.params.experiment import Experiment
from ichreport.params.machine import Machine
from ichreport.params.training.training_plan import TrainingPlan

MACHINE = Machine()
LISTS: dict[str, list[Any]] = {
    "nothing": [],
    "flip": ["flip"],
    "1st place": [
        "flip",
        {"affine": {"share": 0.5, "shift": 0.1, "scale": 0.1, "rotate": 30, "aspect": 0.1}},
        {"crop": {"share": 1.0, "scale": [0.6, 0.99]}},
        {"erase": {"share": 0.5, "area": [0.02, 0.4]}},
    ],
    "everything": [
        {kind: {"share": 1.0}}
        for kind in ("flip", "affine", "crop", "erase", "noise", "blur", "contrast")
    ],
}
NETWORKS: dict[str, tuple[dict[str, Any], int]] = {
    "densenet121": ({"network": "densenet121", "trainable_layers": "all", "image_size": 256}, 8),
    "cnn7": ({"network": "cnn7fast", "image_size": 96}, 32),
}
"""What trains, and slices a step."""


def network_of(plan: TrainingPlan) -> keras.Model:
    """A plan's network, with random weights."""
    if plan.backbone is None:
        return networks.cnn7(plan.view, plan.head, MACHINE)
    return networks.fine_tuned(backbones.build(plan.backbone, MACHINE), plan)


class Training(keras.layers.Layer):
    """A model that computes as in training wherever it stands."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self.model = model

    def call(self, given: Any) -> Any:
        """What the model gives."""
        return self.model(given, training=True)


def layers_alone(plan: TrainingPlan) -> keras.Model:
    """What comes before the network while it trains."""
    hu = inputs.hu_input(plan.view)
    still = keras.Model(hu, keras.layers.Identity(dtype="int16")(hu))
    model = augmented_model.build(still, plan.view, plan.fitting.augment, MACHINE)
    return keras.Model(model.input, Training(model)(model.input))


def ways(changes: dict[str, Any], batch: int) -> dict[str, Callable[[], Any]]:
    """A step with each list, waited for, and its layers alone, as training calls them."""
    random = np.random.default_rng(0)
    side = changes["image_size"]
    hu = random.normal(30, 5, (batch, 1, side, side)).astype(np.int16)
    truth = (random.random((batch, 6)) < 0.3).astype(np.float32)
    steps: dict[str, Callable[[], Any]] = {}
    for name, augment in LISTS.items():
        plan = Experiment(**changes, augment=augment).plan
        drawn = Drawing(plan.fitting.augment, 1, random)(batch)
        given = {"hu": hu, **drawn} if drawn else hu
        model = augmented_model.build(network_of(plan), plan.view, plan.fitting.augment, MACHINE)
        program = backend.program(
            model,
            MACHINE,
            loss=losses.build("bce", np.ones((1, 6))),
            optimizer=backend.adam(1e-4, MACHINE),
        )
        steps[name] = lambda program=program, given=given: backend.to_numpy(
            program.train(given, truth, np.ones(batch, dtype=np.float32))
        )
        if drawn:
            before = backend.program(layers_alone(plan), MACHINE)
            steps[f"layers of {name}"] = lambda before=before, given=given: backend.to_numpy(
                before.forward(given)
            )
    return steps


def measure(repeats: int = 7, least: bool = False) -> dict[str, Any]:
    """Seconds a slice of each way; how much longer a step takes, and the layers' share of one."""
    results: dict[str, Any] = {"backend": keras.backend.backend()}
    for network, (changes, usual) in NETWORKS.items():
        batch = 2 if least else usual
        seconds = interleaved(ways(changes, batch), repeats=repeats)
        plain = seconds["nothing"]
        results[network] = {
            "side": changes["image_size"],
            "slices_a_step": batch,
            "seconds_a_slice": {w: float(np.median(s)) / batch for w, s in seconds.items()},
            "step_over_step_without": {
                name: median_ratio(seconds[name], plain) for name in LISTS if name != "nothing"
            },
            "layers_over_step_without": {
                name: median_ratio(seconds[f"layers of {name}"], plain)
                for name in LISTS
                if name != "nothing"
            },
        }
    return results


if __name__ == "__main__":
    main(measure, repeats=1, least=True)

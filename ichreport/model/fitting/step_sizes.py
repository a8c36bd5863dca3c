"""How large the steps of a training are, from the first to the last."""

from collections.abc import Sequence
from typing import Any, Final

import keras
from keras import ops

from ichreport.params.training.training_plan import Fitting

STEP_DROP: Final = 0.1
"""What the step size is multiplied by after each of `step_epochs`."""


def step_sizes(
    fitting: Fitting, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The step size at the start of a plateau, or that of each step of another schedule.

    A cosine's step k of K behind the warm-up's W is (1 + cos(pi (k - W) / (K - W))) / 2 of the
    largest (Loshchilov and Hutter, arXiv:1608.03983, without restarts); before it, they grow from
    1 / W of that in equal parts. Where they fall in steps, they grow in the same way.

    Args:
        fitting: Epochs, warm-up and the largest step.
        steps: Steps of one epoch.
    """
    if fitting.schedule == "plateau":
        return fitting.step_size
    warming, all_steps = round(fitting.warm_up * steps), fitting.epochs * steps
    if fitting.schedule == "steps":
        return FallingSteps(fitting.step_size, [n * steps for n in fitting.step_epochs], warming)
    cosine = keras.optimizers.schedules.CosineDecay
    if not warming:
        return cosine(fitting.step_size, all_steps)
    return cosine(
        fitting.step_size / warming,
        all_steps - warming,
        warmup_target=fitting.step_size,
        warmup_steps=warming,
    )


class FallingSteps(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Step sizes that become a tenth from some steps on, behind a warm-up if there is one.

    Args:
        largest: The largest step size.
        drops: The first step, from 0, of each smaller size; ascending.
        warming: Steps in which they grow from 1 / `warming` of the largest.
    """

    def __init__(self, largest: float, drops: Sequence[int], warming: int = 0) -> None:
        self.largest, self.drops, self.warming = largest, list(drops), warming

    def __call__(self, step: Any) -> Any:
        """The size of a step, counted from 0."""
        step = ops.cast(step, "float32")
        size = ops.convert_to_tensor(self.largest, dtype="float32")
        for drop in self.drops:
            size = ops.where(step < drop, size, size * STEP_DROP)
        if not self.warming:
            return size
        first = 1 / self.warming
        return size * ops.minimum(first + (1 - first) * step / self.warming, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The schedule's arguments."""
        return {"largest": self.largest, "drops": self.drops, "warming": self.warming}

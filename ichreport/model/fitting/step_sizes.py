"""How large the steps of a training are, from the first to the last."""

import keras

from ichreport.params.training_plan import Fitting


def step_sizes(
    fitting: Fitting, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The step size at the start of a plateau, or that of each step of a cosine.

    A cosine's step k of K behind the warm-up's W is (1 + cos(pi (k - W) / (K - W))) / 2 of the
    largest (Loshchilov and Hutter, arXiv:1608.03983, without restarts); before it, they grow from
    1 / W of that in equal parts.

    Args:
        fitting: Epochs, warm-up and the largest step.
        steps: Steps of one epoch.
    """
    if fitting.schedule == "plateau":
        return fitting.step_size
    warming, all_steps = round(fitting.warm_up * steps), fitting.epochs * steps
    cosine = keras.optimizers.schedules.CosineDecay
    if not warming:
        return cosine(fitting.step_size, all_steps)
    return cosine(
        fitting.step_size / warming,
        all_steps - warming,
        warmup_target=fitting.step_size,
        warmup_steps=warming,
    )

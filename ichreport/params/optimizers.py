"""What takes the steps of a training, and how large they are from the first to the last."""

from collections.abc import Mapping
from typing import Final, Literal

Optimizer = Literal["adam", "adamw"]
Schedule = Literal["plateau", "cosine"]

OPTIMIZERS: Final[Mapping[Optimizer, str]] = {"adam": "Adam", "adamw": "AdamW"}
"""What each optimizer is called."""


def problem(optimizer: Optimizer, weight_decay: float, schedule: Schedule, warm_up: float) -> str:
    """Why these do not go together, with the cure; nothing if they do."""
    if weight_decay and optimizer != "adamw":
        return (
            f"weight_decay is {weight_decay:g}, which optimizer {optimizer} does not know; set "
            "optimizer: adamw, or leave weight_decay out."
        )
    if warm_up and schedule == "plateau":
        return (
            f"warm_up is {warm_up:g}, which schedule plateau does not have; set schedule: cosine, "
            "or leave warm_up out."
        )
    return ""


def steps_in_words(
    optimizer: Optimizer, weight_decay: float, schedule: Schedule, warm_up: float, step_size: float
) -> str:
    """What takes the steps, and how large they are: `Adam with a step of 0.002, cut after …`."""
    name = OPTIMIZERS[optimizer] + (f" (weight decay {weight_decay:g})" if weight_decay else "")
    if schedule == "plateau":
        return (
            f"{name} with a step of {step_size:g}, cut after each epoch without gain on validation"
        )
    grow = f"grow for {warm_up:g} epoch{'' if warm_up == 1 else 's'} and " if warm_up else ""
    return f"{name} with steps of up to {step_size:g} that {grow}fall along a cosine to 0"


def epochs_in_words(schedule: Schedule, epochs: int, patience: int) -> str:
    """How long a training goes on: `at most 12 epochs, stopped after 3 without gain`."""
    if schedule == "plateau":
        return f"at most {epochs} epochs, stopped after {patience} without gain"
    return f"{epochs} epochs, of which the one with the least loss on validation is kept"

"""How a training takes its steps: what takes them, how large they are, and along which slopes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ichreport.params.mistakes import brief

Optimizer = Literal["adam", "adamw"]
Schedule = Literal["plateau", "cosine", "steps"]

OPTIMIZERS: Final[Mapping[Optimizer, str]] = {"adam": "Adam", "adamw": "AdamW"}
"""What each optimizer is called."""


@dataclass(frozen=True, kw_only=True)
class Steps:
    """How a training takes its steps.

    Attributes:
        optimizer: What takes them.
        weight_decay: What AdamW takes from each weight, as a share of it and of the step size.
        schedule: What becomes of the step size.
        warm_up: Epochs in which it grows from almost nothing.
        step_epochs: Epochs after each of which schedule `steps` makes it a tenth.
        clip_norm: What the norm of all slopes together is clipped at; None leaves it.
        accumulate: Batches whose mean slope a step takes.
        ema: What a step leaves of the moving average of the weights, at most; 0 has no average.
    """

    optimizer: Optimizer = "adam"
    weight_decay: float = 0.0
    schedule: Schedule = "plateau"
    warm_up: float = 0.0
    step_epochs: tuple[int, ...] = ()
    clip_norm: float | None = None
    accumulate: int = 1
    ema: float = 0.0

    def problem(self, epochs: int) -> str:
        """Why these do not go together in so many epochs, with the cure; nothing if they do."""
        if self.weight_decay and self.optimizer != "adamw":
            return (
                f"weight_decay is {self.weight_decay:g}, which optimizer {self.optimizer} does not "
                "know; set optimizer: adamw, or leave weight_decay out."
            )
        return self._problem_of_drops(epochs) or self._problem_of_warm_up(epochs)

    def _problem_of_drops(self, epochs: int) -> str:
        drops = list(self.step_epochs)
        if self.schedule != "steps":
            if not drops:
                return ""
            return (
                f"step_epochs is {brief(drops)}, which schedule {self.schedule} does not have; set "
                "schedule: steps, or leave step_epochs out."
            )
        if epochs == 1:
            return (
                "schedule steps needs two epochs or more, and there is one; set epochs higher, or "
                "choose another schedule."
            )
        if not drops:
            return (
                "schedule steps needs the epochs after which steps become a tenth; set, for "
                f"example, step_epochs: [{max(1, epochs * 2 // 3)}]."
            )
        if drops != sorted(set(drops)) or drops[0] < 1 or drops[-1] >= epochs:
            return (
                f"step_epochs must be ascending epochs from 1 to {epochs - 1}, of {epochs}, got "
                f"{brief(drops)}."
            )
        return ""

    def _problem_of_warm_up(self, epochs: int) -> str:
        if not self.warm_up:
            return ""
        if self.schedule == "plateau":
            return (
                f"warm_up is {self.warm_up:g}, which schedule plateau does not have; set schedule: "
                "cosine or steps, or leave warm_up out."
            )
        if self.warm_up >= epochs:
            return (
                f"warm_up is {self.warm_up:g} of {epochs} epochs, which leaves none to train with "
                "whole steps; make it shorter."
            )
        if self.step_epochs and self.warm_up >= self.step_epochs[0]:
            return (
                f"warm_up is {self.warm_up:g} epochs, and steps become a tenth after "
                f"{self.step_epochs[0]} already; make it shorter, or step_epochs later."
            )
        return ""

    def in_words(self, step_size: float) -> str:
        """How steps are taken, the largest of a size: `Adam with a step of 0.002, cut after …`."""
        decay = f" (weight decay {self.weight_decay:g})" if self.weight_decay else ""
        return f"{OPTIMIZERS[self.optimizer]}{decay} with {self._sizes(step_size)}{self._slopes()}"

    def _sizes(self, step_size: float) -> str:
        if self.schedule == "plateau":
            return f"a step of {step_size:g}, cut after each epoch without gain on validation"
        epochs = f"{self.warm_up:g} epoch{'' if self.warm_up == 1 else 's'}"
        grow = f"grow for {epochs} and " if self.warm_up else ""
        if self.schedule == "cosine":
            return f"steps of up to {step_size:g} that {grow}fall along a cosine to 0"
        drops = " and again after epoch ".join(map(str, self.step_epochs))
        return f"steps of up to {step_size:g} that {grow}become a tenth after epoch {drops}"

    def _slopes(self) -> str:
        """Along which slopes; nothing where they are those of each batch."""
        if self.accumulate == 1 and self.clip_norm is None:
            return ""
        slopes = "the slopes of each batch"
        if self.accumulate > 1:
            slopes = f"the mean slopes of {self.accumulate} batches"
        clipped = "" if self.clip_norm is None else f", clipped at a norm of {self.clip_norm:g}"
        return f", along {slopes}{clipped}"

    def epochs_in_words(self, epochs: int, patience: int) -> str:
        """How long a training may go on: `at most 12 epochs, fewer after 3 without gain`."""
        if epochs == 1:
            told = "1 epoch"
        elif self.schedule == "plateau":
            told = f"at most {epochs} epochs, fewer after {patience} without gain"
        else:
            told = f"{epochs} epochs, of which the one with the least loss on validation is kept"
        if not self.ema:
            return told
        return f"{told}; validated and kept is a moving average of the weights (EMA {self.ema:g})"

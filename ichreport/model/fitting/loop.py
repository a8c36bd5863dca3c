"""The training loop: passes over train, the loss on validation after each, and when to stop.

The loop is written out instead of calling Keras' `fit`, for speed: on a 2-core CPU with TensorFlow,
an epoch of `fit` took 2.5 times as long for a dense head on stored features and 1.4 times as long
for a bidirectional LSTM (`benchmarks/heads.py`). It also takes batches from a stream that reads
while the device computes, with a weight of 0 for what fills up the last one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ichreport.files import without_nan
from ichreport.model import backend, prefetch
from ichreport.model.fitting.accumulating import steps_of, taking_steps
from ichreport.model.fitting.batches import Batch, SliceBatches
from ichreport.model.fitting.checkpoints import Checkpoint, Checkpoints
from ichreport.model.fitting.losses import LossFunction
from ichreport.model.fitting.series_batches import Planned, SeriesBatches
from ichreport.model.fitting.step_sizes import step_sizes
from ichreport.params.machine import Machine
from ichreport.params.training.training_plan import Fitting

Batches = SliceBatches | SeriesBatches

STEP_CUT = 0.3
"""What the step size is multiplied by after an epoch without clear gain on validation."""

CLEAR_GAIN = 4e-4
"""Share of the loss: a smaller gain does not keep the steps from being cut; it does keep training
going. A share, since losses differ: the focal one is seven times smaller."""


def fit(
    model: keras.Model,
    loss: LossFunction,
    train: Batches,
    validation: Batches | None,
    fitting: Fitting,
    machine: Machine,
    *,
    name: str,
    seed: int,
    checkpoints: Checkpoints | None = None,
    begun: Checkpoint | None = None,
) -> dict[str, list[float]]:
    """Train with Adam or AdamW, and keep the best epoch's weights.

    On a plateau, steps are cut each time that an epoch brings validation no gain, and training
    stops when it has not improved for `patience` epochs. Other schedules run through all epochs,
    since their last steps, the small ones, are what they are for. Where weights are averaged, the
    average is what validation watches and what is kept.

    Args:
        model: From a batch's inputs to logits.
        loss: From truth and logits to the loss of each slice.
        train: Batches to learn from, in an order of its own each epoch.
        validation: Batches to watch; without, all epochs run and the last weights stay.
        fitting: Epochs, patience and step size.
        machine: How it computes.
        name: The run, for messages.
        seed: Draws the orders.
        checkpoints: Those of this training: it adds to them.
        begun: The last of them, from which it goes on; None for a training that begins.

    Returns:
        `loss` and, where it was watched, `val_loss`: the mean over slices of each epoch. `loss` is
        of the weights as they were at each step.

    Raises:
        ValueError: If a loss is not finite.
    """
    sizes = step_sizes(fitting, steps_of(train.steps, fitting.accumulate))
    optimizer = backend.adam(sizes, machine, weight_decay=fitting.weight_decay)
    program = backend.program(model, machine, loss=loss, optimizer=optimizer, steps=fitting)
    step = taking_steps(program, train.steps, fitting.accumulate)
    random = np.random.default_rng(seed)
    watched = _Watched(program, fitting)
    history: dict[str, list[float]] = {"loss": []}
    if validation is not None:
        history["val_loss"] = []
    resumable = _Resumable(program, watched, history, [random, *train.generators])
    resumable.restore(begun)
    while len(history["loss"]) < fitting.epochs and not watched.has_enough:
        history["loss"].append(_pass(program, step, train, random))
        if validation is not None:
            history["val_loss"].append(_pass(program, program.evaluate, validation, None))
        now = {measure: values[-1] for measure, values in history.items()}
        if not np.isfinite(list(now.values())).all():
            raise ValueError(
                f"{name}: the loss is not finite after {len(history['loss'])} epochs; "
                f"try a {fitting.step_size_name} below {fitting.step_size!r}."
            )
        if validation is not None:
            watched.see(now["val_loss"])
        if checkpoints is not None:
            checkpoints.offer(resumable.checkpoint)
    program.finish(program.weights() if validation is None else watched.best_weights)
    return history


class _Watched:
    """Keeps the best weights; on a plateau, cuts the steps and says when to stop.

    Args:
        program: What trains.
        fitting: Its schedule, and the epochs without gain before stopping.
    """

    def __init__(self, program: Any, fitting: Fitting) -> None:
        self._program, self._fitting = program, fitting
        self._best = self._clearly_best = float("inf")
        self._waited = 0
        self.best_weights: Sequence[NDArray[Any]] = program.weights()

    @property
    def has_enough(self) -> bool:
        """Whether to stop."""
        return self._stops_early and self._waited >= self._fitting.patience

    def see(self, loss: float) -> None:
        """Take an epoch's validation loss."""
        if loss < self._clearly_best * (1 - CLEAR_GAIN):
            self._clearly_best = loss
        elif self._stops_early:
            self._program.cut_steps(STEP_CUT)
        if loss < self._best:
            self._best, self._waited = loss, 0
            self.best_weights = self._program.weights()
        else:
            self._waited += 1

    def progress(self) -> dict[str, Any]:
        """What it goes by, without the best weights, as JSON takes it: no loss yet is None."""
        progress: dict[str, Any] = without_nan(
            {"best": self._best, "clearly_best": self._clearly_best, "waited": self._waited}
        )
        return progress

    def restore(self, progress: Mapping[str, Any], best_weights: Sequence[NDArray[Any]]) -> None:
        """Take over what `progress` gave, and the weights of the best epoch."""
        self._best, self._clearly_best = (
            float("inf") if progress[name] is None else progress[name]
            for name in ("best", "clearly_best")
        )
        self._waited, self.best_weights = progress["waited"], best_weights

    @property
    def _stops_early(self) -> bool:
        return self._fitting.schedule == "plateau"


@dataclass(frozen=True)
class _Resumable:
    """All that a training is at the end of an epoch.

    Attributes:
        program: What trains.
        watched: What it has seen of validation.
        history: By measure, one value an epoch.
        generators: All that it draws from on the host. The batches of an epoch are planned before
            it ends, however far ahead they are gathered, so that none has moved on by then.
    """

    program: Any
    watched: _Watched
    history: dict[str, list[float]]
    generators: Sequence[np.random.Generator]

    def checkpoint(self) -> Checkpoint:
        """It, as it is now."""
        return Checkpoint(
            history=self.history,
            progress=self.watched.progress(),
            generators=[generator.bit_generator.state for generator in self.generators],
            state=self.program.state(),
            best_weights=self.watched.best_weights,
        )

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """Make it what it was; without a checkpoint, it starts."""
        if checkpoint is None:
            return
        self.history.update(checkpoint.history)
        self.watched.restore(checkpoint.progress, checkpoint.best_weights)
        for generator, state in zip(self.generators, checkpoint.generators, strict=True):
            generator.bit_generator.state = state
        self.program.restore(checkpoint.state)


def _pass(program: Any, step: Any, batches: Batches, random: np.random.Generator | None) -> float:
    """Run a step on every batch; gives the mean loss of what counts."""
    counted: list[float] = []
    totals: list[float] = []

    def gather(planned: Any) -> tuple[float, Any]:
        batch: Batch = batches.gather(planned)
        return float(batch.weights.sum()), program.to_device(tuple(batch))

    def compute(gathered: tuple[float, Any]) -> Any:
        count, batch = gathered
        counted.append(count)
        return step(*batch)

    def keep(total: Any) -> None:
        totals.append(float(backend.to_numpy(total)))

    prefetch.run(gather, batches.plan(random), compute, keep)
    return float(np.sum(totals) / np.sum(counted))


def outputs_of_series(program: Any, batches: SeriesBatches) -> NDArray[np.float32]:
    """What a program gives for each slice of series, (slices, n), in the order of their features.

    Args:
        program: See `backend.program`.
        batches: The series, of which each slice counts once.
    """
    places: list[NDArray[np.int64]] = []
    results: list[NDArray[np.float32]] = []
    counted: list[Planned] = []

    def compute(gathered: tuple[Any, Planned]) -> Any:
        inputs, planned = gathered
        counted.append(planned)
        return program.forward(inputs)

    def keep(result: Any) -> None:
        planned = counted[len(results)]
        places.append(planned.order[planned.counts])
        results.append(backend.to_numpy(result)[planned.counts])

    prefetch.run(
        lambda planned: (program.to_device(batches.gather(planned).inputs), planned),
        batches.plan(None),
        compute,
        keep,
    )
    back = np.argsort(np.concatenate(places))
    return np.concatenate(results)[back].astype(np.float32, copy=False)


def outputs(
    program: Any, gather: Any, indices: NDArray[np.int64], size: int
) -> NDArray[np.float32]:
    """What a program gives for each of some items, (items, ...), in their order.

    Args:
        program: See `backend.program`.
        gather: From indices of items to the program's input.
        indices: Shape (n,), at least one.
        size: Items a batch.
    """
    results: list[NDArray[np.float32]] = []
    counts: list[int] = []

    def compute(gathered: Any) -> Any:
        inputs, count = gathered
        counts.append(count)
        return program.forward(inputs)

    def keep(result: Any) -> None:
        results.append(backend.to_numpy(result)[: counts[len(results)]])

    batches = prefetch.in_batches(indices, size)
    prefetch.run(
        lambda chosen: (program.to_device(gather(chosen[0])), chosen[1]), batches, compute, keep
    )
    return np.concatenate(results).astype(np.float32, copy=False)

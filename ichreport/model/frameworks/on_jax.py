"""Devices, determinism, gradients and compiled steps on JAX."""

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import jax
import keras
import numpy as np
from numpy.typing import NDArray

from ichreport.model.fitting import averaging
from ichreport.model.fitting.clipping import clipped
from ichreport.params.training.optimizers import Steps

_PLAIN_STEPS = Steps()

_STRICT = {"xla_gpu_deterministic_ops": True}
"""What XLA is told for the same bits each time; on a CPU it needs no telling."""


def devices() -> list[tuple[str, bool]]:
    """The name of each device that would compute, and whether it is a GPU; none: the CPU."""
    return [(device.device_kind, True) for device in jax.devices() if device.platform == "gpu"]


def device_of(tensor: Any) -> str:
    """Where a tensor lies: on a device with `gpu` or `cuda` in its name, or elsewhere."""
    return ", ".join(sorted(str(device) for device in tensor.devices()))


def gradient(function: Callable[[Any], Any], inputs: NDArray[np.float32]) -> Any:
    """The gradient of the sum of a function's outputs with respect to its input."""
    return jax.grad(lambda tensor: function(tensor).sum())(jax.numpy.asarray(inputs))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device has no memory left."""
    return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)


class Group:
    """Devices that share each batch: `keras.distribution.DataParallel`, for more than one.

    Args:
        wanted: How many, or all that there are.
    """

    def __init__(self, wanted: int | Literal["all"]) -> None:
        names = keras.distribution.list_devices()
        self.names = names[: None if wanted == "all" else wanted]
        self.distribution = (
            keras.distribution.DataParallel(devices=self.names) if len(self) > 1 else None
        )

    def __len__(self) -> int:
        return len(self.names)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Where a model has to be built whose variables all of the devices hold."""
        scope: contextlib.AbstractContextManager[Any] = (
            self.distribution.scope() if self.distribution else contextlib.nullcontext()
        )
        return scope

    def batch_normalization(self, **options: Any) -> keras.layers.Layer:
        """A layer that norms by the whole of a batch, as JAX does however it is shared."""
        return keras.layers.BatchNormalization(**options)

    def to_device(self, batch: Any) -> Any:
        """Give every device an equal share of each array of a batch; what lies there stays."""
        distribution = self.distribution

        def to_device(array: Any) -> Any:
            if not isinstance(array, np.ndarray):
                return array
            if distribution is None:
                return jax.device_put(array)
            layout = distribution.get_data_layout(array.shape).backend_layout
            return jax.device_put(array, layout)

        return keras.tree.map_structure(to_device, batch)


class Program:
    """A model compiled for batches of one shape.

    JAX changes nothing in place: the weights travel through each step, and come back to the model
    at the end.

    Args:
        model: Built within `group.scope()`.
        group: The devices to compute on.
        jit: Whether to compile with XLA.
        strict: Whether every step has to give the same bits each time.
        loss: From truth and logits to the loss of each item; not needed by `forward`.
        optimizer: What changes the weights; needed by `train` alone.
        steps: Whether slopes are clipped or gathered. Where weights are averaged, the average is
            what `evaluate`, `forward` and `weights` are of.
    """

    def __init__(
        self,
        model: keras.Model,
        group: Group,
        *,
        jit: bool,
        strict: bool,
        loss: Callable[[Any, Any], Any] | None = None,
        optimizer: keras.optimizers.Optimizer | None = None,
        steps: Steps = _PLAIN_STEPS,
    ) -> None:
        self._model, self._group, self._loss, self._steps = model, group, loss, steps
        self._optimizer: Any = optimizer
        adapted: list[Any] = []
        if optimizer is not None:
            with group.scope():
                optimizer.build(model.trainable_variables)
            adapted = [_copy(variable.value) for variable in optimizer.variables]
        self._state = (
            [_copy(variable.value) for variable in model.trainable_variables],
            [_copy(variable.value) for variable in model.non_trainable_variables],
            adapted,
            self._first_average(),
        )
        self._gathered = self._nothing_gathered()
        compiled: Any = partial(jax.jit, compiler_options=_STRICT if strict else None)
        if not jit:
            compiled = lambda step, **_: step  # noqa: E731
        self._train = compiled(self._train_step, donate_argnums=(0, 1))
        self._gather = compiled(self._gather_step, donate_argnums=(0, 1))
        self._evaluate = compiled(self._evaluate_step)
        self._forward = compiled(self._forward_step)

    def to_device(self, batch: Any) -> Any:
        """Put arrays where steps take them from; ahead of its step, a copy costs no time of it."""
        return self._group.to_device(batch)

    def train(self, inputs: Any, truth: Any, weights: Any) -> Any:
        """Take one step down the mean loss of a batch; gives its weighted sum.

        Where others were gathered before it, down the mean loss of all of them.
        """
        batch = self.to_device((inputs, truth, weights))
        self._state, self._gathered, total = self._train(self._state, self._gathered, *batch)
        return total

    def gather(self, inputs: Any, truth: Any, weights: Any) -> Any:
        """Keep a batch's slopes for the next step; gives its weighted sum of losses."""
        batch = self.to_device((inputs, truth, weights))
        self._state, self._gathered, total = self._gather(self._state, self._gathered, *batch)
        return total

    def evaluate(self, inputs: Any, truth: Any, weights: Any) -> Any:
        """The weighted sum of a batch's losses."""
        return self._evaluate(self._judged(), *self.to_device((inputs, truth, weights)))

    def forward(self, inputs: Any) -> Any:
        """The model's outputs."""
        return self._forward(self._judged(), self.to_device(inputs))

    def cut_steps(self, factor: float) -> None:
        """Multiply the optimizer's step size."""
        if self._optimizer is None:
            raise TypeError("A program without an optimizer takes no steps.")
        rate = self._optimizer.learning_rate
        trainable, fixed, adapted, average = self._state
        adapted = [
            value * factor if variable is rate else value
            for variable, value in zip(self._optimizer.variables, adapted, strict=True)
        ]
        self._state = (trainable, fixed, adapted, average)

    def weights(self) -> list[NDArray[Any]]:
        """Copies of the model's weights."""
        trainable, fixed = self._judged()
        values = dict(zip(map(id, self._model.trainable_variables), trainable, strict=True))
        values |= zip(map(id, self._model.non_trainable_variables), fixed, strict=True)
        return [np.array(values[id(weight)]) for weight in self._model.weights]

    def state(self) -> list[NDArray[Any]]:
        """Copies of all that steps change, random generators of layers included."""
        return [np.array(value) for value in jax.tree.leaves(self._state)]

    def restore(self, state: Sequence[NDArray[Any]]) -> None:
        """Take over what `state` gave, here or in another process."""
        present, structure = jax.tree.flatten(self._state)
        values = [
            _copy(jax.device_put(value, now.sharding))
            for value, now in zip(state, present, strict=True)
        ]
        self._state = jax.tree.unflatten(structure, values)

    def finish(self, weights: Sequence[NDArray[Any]]) -> None:
        """Give the model these weights for good."""
        self._model.set_weights(weights)

    def _first_average(self) -> Any:
        """The weights as they are, as far as they are averaged; nothing where none are."""
        if not self._steps.ema:
            return ()
        variables = self._model.trainable_variables, self._model.non_trainable_variables
        return tuple(
            [_copy(one.value) if averaging.is_averaged(one) else None for one in some]
            for some in variables
        )

    def _nothing_gathered(self) -> Any:
        """Slopes of 0 and no items; nothing where steps are of one batch."""
        if self._steps.accumulate == 1:
            return ()
        zeros = [jax.numpy.zeros_like(value) for value in self._state[0]]
        return zeros, jax.numpy.zeros((), dtype="float32")

    def _judged(self) -> Any:
        """What is evaluated and kept: the weights, or their average as far as there is one."""
        trainable, fixed, _, average = self._state
        if not average:
            return trainable, fixed
        return tuple(
            [value if mean is None else mean for mean, value in zip(*both, strict=True)]
            for both in zip(average, (trainable, fixed), strict=True)
        )

    def _train_step(self, state: Any, gathered: Any, inputs: Any, truth: Any, weights: Any) -> Any:
        state, slopes, total = self._slopes(state, inputs, truth, weights)
        trainable, fixed, adapted, average = state
        if gathered:
            added, items = _added(gathered, slopes, weights)
            slopes = [slope / items for slope in added]
            gathered = jax.tree.map(jax.numpy.zeros_like, gathered)
        if self._steps.clip_norm is not None:
            scale = self._reading(adapted, lambda optimizer: optimizer.scale_loss(1.0))
            slopes = clipped(slopes, self._steps.clip_norm * scale)
        trainable, adapted = self._optimizer.stateless_apply(adapted, slopes, trainable)
        if average:
            average = self._moved(average, trainable, fixed, adapted)
        return (trainable, fixed, adapted, average), gathered, total

    def _gather_step(self, state: Any, gathered: Any, inputs: Any, truth: Any, weights: Any) -> Any:
        state, slopes, total = self._slopes(state, inputs, truth, weights)
        return state, _added(gathered, slopes, weights), total

    def _moved(self, average: Any, trainable: Any, fixed: Any, adapted: Any) -> Any:
        steps = self._reading(adapted, lambda optimizer: optimizer.iterations.value)
        share = averaging.share_of_new(self._steps.ema, steps)
        return tuple(
            [
                None if old is None else averaging.moved(old, value, share)
                for old, value in zip(*both, strict=True)
            ]
            for both in zip(average, (trainable, fixed), strict=True)
        )

    def _reading(self, adapted: Any, read: Callable[[Any], Any]) -> Any:
        """Read something of the optimizer, where its variables have these values."""
        optimizer = self._optimizer
        with keras.StatelessScope(zip(optimizer.variables, adapted, strict=True)):
            return read(optimizer)

    def _slopes(self, state: Any, inputs: Any, truth: Any, weights: Any) -> Any:
        """The state after a pass forward, the slopes of the mean loss, and its weighted sum."""
        if self._loss is None or self._optimizer is None:
            raise TypeError("A program that trains needs a loss and an optimizer.")
        trainable, fixed, adapted, average = state

        def objective(trainable: Any) -> Any:
            logits, changed = self._model.stateless_call(trainable, fixed, inputs, training=True)
            total = (self._loss(truth, logits) * weights).sum()  # type: ignore[misc]
            mean = total / weights.sum()
            scaled = self._reading(adapted, lambda optimizer: optimizer.scale_loss(mean))
            return scaled, (total, changed)

        slopes, (total, fixed) = jax.grad(objective, has_aux=True)(trainable)
        return (trainable, fixed, adapted, average), slopes, total

    def _evaluate_step(self, state: Any, inputs: Any, truth: Any, weights: Any) -> Any:
        if self._loss is None:
            raise TypeError("A program that evaluates needs a loss.")
        return (self._loss(truth, self._forward_step(state, inputs)) * weights).sum()

    def _forward_step(self, state: Any, inputs: Any) -> Any:
        return self._model.stateless_call(*state, inputs, training=False)[0]


def _added(gathered: Any, slopes: Any, weights: Any) -> Any:
    """What was gathered, and a batch's slopes, which are those of its mean, times its items."""
    before, items = gathered
    more = weights.sum()
    sums = [sum_ + slope * more for sum_, slope in zip(before, slopes, strict=True)]
    return sums, items + more


def _copy(value: Any) -> Any:
    """Another buffer on the same devices: a training step gives its own away."""
    return jax.numpy.array(value, copy=True)

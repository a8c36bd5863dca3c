"""Devices, determinism, gradients and steps on torch, which runs a model as it is written."""

import contextlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import keras
import numpy as np
import torch
from numpy.typing import NDArray

from ichreport.model.fitting import averaging
from ichreport.model.fitting.clipping import clipped
from ichreport.params.training.optimizers import Steps

_PLAIN_STEPS = Steps()


def devices() -> list[tuple[str, bool]]:
    """The name of each device that would compute, and whether it is a GPU; none: the CPU."""
    return [(torch.cuda.get_device_name(i), True) for i in range(torch.cuda.device_count())]


def device_of(tensor: Any) -> str:
    """Where a tensor lies: on a device with `gpu` or `cuda` in its name, or elsewhere."""
    return str(tensor.device)


def gradient(function: Callable[[Any], Any], inputs: NDArray[np.float32]) -> Any:
    """The gradient of the sum of a function's outputs with respect to its input."""
    tensor = keras.ops.convert_to_tensor(inputs).clone().requires_grad_(True)
    (slopes,) = torch.autograd.grad(function(tensor).sum(), tensor)
    return slopes


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device has no memory left."""
    return isinstance(error, torch.cuda.OutOfMemoryError)


class Group:
    """The one device that computes: Keras shares batches over several on the other frameworks.

    Args:
        wanted: How many, or all that there are.

    Raises:
        ValueError: If that is more than one.
    """

    def __init__(self, wanted: int | Literal["all"]) -> None:
        names = [name for name, _ in devices()] or ["CPU"]
        self.names = names[: None if wanted == "all" else wanted]
        if len(self) > 1:
            raise ValueError(
                f"devices must be 1 on torch, got {wanted!r}; set KERAS_BACKEND to jax or "
                "tensorflow to compute on several."
            )

    def __len__(self) -> int:
        return len(self.names)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Where a model has to be built: anywhere."""
        return contextlib.nullcontext()

    def batch_normalization(self, **options: Any) -> keras.layers.Layer:
        """A layer that norms by the whole of a batch."""
        return keras.layers.BatchNormalization(**options)


class Program:
    """A model that steps through batches.

    Args:
        model: Any model.
        group: The device to compute on.
        jit: Not used: torch runs eagerly.
        strict: Whether every step has to give the same bits each time; then all later operations
            of the process have to, or raise where they cannot.
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
        del group, jit
        if strict:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs for it
            torch.use_deterministic_algorithms(True)
        self._model, self._loss, self._steps = model, loss, steps
        self._optimizer: Any = optimizer
        averaged = filter(averaging.is_averaged, model.weights) if steps.ema else ()
        self._average = {id(one): _copy_of(one) for one in averaged}
        self._gathered: tuple[list[Any], Any] | None = None
        if optimizer is not None:
            optimizer.build(model.trainable_variables)

    def to_device(self, batch: Any) -> Any:
        """Put arrays where steps take them from; ahead of its step, a copy costs no time of it."""
        return keras.tree.map_structure(keras.ops.convert_to_tensor, batch)

    def train(self, inputs: Any, truth: Any, weights: Any) -> Any:
        """Take one step down the mean loss of a batch; gives its weighted sum.

        Where others were gathered before it, down the mean loss of all of them.
        """
        slopes, items, total = self._slopes(inputs, truth, weights)
        with torch.no_grad():
            if self._gathered is not None:
                sums, all_items = self._added(slopes, items)
                slopes, self._gathered = [slope / all_items for slope in sums], None
            if self._steps.clip_norm is not None:
                scale = self._optimizer.scale_loss(1.0)
                slopes = clipped(slopes, self._steps.clip_norm * scale)
            self._optimizer.apply(slopes, self._model.trainable_variables)
            self._move_average()
        return total

    def gather(self, inputs: Any, truth: Any, weights: Any) -> Any:
        """Keep a batch's slopes for the next step; gives its weighted sum of losses."""
        slopes, items, total = self._slopes(inputs, truth, weights)
        self._gathered = self._added(slopes, items)
        return total

    def evaluate(self, inputs: Any, truth: Any, weights: Any) -> Any:
        """The weighted sum of a batch's losses."""
        with torch.no_grad():
            return self._total(self._judged, inputs, truth, weights)

    def forward(self, inputs: Any) -> Any:
        """The model's outputs."""
        with torch.no_grad():
            return self._judged(self.to_device(inputs))

    def cut_steps(self, factor: float) -> None:
        """Multiply the optimizer's step size."""
        if self._optimizer is None:
            raise TypeError("A program without an optimizer takes no steps.")
        self._optimizer.learning_rate = float(self._optimizer.learning_rate) * factor

    def weights(self) -> list[NDArray[Any]]:
        """Copies of the model's weights."""
        judged = [self._average.get(id(one), one) for one in self._model.weights]
        return [np.array(keras.ops.convert_to_numpy(one)) for one in judged]

    def state(self) -> list[NDArray[Any]]:
        """Copies of all that steps change, torch's own random generators included."""
        variables = [np.array(keras.ops.convert_to_numpy(one)) for one in self._variables()]
        return [*variables, *(generator.numpy().copy() for generator in _generator_states())]

    def restore(self, state: Sequence[NDArray[Any]]) -> None:
        """Take over what `state` gave, here or in another process."""
        variables = self._variables()
        count = len(variables)
        for variable, value in zip(variables, state[:count], strict=True):
            variable.assign(value)
        host, *devices = (torch.from_numpy(value.copy()) for value in state[count:])
        torch.set_rng_state(host)
        if devices:
            torch.cuda.set_rng_state_all(devices)

    def finish(self, weights: Sequence[NDArray[Any]]) -> None:
        """Give the model these weights for good."""
        self._model.set_weights(weights)

    def _variables(self) -> list[keras.Variable]:
        optimizer = self._optimizer
        adapted = optimizer.variables if optimizer else []
        return [*self._model.variables, *adapted, *self._average.values()]

    def _slopes(self, inputs: Any, truth: Any, weights: Any) -> tuple[list[Any], Any, Any]:
        """The slopes of the mean loss of a batch, its items, and the weighted sum of its losses."""
        if self._optimizer is None:
            raise TypeError("A program that trains needs a loss and an optimizer.")
        self._model.zero_grad()
        total = self._total(partial(self._model, training=True), inputs, truth, weights)
        items = self.to_device(weights).sum()
        self._optimizer.scale_loss(total / items).backward()
        slopes = [variable.value.grad for variable in self._model.trainable_variables]
        return slopes, items, total.detach()

    def _added(self, slopes: Sequence[Any], items: Any) -> tuple[list[Any], Any]:
        """What was gathered, and a batch's slopes, which are those of its mean, times its items."""
        if self._gathered is None:
            return [slope * items for slope in slopes], items
        before, items_before = self._gathered
        sums = [one + slope * items for one, slope in zip(before, slopes, strict=True)]
        return sums, items_before + items

    def _move_average(self) -> None:
        """Let the average of the weights follow a step."""
        if not self._average:
            return
        share = averaging.share_of_new(self._steps.ema, self._optimizer.iterations)
        for weight in self._model.weights:
            if id(weight) in self._average:
                average = self._average[id(weight)]
                average.assign(averaging.moved(average.value, weight.value, share))

    def _judged(self, inputs: Any) -> Any:
        """Logits of what is evaluated: of the weights, or of their average."""
        if not self._average:
            return self._model(inputs, training=False)
        values = (
            [self._average.get(id(one), one).value for one in some]
            for some in (self._model.trainable_variables, self._model.non_trainable_variables)
        )
        return self._model.stateless_call(*values, inputs, training=False)[0]

    def _total(self, network: Callable[[Any], Any], inputs: Any, truth: Any, weights: Any) -> Any:
        if self._loss is None:
            raise TypeError("A program that trains or evaluates needs a loss.")
        inputs, truth, weights = self.to_device((inputs, truth, weights))
        return (self._loss(truth, network(inputs)) * weights).sum()


def _copy_of(variable: keras.Variable) -> keras.Variable:
    return keras.Variable(variable.value.detach().clone(), dtype=variable.dtype, trainable=False)


def _generator_states() -> list[torch.Tensor]:
    """The states of torch's generators, which dropout may draw from: the host's, then each GPU's.

    Bytes, on the host.
    """
    return [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]

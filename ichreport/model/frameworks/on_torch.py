"""Devices, determinism, gradients and steps on torch, which runs a model as it is written."""

import contextlib
import os
from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
import numpy as np
import torch
from numpy.typing import NDArray


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
    ) -> None:
        del group, jit
        if strict:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs for it
            torch.use_deterministic_algorithms(True)
        self._model, self._loss, self._optimizer = model, loss, optimizer
        if optimizer is not None:
            optimizer.build(model.trainable_variables)

    def to_device(self, batch: Any) -> Any:
        """Put arrays where steps take them from; ahead of its step, a copy costs no time of it."""
        return keras.tree.map_structure(keras.ops.convert_to_tensor, batch)

    def train(self, inputs: Any, truth: Any, weights: Any) -> Any:
        """Take one step down the mean loss of a batch; gives its weighted sum."""
        if self._optimizer is None:
            raise TypeError("A program that trains needs a loss and an optimizer.")
        self._model.zero_grad()
        total = self._total(inputs, truth, weights, training=True)
        self._optimizer.scale_loss(total / self.to_device(weights).sum()).backward()
        variables = self._model.trainable_variables
        with torch.no_grad():
            self._optimizer.apply([variable.value.grad for variable in variables], variables)
        return total.detach()

    def evaluate(self, inputs: Any, truth: Any, weights: Any) -> Any:
        """The weighted sum of a batch's losses."""
        with torch.no_grad():
            return self._total(inputs, truth, weights, training=False)

    def forward(self, inputs: Any) -> Any:
        """The model's outputs."""
        with torch.no_grad():
            return self._model(self.to_device(inputs), training=False)

    def cut_steps(self, factor: float) -> None:
        """Multiply the optimizer's step size."""
        if self._optimizer is None:
            raise TypeError("A program without an optimizer takes no steps.")
        self._optimizer.learning_rate = float(self._optimizer.learning_rate) * factor

    def weights(self) -> list[NDArray[Any]]:
        """Copies of the model's weights."""
        return [np.array(weight) for weight in self._model.get_weights()]

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
        return [*self._model.variables, *(optimizer.variables if optimizer else [])]

    def _total(self, inputs: Any, truth: Any, weights: Any, *, training: bool) -> Any:
        if self._loss is None:
            raise TypeError("A program that trains or evaluates needs a loss.")
        inputs, truth, weights = self.to_device((inputs, truth, weights))
        return (self._loss(truth, self._model(inputs, training=training)) * weights).sum()


def _generator_states() -> list[torch.Tensor]:
    """The states of torch's generators, which dropout may draw from: the host's, then each GPU's.

    Bytes, on the host.
    """
    return [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]

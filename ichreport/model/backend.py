"""The Keras backend: its devices, seeds, arithmetic and compiled programs, whichever it is."""

import contextlib
import functools
import importlib
import os
import secrets
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ichreport.params.choices import Devices
from ichreport.params.experiment import Experiment


def start(experiment: Experiment) -> dict[str, Any]:
    """Set seeds and determinism, check that the asked-for devices are there, and describe them.

    Raises:
        RuntimeError: If the experiment requires a GPU, or more devices than there are.
    """
    machine = describe()
    if experiment.require_gpu and not machine["gpu"]:
        raise RuntimeError(
            f"require_gpu is true, but {machine['backend']} sees only {machine['devices']}. "
            'Install the GPU build (pip install ".[gpu]"), or set require_gpu: false.'
        )
    keras.utils.set_random_seed(training_seed(experiment))
    return machine | {
        "devices_used": len(group(experiment.devices)),
        "precision": experiment.precision,
        "determinism": experiment.determinism,
    }


def describe() -> dict[str, Any]:
    """The Keras backend, its version, its devices, and whether one of them is a GPU."""
    name = keras.backend.backend()
    found = _framework().devices()
    return {
        "backend": name,
        "version": version(name),
        "keras": keras.__version__,
        "devices": [device for device, _ in found] or [f"CPU, {_cores()} threads"],
        "gpu": any(is_gpu for _, is_gpu in found),
    }


def check_gpu() -> str:
    """Multiply two matrices on a GPU; gives its name.

    Raises:
        RuntimeError: If there is no GPU, or something else computed, or the product is wrong.
    """
    machine = describe()
    if not machine["gpu"]:
        raise RuntimeError(
            f"there is no GPU: {machine['backend']} {machine['version']} sees only "
            f"{', '.join(machine['devices'])}. Look for the GPU with nvidia-smi, and install the "
            'GPU build: pip install ".[gpu]"'
        )
    numbers = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)
    product = keras.ops.matmul(keras.ops.convert_to_tensor(numbers), numbers.T)
    place = _framework().place_of(product)
    error = float(np.abs(to_numpy(product) - numbers @ numbers.T).max())
    if not any(name in place.lower() for name in ("gpu", "cuda")) or error > 1:  # TF32 is coarse
        raise RuntimeError(f"a product was computed on {place}, off by up to {error:g}.")
    return ", ".join(machine["devices"])


def jit_compile() -> bool:
    """Whether compiling with XLA pays, by backend and device; `benchmarks/compilation.py` measures.

    On a CPU with TensorFlow it does not: with XLA a training step of the small network took 3 times
    as long, one of a dense head 2.4 and of DenseNet121 1.5 times; DenseNet121's features took as
    long either way. JAX computes through XLA anyway; not compiling whole steps takes twice to six
    times as long. On a GPU nobody has measured it here; there Keras compiles by default, and so do
    we. torch.compile has not been tried.
    """
    machine = describe()
    return machine["backend"] == "jax" or (
        machine["backend"] == "tensorflow" and bool(machine["gpu"])
    )


def training_seed(experiment: Experiment) -> int:
    """What initial weights, order and dropout are drawn from; without determinism, a new one."""
    if experiment.determinism == "none":
        return secrets.randbits(31)
    return experiment.seed_of_training


@functools.cache
def group(devices: Devices) -> Any:
    """The devices that share each batch; `len` says how many.

    Raises:
        RuntimeError: If there are fewer than asked for.
        ValueError: If the backend cannot share batches.
    """
    found = _framework().Group(devices)
    if devices != "all" and len(found) < devices:
        raise RuntimeError(
            f"devices is {devices}, but {keras.backend.backend()} sees only {found.names}; "
            "set devices: all for those that there are."
        )
    return found


@contextlib.contextmanager
def building(experiment: Experiment) -> Iterator[None]:
    """Where models and optimizers are built: in an experiment's precision, on all its devices."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(experiment.precision)
    try:
        with group(experiment.devices).scope():
            yield
    finally:
        keras.config.set_dtype_policy(before)


def adam(experiment: Experiment) -> keras.optimizers.Optimizer:
    """The optimizer that an experiment trains with."""
    with building(experiment):
        _, step_size = experiment.step_size
        optimizer = keras.optimizers.Adam(step_size)
        if experiment.precision == "mixed_float16":  # whose small gradients would be 0
            return keras.optimizers.LossScaleOptimizer(optimizer)
        return optimizer


def program(
    model: keras.Model,
    experiment: Experiment,
    *,
    loss: Callable[[Any, Any], Any] | None = None,
    optimizer: keras.optimizers.Optimizer | None = None,
    jit: bool | None = None,
) -> Any:
    """A model compiled for the experiment's devices; see `frameworks`' `Program`.

    `jit` says whether to use XLA; what pays on the machine if not given.
    """
    return _framework().Program(
        model,
        group(experiment.devices),
        jit=jit_compile() if jit is None else jit,
        strict=experiment.determinism == "strict",
        loss=loss,
        optimizer=optimizer,
    )


def batch_size(experiment: Experiment, size: int) -> int:
    """A batch size that the experiment's devices can share: rounded up to a multiple of them."""
    count = len(group(experiment.devices))
    return -(-size // count) * count


def to_numpy(tensor: Any) -> NDArray[Any]:
    """A tensor on the host, once the device has computed it."""
    array: NDArray[Any] = keras.ops.convert_to_numpy(tensor)
    return array


def gradient(function: Callable[[Any], Any], inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The gradient of the sum of a function's outputs with respect to its input.

    Where each output depends on its own sample only, this is one gradient a sample.

    Args:
        function: From a tensor of the shape of `inputs` to a tensor of any shape.
        inputs: The point at which to differentiate.

    Returns:
        float32 array of the shape of `inputs`.
    """
    array: NDArray[np.float32] = np.asarray(
        to_numpy(_framework().gradient(function, inputs)), dtype=np.float32
    )
    return array


def _framework() -> Any:
    return importlib.import_module(f"ichreport.model.frameworks.on_{keras.backend.backend()}")


_framework()  # now, before anything is built: what it sets of a GPU cannot be set later


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""The Keras backend: its devices, seeds, arithmetic and compiled programs, whichever it is."""

import contextlib
import functools
import os
import secrets
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from ichreport.dependencies import fingerprint, read_all_code
from ichreport.params.machine import Devices, Machine
from ichreport.params.training.optimizers import Steps

_PLAIN_STEPS: Final = Steps()


def start(machine: Machine, *, require_gpu: bool = False) -> dict[str, Any]:
    """Check that the asked-for devices are there, and describe them and how they compute.

    The package's code is read now, as it has been imported: a file may change before a key that
    names it is made.

    Args:
        machine: How networks are to compute.
        require_gpu: Whether a machine without a GPU is refused.

    Raises:
        RuntimeError: If a GPU is required and there is none, or there are fewer devices than asked.
    """
    read_all_code()
    described = describe()
    if require_gpu and not described["gpu"]:
        raise RuntimeError(
            f"require_gpu is true, but {described['backend']} sees only {described['devices']}. "
            'Install the GPU build (pip install ".[gpu]"), or set require_gpu: false.'
        )
    return described | {
        "devices_used": len(group(machine.devices)),
        "precision": machine.precision,
        "determinism": machine.determinism,
    }


def software() -> dict[str, str]:
    """The Keras backend and the versions that compute."""
    name = keras.backend.backend()
    return {"backend": name, "version": version(name), "keras": keras.__version__}


def describe() -> dict[str, Any]:
    """The Keras backend, its version, its devices, and whether one of them is a GPU."""
    devices = _framework().devices()
    return {
        **software(),
        "devices": [device for device, _ in devices] or [f"CPU, {_cores()} threads"],
        "gpu": any(is_gpu for _, is_gpu in devices),
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
    device = _framework().device_of(product)
    error = float(np.abs(to_numpy(product) - numbers @ numbers.T).max())
    if not any(name in device.lower() for name in ("gpu", "cuda")) or error > 1:  # TF32 is coarse
        raise RuntimeError(f"a product was computed on {device}, off by up to {error:g}.")
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


_NEVER_DECAYS: Final = r"(^|/)(bias|beta|gamma)(/replica_\d+)?(:\d+)?$"
"""Names of weights that AdamW leaves alone: Keras' own, or as TensorFlow writes them."""


def training_seed(seed: int, machine: Machine) -> int:
    """What initial weights, order and dropout are drawn from; without determinism, a new one."""
    return secrets.randbits(31) if machine.determinism == "none" else seed


@functools.cache
def group(devices: Devices) -> Any:
    """The devices that share each batch; `len` says how many.

    Raises:
        RuntimeError: If there are fewer than asked for.
        ValueError: If the backend cannot share batches.
    """
    shared = _framework().Group(devices)
    if devices != "all" and len(shared) < devices:
        raise RuntimeError(
            f"devices is {devices}, but {keras.backend.backend()} sees only {shared.names}; "
            "set devices: all for those that there are."
        )
    return shared


@contextlib.contextmanager
def building(machine: Machine) -> Iterator[None]:
    """Where models and optimizers are built: in a machine's precision, on all its devices."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(machine.precision)
    try:
        with group(machine.devices).scope():
            yield
    finally:
        keras.config.set_dtype_policy(before)


def adam(
    step_size: float | keras.optimizers.schedules.LearningRateSchedule,
    machine: Machine,
    *,
    weight_decay: float = 0.0,
) -> keras.optimizers.Optimizer:
    """The optimizer of all trainings: Adam, or AdamW where weights decay.

    Kernels decay, and biases and what scales and shifts normalized values do not, as it is usual
    (Loshchilov and Hutter, arXiv:1711.05101).

    Args:
        step_size: At the start, or by step.
        machine: How it computes.
        weight_decay: What a weight loses a step, as a share of it and of the step size.
    """
    with building(machine):
        optimizer = keras.optimizers.Adam(step_size)
        if weight_decay:
            optimizer = keras.optimizers.AdamW(step_size, weight_decay=weight_decay)
            optimizer.exclude_from_weight_decay(var_names=[_NEVER_DECAYS])
        if machine.precision == "mixed_float16":  # whose small gradients would be 0
            return keras.optimizers.LossScaleOptimizer(optimizer)
        return optimizer


def program(
    model: keras.Model,
    machine: Machine,
    *,
    loss: Callable[[Any, Any], Any] | None = None,
    optimizer: keras.optimizers.Optimizer | None = None,
    steps: Steps = _PLAIN_STEPS,
    jit: bool | None = None,
) -> Any:
    """A model compiled for a machine's devices; see `frameworks`' `Program`.

    `steps` says whether slopes are clipped or gathered and weights averaged. `jit` says whether to
    use XLA; what pays on the machine if not given.
    """
    return _framework().Program(
        model,
        group(machine.devices),
        jit=jit_compile() if jit is None else jit,
        strict=machine.determinism == "strict",
        loss=loss,
        optimizer=optimizer,
        steps=steps,
    )


def batch_size(size: int, machine: Machine) -> int:
    """A batch size that a machine's devices can share: rounded up to a multiple of them."""
    count = len(group(machine.devices))
    return -(-size // count) * count


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is how this backend says that a device has no memory left."""
    says_so: bool = _framework().is_out_of_memory(error)
    return says_so


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
    """The module of the framework that Keras runs on; only that one is imported."""
    match keras.backend.backend():
        case "jax":
            from ichreport.model.frameworks import on_jax

            return on_jax
        case "torch":
            from ichreport.model.frameworks import on_torch

            return on_torch
        case _:
            from ichreport.model.frameworks import on_tensorflow

            return on_tensorflow


_FRAMEWORKS: Final = ("jax", "tensorflow", "torch")


def code(entry: str) -> str:
    """The fingerprint of code that computes here.

    Without the other frameworks' modules, and without the tables of networks, inputs and heads: who
    depends on one of their lines keeps what it says (`TrainingPlan.values`).

    Args:
        entry: The module where it is entered.
    """
    others = [
        f"ichreport.model.frameworks.on_{name}"
        for name in _FRAMEWORKS
        if name != keras.backend.backend()
    ]
    return fingerprint(entry, without=[*others, "ichreport.params.networks"])


_framework()  # now, before anything is built: what it sets of a GPU cannot be set later


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

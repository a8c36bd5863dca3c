"""The only module that touches a framework: devices, seeds and gradients on any Keras backend."""

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the start-up chatter of TensorFlow's libraries

import keras
import numpy as np
from numpy.typing import NDArray

from ichreport.params import Experiment


def start(experiment: Experiment) -> dict[str, Any]:
    """Set the seeds, check that the asked-for device is there, and say what the machine is.

    Raises:
        RuntimeError: If the experiment requires a GPU and there is none.
    """
    machine = describe()
    if experiment.require_gpu and not machine["gpu"]:
        raise RuntimeError(
            f"require_gpu is true, but {machine['backend']} sees only {machine['devices']}. "
            'Install the GPU build (pip install ".[gpu]"), or set require_gpu: false.'
        )
    keras.utils.set_random_seed(experiment.seed)
    return machine


def describe() -> dict[str, Any]:
    """The Keras backend, its version, its devices, and whether one of them is a GPU."""
    name = keras.backend.backend()
    devices = {"tensorflow": _tensorflow_devices, "jax": _jax_devices, "torch": _torch_devices}
    found = devices[name]()
    return {
        "backend": name,
        "version": version(name),
        "keras": keras.__version__,
        "devices": [device for device, _ in found],
        "gpu": any(is_gpu for _, is_gpu in found),
    }


def jit_compile() -> bool:
    """Whether compiling a model with XLA pays: not for TensorFlow on a CPU."""
    machine = describe()
    return bool(machine["gpu"]) or machine["backend"] == "jax"


def gradient(function: Callable[[Any], Any], inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The gradient of the sum of a function's outputs with respect to its input.

    Where each output depends on its own sample only, this is one gradient a sample.

    Args:
        function: From a tensor of the shape of `inputs` to a tensor of any shape.
        inputs: The point at which to differentiate.

    Returns:
        float32 array of the shape of `inputs`.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        tensor = tf.convert_to_tensor(inputs)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            total = tf.reduce_sum(function(tensor))
        result = tape.gradient(total, tensor)
    elif name == "jax":
        import jax

        result = jax.grad(lambda tensor: function(tensor).sum())(inputs)
    else:
        import torch

        tensor = torch.tensor(inputs, requires_grad=True)
        (result,) = torch.autograd.grad(function(tensor).sum(), tensor)
    array: NDArray[np.float32] = np.asarray(keras.ops.convert_to_numpy(result), dtype=np.float32)
    return array


def _tensorflow_devices() -> list[tuple[str, bool]]:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, True)
    names = [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus]
    return [(str(name), True) for name in names] or [(f"CPU, {_cores()} threads", False)]


def _jax_devices() -> list[tuple[str, bool]]:
    import jax

    return [(device.device_kind, device.platform == "gpu") for device in jax.devices()]


def _torch_devices() -> list[tuple[str, bool]]:
    import torch

    count = torch.cuda.device_count()
    names = [(torch.cuda.get_device_name(index), True) for index in range(count)]
    return names or [(f"CPU, {_cores()} threads", False)]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

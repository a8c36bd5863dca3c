"""How fast a GPU passes slices through each frozen backbone, beside the plain framework.

    python benchmarks/backbones.py
    KERAS_BACKEND=jax python benchmarks/backbones.py

Slices of 256 x 256 of a store in the page cache, in batches of 256, in float32 and in bfloat16:

- store: as the report computes features, from int16 HU in memory maps to features on the host;
- plain: the framework's own compiled call of the same network (on torch, torchvision's, where it
  has one) on one batch of three float channels that already lies on the device, results left there.

`share_of_matrix_rate` is the network's multiplications and additions a second over those of a
product of two square matrices in the same arithmetic. Skipped without a GPU.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from batches import make_store
from side_by_side import Skipped, interleaved, main, median_ratio

from ichreport.data.store import Store
from ichreport.model import backbones, backend, prefetch
from ichreport.model.inputs import hu_of
from ichreport.params import networks
from ichreport.params.machine import Machine, Precision
from ichreport.params.training.training_plan import Backbone, View

PRECISIONS: tuple[Precision, ...] = ("float32", "mixed_bfloat16")
TORCHVISION = {"densenet121": "densenet121", "efficientnetb7": "efficientnet_b7"}


def from_store(program: Any, store: Store, view: View, rows: np.ndarray, batch: int) -> None:
    """As features are computed."""
    prefetch.run(
        lambda chosen: program.to_device(hu_of(store, chosen[0], view.input)),
        prefetch.in_batches(rows, batch),
        program.forward,
        backend.to_numpy,
    )


def plain(view: View, machine: Machine, batch: int) -> Callable[[], Any]:
    """A call of the network as one writes it without this project, waited for."""
    shape = (batch, view.pixels_seen, view.pixels_seen, 3)
    images = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    name = keras.backend.backend()
    if name == "torch":
        return _torchvision(view, machine, images)
    build = getattr(keras.applications, view.network_spec.application)
    keras.config.set_dtype_policy(machine.precision)
    try:
        model = build(include_top=False, weights=None, input_shape=shape[1:], pooling="avg")
    finally:
        keras.config.set_dtype_policy("float32")
    if name == "jax":
        import jax

        kinds = (model.trainable_variables, model.non_trainable_variables)
        state = jax.device_put([[variable.value for variable in kind] for kind in kinds])
        call = jax.jit(lambda kinds, x: model.stateless_call(*kinds, x, training=False)[0])
        there = jax.device_put(images)
        return lambda: call(state, there).block_until_ready()
    import tensorflow as tf

    there = tf.constant(images)
    call = tf.function(lambda x: model(x, training=False), jit_compile=backend.jit_compile())
    return lambda: call(there)[0, 0].numpy()  # asking for one number waits for all


def _torchvision(view: View, machine: Machine, images: np.ndarray) -> Callable[[], Any]:
    import torch
    import torchvision

    device = "cuda" if torch.cuda.is_available() else "cpu"
    build = getattr(torchvision.models, TORCHVISION[view.network])
    model = build(weights=None).eval().to(device, memory_format=torch.channels_last)
    there = torch.from_numpy(images).permute(0, 3, 1, 2).to(device)
    half = machine.precision != "float32"

    def run() -> Any:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=half):
            return float(model.features(there).mean())

    return run


def operations(model: keras.Model) -> int:
    """Multiplications and additions of a network's convolutions, for one slice."""
    total = 0
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, keras.layers.DepthwiseConv2D | keras.layers.Conv2D):
            kernel = layer.weights[0].shape  # rows, columns, inputs, outputs
            total += 2 * int(np.prod(layer.output.shape[1:3])) * int(np.prod(kernel))
    return total


def matrix_rate(precision: str, side: int) -> float:
    """Multiplications and additions a second of a large product on this device."""
    kind = "bfloat16" if precision == "mixed_bfloat16" else "float32"
    matrix = keras.ops.cast(keras.random.normal((side, side), seed=0), kind)
    take = 8

    def run() -> None:
        product = matrix
        for _ in range(take):
            product = keras.ops.matmul(product, matrix) / side
        backend.to_numpy(keras.ops.cast(product[:1, :1], "float32"))

    run()
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return take * 2 * side**3 / statistics.median(seconds)


def measure(
    repeats: int = 5, size: int = 256, batch: int = 256, count: int = 6_000, anywhere: bool = False
) -> dict[str, Any]:
    """Slices a second of each backbone and precision, beside the plain framework.

    Raises:
        Skipped: If there is no GPU, and `anywhere` does not say that any device will do.
    """
    machine = backend.describe()
    if not (machine["gpu"] or anywhere):
        raise Skipped("there is no GPU")
    results: dict[str, Any] = {"machine": machine, "image_size": size, "batch": batch}
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder), size=size, count=count)
        rows = np.random.default_rng(1).permutation(len(store))
        rows = rows[: len(rows) // batch * batch]
        for precision in PRECISIONS:
            rate = matrix_rate(precision, 8_192 if machine["gpu"] else 512)
            for network in networks.backbones():
                view, computing = View("raw", network, size, size), Machine(precision=precision)
                frozen = backbones.build(Backbone(view, weights=None, seed=1), computing)
                model = backbones.pooled(frozen)
                program = backend.program(model, computing)
                ways = {"store": partial(from_store, program, store, view, rows, batch)}
                if keras.backend.backend() != "torch" or network in TORCHVISION:
                    call = plain(view, computing, batch)
                    ways["plain"] = lambda call=call: [call() for _ in range(len(rows) // batch)]
                seconds = interleaved(ways, repeats=repeats)
                rates = {way: len(rows) / statistics.median(s) for way, s in seconds.items()}
                results[f"{network}, {precision}"] = {
                    "slices_per_second": rates,
                    "share_of_matrix_rate": rates["store"] * operations(model) / rate,
                } | (
                    {"store_over_plain": median_ratio(seconds["plain"], seconds["store"])}
                    if "plain" in seconds
                    else {}
                )
    return results


if __name__ == "__main__":
    main(measure, repeats=1, size=96, batch=8, count=48, anywhere=True)

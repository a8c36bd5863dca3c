"""What compiling with XLA brings to each of the networks on this machine, by Keras backend.

    KERAS_BACKEND=tensorflow python benchmarks/compilation.py
    KERAS_BACKEND=jax python benchmarks/compilation.py

Seconds a batch of 64 slices of 96 x 96, in memory, without the first call, which compiles: a
training step of the small network, of a head and of DenseNet121, and its features.
`backend.jit_compile` follows from it.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from side_by_side import interleaved, main, median_ratio

from ichreport.model import backend, losses, networks
from ichreport.params.experiment import Experiment

BATCH, SIZE, WIDTH = 64, 96, 1_024
LOSS = losses.build("bce", np.ones((1, 6)))


def steps(jit: bool) -> dict[str, Callable[[], Any]]:
    """A batch through each program, waited for."""
    random = np.random.default_rng(0)
    hu = random.integers(-1024, 3072, (BATCH, 1, SIZE, SIZE)).astype(np.int16)
    features = random.normal(size=(BATCH, WIDTH)).astype(np.float32)
    truth = (random.random((BATCH, 6)) < 0.3).astype(np.float32)
    weights = np.ones(BATCH, dtype=np.float32)
    small, deep = Experiment(network="cnn7"), Experiment(network="densenet121")
    thawed = Experiment(network="densenet121", trainable_layers="all")

    def trained(model: keras.Model, inputs: Any) -> Callable[[], Any]:
        program = backend.program(model, small, loss=LOSS, optimizer=backend.adam(small), jit=jit)
        return lambda: backend.to_numpy(program.train(inputs, truth, weights))

    forward = backend.program(networks.pooled(networks.backbone(deep)), deep, jit=jit).forward
    return {
        "train cnn7": trained(networks.cnn7(small), hu),
        "train a dense head": trained(networks.dense_head(small, WIDTH), features),
        "train densenet121": trained(networks.fine_tuned(networks.backbone(thawed), thawed), hu),
        "densenet121 features": lambda: backend.to_numpy(forward(hu)),
    }


def measure(repeats: int = 7) -> dict[str, Any]:
    """Seconds a batch with and without XLA, and how many times longer it takes with."""
    without, compiled = steps(jit=False), steps(jit=True)
    results: dict[str, Any] = {"backend": keras.backend.backend()}
    for name in without:
        seconds = interleaved({"without": without[name], "with": compiled[name]}, repeats=repeats)
        results[name] = {
            "seconds_a_batch": {way: float(np.median(times)) for way, times in seconds.items()},
            "with_over_without": median_ratio(seconds["with"], seconds["without"]),
        }
    return results


if __name__ == "__main__":
    main(measure, repeats=1)

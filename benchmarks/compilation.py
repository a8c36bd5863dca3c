"""What compiling with XLA brings to each of the networks on this machine, by Keras backend.

    KERAS_BACKEND=tensorflow python benchmarks/compilation.py
    KERAS_BACKEND=jax python benchmarks/compilation.py

Seconds a batch of 64 slices of 96 x 96, in memory, without the first call, which compiles: a
training step of the small networks, of a head and of DenseNet121, and its features.
`backend.jit_compile` follows from it. And what the small network that pools before it normalizes
takes beside the one that pools after it, as the poster's does.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from side_by_side import interleaved, main, median_ratio

from ichreport.model import backbones, backend, networks
from ichreport.model.fitting import losses
from ichreport.model.heads.build import build_head
from ichreport.params.experiment import Experiment
from ichreport.params.machine import Machine
from ichreport.params.training.training_plan import TrainingPlan

BATCH, SIZE, WIDTH = 64, 96, 1_024
LOSS = losses.build("bce", np.ones((1, 6)))
MACHINE = Machine()


def frozen(plan: TrainingPlan) -> keras.Model:
    """A plan's backbone."""
    return backbones.build(plan.backbone, MACHINE)


def steps(jit: bool) -> dict[str, Callable[[], Any]]:
    """A batch through each program, waited for."""
    random = np.random.default_rng(0)
    hu = random.integers(-1024, 3072, (BATCH, 1, SIZE, SIZE)).astype(np.int16)
    features = random.normal(size=(BATCH, WIDTH)).astype(np.float32)
    truth = (random.random((BATCH, 6)) < 0.3).astype(np.float32)
    weights = np.ones(BATCH, dtype=np.float32)
    small, fast, deep = (
        Experiment(network=name).plan for name in ("cnn7", "cnn7fast", "densenet121")
    )
    thawed = Experiment(network="densenet121", trainable_layers="all").plan
    optimizer_of = partial(backend.adam, small.fitting.step_size, MACHINE)

    def trained(model: keras.Model, inputs: Any) -> Callable[[], Any]:
        program = backend.program(model, MACHINE, loss=LOSS, optimizer=optimizer_of(), jit=jit)
        return lambda: backend.to_numpy(program.train(inputs, truth, weights))

    pooled = backbones.pooled(frozen(deep))
    forward = backend.program(pooled, MACHINE, jit=jit).forward
    return {
        "train cnn7": trained(networks.cnn7(small.view, small.head, MACHINE), hu),
        "train cnn7fast": trained(networks.cnn7(fast.view, fast.head, MACHINE), hu),
        "train a dense head": trained(build_head(deep.head, WIDTH, MACHINE), features),
        "train densenet121": trained(networks.fine_tuned(frozen(thawed), thawed), hu),
        "densenet121 features": lambda: backend.to_numpy(forward(hu)),
    }


def measure(repeats: int = 7) -> dict[str, Any]:
    """Seconds a batch with and without XLA, and how many times longer it takes with."""
    without, compiled = steps(jit=False), steps(jit=True)
    orders = {name: without[f"train {name}"] for name in ("cnn7", "cnn7fast")}
    results: dict[str, Any] = {
        "backend": keras.backend.backend(),
        "cnn7fast_over_cnn7": median_ratio(
            *list(interleaved(orders, repeats=repeats).values())[::-1]
        ),
    }
    for name in without:
        seconds = interleaved({"without": without[name], "with": compiled[name]}, repeats=repeats)
        results[name] = {
            "seconds_a_batch": {way: float(np.median(times)) for way, times in seconds.items()},
            "with_over_without": median_ratio(seconds["with"], seconds["without"]),
        }
    return results


if __name__ == "__main__":
    main(measure, repeats=1)

"""What the backend tests run in processes of their own: `backend_jobs.py FOLDER`.

Keras' backend is chosen once a process, and so are virtual devices. TensorFlow leaves trained rows
in FOLDER, which JAX then looks at; each writes results-BACKEND.npz and results-BACKEND.json there.
"""

import json
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from unittest import mock

import adam_by_hand
import keras
import numpy as np
from conftest import SIZE, MadeUpStore, made_up_sample, make_experiment, small_build

from ichreport.labels import LABELS
from ichreport.model import backend, networks, prediction, trained_rows, training
from ichreport.model.augmentation import augmented_model
from ichreport.model.augmentation.drawing import Drawing
from ichreport.model.features import of_plan
from ichreport.model.fitting import losses
from ichreport.model.fitting.checkpoints import Checkpoints
from ichreport.model.heads.build import build_head
from ichreport.model.maps import cam
from ichreport.params.networks import NETWORKS, NetworkSpec
from ichreport.params.training.augmentations import KINDS, parse
from ichreport.params.training.optimizers import Steps

BACKBONE = "backbone.weights.h5"
BACKEND = keras.backend.backend()
ROWS = np.arange(3, 120, 12)
"""For six labels fewer than 64 maps: one batch, for which JAX compiles once."""
DENSE = {"network": "densenet121", "dense_layers": 1}
EVERY_STEP = {"optimizer": "adamw", "weight_decay": 0.1} | {
    "clip_norm": 0.5, "accumulate": 2, "ema": 0.9,
}  # fmt: skip
HEADS = {
    "cnn7": {"network": "cnn7", "dense_layers": 1},
    "dense": DENSE | EVERY_STEP,
    "bilstm": DENSE | {"head": "bilstm"},
    "fine-tuned": DENSE
    | {"trainable_layers": "all", "input": "sigmoid", "fine_tuning_rate": 2e-3}
    | {"augment": list(KINDS), "mixup": 0.4, "cutmix": 1, "slices_per_study": 4, "head_epochs": 1},
}
EVERYTHING = parse([{kind: {"share": 0.8}} for kind in KINDS])
# With fewer steps, a block is dead outside of training.
LONGER = {"epochs": 3, "batch_size": 4, "accumulate": 1, "ema": 0}
# Adam's first steps are as long for a slope of 1e-7 as for one of 1: at 2e-3, what rounding makes
# of the smallest slopes changes losses by 6e-3 within twelve steps; at 1e-4, by 4e-7.
SMALL_STEPS = {"learning_rate": 1e-4, "fine_tuning_rate": 1e-4}
STRICT = {  # what trains twice: JAX compiles the small network slowly
    "tensorflow": {"network": "cnn7", "dense_layers": 1} | EVERY_STEP,
    "jax": {"network": "densenet121"} | EVERY_STEP,
    "torch": {"network": "cnn7", "dense_layers": 1} | EVERY_STEP,
}
COUNTS = (1,) if BACKEND == "torch" else (1, 2)
"""Devices to train on."""
WAYS = {
    # On one device of TensorFlow, test_loop.py asks for all of them.
    1: () if BACKEND == "tensorflow" else tuple(adam_by_hand.WAYS),
    2: adam_by_hand.OF_SHARES,
}
"""By devices: the ways to take steps."""


def two_processors():
    """Make two devices of one CPU; JAX has them by XLA_FLAGS."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        [processor] = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            processor, [tf.config.LogicalDeviceConfiguration()] * 2
        )


def where_a_batch_lies(batch):
    """Device and shape of each part of a batch that two devices share."""
    group = backend.group(2)
    shared = group.to_device(batch)
    if BACKEND == "tensorflow":
        parts = group.strategy.experimental_local_results(shared)
        return [(part.device, list(part.shape)) for part in parts]
    return [(str(part.device), list(part.data.shape)) for part in shared.addressable_shards]


def devices_that_compute(model, hu, machine):
    """The devices that hold a program's result, or whose convolutions its graph has."""
    program = backend.program(model, machine)
    if BACKEND == "jax":
        return sorted(str(device) for device in program.forward(hu).sharding.device_set)
    graph = program._forward.get_concrete_function(backend.group(2).to_device(hu)).graph
    return sorted({op.device for op in graph.get_operations() if op.type == "Conv2D"})


def histories(store, sample, experiment, devices):
    """Losses of each kind of network on some devices."""
    return {
        name: training.fit(
            store, sample, experiment(**HEADS[name] | SMALL_STEPS, devices=devices).plan
        ).history
        for name in ("cnn7", "dense", "fine-tuned")
    }


def steps_taken(experiment, devices):
    """What each way to take steps makes of a linear head."""
    machine = experiment(devices=devices).machine
    return {
        f"{way}, {devices}": adam_by_hand.by_the_loop(
            adam_by_hand.fitting(**adam_by_hand.WAYS[way]), machine
        )[0]
        for way in WAYS[devices]
    }


def train_rows(store, sample, experiment, folder):
    """A backbone's weights, and a row of each kind trained on it."""
    small_build(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3)).save_weights(
        folder / BACKBONE
    )
    for name, changes in HEADS.items():
        asked = experiment(**changes | LONGER, weights=str(folder / BACKBONE))
        training.fit(store, sample, asked.plan).save(folder / f"{name}.weights.h5")


def see_rows(store, sample, experiment, folder):
    """Features, logits and heat of the rows that TensorFlow has trained."""
    arrays = {}
    for name, changes in HEADS.items():
        asked = experiment(**changes, weights=str(folder / BACKBONE))
        if name == "dense":
            arrays["features"] = of_plan.features_of(store, sample.rows, asked.plan)
        trained = trained_rows.load(store, asked.plan, folder / f"{name}.weights.h5")
        arrays[f"logits {name}"] = prediction.logits_of(trained, store, sample)
        if name != "bilstm":  # slow without compiling
            maps = cam.by_label(trained, store, sample, dict.fromkeys(LABELS, ROWS))
            arrays[f"heat {name}"] = np.stack([maps[label].heat for label in LABELS])
    return arrays


class Varied(keras.layers.Layer):
    """Slices as every augmentation makes them, wherever it is called."""

    def call(self, hu, drawn):
        return augmented_model.varied(hu, drawn, EVERYTHING, training=True)


def varied_slices(store, machine):
    """What happens to some slices that always come the same way."""
    hu = store.adjacent_hu(ROWS)
    drawn = Drawing(EVERYTHING, 3, np.random.default_rng(0))(len(ROWS))
    given = {"hu": hu, **drawn}
    inputs = {
        name: keras.Input(array.shape[1:], dtype=array.dtype.name, name=name)
        for name, array in given.items()
    }
    others = {name: inputs[name] for name in drawn}
    model = keras.Model(inputs, Varied(dtype="float32")(inputs["hu"], others))
    return backend.to_numpy(backend.program(model, machine).forward(given))


def weights_after_an_overflow(experiment, half, steps):
    """A head's weights after steps in float16 on two devices, one of which meets an overflow."""
    plan = experiment(**DENSE | {"dense_layers": 2}, precision="mixed_float16", devices=2).plan
    keras.utils.set_random_seed(1)
    head = build_head(plan.head, 8, plan.machine)
    truth = (np.arange(96).reshape(16, 6) % 3 == 0).astype(np.float32)
    inputs = np.random.default_rng(0).normal(size=(16, 8)).astype(np.float32)
    inputs[half] *= 1e4  # times a loss scale of 32,768: beyond what float16 holds
    optimizer = backend.adam(plan.fitting.step_size, plan.machine)
    loss = losses.build("bce", truth)
    program = backend.program(head, plan.machine, loss=loss, optimizer=optimizer, steps=steps)
    before = program.weights()
    for _ in range(20):
        if steps.accumulate > 1:
            program.gather(inputs, truth, np.ones(16, dtype=np.float32))
        program.train(inputs, truth, np.ones(16, dtype=np.float32))
    after = program.weights()
    return {
        "finite": all(bool(np.isfinite(weight).all()) for weight in after),
        "moved": any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True)),
    }


def sharing(store, experiment):
    """How two devices share a batch and its work, and what is said of a third."""
    results = {}
    plan = experiment(devices=2).plan
    network = networks.cnn7(plan.view, plan.head, plan.machine)
    hu = store.hu(np.arange(16))[:, None]
    results["parts"] = where_a_batch_lies(hu)
    results["computing"] = devices_that_compute(network, hu, plan.machine)
    results["overflow"] = [
        weights_after_an_overflow(experiment, half, steps)
        for half in (slice(0, 8), slice(8, 16))
        for steps in (Steps(), Steps(clip_norm=1.0, accumulate=2, ema=0.5))
    ]
    try:
        backend.group(3)
    except RuntimeError as error:
        results["too many"] = str(error)
    return results


class CutOffError(Exception):
    """Stands for whatever ends a training."""


def cut_off_after(epochs):
    """A checkpoint after each epoch, and after so many the end."""

    def offer(self, take):
        checkpoint = take()
        self._write(checkpoint)
        if checkpoint.epochs == epochs:
            raise CutOffError

    return offer


def weights_with_and_without_a_cut(store, sample, experiment, devices, folder):
    """The weights of a head with dropout, undisturbed, and cut off after its second epoch."""
    changes = DENSE | LONGER | {"dense_layers": 2, "determinism": "strict", "devices": devices}
    plan = experiment(**changes).plan
    undisturbed = training.fit(store, sample, plan)
    folder.mkdir()
    with mock.patch.object(Checkpoints, "offer", cut_off_after(2)), suppress(CutOffError):
        training.fit(store, sample, plan, checkpoints=folder)
    resumed = training.fit(store, sample, plan, checkpoints=folder)
    assert resumed.resumed == 1
    return {
        f"devices {devices}, {name} {number}": weight
        for name, trained in (("undisturbed", undisturbed), ("cut off", resumed))
        for number, weight in enumerate(trained.model.get_weights())
    }


def main(folder):
    two_processors()
    # The code is the same in both of them: reading it takes each some seconds.
    backend.code, backend.read_all_code = (lambda _: "0" * 16), (lambda: None)
    keras.applications.Small = small_build
    NETWORKS["densenet121"] = NetworkSpec("a small one", 32, "Small", 16, "imagenet")
    store = MadeUpStore(folder / BACKEND / "store")
    sample = made_up_sample(store)
    experiment = partial(make_experiment, store.folder)
    results = {"machine": backend.start(experiment(determinism="strict", devices="all").machine)}
    if BACKEND == "tensorflow":
        train_rows(store, sample, experiment, folder)
    arrays = see_rows(store, sample, experiment, folder)
    arrays["varied"] = varied_slices(store, experiment().machine)
    results["losses"] = {n: histories(store, sample, experiment, n) for n in COUNTS}
    for count in COUNTS:
        arrays |= steps_taken(experiment, count)
        if (BACKEND, count) == ("tensorflow", 1):  # test_checkpoints.py cuts trainings off there
            continue
        checkpoints = folder / BACKEND / f"cut-off-{count}"
        arrays |= weights_with_and_without_a_cut(store, sample, experiment, count, checkpoints)
    if 2 in COUNTS:
        results |= sharing(store, experiment)
    for turn in range(2):
        asked = experiment(**STRICT[BACKEND], determinism="strict")
        trained = training.fit(store, sample, asked.plan)
        for number, weight in enumerate(trained.model.get_weights()):
            arrays[f"turn {turn}, weight {number}"] = weight
    np.savez(folder / f"results-{BACKEND}.npz", **arrays)
    (folder / f"results-{BACKEND}.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

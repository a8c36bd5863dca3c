"""How long a head trains on features, beside a bare loop of the same arithmetic and Keras' fit.

    python benchmarks/heads.py

A head of two Dense layers on 1,024 features of 1,500 slices, about what the demo has, and a
bidirectional LSTM on the same as series of 14; TensorFlow. The bare loop is a compiled step of
written-out matrix products (the LSTM's is Keras' own layers) on batches cut from arrays.
`start` is what the first epoch costs beyond the others: building and compiling.
"""

from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from side_by_side import interleaved, main, median_ratio

from ichreport.model.fitting import loop, losses
from ichreport.model.fitting.batches import SliceBatches
from ichreport.model.fitting.series_batches import SeriesBatches
from ichreport.model.heads.build import build_head
from ichreport.model.heads.first_values import standardise
from ichreport.params.machine import Machine
from ichreport.params.networks import Head
from ichreport.params.training.open_choices import DROPOUT
from ichreport.params.training.training_plan import Fitting, HeadPart

SLICES, VALIDATION, WIDTH, LENGTH, BATCH = 1_512, 210, 1_024, 14, 64
FEW, MANY = 1, 11
STEP_SIZE = 2e-3
LOSS = losses.build("bce", np.ones((1, 6)))
MACHINE = Machine()
KINDS: tuple[Head, ...] = ("dense", "bilstm")


def data() -> tuple[np.ndarray, np.ndarray]:
    """Features and labels, made up."""
    random = np.random.default_rng(0)
    features = random.normal(size=(SLICES + VALIDATION, WIDTH)).astype(np.float32)
    return features, (features[:, :6] > 0.5).astype(np.float32)


def fitting(epochs: int) -> Fitting:
    """So many epochs, whatever validation says."""
    return Fitting("bce", epochs, epochs, BATCH, STEP_SIZE, "learning_rate", 0, 1, seed=1)


def batches(head: Head, features: Any, truth: Any) -> tuple[Any, Any]:
    """Train and validation, by slice or by series."""
    train, validation = np.arange(SLICES), np.arange(SLICES, SLICES + VALIDATION)
    if head == "dense":
        made = [
            SliceBatches(lambda indices, _: features[indices], truth, p, BATCH)
            for p in (train, validation)
        ]
    else:
        starts = np.arange(0, SLICES + VALIDATION, LENGTH)
        series = np.stack([starts, starts + LENGTH], axis=1)
        parts = (series[: SLICES // LENGTH], series[SLICES // LENGTH :])
        made = [
            SeriesBatches(features, truth, part, LENGTH, round(BATCH / LENGTH)) for part in parts
        ]
    return made[0], made[1]


def model_of(head: Head, features: Any) -> keras.Model:
    """The head."""
    keras.utils.set_random_seed(1)
    model = build_head(HeadPart(head, dense_layers=2), WIDTH, MACHINE)
    standardise(model, features[:SLICES])
    return model


def ours(head: Head, features: Any, truth: Any, epochs: int) -> float:
    """The package's loop."""
    model = model_of(head, features)
    train, validation = batches(head, features, truth)
    history = loop.fit(model, LOSS, train, validation, fitting(epochs), MACHINE, name=head, seed=1)
    return history["loss"][-1]


def with_fit(head: Head, features: Any, truth: Any, epochs: int) -> float:
    """Keras' own fit, on arrays."""
    model = model_of(head, features)
    train, validation = batches(head, features, truth)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=LOSS, jit_compile=False)
    sets = []
    for part in (train, validation):
        indices = part.indices if head == "dense" else np.arange(len(part.series))
        whole = (SliceBatches if head == "dense" else SeriesBatches)(
            **{**vars(part), "size": len(indices)}
        )
        sets.append(whole.gather(next(whole.plan(None))))
    batch, watched = sets
    fitted = model.fit(
        batch.inputs, batch.truth, sample_weight=batch.weights, batch_size=train.size,
        validation_data=tuple(watched), epochs=epochs, verbose=0,
    )  # fmt: skip
    return float(fitted.history["loss"][-1])


def bare(head: Head, features: Any, truth: Any, epochs: int) -> float:
    """A compiled step and a loop around it."""
    step, evaluate = (_bare_dense if head == "dense" else _bare_series)(features)
    train, validation = batches(head, features, truth)
    random = np.random.default_rng(1)
    loss = np.nan
    for _ in range(epochs):
        losses_of_steps = [step(*train.gather(chosen)) for chosen in train.plan(random)]
        loss = float(np.mean([float(value) for value in losses_of_steps]))
        watched = [evaluate(*validation.gather(chosen)) for chosen in validation.plan(None)]
        [float(value) for value in watched]
    return loss


def _bare_dense(features: Any) -> tuple[Any, Any]:
    """Matrix products and Adam (Kingma and Ba 2015, with its corrections in the step size)."""
    mean, deviation = features[:SLICES].mean(axis=0), features[:SLICES].std(axis=0)
    shapes = [(WIDTH, 256), (256,), (256, 6), (6,)]
    start = keras.initializers.GlorotUniform(seed=1)
    weights = [tf.Variable(start(s) if len(s) > 1 else np.zeros(s, np.float32)) for s in shapes]
    first, second = ([tf.Variable(tf.zeros(s)) for s in shapes] for _ in range(2))
    count = tf.Variable(0.0)

    def loss(x: Any, y: Any, w: Any, keep: float) -> Any:
        hidden = tf.nn.relu((x - mean) / deviation @ weights[0] + weights[1])
        hidden = tf.nn.dropout(hidden, 1 - keep) if keep < 1 else hidden
        logits = hidden @ weights[2] + weights[3]
        each = tf.nn.sigmoid_cross_entropy_with_logits(y, logits)
        return tf.reduce_sum(tf.reduce_mean(each, -1) * w) / tf.reduce_sum(w)

    @tf.function(autograph=False)
    def step(x: Any, y: Any, w: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(x, y, w, 1 - DROPOUT)
        count.assign_add(1.0)
        rate = 1e-3 * tf.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        for weight, slope, m, v in zip(
            weights, tape.gradient(value, weights), first, second, strict=True
        ):
            m.assign_add(0.1 * (slope - m))
            v.assign_add(0.001 * (slope**2 - v))
            weight.assign_sub(rate * m / (tf.sqrt(v) + 1e-7))
        return value

    return step, tf.function(partial(loss, keep=1.0), autograph=False)


def _bare_series(features: Any) -> tuple[Any, Any]:
    """Keras' layers and optimizer in a compiled step."""
    model = model_of("bilstm", features)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)

    def loss(x: Any, y: Any, w: Any, training: bool) -> Any:
        return tf.reduce_sum(LOSS(y, model(x, training=training)) * w) / tf.reduce_sum(w)

    @tf.function(autograph=False)
    def step(x: Any, y: Any, w: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(x, y, w, True)
        optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
        return value

    return step, tf.function(partial(loss, training=False), autograph=False)


def measure(repeats: int = 5) -> dict[str, Any]:
    """Milliseconds an epoch and seconds of start of each way, and ours beside the bare loop."""
    features, truth = data()
    results: dict[str, Any] = {}
    for head in KINDS:
        ways = {"ours": ours, "bare loop": bare, "Keras fit": with_fit}
        seconds = interleaved(
            {
                f"{name}, {epochs}": partial(way, head, features, truth, epochs)
                for name, way in ways.items()
                for epochs in (FEW, MANY)
            },
            repeats=repeats,
        )
        each = {
            name: [
                (many - few) / (MANY - FEW)
                for few, many in zip(
                    seconds[f"{name}, {FEW}"], seconds[f"{name}, {MANY}"], strict=True
                )
            ]
            for name in ways
        }
        results[head] = {
            "milliseconds_an_epoch": {n: 1e3 * float(np.median(s)) for n, s in each.items()},
            "seconds_of_start": {
                n: float(np.median(seconds[f"{n}, {FEW}"]) - FEW * np.median(each[n])) for n in ways
            },
            "ours_over_bare_loop": median_ratio(each["ours"], each["bare loop"]),
            "keras_fit_over_ours": median_ratio(each["Keras fit"], each["ours"]),
        }
    return results


if __name__ == "__main__":
    main(measure, repeats=1)

"""Steps of a linear head, taken by the training loop and worked out in numpy."""

from dataclasses import replace

import numpy as np

from ichreport.model.fitting import loop, losses
from ichreport.model.fitting.batches import SliceBatches
from ichreport.model.heads.dense import dense_head
from ichreport.params.training.training_plan import Fitting, HeadPart

SIZE, WIDTH, EPOCHS, LARGEST, SEED = 8, 5, 6, 0.05, 3
INDICES = np.arange(4, 25)
BATCHES = 3
"""21 slices in batches of 8: what fills the last one up must not count."""

_random = np.random.default_rng(2)
FEATURES = _random.normal(size=(30, WIDTH))
TRUTH = (_random.random((30, 6)) < 0.4).astype(np.float32)

ADAMW = {"optimizer": "adamw", "weight_decay": 0.4}
WAYS = {
    "plain": {},
    "adamw, cosine": ADAMW | {"schedule": "cosine", "warm_up": 2.0},
    "cosine": {"schedule": "cosine"},
    "steps": {"schedule": "steps", "step_epochs": (2, 5)},
    "steps, warm-up": {"schedule": "steps", "step_epochs": (2, 4), "warm_up": 1.0},
    "clipped": {"clip_norm": 0.17},
    "accumulated": ADAMW | {"accumulate": 2, "schedule": "steps", "step_epochs": (3,)},
    "a step an epoch": {"accumulate": 4},
    "averaged": {"ema": 0.6},
    "averaged over all": {"ema": 0.999},
    "everything": ADAMW
    | {"schedule": "cosine", "warm_up": 1.0, "clip_norm": 0.17, "accumulate": 2, "ema": 0.8},
}
"""Ways to take steps; of the norms of the slopes, a third are above 0.17."""
OF_SHARES = ("plain", "clipped", "accumulated", "averaged", "everything")
"""Those that several devices, each with its share of a batch, take in a manner of their own."""


def fitting(**changes):
    plain = Fitting("bce", EPOCHS, 3, SIZE, LARGEST, "learning_rate", 0, 1, 1)
    return replace(plain, **changes)


def size_of(step, asked, steps):
    """The size of a step, from 0, of so many an epoch: by the definition of its schedule."""
    warming = round(asked.warm_up * steps)
    if asked.schedule == "plateau":
        return LARGEST
    if step < warming:
        return LARGEST / warming + (LARGEST - LARGEST / warming) * step / warming
    if asked.schedule == "steps":
        return LARGEST * 0.1 ** sum(step >= epoch * steps for epoch in asked.step_epochs)
    return LARGEST * (1 + np.cos(np.pi * (step - warming) / (EPOCHS * steps - warming))) / 2


def slope_of(weights, batch):
    inputs = np.hstack([FEATURES[batch], np.ones((len(batch), 1))])
    error = 1 / (1 + np.exp(-inputs @ weights)) - TRUTH[batch]
    return inputs.T @ error / error.size


def by_hand(asked):
    """The weights of a head that starts at 0, and the norm of each step's slopes.

    Kingma and Ba 2015, algorithm 1, with Keras' place for epsilon; means over all that count in the
    batches of a step. Kernels lose a share of themselves, times the step size, before each step
    (Loshchilov and Hutter 2019, algorithm 2), and biases do not.
    """
    random = np.random.default_rng(SEED)
    weights = average = first = second = np.zeros((WIDTH + 1, 6))
    step, norms, together = 0, [], SIZE * asked.accumulate
    for _ in range(EPOCHS):
        order = random.permutation(INDICES)
        steps = -(-len(order) // together)
        for start in range(0, len(order), together):
            slope = slope_of(weights, order[start : start + together])
            norms.append(np.linalg.norm(slope))
            if asked.clip_norm is not None and norms[-1] > asked.clip_norm:
                slope = slope * asked.clip_norm / norms[-1]
            size = size_of(step, asked, steps)
            step += 1
            first = 0.9 * first + 0.1 * slope
            second = 0.999 * second + 0.001 * slope**2
            kept = np.ones((WIDTH + 1, 1))
            kept[:-1] -= asked.weight_decay * size
            size *= np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            weights = kept * weights - size * first / (np.sqrt(second) + 1e-7)
            decay = min(asked.ema, (1 + step) / (10 + step))
            average = decay * average + (1 - decay) * weights
    return average, norms


def by_the_loop(asked, machine):
    """The same by the training loop: weights (features + 1, 6), the bias last, and its history."""
    head = dense_head(HeadPart("dense", dense_layers=1), WIDTH, machine)
    logits = head.get_layer("logits")
    logits.kernel.assign(np.zeros((WIDTH, 6)))
    batches = SliceBatches(
        lambda indices, _: FEATURES[indices].astype(np.float32), TRUTH, INDICES, SIZE
    )
    loss = losses.build("bce", TRUTH)
    history = loop.fit(head, loss, batches, None, asked, machine, name="tiny", seed=SEED)
    kernel, bias = logits.get_weights()
    return np.vstack([kernel, bias]), history

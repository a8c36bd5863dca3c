"""Steps along the mean slopes of several batches: which batches, and that it is one large batch."""

import numpy as np
import pytest

from ichreport.model import training
from ichreport.model.fitting.accumulating import steps_of, taking_steps


class Recorder:
    """A program that says what it does with each batch."""

    def gather(self, batch):
        return f"{batch}"

    def train(self, batch):
        return f"{batch}!"


@pytest.mark.parametrize(
    ("batches", "accumulate", "expected"),
    [
        (3, 1, "1! 2! 3! 1! 2! 3!"),
        (4, 2, "1 2! 3 4! 1 2! 3 4!"),
        (5, 3, "1 2 3! 4 5! 1 2 3! 4 5!"),
        (2, 9, "1 2! 1 2!"),
    ],
)
def test_a_step_follows_so_many_batches_and_each_epochs_last(batches, accumulate, expected):
    take = taking_steps(Recorder(), batches, accumulate)
    done = [take(number) for _ in range(2) for number in range(1, batches + 1)]
    assert " ".join(done) == expected
    assert steps_of(batches, accumulate) * 2 == expected.count("!")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"head": "bilstm"}, marks=pytest.mark.slow),
        {"trainable_layers": "all", "input": "sigmoid", "augment": []},
        {},
    ],
)
@pytest.mark.usefixtures("small_backbone")
def test_four_batches_of_eight_train_as_one_of_thirty_two(store, sample, make, changes):
    """90 slices: the third step of an epoch has 26, in four batches of which one has two."""
    if "head" in changes:
        batches = ({"batch_size": 20, "accumulate": 4}, {"batch_size": 80})
    else:
        batches = ({"batch_size": 8, "accumulate": 4}, {"batch_size": 32})
    asked = {"network": "densenet121", "dense_layers": 1, "epochs": 3} | changes
    small = {"learning_rate": 1e-3, "fine_tuning_rate": 1e-4}
    gathered, whole = (
        training.fit(store, sample, make(**asked, **small, **one).plan) for one in batches
    )
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(gathered.history[name], whole.history[name], atol=2e-6)
    for ours, theirs in zip(gathered.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)

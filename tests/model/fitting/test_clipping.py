"""Slopes whose norm is kept from growing: the clipped vector, and what a step makes of it."""

import keras
import numpy as np
import pytest

from ichreport.model import backend
from ichreport.model.fitting import losses
from ichreport.model.fitting.clipping import clipped
from ichreport.model.heads.dense import dense_head
from ichreport.params.machine import Machine
from ichreport.params.training.optimizers import Steps
from ichreport.params.training.training_plan import HeadPart

SLOPES = [[[3.0, 0.0], [0.0, 0.0]], [-4.0]]


def clipped_values(slopes, most):
    tensors = [keras.ops.convert_to_tensor(np.array(slope, dtype=np.float32)) for slope in slopes]
    return [backend.to_numpy(slope) for slope in clipped(tensors, most)]


def test_all_slopes_shrink_by_one_factor_to_the_largest_norm():
    """3 and 4 have a norm of 5."""
    first, second = clipped_values(SLOPES, 2.0)
    np.testing.assert_allclose(first, [[1.2, 0], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(second, [-1.6], rtol=1e-6)


@pytest.mark.parametrize("most", [5.0, 80.0])
def test_slopes_that_are_short_enough_stay_to_the_bit(most):
    for slope, after in zip(SLOPES, clipped_values(SLOPES, most), strict=True):
        np.testing.assert_array_equal(after, slope)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_an_overflow_is_still_one_once_it_is_clipped(bad):
    first, _ = clipped_values([[1.0, bad], [2.0]], 1.0)
    assert not np.isfinite(first).all()


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize(("clip_norm", "moved"), [(0.01, 0.01), (100.0, None)])
def test_a_step_of_size_1_is_as_long_as_clipped_slopes_whatever_the_loss_scale(
    precision, clip_norm, moved
):
    machine = Machine(precision=precision)
    keras.utils.set_random_seed(1)
    head = dense_head(HeadPart("dense", dense_layers=1), 5, machine)
    random = np.random.default_rng(0)
    batch = (
        random.normal(size=(16, 5)).astype(np.float32),
        (random.random((16, 6)) < 0.3).astype(np.float32),
        np.ones(16, dtype=np.float32),
    )
    optimizer = keras.optimizers.SGD(1.0)
    if precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    program = backend.program(
        head, machine, loss=losses.build("bce", batch[1]), optimizer=optimizer,
        steps=Steps(clip_norm=clip_norm),
    )  # fmt: skip
    before = program.weights()
    logits = backend.to_numpy(program.forward(batch[0])).astype(np.float64)
    error = (1 / (1 + np.exp(-logits)) - batch[1]) / batch[1].size
    slope = np.hypot(np.linalg.norm(batch[0].T @ error), np.linalg.norm(error.sum(axis=0)))
    program.train(*batch)
    change = [a - b for a, b in zip(program.weights(), before, strict=True)]
    length = np.linalg.norm(np.concatenate([one.ravel() for one in change]))
    assert slope > 0.02
    assert length == pytest.approx(moved or slope, rel=2e-3)

"""Training batches: every slice once, half of them mirrored, the same whatever gathers them."""

import numpy as np
import pytest

from ichreport.model.batches import SliceBatches

COUNT, SIZE = 1000, 32
TRUTH = np.random.default_rng(0).random((COUNT, 6)).astype(np.float32)


def batches_of(mirroring, indices=None):
    indices = np.arange(COUNT) if indices is None else indices
    return SliceBatches(lambda rows, mirror: (rows, mirror), TRUTH, indices, SIZE, mirroring)


def one_epoch(mirroring, random, reverse=False):
    """Its batches, gathered from the first to the last or the other way round."""
    batches = batches_of(mirroring)
    planned = list(batches.plan(random))
    gathered = [batches.gather(chosen) for chosen in (planned[::-1] if reverse else planned)]
    return gathered[::-1] if reverse else gathered


def rng(seed):
    return np.random.default_rng(seed)


def test_every_slice_counts_once_an_epoch_beside_its_own_truth():
    gathered = one_epoch(None, rng(1))
    rows = np.concatenate([batch.inputs[0] for batch in gathered])
    counts = np.concatenate([batch.weights for batch in gathered])
    assert sorted(rows[counts > 0]) == list(range(COUNT))
    np.testing.assert_array_equal(np.concatenate([b.truth for b in gathered]), TRUTH[rows])
    assert all((np.diff(batch.inputs[0]) >= 0).all() for batch in gathered)


def test_without_mirroring_no_slice_is_mirrored():
    assert not any(batch.inputs[1].any() for batch in one_epoch(None, rng(1)))


def test_half_of_the_slices_are_mirrored_others_each_epoch():
    mirroring = rng(2)
    first, second = (
        np.concatenate([batch.inputs[1] for batch in one_epoch(mirroring, rng(1))])
        for _ in range(2)
    )
    assert first.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(COUNT))
    assert (first != second).mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(COUNT))


def test_what_is_mirrored_does_not_depend_on_which_batch_is_gathered_first():
    forward = one_epoch(rng(2), rng(1))
    backward = one_epoch(rng(2), rng(1), reverse=True)
    for ours, theirs in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(ours.inputs[0], theirs.inputs[0])
        np.testing.assert_array_equal(ours.inputs[1], theirs.inputs[1])

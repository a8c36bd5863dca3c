"""Training batches: every slice once, half of them mirrored, the same whatever gathers them."""

import numpy as np
import pytest

from ichreport.model.augmentation.drawing import Drawing
from ichreport.model.fitting.batches import SliceBatches, shuffled_pools
from ichreport.params.training.augmentations import FLIP_ALONE

COUNT, SIZE = 1000, 32
TRUTH = np.random.default_rng(0).random((COUNT, 6)).astype(np.float32)


def batches_of(mirroring, indices=None):
    indices = np.arange(COUNT) if indices is None else indices
    draw = Drawing(FLIP_ALONE, 1, mirroring)
    return SliceBatches(lambda rows, drawn: (rows, drawn["flip"]), TRUTH, indices, SIZE, draw)


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


@pytest.mark.parametrize("block", [2, 7, 64, COUNT, 5 * COUNT])
def test_blocks_are_drawn_as_one_and_each_slice_comes_once(block):
    pools = shuffled_pools(np.arange(COUNT), block, rng(3))
    assert sorted(np.concatenate(pools)) == list(range(COUNT))
    for pool in pools:
        runs = np.split(np.sort(pool), np.flatnonzero(np.diff(np.sort(pool)) > 1) + 1)
        assert len(pool) <= 32 * block
        # Whole blocks, or neighbours among them: none is torn but at the ends of the data.
        inner = [run for run in runs if run[0] > 0 and run[-1] < COUNT - 1]
        assert all(len(run) % block == 0 for run in inner)


def test_an_epoch_of_blocks_is_another_each_time_and_the_same_by_seed():
    one, other = rng(3), rng(3)
    first = [np.concatenate(shuffled_pools(np.arange(COUNT), 16, one)) for _ in range(2)]
    again = [np.concatenate(shuffled_pools(np.arange(COUNT), 16, other)) for _ in range(2)]
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).any()


def test_blocks_of_one_are_the_order_of_before():
    [pool] = shuffled_pools(np.arange(COUNT), 1, rng(3))
    np.testing.assert_array_equal(pool, rng(3).permutation(np.arange(COUNT)))


def test_each_pool_is_announced_once_before_its_first_batch():
    announced, taken = [], []
    batches = SliceBatches(
        lambda rows, _: rows, TRUTH, np.arange(COUNT), SIZE, block=3, announce=announced.extend
    )
    for (chosen, count), *_ in batches.plan(rng(4)):
        taken.extend(chosen[:count].tolist())
        assert set(taken) <= set(announced)
    assert sorted(announced) == list(range(COUNT))
    assert len(taken) == COUNT

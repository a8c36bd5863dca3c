"""Series in batches: windows over long ones, and how they vary in training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ichreport.model.fitting.series_batches import (
    SeriesBatches,
    SeriesVariation,
    cut,
    gaps,
    overlapping,
)
from ichreport.params.training.sequences import SequenceRecipe

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def series_of(lengths):
    ends = np.cumsum(lengths)
    return np.stack([ends - lengths, ends], axis=1)


def batches_of(lengths, length, **more):
    count = sum(lengths)
    features = np.arange(count, dtype=np.float32)[:, None] + 1  # a slice's number, from 1
    truth = np.repeat(features, 6, axis=1)
    return SeriesBatches(features, truth, series_of(lengths), length=length, size=3, **more)


def read_slices(batches, random=None):
    """The numbers of the slices that count in a pass, as features and labels say, by batch."""
    gathered = [batches.gather(planned) for planned in batches.plan(random)]
    counted = [batch.truth[batch.weights > 0][:, 0] for batch in gathered]
    seen = [batch.inputs["features"][batch.weights > 0][:, 0] for batch in gathered]
    np.testing.assert_array_equal(np.concatenate(counted), np.concatenate(seen))
    return np.concatenate(counted).astype(int)


@pytest.mark.parametrize("length", [4, 6])
def test_a_batch_holds_each_slice_at_its_place(length):
    batches = batches_of([3, 1, 4, 2], length)
    inputs, labels, _ = batches.gather(next(iter(batches.plan(None))))
    assert inputs["features"].shape == (3, length, 1)
    assert inputs["features"][2, :4, 0].tolist() == [5, 6, 7, 8]
    np.testing.assert_array_equal(labels[1, 0], np.full(6, 4))
    np.testing.assert_array_equal(inputs["present"].sum(axis=1), [3, 1, 4])
    assert not inputs["features"][~inputs["present"]].any()
    [_, last] = batches.plan(None)
    np.testing.assert_array_equal(batches.gather(last).weights.sum(axis=1), [2, 0, 0])
    assert batches.gather(last).inputs["present"].any(axis=1).all()


@given(LENGTHS, st.integers(2, 12))
def test_at_evaluation_each_slice_counts_once(lengths, length):
    slices = read_slices(batches_of(lengths, length))
    assert sorted(slices) == list(range(1, sum(lengths) + 1))


@given(LENGTHS, st.integers(2, 12), st.integers(0, 5))
def test_in_training_each_slice_comes_once_a_pass_and_a_pass_has_as_many_steps(
    lengths, length, seed
):
    batches, random = batches_of(lengths, length), np.random.default_rng(seed)
    assert sorted(read_slices(batches, random)) == list(range(1, sum(lengths) + 1))
    assert len(list(batches.plan(random))) == batches.steps


@given(st.integers(2, 100), st.integers(2, 12))
def test_at_evaluation_a_slice_sees_a_quarter_of_the_window_on_each_side(slices, length):
    """Or as far as its series goes."""
    windows = overlapping(np.array([[0, slices]]), length)
    for (start, stop), (first, last) in zip(windows.read, windows.counted, strict=True):
        assert stop - start == min(length, slices)
        assert start == 0 or first - start >= length // 4
        assert stop == slices or stop - last >= length // 4


def test_a_long_series_is_cut_at_other_places_each_time():
    random = np.random.default_rng(0)
    cuts = {tuple(cut(np.array([[0, 25]]), 10, random).read[:, 0].tolist()) for _ in range(40)}
    assert len(cuts) > 3
    assert all(len(starts) == 3 for starts in cuts)


def varied(recipe, order, seed=0):
    return SeriesVariation(SequenceRecipe(**recipe), np.random.default_rng(seed))(order)


ORDER = np.array([[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, -1, -1], [10, -1, -1, -1, -1, -1]])


def test_reversed_series_are_read_from_above_and_still_filled_up_at_their_end():
    assert varied({"reverse": 1 - 1e-12}, ORDER).tolist() == [
        [5, 4, 3, 2, 1, 0],
        [9, 8, 7, 6, -1, -1],
        [10, -1, -1, -1, -1, -1],
    ]


def test_thinned_series_have_every_second_slice_from_the_first_or_the_second():
    seen = {
        tuple(varied({"thin": 1.0, "gaps": True}, ORDER, seed)[0].tolist()) for seed in range(20)
    }
    assert seen == {(0, 2, 4, -1, -1, -1), (1, 3, 5, -1, -1, -1)}


def test_slices_that_drop_out_leave_no_hole_and_a_series_is_never_empty():
    many = np.tile(ORDER, (300, 1))
    left = varied({"drop": 0.5}, many)
    there = left >= 0
    assert (there[:, :-1] >= there[:, 1:]).all()
    assert there.any(axis=1).all()
    assert (np.diff(np.where(there, left, 99), axis=1)[there[:, 1:]] > 0).all()
    share = there[::3].mean()  # of series of six
    assert abs(share - 0.5) < 0.05


def test_without_shares_nothing_varies():
    np.testing.assert_array_equal(varied({}, ORDER), ORDER)


def test_labels_follow_their_slices_through_all_variation():
    recipe = SequenceRecipe(reverse=0.5, thin=0.5, drop=0.2, gaps=True)
    random = np.random.default_rng(1)
    batches = batches_of([7, 12, 3], 5, variation=SeriesVariation(recipe, random))
    slices = read_slices(batches, np.random.default_rng(2))
    assert 0 < len(slices) < 22
    assert len(set(slices)) == len(slices)
    assert len(read_slices(batches)) == 22, "at evaluation nothing varies"


def test_gaps_are_distances_to_the_slice_that_was_read_before_whichever_way():
    heights = np.array([[0.0, 5.0, 12.5, np.nan, 20.0], [30.0, 20.0, 0.0, 0.0, 0.0]])
    present = np.array([[True] * 5, [True, True, False, False, False]])
    told = gaps(heights, present)[..., 0]
    np.testing.assert_allclose(told, [[0, 1, 1.5, 0, 0], [0, 2, 0, 0, 0]])


def test_what_a_head_is_told_of_distances_follows_what_was_left_out():
    recipe = SequenceRecipe(thin=1.0, gaps=True)
    variation = SeriesVariation(recipe, np.random.default_rng(0))
    batches = batches_of([6], 6, heights=np.arange(6) * 5.0, variation=variation)
    [planned] = batches.plan(np.random.default_rng(0))
    told = batches.gather(planned).inputs["gaps"][0, :, 0]
    np.testing.assert_allclose(told, [0, 2, 2, 0, 0, 0])

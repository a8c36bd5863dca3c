"""The layer is the one that points best on validation; test slices and empty maps gain nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ichreport.evaluation.maps import layer_choice
from ichreport.evaluation.maps.layer_choice import LayerChoice
from tests.evaluation.maps.made_up_maps import SIZE, Heat, MadeUpStore, draw_sample


@pytest.fixture
def store():
    return MadeUpStore()


@pytest.fixture
def sample():
    """Slices 15 to 44 are validation, those after test."""
    drawn = draw_sample()
    rows = drawn.rows
    split = np.where(rows < 15, "train", np.where(rows < 45, "validation", "test"))
    return replace(drawn, split=split)


def pointing_in(hits, count):
    """Maps of which the first `hits` point at the epidural bleed, and the others at none."""
    heat = np.zeros((count, SIZE, SIZE))
    heat[:hits, 10, 13] = 1
    heat[hits:, 15, 0] = 1
    return Heat(heat, side=SIZE)


def test_the_slices_are_validation_slices_with_bleeding(store, sample):
    rows = layer_choice.validation_slices(store, sample)
    bleeding = np.flatnonzero(store.slices["any"])
    np.testing.assert_array_equal(rows, bleeding[(bleeding >= 15) & (bleeding < 45)])


def test_slices_whose_mask_is_empty_and_those_beyond_the_most_are_left_out(store, sample):
    plain = layer_choice.validation_slices(store, sample)
    store.bits[plain[3]] = 0
    assert plain[3] not in layer_choice.validation_slices(store, sample)
    few = layer_choice.validation_slices(store, sample, max_slices=5)
    again = layer_choice.validation_slices(store, sample, max_slices=5)
    np.testing.assert_array_equal(few, again)
    assert len(few) <= 5
    assert set(few) <= set(plain)


def test_the_layer_that_points_most_often_is_chosen(store, sample):
    rows = np.arange(15, 30)  # each has an epidural bleed
    by_layer = {name: pointing_in(hits, 15) for name, hits in (("a", 4), ("b", 12), ("c", 6))}
    choice = layer_choice.choose_layer(store, sample, rows, by_layer)
    assert choice.layer == "b"
    shares = [candidate.pointing.value for candidate in choice.candidates]
    assert shares == pytest.approx([4 / 15, 12 / 15, 6 / 15])
    assert choice.candidates[1].pointing.low < 12 / 15 < choice.candidates[1].pointing.high
    assert [candidate.side for candidate in choice.candidates] == [SIZE] * 3


def test_of_layers_that_point_as_often_the_deepest_is_chosen(store, sample):
    rows = np.arange(15, 30)
    tied = {name: pointing_in(hits, 15) for name, hits in (("a", 9), ("b", 9), ("c", 2))}
    assert layer_choice.choose_layer(store, sample, rows, tied).layer == "b"


def test_an_empty_map_misses(store, sample):
    rows = np.arange(15, 30)
    once = pointing_in(1, 15)
    once.heat[1:] = 0
    by_layer = {"all": pointing_in(8, 15), "once": once}
    choice = layer_choice.choose_layer(store, sample, rows, by_layer)
    assert choice.layer == "all"
    assert choice.candidates[1].pointing.maps == 15


def test_masks_of_test_slices_change_nothing(store, sample):
    by_layer = {"a": pointing_in(9, 20), "b": pointing_in(3, 20)}
    rows = layer_choice.validation_slices(store, sample)[:20]
    before = layer_choice.choose_layer(store, sample, rows, by_layer)
    store.bits[45:] = 255 - store.bits[45:]
    np.testing.assert_array_equal(layer_choice.validation_slices(store, sample)[:20], rows)
    assert layer_choice.choose_layer(store, sample, rows, by_layer) == before


def test_without_masks_or_without_candidates_nothing_is_chosen(store, sample):
    without = MadeUpStore(has_truth=False)
    rows = layer_choice.validation_slices(without, sample)
    assert rows.shape == (0,)
    choice = layer_choice.choose_layer(without, sample, rows, {"a": pointing_in(0, 0)})
    assert choice.layer is None
    assert choice.candidates[0].pointing.maps == 0
    masked = layer_choice.validation_slices(store, sample)
    assert layer_choice.choose_layer(store, sample, masked, {}) == LayerChoice(None, ())


def test_a_choice_reads_back_from_its_record(store, sample):
    by_layer = {"a": pointing_in(9, 15), "b": pointing_in(3, 15)}
    choice = layer_choice.choose_layer(store, sample, np.arange(15, 30), by_layer)
    kept = json.loads(json.dumps(choice.record(), allow_nan=False))
    assert LayerChoice.from_record(kept) == choice
    none = layer_choice.choose_layer(store, sample, np.arange(0), {"a": pointing_in(0, 0)})
    kept = json.loads(json.dumps(none.record(), allow_nan=False))
    assert kept["candidates"][0]["pointing"]["value"] is None
    assert np.isnan(LayerChoice.from_record(kept).candidates[0].pointing.value)

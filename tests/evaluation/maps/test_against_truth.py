"""Which slices are measured, and that measures are those of the made-up heat."""

import numpy as np
import pytest

from ichreport.data.measures.bleeds import truth_masks
from ichreport.evaluation.maps import against_truth
from ichreport.evaluation.maps.localisation import center_heatmap
from ichreport.evaluation.maps.skull_edge import skull_edge_heatmap
from ichreport.labels import LABELS
from tests.evaluation.maps.made_up_maps import Heat, MadeUpStore, at_the_truth, draw_sample


@pytest.fixture
def store():
    return MadeUpStore()


@pytest.fixture
def sample():
    return draw_sample()


@pytest.fixture
def bleeding(store, sample):
    return against_truth.bleeding_slices(store, sample)


def test_bleeding_slices_are_the_test_slices_that_hold_a_label(store, bleeding):
    np.testing.assert_array_equal(bleeding["subdural"], np.arange(0, 45, 2))
    np.testing.assert_array_equal(bleeding["epidural"], np.arange(30))
    assert set(bleeding) == {"epidural", "subdural", "any"}  # no label without a slice


def test_of_too_many_slices_a_seeded_choice_is_taken(store, sample):
    first, again, other = (
        against_truth.bleeding_slices(store, sample, max_slices=7, seed=seed)["any"]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert len(first) == 7
    assert not np.array_equal(first, other)


def test_the_mask_of_a_subtype_is_its_bit_and_of_any_all_bits(store):
    rows = np.array([0, 1, 31])
    areas = {label: truth_masks(store, rows, label).sum(axis=(1, 2)) for label in LABELS}
    assert areas["epidural"].tolist() == [9, 9, 0]
    assert areas["subdural"].tolist() == [9, 0, 0]
    assert areas["any"].tolist() == [18, 9, 0]


def test_heat_on_the_truth_is_perfect(store, sample, bleeding):
    measured = against_truth.measure(store, sample, bleeding, at_the_truth(store, bleeding))
    for label in bleeding:
        row = measured.row(label, "iou")
        assert row["value"] == row["high"] == 1
        assert 0.6 < row["low"] < 1  # ten groups that are all alike are ten groups, and not endless
        assert row["slices"] == len(bleeding[label])
    assert measured.row("epidural", "iou")["groups"] == 10
    assert (measured.method, measured.side) == ("CAM", 4)


def test_a_map_wins_where_it_lies_above_both_the_centre_and_the_skulls_edge(
    store, sample, bleeding
):
    edge = skull_edge_heatmap(store.hu([0])[0])
    cases = {"truth": at_the_truth(store, bleeding), "edge": {}, "centre": {}}
    for label, rows in bleeding.items():
        cases["edge"][label] = Heat(np.repeat(edge[None], len(rows), 0))
        cases["centre"][label] = Heat(np.repeat(center_heatmap(edge.shape)[None], len(rows), 0))
    wins = {
        name: [against_truth.measure(store, sample, bleeding, maps).wins(label) for label in maps]
        for name, maps in cases.items()
    }
    assert wins == {"truth": [4, 4, 4], "edge": [0, 0, 0], "centre": [0, 0, 0]}


def test_where_no_slice_has_a_skull_a_map_has_the_centre_alone_to_beat(sample, bleeding):
    without = MadeUpStore(has_skull=False)
    measured = against_truth.measure(without, sample, bleeding, at_the_truth(without, bleeding))
    assert not measured.is_known("any", "skull_edge")
    assert measured.is_known("any", "center")
    assert measured.wins("any") == 4
    row = measured.row("any", "pointing", "skull_edge")
    assert np.isnan(row["value"])
    assert (row["slices"], row["without"]) == (0, len(bleeding["any"]))


def test_without_truth_nothing_is_measured(store, sample, bleeding):
    without = MadeUpStore(has_truth=False)
    measured = against_truth.measure(without, sample, bleeding, at_the_truth(store, bleeding))
    assert measured.labels == []
    assert measured.table.empty

"""The choice of series, worked by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ichreport.data.series_choice import clearest_slice, representative_series, series_rows
from ichreport.labels import LABELS

HEADS = {
    "bleeds": ["subdural", "subdural", ""],
    "two kinds": ["epidural", "subdural", "", ""],
    "longest": ["", "", "", "", ""],
    "ventricle": ["intraventricular", "epidural"],
    "clear": ["", "", ""],
}
"""The label of each slice by series."""


@pytest.fixture
def slices():
    rows = [
        {"series_instance_uid": name} | {label: int(label == bleed) for label in LABELS}
        for name, bleeds in HEADS.items()
        for bleed in bleeds
    ]
    table = pd.DataFrame(rows).assign(patient_id="p", study_instance_uid="s")
    return table.assign(any=table[list(LABELS[:-1])].max(axis=1))


def named(slices, rows):
    """The series of some rows."""
    return slices["series_instance_uid"].loc[rows].tolist()


@pytest.fixture
def store(slices):
    return SimpleNamespace(folder="store", slices=slices, has_truth=False)


def test_series_add_subtypes_until_all_are_shown_and_the_last_has_no_bleeding(slices):
    """Two series have two subtypes; the first by order wins, and then one subtype is missing."""
    assert named(slices, representative_series(slices)) == ["two kinds", "ventricle", "longest"]


def test_no_more_series_are_chosen_than_asked_for(slices):
    assert named(slices, representative_series(slices, most=2)) == ["two kinds", "longest"]


def test_without_labels_the_longest_series_is_shown(slices):
    unlabelled = slices.assign(**dict.fromkeys(LABELS, -1))
    assert named(slices, representative_series(unlabelled)) == ["longest"]


@pytest.mark.parametrize("lacking", [slice(7, 12), slice(7, 8), slice(11, 12)])
def test_a_series_that_lacks_labels_is_not_shown_as_one_without_bleeding(slices, lacking):
    slices.loc[range(len(slices))[lacking], "any"] = -1
    assert named(slices, representative_series(slices))[-1] == "clear"
    slices.loc[slices["series_instance_uid"] == "clear", "any"] = -1
    assert named(slices, representative_series(slices)) == ["two kinds", "ventricle"]


def test_rows_of_a_series_are_those_that_carry_its_uid(store):
    np.testing.assert_array_equal(series_rows(store, "two kinds"), [3, 4, 5, 6])


def test_one_uid_for_the_series_of_several_patients_is_several_series(store):
    shared = store.slices.assign(series_instance_uid="one for all")
    shared["patient_id"] = shared["study_instance_uid"] = store.slices["series_instance_uid"]
    chosen = representative_series(shared)
    assert shared["patient_id"].loc[chosen].tolist() == ["two kinds", "ventricle", "longest"]
    store.slices = shared
    np.testing.assert_array_equal(series_rows(store, 4), [3, 4, 5, 6])
    with pytest.raises(ValueError, match="5 series of several patients or studies are called 'one"):
        series_rows(store, "one for all")


def test_some_slices_of_a_store_keep_their_row_numbers(slices):
    some = slices.iloc[[1, 2, 4, 8, 9, 12]]
    assert representative_series(some) == [1, 12, 8]


def test_an_unknown_series_is_refused_by_name(store):
    with pytest.raises(ValueError, match="store has no series 'nowhere'"):
        series_rows(store, "nowhere")


def test_the_clearest_slice_has_most_subtypes_and_lies_nearest_to_the_middle(store):
    store.slices.loc[3, "subdural"] = 1
    assert clearest_slice(store, series_rows(store, "two kinds")) == 3
    assert clearest_slice(store, series_rows(store, "bleeds")) == 1
    assert clearest_slice(store, series_rows(store, "clear")) == 15


def test_among_slices_of_one_subtype_the_clearest_has_the_largest_bleed(store):
    masks = np.zeros((len(store.slices), 2, 2), np.uint8)
    masks[0] = 1
    masks[1, 0] = 1
    store.has_truth, store.truth = True, masks.__getitem__
    assert clearest_slice(store, series_rows(store, "bleeds")) == 0

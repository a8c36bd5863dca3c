"""The classes of slices and studies by cause, against series made by hand."""

import numpy as np
import pandas as pd
import pytest

from ichreport.data.store import Store, series_starts
from ichreport.data.synthetic.look_alikes import LookAlike
from ichreport.evaluation.failures import causes

SERIES = {"P1": (0, 5, 10, 15, 30, 35), "P2": (0, 5, 10, 15, 20), "P3": (7,)}
"""z of each slice, mm; P1 has a gap from 15 to 30."""

BLEEDS = {"P1": (0, 1, 1, 1, 0, 0), "P2": (0, 0, 1, 0, 1), "P3": (1,)}


class MadeUpStore:
    """As much of a store as the causes ask for."""

    adjacent_rows = Store.adjacent_rows

    def __init__(self, slices):
        self.slices, self._series_start = slices, series_starts(slices)

    def __len__(self):
        return len(self.slices)

    def _checked(self, rows):
        return np.asarray(rows)


@pytest.fixture
def store():
    rows = [
        {
            "sop_instance_uid": f"{patient}-{z}",
            "patient_id": patient,
            "study_instance_uid": f"S{patient}",
            "series_instance_uid": f"R{patient}",
            "z": float(z),
            "any": label,
            "spacing": 1.0,
            "tilt": 0.0,
        }
        for patient, places in SERIES.items()
        for z, label in zip(places, BLEEDS[patient], strict=True)
    ]
    return MadeUpStore(pd.DataFrame(rows))


def bleeding(store):
    return np.flatnonzero(store.slices["any"] == 1)


def test_ends_of_a_series_and_sides_of_a_gap_lack_a_neighbour(store):
    missing = causes.neighbour_missing(store.slices)
    named = store.slices["sop_instance_uid"][missing].tolist()
    assert named == ["P1-0", "P1-15", "P1-30", "P1-35", "P2-0", "P2-20", "P3-7"]


def test_every_slice_has_a_height_and_neighbours(store):
    classes = causes.of_every_slice(store, np.arange(len(store.slices)))
    height = classes["height in the head"]
    assert height["P2-0"] == "lower third"
    assert height["P2-10"] == "middle third"
    assert height["P2-20"] == "upper third"
    assert pd.isna(height["P3-7"])
    assert classes["neighbours"].value_counts().to_dict() == {"one missing": 7, "both there": 5}


def test_a_bleed_ends_where_a_neighbour_has_none(store):
    place = causes.of_labels(store, bleeding(store))["place in the bleed"]
    assert place.dropna().to_dict() == {
        "P1-5": "at its end",  # z 0 has none
        "P1-10": "inside it",
        "P1-15": "at its end",  # beside the gap, but the next slice that there is has none
        "P2-10": "at its end",
        "P2-20": "at its end",
    }
    assert pd.isna(place["P3-7"])


def test_series_are_sorted_by_how_many_slices_bleed(store):
    count = causes.of_labels(store, bleeding(store))["slices with it in the series"]
    named = {"P3-7": "below 2 slices", "P2-10": "2 to 3 slices", "P1-5": "3 slices and more"}
    assert {uid: count[uid] for uid in named} == named


def test_a_third_of_the_numbers_is_in_each_class():
    numbers = np.random.default_rng(0).permutation(np.arange(100, 1000))
    classes = causes.thirds(np.append(numbers, np.nan), "ml")
    assert list(classes.categories) == ["below 400 ml", "400 to 700 ml", "700 ml and more"]
    assert pd.Series(classes).value_counts().to_dict() == dict.fromkeys(classes.categories, 300)
    assert pd.isna(classes[-1])
    for name, lowest in zip(classes.categories, (100, 400, 700), strict=True):
        assert numbers[(classes == name)[:-1]].min() == lowest


@pytest.mark.parametrize("numbers", [np.arange(101, 110), np.arange(100, 150), [1e-4, 2e-4, 3e-4]])
def test_thirds_are_thirds_where_numbers_share_their_first_digits(numbers):
    """Those of 101 to 109 were all one class, and were not compared."""
    sizes = pd.Series(causes.thirds(numbers, "HU")).value_counts()
    assert len(sizes) == 3
    assert sizes.max() - sizes.min() <= len(numbers) / 5 + 1


def test_the_ends_of_a_handful_have_no_more_digits_than_they_need():
    """Of seven misses an area was "1.07588 to 2.19387 cm²"."""
    areas = [0.31234, 0.81234, 1.07588, 1.59131, 2.19387, 2.90001, 4.11111]
    classes = causes.thirds(areas, "cm²")
    assert list(classes.categories) == ["below 1.1 cm²", "1.1 to 2.2 cm²", "2.2 cm² and more"]


def test_equal_numbers_share_a_class():
    classes = causes.thirds([1, 1, 1, 1, 2, 3], "slices")
    assert list(classes.categories) == ["below 2 slices", "2 slices and more"]
    assert list(causes.thirds([4, 4], "slices").categories) == ["all slices"]
    assert causes.thirds([np.nan], "slices").isna().all()
    assert "below −5 HU" in causes.thirds([-9, -8, -5, -5, 1, 2], "HU").categories


def test_a_study_has_the_volume_of_its_slices(store):
    rows = bleeding(store)
    measures = pd.DataFrame({"area": 2.0, "contrast": 20.0, "from_bone": 10.0}, index=rows)
    measures.loc[rows[0], ["area", "contrast"]] = 6.0, 40.0  # P1: (6 * 40 + 4 * 20) / 10
    by = causes.of_studies(store, rows, measures)
    # P1 (6 + 2 + 2) cm² * 5 mm = 5 ml; P2 2 ml; P3 has no distance of slices
    volume = by["volume of the bleed"].droplevel("study_instance_uid")
    assert list(volume.cat.categories) == ["below 5 ml", "5 ml and more"]
    assert volume["P1"] == "5 ml and more"
    assert volume["P2"] == "below 5 ml"
    assert pd.isna(volume["P3"])
    contrast = by["contrast to the brain around it"].droplevel("study_instance_uid")
    assert contrast["P1"] == contrast.cat.categories[-1]
    measures.loc[rows[1], "contrast"] = np.nan  # no brain near: P1 has (6 * 40 + 2 * 20) / 8
    of_known = causes.of_studies(store, rows, measures)["contrast to the brain around it"]
    last = of_known.cat.categories[-1]
    assert last == "35 HU and more"
    assert of_known.droplevel("study_instance_uid")["P1"] == last
    assert list(causes.of_studies(store, rows, None)) == ["slices with it in the study"]


def test_a_look_alike_is_compared_with_the_same_heights_of_studies_without(store):
    rows = np.flatnonzero(store.slices["any"] == 0)
    spot = LookAlike("calcified pineal", "SP1", ["P1-30"])
    [(kind, classes)] = causes.of_look_alikes(store, rows, [spot]).items()
    assert kind == "calcification"
    assert classes.dropna().to_dict() == {"P1-30": "with it"}  # P2 has no slice at 6/7
    low = LookAlike("small calcification", "SP1", ["P1-0"])
    classes = causes.of_look_alikes(store, rows, [spot, low])["calcification"]
    shown = {"P1-0": "with it", "P1-30": "with it"}
    assert classes.dropna().to_dict() == {**shown, "P2-0": "without it, as high"}
    long = LookAlike("small calcification", "SP1", ["P1-0", "P1-30"])
    classes = causes.of_look_alikes(store, rows, [long])["calcification"]
    beside = dict.fromkeys(("P2-0", "P2-5", "P2-15"), "without it, as high")
    assert classes.dropna().to_dict() == shown | beside


def test_an_operation_is_in_every_slice_of_its_study(store):
    rows = np.flatnonzero(store.slices["any"] == 0)
    classes = causes.of_look_alikes(store, rows, [LookAlike("after surgery", "SP2", ())])
    shown = classes["after surgery"] == "with it"
    assert shown.index[shown].tolist() == ["P2-0", "P2-5", "P2-15"]


def test_a_look_alike_that_only_bleeding_slices_show_is_left_out(store):
    rows = np.flatnonzero(store.slices["any"] == 0)
    assert causes.of_look_alikes(store, rows, [LookAlike("meningioma", "SP1", ["P1-5"])]) == {}

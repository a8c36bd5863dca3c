"""What each section of the page of the data comes to, counted a second time."""

import numpy as np
import pandas as pd
import pytest

from ichreport.report.data import verdicts


def counted(store, **counts):
    store.manifest["counts"] = {**store.manifest["counts"], **counts}
    return store


def test_what_was_read_is_counted_with_its_rejects(store):
    patients = store.slices["patient_id"].nunique()
    said = str(verdicts.read(counted(store, rejects=0)))
    assert said == f"{len(store)} slices of {patients} patients were read; no file was rejected."
    one = counted(store, slices=1, patients=1)
    assert str(verdicts.read(one)).startswith("1 slice of 1 patient was read;")
    said = str(verdicts.read(counted(store, rejects=2, files=1234)))
    assert said.endswith("2 of 1,234 files could not be used.")
    said = str(verdicts.read(counted(store, rejects=1, files=1)))
    assert said.endswith("1 of 1 file could not be used.")
    assert "no file" not in said


@pytest.mark.parametrize(
    "rule",
    [
        "first of several windows kept; no patient ID, the study stands for the patient",
        "the study stands for the patient, as group_by asks",
    ],
)
def test_studies_that_are_taken_for_patients_are_told(store, rule):
    assert "stands for" not in str(verdicts.read(store))
    few = np.where(np.arange(len(store)) < 3, rule, store.slices["rules"])
    store.slices = store.slices.assign(rules=few)
    said = str(verdicts.read(store))
    assert said.endswith("rejected. For 3 slices the study stands for the patient.")


def test_the_shape_of_series_is_their_median(store):
    lengths = store.slices.groupby("study_instance_uid").size()
    z = store.slices.groupby("series_instance_uid", sort=False)["z"]
    step = np.median([np.median(np.diff(heights)) for _, heights in z])
    assert str(verdicts.series_shape(store)) == (
        f"A study has {lengths.median():.0f} slices in the median ({lengths.min()} to "
        f"{lengths.max()}), which lie {step:.1f} mm apart in the median."
    )


def test_a_median_between_two_lengths_is_not_rounded_to_one(store):
    order = store.slices.groupby("study_instance_uid").cumcount()
    number = store.slices.groupby("study_instance_uid").ngroup()
    two = store.slices[(number < 2) & (order < 4 + number)]
    store.slices = two
    assert str(verdicts.series_shape(store)).startswith(
        "A study has 4.5 slices in the median (4 to 5)"
    )


def test_studies_of_one_length_have_no_range_of_lengths(store):
    store.slices = store.slices.groupby("study_instance_uid").head(4)
    assert str(verdicts.series_shape(store)).startswith("Each study has 4 slices, which lie ")


def test_heights_that_are_not_known_and_single_slices_are_told(store):
    every = store.slices
    store.slices = every.assign(z=np.nan)
    assert "whose distance is not known" in str(verdicts.series_shape(store))
    store.slices = every.groupby("study_instance_uid").head(1)
    assert str(verdicts.series_shape(store)) == "Each study is a single slice."


def test_headers_are_told_by_their_families_and_the_rule_most_often_needed(store):
    store.slices = store.slices.assign(family=np.where(np.arange(len(store)) % 2, "plain", "odd"))
    store.manifest["rules"] = {"first of several windows kept": 3, "another": 1500}
    said = str(verdicts.headers(store))
    assert said == (
        "2 families of headers, and 2 rules of reading them changed slices, most often "
        '"another" (1,500 slices).'
    )
    store.manifest["rules"] = {"one": 3, "another": 3, "third": 1}
    said = str(verdicts.headers(store))
    assert said.endswith('slices, most often "one" and "another" (3 slices each).')
    store.manifest["rules"] = {"one": 3, "another": 3}
    said = str(verdicts.headers(store))
    assert said.endswith('changed slices, "one" and "another" (3 slices each).')
    store.manifest["rules"] = {"another": 1}
    said = str(verdicts.headers(store))
    assert said.endswith('1 rule of reading them changed slices, "another" (1 slice).')
    store.slices = store.slices.assign(family="plain")
    store.manifest["rules"] = {}
    said = str(verdicts.headers(store))
    assert said == "1 family of headers, and no rule had to change a slice."


def test_what_was_left_out_is_counted_and_nothing_is_said_to_be_nothing(store):
    whole = counted(store, rejects=0, set_aside=0)
    whole.series = pd.DataFrame({"kept": [True, True, True]})
    assert str(verdicts.left_out(whole)) == "Nothing was left out."
    whole.series = pd.DataFrame({"kept": [True, False, True]})
    said = str(verdicts.left_out(counted(whole, set_aside=4, files=90)))
    assert said == ("1 of 3 series was passed over, 4 files set aside, and 0 of 90 files rejected.")
    whole.series = pd.DataFrame({"kept": [False, False, True]})
    said = str(verdicts.left_out(counted(whole, set_aside=1, rejects=1, files=1)))
    assert said == "2 of 3 series were passed over, 1 file set aside, and 1 of 1 file rejected."

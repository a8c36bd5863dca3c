"""The labels of PhysioNet's CT-ICH as they come: a row a slice of a numbered patient."""

import pytest

from ichreport.data.labels.label_file import read_label_file
from ichreport.labels import LABELS

HEAD = (
    "PatientNumber,SliceNumber,Intraventricular,Intraparenchymal,Subarachnoid,Epidural,Subdural,"
    "No_Hemorrhage,Fracture_Yes_No"
)


@pytest.fixture(name="write")
def write_(tmp_path):
    def write(*rows):
        path = tmp_path / "hemorrhage_diagnosis_raw_ct.csv"
        path.write_text("\n".join([HEAD, *rows]) + "\n")
        return path

    return write


def test_slices_are_named_by_their_volume_and_number(write):
    path = write("49,1,0,0,0,0,0,1,0", "49,2,0,1,0,0,1,0,1", "130,12,1,0,0,0,0,0,0")
    labels = read_label_file(path)
    assert labels.ids.to_pylist() == ["049:1", "049:2", "130:12"]
    positive = [
        {label for label, value in zip(LABELS, row, strict=True) if value}
        for row in labels.labels.tolist()
    ]
    expected = [set(), {"any", "intraparenchymal", "subdural"}, {"any", "intraventricular"}]
    assert positive == expected
    assert labels.issues == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("49,1,0,0,0,0,1,1,0", "No_Hemorrhage contradicts the five subtypes: 1 (first: 049:1)"),
        ("49,1,0,0,0,0,0,0,0", "No_Hemorrhage contradicts the five subtypes: 1 (first: 049:1)"),
        ("49,1,0,0,0,0,SECRET,1,0", "labels of subdural other than 0, 1 or nothing: 1"),
        ("SECRET,1,0,0,0,0,0,1,0", "cells of PatientNumber that are no number: 1 (first: line 2"),
        ("49,,0,0,0,0,0,1,0", "cells of SliceNumber that are no number: 1 (first: line 2"),
    ],
)
def test_labels_that_cannot_be_right_stop(write, row, message):
    with pytest.raises(ValueError, match="hemorrhage_diagnosis") as stopped:
        read_label_file(write(row))
    assert message in str(stopped.value)
    assert "SECRET" not in str(stopped.value)


def test_repeats_that_contradict_stop_and_identical_ones_are_counted(write):
    labels = read_label_file(write("49,1,0,0,0,0,0,1,0", "49,1.0,0,0,0,0,0,1,0"))
    assert labels.ids.to_pylist() == ["049:1"]
    with pytest.raises(ValueError, match="repeats that contradict each other"):
        read_label_file(write("49,1,0,0,0,0,0,1,0", "49,1,1,0,0,0,0,0,0"))

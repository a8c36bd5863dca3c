"""A label file may be of studies: one row a study or a patient."""

import numpy as np
import pytest

from ichreport.data.labels.label_file import read_label_file
from ichreport.data.labels.studies import StudyLabels
from ichreport.data.labels.table import LabelTable
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import LABELS


@pytest.fixture(name="write")
def write_(tmp_path):
    def write(content):
        path = tmp_path / "labels.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def by_name(labels):
    [names] = labels.spellings
    return dict(zip(names.to_pylist(), labels.labels.tolist(), strict=True))


@pytest.mark.parametrize(
    ("column", "identifier"),
    [("StudyInstanceUID", "study_instance_uid"), ("PatientID", "patient_id")],
)
def test_rows_may_be_of_studies_or_of_patients(write, column, identifier):
    labels = read_label_file(write(f"{column},subdural,any\na,1,\nb,,0\nc,,1\n"))
    assert isinstance(labels, StudyLabels)
    assert labels.identifier == identifier
    assert by_name(labels) == {
        "a": [-1, -1, -1, -1, 1, 1],  # a subtype is a bleed
        "b": [0, 0, 0, 0, 0, 0],  # no bleed at all: none of any kind
        "c": [-1, -1, -1, -1, -1, 1],
    }
    assert labels.lines.tolist() == [2, 3, 4]
    assert labels.votes.shape == (3, 0, len(LABELS))


@pytest.mark.parametrize(
    "content",
    [
        "PatientID;any\n7;1\n8;0\n",
        "PatientID\tany\n7\t1\n8\t0\n",
        "\ufeffpatientid , ANY\n 7 , 1.0\n8, 0\n",
        "PatientID,any\n7,1\n8,0\n".encode("utf-16"),
        "any,PatientID\r\n1,7\r\n0,8\r\n",
    ],
)
def test_it_is_read_however_people_write_it(write, content):
    assert by_name(read_label_file(write(content))) == {"7": [-1] * 5 + [1], "8": [0] * 6}


def test_a_file_that_names_slices_too_is_of_slices_and_says_what_it_ignores(write):
    labels = read_label_file(write("StudyInstanceUID,SOPInstanceUID,any\ns,a,1\ns,b,0\n"))
    assert isinstance(labels, LabelTable)
    assert labels.ids.to_pylist() == ["a", "b"]
    [issue] = [issue for issue in labels.issues if "ignored" in issue.what]
    assert issue.examples == ("StudyInstanceUID",)
    assert not issue.stops


def test_both_names_of_studies_stop(write):
    with pytest.raises(ValueError, match="StudyInstanceUID and PatientID both name the studies"):
        read_label_file(write("StudyInstanceUID,PatientID,any\ns,p,1\n"))


def test_identical_repeats_are_dropped_and_counted(write):
    labels = read_label_file(write("PatientID,any\na,1\nb,0\na,1\na,1\n"))
    assert labels.spellings[0].to_pylist() == ["a", "b"]
    [repeats] = [issue for issue in labels.issues if "repeats" in issue.what]
    assert (repeats.count, repeats.examples) == (2, ("line 2",))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("any\nSECRET,1\nSECRET,0\n", "repeats that contradict each other: 1 (first: line 2)"),
        ("any\nSECRET,SECRET\n", "labels of any other than 0, 1 or nothing: 1 (first: line 2"),
        ("any\nSECRET,1\n,1\n", "rows without a {column}: 1 (first: line 3"),
        ("any,subdural\nx,1,1\nSECRET,0,1\n", "maximum of the five subtypes: 1 (first: line 3)"),
        ("any,SECRET\nx,1,SECRET,SECRET\n", "the head line has 3 columns"),
        ("any,any\nSECRET,1,1\n", "any is the name of columns 2, 3"),
    ],
)
@pytest.mark.parametrize("column", ["StudyInstanceUID", "PatientID"])
@pytest.mark.parametrize("pseudonyms", [None, Pseudonyms(b"k" * 32)])
def test_what_cannot_be_right_stops_and_no_message_holds_a_cell(
    write, rows, message, column, pseudonyms
):
    with pytest.raises(ValueError, match="labels") as stopped:
        read_label_file(write(f"{column},{rows}"), pseudonyms)
    assert message.format(column=column) in str(stopped.value)
    assert "SECRET" not in str(stopped.value)


def test_columns_that_are_no_label_are_told_by_their_place(write):
    labels = read_label_file(write("PatientID,any,subdurall,PatientName\na,1,1,Doe\n"))
    [issue] = [issue for issue in labels.issues if issue.what == "columns that are no label"]
    assert issue.examples == ("column 3 (is it subdural?)", "column 4")


def test_pseudonyms_are_those_of_the_column(write):
    pseudonyms = Pseudonyms(b"k" * 32)
    hidden = read_label_file(write("PatientID,any\nDoe,1\n")).pseudonymised(pseudonyms)
    assert hidden.spellings[0].to_pylist() == [pseudonyms.pseudonym("patient_id", "Doe")]
    assert "Doe" not in str(hidden)
    np.testing.assert_array_equal(hidden.labels[:, -1], [1])


def test_a_file_of_no_known_form_says_what_is_expected(write):
    with pytest.raises(ValueError, match="StudyInstanceUID or PatientID") as stopped:
        read_label_file(write("PatientID,bleed\nDoe,1\n"))
    assert "of the file's 2 columns these are known: PatientID." in str(stopped.value)

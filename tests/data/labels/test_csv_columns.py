"""Label files as people write them, and what is said of those that cannot be read."""

import numpy as np
import pandas as pd
import pytest

from ichreport.data.labels.label_file import read_label_file
from ichreport.labels import LABELS
from tests.data.labels.frame import as_frame

ROWS = {"1.2.3": (0, 1, 0, 0, 0, 1), "1.2.4": (0, 0, 0, 0, 0, 0), "1.2.5": (1, 0, 0, 0, 1, 1)}
HEAD = ["SOPInstanceUID", *LABELS]
PERSON = ("Jane Roe", "1961-02-03")


def table(head=HEAD, delimiter=",", cell=str, end="\n"):
    lines = [head, *([uid, *map(cell, labels)] for uid, labels in ROWS.items())]
    return end.join(delimiter.join(line) for line in lines) + end


def challenge(head="ID,Label", delimiter=",", cell=str):
    names = [f"ID_{uid}_{label}" for uid in ROWS for label in LABELS]
    values = [cell(value) for labels in ROWS.values() for value in labels]
    pairs = zip(names, values, strict=True)
    return "\n".join([head, *(f"{name}{delimiter}{value}" for name, value in pairs)]) + "\n"


WRITTEN = {
    "as documented": table(),
    "semicolons": table(delimiter=";"),
    "tabs": table(delimiter="\t"),
    "UTF-16": table().encode("utf-16"),
    "UTF-16, big end first, with a mark": b"\xfe\xff" + table().encode("utf-16-be"),
    "a mark of UTF-8": "\ufeff" + table(),
    "lines of Windows": table(end="\r\n"),
    "lines of an old Macintosh": table(end="\r"),
    "names beside that are the other form's": "\n".join(
        f"{'ID' if line.startswith('SOP') else 'p'},{line}" for line in table().splitlines()
    ),
    "cells of two lines": "\n".join(
        f"{line},{'text' if line.startswith('SOP') else chr(34) + 'a' + chr(10) + 'b' + chr(34)}"
        for line in table().splitlines()
    ),
    "names in capitals": table([name.upper() for name in HEAD]),
    "names capitalised": table(["SOPInstanceUID", *(name.capitalize() for name in LABELS)]),
    "blanks around names": table([f" {name} " for name in HEAD]),
    "quoted names": table([f'"{name}"' for name in HEAD]),
    "blanks around labels": table(cell=lambda value: f" {value} "),
    "quoted labels": table(cell=lambda value: f'"{value}"'),
    "labels as floats": table(cell=lambda value: f"{value}.0"),
    "labels as many decimals": table(cell=lambda value: f"{value}.000000"),
    "labels with zeros before": table(cell=lambda value: f"0{value}"),
    "an empty column at the end": "\n".join(f"{line}," for line in table().splitlines()),
    "a column whose name holds the delimiter": "\n".join(
        f'"Name, first",{line}' if line.startswith("SOP") else f"x,{line}"
        for line in table().splitlines()
    ),
}
"""Files that all say `ROWS`."""


def write(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", WRITTEN)
def test_a_table_is_read_however_it_is_written(tmp_path, name):
    read = as_frame(read_label_file(write(tmp_path, WRITTEN[name])))
    expected = pd.DataFrame.from_dict(ROWS, orient="index", columns=list(LABELS))
    np.testing.assert_array_equal(read.loc[list(ROWS)].to_numpy(), expected.to_numpy())


def test_a_long_head_line_is_read_to_its_end(tmp_path):
    wide = ["SOPInstanceUID", *(f"other{number}" for number in range(40_000)), "any"]
    content = ",".join(wide) + "\n" + ",".join(["1.2.3", *["x"] * 40_000, "1"]) + "\n"
    assert as_frame(read_label_file(write(tmp_path, content))).loc["1.2.3", "any"] == 1


@pytest.mark.parametrize(
    "content",
    [
        challenge(),
        challenge("id,label"),
        challenge(" ID , Label "),
        challenge("ID;Label", ";"),
        challenge("ID\tLabel", "\t"),
        challenge(cell="{}.0".format),
        challenge().encode("utf-16"),
    ],
)
def test_the_challenges_form_too(tmp_path, content):
    read = as_frame(read_label_file(write(tmp_path, content)))
    for uid, labels in ROWS.items():
        assert read.loc[f"ID_{uid}"].tolist() == list(labels)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (table([*HEAD[:-1], "subdural"]), "subdural is the name of columns 6, 7; leave one."),
        (table([*HEAD[:-1], " SUBDURAL "]), "subdural is the name of columns 6, 7; leave one."),
        (
            "SOPInstanceUID,any,sopinstanceuid\na,1,b\n",
            "SOPInstanceUID is the name of columns 1, 3",
        ),
        ("ID,Label,id\nID_1_any,1,x\n", "ID is the name of columns 1, 3; leave one."),
        (
            "SOPInstanceUID,any\na,1\nb,0,Jane Roe,1961-02-03\n",
            "lines that have more or fewer: 1 (line 3 has 4).",
        ),
        (
            "SOPInstanceUID,any,x\nJane Roe\nb,0\n",
            "lines that have more or fewer: 2 (line 2 has 1, line 3 has 2).",
        ),
        ('SOPInstanceUID,any\n"Jane Roe,1\n', "is not readable as CSV: "),
        (
            b"SOPInstanceUID,any\nJ\xe4ne Roe,1\n",
            "a cell is no text in UTF-8; save the file as CSV in UTF-8.",
        ),
        ("SOPInstanceUID,any\na,Jane Roe\n", "line 2 is something else)"),
        ("SOPInstanceUID,any\na,1961-02-03\n", "line 2 is something else)"),
        ("SOPInstanceUID,any\na,1961\n", "line 2 is something else)"),
        ("SOPInstanceUID,any\na,True\n", "0, 1 or nothing: 1 (first: line 2 is 'True')"),
        ("SOPInstanceUID,any\na,NaN\n", "line 2 is 'NaN')"),
        ("SOPInstanceUID,any\na,NA\n", "line 2 is 'NA')"),
        ("SOPInstanceUID,any\na,-1\n", "line 2 is '-1')"),
        ("SOPInstanceUID,any\na,0.5\n", "line 2 is '0.5')"),
        ("SOPInstanceUID,any\na,1e0\n", "line 2 is something else)"),
        ("PatientName,Jane Roe\n1,1961-02-03\n", "of the file's 2 columns these are known: none."),
        ("SOPInstanceUID\nJane Roe\n", "these are known: SOPInstanceUID."),
        (b"\0\1\2DICM" * 99, "is not text; expected a CSV file."),
        (b"x" * 1_000_001, "its head line has more than 1,000,000 bytes; is it CSV?"),
        ("", "of the file's 0 columns these are known: none."),
        ("x" * 200_000, "its head line is not readable as CSV: field larger than"),
        (
            b"SOPInstanceUID,Gr\xf6sse,any\na,1,1\n",
            "its head line is no text in UTF-8; save the file as CSV in UTF-8.",
        ),
        ("ID,Label\nJane Roe,1\n", "no known subtype: 1 (first: line 2 of another form)"),
    ],
)
def test_what_cannot_be_read_is_said_without_a_cell_of_it(tmp_path, content, told):
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match="labels") as refused:
        read_label_file(path)
    said = str(refused.value)
    assert said.startswith(str(path))
    assert told in said
    for word in (*PERSON, "1961", "Roe", "PatientName"):
        assert word not in said


def test_lines_are_counted_as_an_editor_does_however_long_the_file_is(tmp_path):
    lines = [f"1.2.{number},1" for number in range(200_000)]
    lines[150_000] += ",too,many"
    with pytest.raises(ValueError, match=r"lines that have more or fewer: 1 \(line 150002 has 4\)"):
        read_label_file(write(tmp_path, "\n".join(["SOPInstanceUID,any", *lines])))


def test_a_file_without_a_row_labels_nothing(tmp_path):
    assert len(read_label_file(write(tmp_path, "SOPInstanceUID,any\n")).ids) == 0

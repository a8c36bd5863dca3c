import itertools

import numpy as np
import pandas as pd
import pytest

from ichreport.data.labels.label_file import read_label_file
from ichreport.labels import LABELS
from tests.data.labels.frame import as_frame


def rows_of(name, *values):
    return [f"{name}_{label},{value}" for label, value in zip(LABELS, values, strict=True)]


@pytest.fixture(name="write")
def write_(tmp_path):
    def write(*lines, head="ID,Label"):
        path = tmp_path / "labels.csv"
        path.write_text("\n".join([head, *lines]) + "\n")
        return path

    return write


def naive_pivot(path):
    frame = pd.read_csv(path).drop_duplicates()
    parts = frame["ID"].str.rsplit("_", n=1, expand=True)
    frame = frame.assign(slice=parts[0], label=parts[1])
    return frame.pivot_table(index="slice", columns="label", values="Label")[list(LABELS)]


def test_the_table_agrees_with_a_pandas_pivot(write):
    random = np.random.default_rng(5)
    lines = []
    for number in range(300):
        bleeds = random.integers(0, 2, 5)
        lines += rows_of(f"ID_{number:09x}", *bleeds, bleeds.max())
    random.shuffle(lines)
    path = write(*lines)
    table = as_frame(read_label_file(path)).sort_index()
    reference = naive_pivot(path).sort_index()
    np.testing.assert_array_equal(table.to_numpy(), reference.to_numpy())
    assert list(table.index) == list(reference.index)
    assert list(table.columns) == list(LABELS)


def test_identical_repeats_are_dropped_and_counted(write):
    """Four slices stand twice in the challenge's file: 24 surplus rows."""
    names = ["ID_921490062", "ID_489ae4179", "ID_a64d5deed", "ID_854fba667"]
    lines = list(itertools.chain(*(rows_of(name, 0, 1, 0, 0, 0, 1) for name in names)))
    table = read_label_file(write(*lines, *lines, *rows_of("ID_000000001", *[0] * 6)))
    assert len(table.ids) == 5
    (issue,) = table.issues
    assert (issue.what, issue.count) == ("identical repeats dropped", 24)
    assert set(issue.examples) == set(names)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["ID_1_any,0", "ID_1_any,1"], "repeats that contradict each other: 1 (first: ID_1)"),
        (["ID_1_lesion,0"], "IDs that end in no known subtype: 1 (first: line 2 ID_1_lesion)"),
        (
            ["ID_1_any,2", "ID_1_any,"],
            "labels other than 0 and 1: 2 (first: line 2 ID_1_any is '2', line 3 ID_1_any is ''",
        ),
        (["ID_1_any,0.5"], "labels other than 0 and 1: 1 (first: line 2 ID_1_any is '0.5')"),
        (
            ["ID_1_any,Jane Doe"],
            "labels other than 0 and 1: 1 (first: line 2 ID_1_any is something",
        ),
        (["_any,1"], "IDs without a slice: 1 (first: line 2"),
        (rows_of("ID_1", 0, 0, 0, 0, 0, 1), "`any` is not the maximum of the five subtypes: 1"),
        (rows_of("ID_1", 0, 1, 0, 0, 0, 0), "`any` is not the maximum of the five subtypes: 1"),
        (["ID_1_any,0", "ID_1_epidural,1"], "`any` is not the maximum"),
    ],
)
def test_labels_that_cannot_be_right_stop_with_counts_and_examples(write, lines, message):
    path = write(*lines)
    with pytest.raises(ValueError, match="the labels cannot be used") as stopped:
        read_label_file(path)
    assert str(path) in str(stopped.value)
    assert message in str(stopped.value)


def test_all_issues_are_named_at_once(write):
    path = write("ID_1_any,7", "ID_2_what,0", "ID_3_any,0", "ID_3_any,1")
    with pytest.raises(ValueError, match="cannot be used") as stopped:
        read_label_file(path)
    assert (
        len(str(stopped.value).splitlines()) == 6
    )  # the head, three that stop, one that may be, the cure


def test_a_slice_without_all_six_rows_keeps_the_rest_unlabelled(write):
    table = read_label_file(write("ID_1_any,1", "ID_1_subdural,1", *rows_of("ID_2", *[0] * 6)))
    assert as_frame(table).loc["ID_1"].to_list() == [-1, -1, -1, -1, 1, 1]
    assert [issue.count for issue in table.issues] == [1]


def test_a_file_with_other_columns_is_refused_by_name(write):
    path = write("a,0", head="Name,Label")
    with pytest.raises(
        ValueError,
        match=r"labels.csv: expected a CSV with the columns ID,Label, or .* known: none.$",
    ):
        read_label_file(path)

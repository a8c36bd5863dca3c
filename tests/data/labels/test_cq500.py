"""CQ500's reads as they come: three readers, and what two of them say."""

import numpy as np
import pytest

from ichreport.data.labels.cq500 import majority
from ichreport.data.labels.label_file import read_label_file
from ichreport.data.pseudonyms import Pseudonyms
from ichreport.labels import LABELS

FINDINGS = {
    "any": "ICH", "intraparenchymal": "IPH", "intraventricular": "IVH", "subdural": "SDH",
    "epidural": "EDH", "subarachnoid": "SAH",
}  # fmt: skip
OTHERS = (
    "BleedLocation-Left", "BleedLocation-Right", "ChronicBleed", "Fracture", "CalvarialFracture",
    "OtherFracture", "MassEffect", "MidlineShift",
)  # fmt: skip


def reads(*scans):
    """The file's text: a name for each scan, and the labels that each of three readers sees."""
    order = [*FINDINGS.values(), *OTHERS]
    head = ["name", "Category", *(f"R{reader}:{name}" for reader in (1, 2, 3) for name in order)]
    lines = [",".join(head)]
    for name, *readers in scans:
        cells = [name, "B1"]
        for seen in readers:
            cells += [str(int(label in seen)) for label in FINDINGS] + ["1"] * len(OTHERS)
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


@pytest.fixture(name="write")
def write_(tmp_path):
    def write(text):
        path = tmp_path / "reads.csv"
        path.write_text(text)
        return path

    return write


def issues_of(labels):
    return {issue.what: issue for issue in labels.issues}


def test_the_truth_is_what_two_of_three_readers_say(write):
    labels = read_label_file(
        write(
            reads(
                ("CQ500-CT-0", {"any", "subdural"}, {"any", "subdural", "epidural"}, set()),
                ("CQ500-CT-1", {"any", "subdural"}, set(), set()),
                ("CQ500-CT-12", *[{"any", "intraventricular"}] * 3),
            )
        )
    )
    positive = [
        {label for label, value in zip(LABELS, row, strict=True) if value}
        for row in labels.labels.tolist()
    ]
    assert positive == [{"any", "subdural"}, set(), {"any", "intraventricular"}]
    assert labels.identifier == "patient_id"
    assert labels.votes.shape == (3, 3, 6)
    assert labels.votes[0, :, LABELS.index("epidural")].tolist() == [0, 1, 0]
    assert labels.issues == []


def test_both_ways_to_write_a_patient_are_known(write):
    labels = read_label_file(write(reads(("CQ500-CT-7", set(), set(), set()))))
    assert [names.to_pylist() for names in labels.spellings] == [["CQ500-CT-7"], ["CQ500CT7"]]
    pseudonyms = Pseudonyms(b"k" * 32)
    assert [names.to_pylist() for names in labels.pseudonymised(pseudonyms).spellings] == [
        [pseudonyms.pseudonym("patient_id", name)] for name in ("CQ500-CT-7", "CQ500CT7")
    ]


def test_readers_who_agree_that_it_bleeds_and_not_on_the_kind_are_counted(write):
    torn = ("CQ500-CT-1", {"any", "subdural"}, {"any", "epidural"}, {"any", "subarachnoid"})
    labels = read_label_file(write(reads(torn)))
    assert labels.labels.tolist() == [[0, 0, 0, 0, 0, 1]]
    assert issues_of(labels)["most readers see bleeding, but no kind has a majority"].count == 1


def test_readers_who_see_a_kind_and_no_bleeding_are_counted_and_not_stopped(write):
    labels = read_label_file(write(reads(("CQ500-CT-1", {"subdural"}, {"subdural"}, set()))))
    assert labels.labels.tolist() == [[0, 0, 0, 0, 1, 0]]
    [issue] = labels.issues
    assert issue.what == "a kind has a majority, but most readers see no bleeding"
    assert (issue.examples, issue.stops) == (("line 2",), False)


def test_identical_repeats_are_dropped_however_the_name_is_written(write):
    seen = ({"any", "epidural"},) * 3
    labels = read_label_file(
        write(reads(("CQ500-CT-5", *seen), ("cq500ct05", *seen), ("CQ500-CT-6", *seen)))
    )
    assert labels.spellings[1].to_pylist() == ["CQ500CT5", "CQ500CT6"]
    assert labels.lines.tolist() == [2, 4]
    assert issues_of(labels)["identical repeats dropped"].examples == ("line 3",)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text.replace("CQ500-CT-2", "SECRET"), "names that are not CQ500-CT-<number>"),
        (lambda text: text.replace("CT-2", "CT-1"), "repeats that contradict each other: 1 (first"),
        (lambda text: text.replace("B1,1", "B1,SECRET"), "labels of R1:ICH other than 0, 1 or"),
        (lambda text: text.replace("R2:SAH", "SECRET"), "there is no column R2:SAH."),
        (lambda text: text.replace("R2:SAH", "R2:IPH"), "R2:IPH is the name of columns"),
    ],
)
def test_reads_that_cannot_be_right_stop(write, spoil, message):
    text = reads(("CQ500-CT-1", {"any"}, set(), set()), ("CQ500-CT-2", set(), set(), set()))
    with pytest.raises(ValueError, match=r"reads\.csv") as stopped:
        read_label_file(write(spoil(text)))
    assert message in str(stopped.value)
    assert "SECRET" not in str(stopped.value)


def test_names_of_another_form_are_no_repeats_of_each_other(write):
    rows = reads(("SECRET1", {"any"}, set(), set()), ("SECRET2", set(), set(), set()))
    with pytest.raises(ValueError, match="names that are not") as stopped:
        read_label_file(write(rows))
    assert "repeats" not in str(stopped.value)


def test_a_missing_vote_is_nobody_s():
    votes = np.array([[1, 1, -1], [1, 0, -1], [0, 0, -1], [1, -1, -1], [-1, -1, -1]])
    expected = [1, -1, 0, -1, -1]  # more than half of three: two
    assert majority(votes[:, :, None].astype(np.int8))[:, 0].tolist() == expected


def test_majorities_are_those_of_a_count(write):
    random = np.random.default_rng(0)
    votes = random.integers(0, 2, (200, 3, 6)).astype(np.int8)
    np.testing.assert_array_equal(majority(votes), votes.sum(axis=1) >= 2)

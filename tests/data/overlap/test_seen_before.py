"""Patients that a run has learned from are found again, by name and by pixels."""

import pandas as pd

from ichreport.data.overlap.seen_before import SeenBefore


def slices(*rows):
    """Rows of patient, pixels, and whether the slice is blank."""
    return pd.DataFrame(rows, columns=["patient_id", "pixel_hash", "blank"])


OWN = slices(
    ("learned", "aa", False), ("learned", "00", True), ("tested", "bb", False),
    ("also", "cc", False),
)  # fmt: skip
SEEN = SeenBefore.of(OWN, {"learned", "also"})


def test_the_same_id_and_the_same_pixels_are_found_and_others_are_not():
    other = slices(
        ("learned", "x1", False), ("renamed", "aa", False), ("renamed", "x2", False),
        ("new", "x3", False), ("tested", "bb", False),
    )  # fmt: skip
    found = SEEN.find(other)
    assert found.slices.tolist() == [True, True, True, False, False]
    assert (found.same_id, found.same_pixels, found.patients) == (1, 1, 2)


def test_a_blank_slice_is_nobodys():
    assert not SEEN.find(slices(("new", "00", True), ("newer", "00", False))).slices.any()


def test_who_is_linked_with_one_that_was_seen_goes_with_him():
    other = slices(
        ("renamed", "aa", False), ("renamed", "x1", False), ("twin", "x1", False),
        ("twin", "x2", False), ("new", "x3", False),
    )  # fmt: skip
    found = SEEN.find(other)
    assert found.slices.tolist() == [True, True, True, True, False]
    assert (found.same_pixels, found.patients) == (1, 2)
    assert found.group.tolist() == ["renamed"] * 4 + ["new"]

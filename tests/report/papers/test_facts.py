"""What papers say of a run's data."""

from ichreport.report.papers import facts


def test_shared_patients_are_told_apart_from_pairs_of_neighbours():
    audit = [
        {"first": "train", "second": "test", "kind": "patients", "shared": 1200},
        {"first": "train", "second": "test", "kind": "series", "shared": 3},
        {"first": "train", "second": "validation", "kind": "studies", "shared": 9},
    ]
    shared = "In both train and test: 1,200 patients, 3 series."
    assert facts._leak(audit) == shared
    pairs = {"first": "train", "second": "test", "kind": "neighbouring slices", "shared": 40}
    assert facts._leak([*audit, pairs]) == (
        f"{shared} Pairs of neighbouring slices with one in train and one in test: 40."
    )
    assert facts._leak([]) == ""

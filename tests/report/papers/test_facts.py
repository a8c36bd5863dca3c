"""What papers say of how a run was trained."""

import pytest

from ichreport.params.experiment import Experiment
from ichreport.report.papers import facts

FEW = (
    "Each epoch takes at most 8 slices of a study, half of them with bleeding where the study has "
    "enough of both; validation and test have all slices."
)
START = "ogits start at the log-odds of each label's prevalence."
WEIGHTED = (
    "Positives are weighted by their rarity in the loss; probabilities are too high by that, on "
    "purpose."
)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({}, f"Slices are not resampled; l{START}"),
        ({"loss": "weighted-bce"}, WEIGHTED),
        ({"slices_per_study": 8}, f"{FEW} L{START}"),
        (
            {"hierarchy": "conditional"},
            f"Slices are not resampled; l{START[:-1]}, of subtypes among slices with bleeding.",
        ),
    ],
)
def test_what_is_done_about_rare_labels_is_told_as_it_is(words, told):
    assert facts._imbalance(Experiment.parse(words, where="test")) == told


def test_mixed_slices_are_told_behind_how_they_vary():
    mixed = Experiment.parse({"network": "cnn7", "cutmix": 1}, where="test")
    assert facts._varied(mixed) == (
        "Half of the slices are flipped left to right. In training, each slice is given a "
        "rectangle of another by CutMix (alpha 1); so are their labels, by the same share."
    )
    plain = Experiment.parse({"network": "cnn7"}, where="test")
    assert facts._varied(plain) == "Half of the slices are flipped left to right."


def test_how_series_vary_and_over_which_views_predictions_are_means():
    words = {"network": "densenet121", "sample": "fullid", "head": "sequence"}
    varies = {"sequence": {"reverse": 0.5, "thin": 0.25, "drop": 0.1}, "test_time": ["reverse"]}
    asked = Experiment.parse(words | varies, where="test")
    assert facts._varied(asked) == (
        "Series vary in training: 50% read from above, 25% of which every second slice is read, "
        "10% of the slices left out."
    )
    assert facts._views(asked).endswith("a series read from below and from above.")
    plain = Experiment.parse(words, where="test")
    assert "Series vary" not in facts._varied(plain)
    assert facts._views(plain) == ""


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

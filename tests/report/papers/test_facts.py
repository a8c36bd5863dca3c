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
        ({"slices_per_study": 8, "loss": "weighted-bce"}, f"{FEW} {WEIGHTED}"),
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

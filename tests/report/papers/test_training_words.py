"""What papers say of how a run is trained."""

import pytest

from ichreport.params.experiment import Experiment
from ichreport.report.papers import training_words

FEW = (
    "Each epoch takes at most 8 slices of a study, half of them with bleeding where the study has "
    "enough of both; validation and test have all slices."
)
START = "ogits start at the log-odds of each label's prevalence."
WEIGHTED = (
    "Positives are weighted by their rarity in the loss; probabilities are too high by that, on "
    "purpose."
)


def words_of(values):
    return training_words.of_experiment(Experiment.parse(values, where="test"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({}, f"Slices are not resampled; l{START}"),
        ({"loss": "weighted-bce"}, WEIGHTED),
        (
            {"loss": "weighted-bce", "positive_weight": 5},
            WEIGHTED.replace("by their rarity", "5 times"),
        ),
        (
            {"loss": "weighted-bce", "positive_weight": 0.5},
            WEIGHTED.replace("by their rarity", "0.5 times").replace("too high", "too low"),
        ),
        (
            {"loss": "weighted-bce", "positive_weight": 1},
            "Positives and negatives weigh the same in the loss.",
        ),
        ({"slices_per_study": 8}, f"{FEW} L{START}"),
        (
            {"hierarchy": "conditional"},
            f"Slices are not resampled; l{START[:-1]}, of subtypes among slices with bleeding.",
        ),
    ],
)
def test_what_is_done_about_rare_labels_is_told_as_it_is(words, told):
    assert words_of(words)["imbalance_words"] == told


def test_mixed_slices_are_told_behind_how_they_vary():
    mixed = words_of({"network": "cnn7", "cutmix": 1})
    assert mixed["augmentation_words"] == (
        "Half of the slices are flipped left to right. In training, each slice is given a "
        "rectangle of another by CutMix (alpha 1); so are their labels, by the same share."
    )
    plain = words_of({"network": "cnn7"})
    assert plain["augmentation_words"] == "Half of the slices are flipped left to right."


def test_how_series_vary_and_over_which_views_predictions_are_means():
    words = {"network": "densenet121", "sample": "fullid", "head": "sequence"}
    varies = {"sequence": {"reverse": 0.5, "thin": 0.25, "drop": 0.1}, "test_time": ["reverse"]}
    assert words_of(words | varies)["augmentation_words"] == (
        "Series vary in training: 50% read from above, 25% of which every second slice is read, "
        "10% of the slices left out. Predictions are means over a series read from below and from "
        "above."
    )
    plain = words_of(words)["augmentation_words"]
    assert "Series vary" not in plain
    assert "Predictions are means" not in plain


BACKBONE = {"network": "densenet121", "sample": "fullid"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({}, "the pixels of a slice alone"),
        (
            {"input": "adjacent"},
            "the pixels of a slice and of the 2 slices next to it in its series",
        ),
        (
            {"neighbours": 2},
            "the pixels of a slice and of the 4 slices next to it in its series",
        ),
        (
            BACKBONE | {"head": "bilstm"},
            "the pixels of a whole series, in the order of its slices",
        ),
        (
            BACKBONE | {"head": "sequence", "sequence": {"gaps": True, "window": 32}},
            "the pixels of a whole series, up to 32 slices at once, in the order of its slices and "
            "with their distances in mm",
        ),
    ],
)
def test_what_a_probability_rests_on_is_told_as_it_is(words, told):
    assert words_of(words)["seen_words"] == told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"batch_size": 1}, "1 slice a batch"),
        ({"batch_size": 32, "accumulate": 4}, "32 slices a batch"),
        (BACKBONE | {"head": "bilstm"}, "about 32 slices a batch, and 4 series at least"),
    ],
)
def test_a_batch_is_of_slices_or_of_series(words, told):
    assert words_of(words)["batch_words"] == told


PRODUCT = "; a subtype's probability is that of any bleeding times its own given any"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({}, "the network's logits through the logistic function"),
        (
            {"network": "cnn7", "test_time": ["flip"]},
            "the network's logits, their means over a slice and its mirror image, through the "
            "logistic function",
        ),
        (
            BACKBONE | {"head": "sequence", "test_time": ["reverse"]},
            "the network's logits, their means over a series read from below and from above, "
            "through the logistic function",
        ),
        ({"hierarchy": "together"}, f"the network's logits through the logistic function{PRODUCT}"),
        (
            {"hierarchy": "conditional"},
            f"the network's logits through the logistic function{PRODUCT}",
        ),
    ],
)
def test_how_a_probability_is_made_is_told_as_it_is(words, told):
    assert words_of(words)["prediction_words"] == told

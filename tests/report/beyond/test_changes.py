"""What a step changes, in words, from the parameters of two rows."""

import pytest

from ichreport.report.beyond.changes import combined, in_words
from tests.report.beyond.made_ladder import FROZEN, TUNED, experiment

TRAINED = {"trainable_layers": "all"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "nothing"),
        ({"question": "another one?", "baseline": FROZEN}, "nothing"),
        (TRAINED, "frozen → fine-tuned; slices flipped at random"),
        (
            {"trainable_layers": 3},
            "frozen → the last 3 layers fine-tuned; slices flipped at random",
        ),
        (
            TRAINED | {"fine_tuning_rate": 3e-4, "epochs": 5},
            "frozen → fine-tuned; slices flipped at random; also epochs",
        ),
        ({"head": "bilstm"}, "slices → series"),
        ({"hierarchy": "conditional"}, "flat → hierarchical (conditional)"),
        ({"network": "densenet121"}, "EfficientNet-Lite0 → DenseNet121"),
        (
            {"network": "cnn7", "weights": None},
            "frozen → from scratch; EfficientNet-Lite0 → cnn7; "
            "slices flipped at random; also weights",
        ),
        ({"input": "sigmoid"}, "input raw → input sigmoid"),
        ({"loss": "focal"}, "loss bce → loss focal"),
        ({"label_weights": {"any": 2}, "epochs": 5}, "epochs, label weights"),
    ],
)
def test_a_step_is_said_by_what_differs_and_by_nothing_else(changed, words):
    assert in_words(experiment(TUNED, **changed), experiment(FROZEN)) == words


def test_a_head_on_its_baseline_s_own_features_only_reads_otherwise():
    baseline = experiment(TUNED, trainable_layers="all", augment=["flip", "noise"])
    series = experiment("19", features_from=TUNED, head="sequence", weights=None, epochs=20)
    assert in_words(series, baseline) == "slices → series; also epochs"
    elsewhere = experiment(FROZEN)
    assert in_words(series, elsewhere) == (
        "frozen → fine-tuned; slices → series; also epochs, features from"
    )


def test_a_row_of_other_runs_is_said_by_their_names_alone():
    others = {"network": (None, "densenet121"), "epochs": (None, 5)}
    assert combined({"blend_of": (["18-a", "19-b"], []), **others}) == (
        "one run → a blend of 18-a, 19-b"
    )
    assert combined({"ensemble_of": (["a", "b", "c"], []), **others}) == (
        "one run → an ensemble of a, b, c"
    )
    assert combined({"blend_of": ([], ["18-a", "19-b"]), "ensemble_of": (["a", "b"], [])}) == (
        "a blend of 18-a, 19-b → an ensemble of a, b"
    )
    assert combined({"blend_of": (None, ["18-a", "19-b"]), **others}) == (
        "a blend of 18-a, 19-b → one run"
    )
    assert combined(others) == ""

"""What papers say of a run's data."""

from types import SimpleNamespace

import pytest

from ichreport.params.experiment import Experiment
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


def test_one_of_a_kind_is_not_several():
    audit = [
        {"first": "train", "second": "test", "kind": kind, "shared": 1}
        for kind in ("patients", "groups", "studies", "series", "identical pixels")
    ]
    assert facts._leak(audit) == (
        "In both train and test: 1 patient, 1 linked patient group, 1 study, 1 series, 1 identical "
        "picture."
    )


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ((True, True), "the weight of the second chosen on validation: any 0.3, epidural 0.5"),
        (
            (True, False),
            "the weight of the second chosen on validation: any 0.3; both alike for epidural, of "
            "which validation has one class",
        ),
        ((False, False), "both alike for any and epidural, of which validation has one class"),
    ],
)
def test_a_weight_that_validation_could_not_choose_is_not_said_to_be_chosen(chosen, told):
    rows = [
        {"label": label, "weight": weight, "chosen": was_chosen}
        for label, weight, was_chosen in zip(("any", "epidural"), (0.3, 0.5), chosen, strict=True)
    ]
    assert facts._weights(rows) == told


def test_a_head_on_another_runs_features_needs_that_runs_weights_too():
    frozen = {"network": "cnn7", "sample": "fullid", "head": "sequence"}
    rows = {
        "network": {"network": "cnn7", "sample": "fullid"},
        "head": frozen | {"features_from": "network"},
        "both": {"sample": "fullid", "ensemble_of": ["network", "head"]},
    }
    runs = {
        name: SimpleNamespace(experiment=Experiment.parse(values | {"name": name}, where="test"))
        for name, values in rows.items()
    }
    results = SimpleNamespace(all_scored=runs)
    assert facts._trained("network", results) == ["network"]
    assert facts._trained("head", results) == ["head", "network"]
    assert facts._trained("both", results) == ["network", "head"]
    assert facts._weights_file("network", results) == "runs/network/model.weights.h5"
    assert facts._weights_file("head", results).endswith("h5 (the head alone)")

"""What is known of a run beside its figures: what it rests on, and whom it was tested on."""

import pytest

from ichreport.params.experiment import Experiment
from ichreport.runs.record import RunRecord
from ichreport.runs.results import ScoredRun


@pytest.mark.parametrize(
    ("parameters", "random"),
    [
        ({"weights": None}, True),
        ({"weights": "imagenet"}, False),
        ({"weights": None, "network": "cnn7"}, False),
        ({"weights": None, "trainable_layers": 5}, True),
        ({"weights": None, "trainable_layers": "all"}, False),
    ],
)
def test_a_backbone_is_random_where_some_of_its_random_layers_stay_so(parameters, random):
    experiment = Experiment(name="a", **parameters)
    run = ScoredRun(RunRecord("a", None, "ok", {"parameters": experiment.model_dump()}))
    assert run.has_random_backbone is random


@pytest.mark.parametrize(
    ("parameters", "split_by"),
    [
        ({"sample": "sampa"}, "slice"),
        ({"sample": "sampa", "split_by": "group"}, "group"),
        ({"sample": "sampb"}, "group"),
        ({"sample": "fullid"}, "group"),
        ({"sample": "fullid", "split_by": "slice"}, "slice"),
    ],
)
def test_unseen_are_the_patients_of_a_sample_that_is_split_by_group(parameters, split_by):
    experiment = Experiment(name="a", **parameters)
    run = ScoredRun(RunRecord("a", None, "ok", {"parameters": experiment.model_dump()}))
    assert run.split_by == split_by
    assert run.unseen_patients is (split_by == "group")

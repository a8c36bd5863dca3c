"""What is known of a run beside its figures: what it rests on, and whom it was tested on."""

from typing import get_args

import pytest
from ichreport.evaluation.learning_verdict import Verdict

from ichreport.params.experiment import Experiment
from ichreport.runs import results
from ichreport.runs.record import RunRecord
from ichreport.runs.results import Scored


def test_every_verdict_has_its_colour_and_is_explained():
    assert set(results.VERDICT_KINDS) == set(get_args(Verdict))
    assert all(verdict in results.VERDICTS_EXPLAINED for verdict in get_args(Verdict))


@pytest.mark.parametrize(
    ("parameters", "untaught"),
    [
        ({"weights": None}, True),
        ({"weights": "imagenet"}, False),
        ({"weights": None, "network": "cnn7"}, False),
        ({"weights": None, "trainable_layers": 5}, True),
        ({"weights": None, "trainable_layers": "all"}, False),
    ],
)
def test_untaught_is_what_rests_on_random_layers_that_stay_so(parameters, untaught):
    asked = Experiment(name="a", **parameters)
    own = Scored(RunRecord("a", None, "ok", {"parameters": asked.model_dump()}))
    assert own.untaught is untaught


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
    asked = Experiment(name="a", **parameters)
    own = Scored(RunRecord("a", None, "ok", {"parameters": asked.model_dump()}))
    assert own.split_by == split_by
    assert own.unseen_patients is (split_by == "group")

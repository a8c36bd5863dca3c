"""What the parameters are that no step changes: frozen only where layers are."""

import pytest

from ichreport.params.experiment import Experiment
from ichreport.report.run.parameters import not_trained


@pytest.mark.parametrize(
    ("parameters", "frozen"),
    [
        ({"network": "cnn7"}, False),
        ({"network": "densenet121"}, True),
        ({"network": "densenet121", "trainable_layers": 4}, True),
        ({"network": "densenet121", "trainable_layers": "all"}, False),
        ({"head": "sequence", "sample": "fullid", "features_from": "another"}, True),
    ],
)
def test_only_what_stays_as_it_was_is_called_frozen(parameters, frozen):
    said = not_trained(Experiment(name="a", **parameters))
    assert said.endswith("moving averages and scalings")
    assert said.startswith("frozen layers") is frozen

"""A run that left behind all that one leaves, in a project of its own."""

import numpy as np
import pandas as pd
import pytest

from ichreport.evaluation.assessment import assess
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.labels import LABELS
from ichreport.params.experiment import Experiment
from ichreport.runs import recording
from ichreport.splits import SPLITS
from tests.runs.stand_in_training import LEARNED_FROM, StandInTraining


@pytest.fixture(scope="module")
def predictions():
    """Every split has positives and negatives of every label."""
    random = np.random.default_rng(2)
    patient = np.repeat(np.arange(30), 6)
    table = pd.DataFrame({"sop_instance_uid": [f"s{n:03d}" for n in range(180)]})
    for name in ("patient_id", "study_instance_uid", "group"):
        table[name] = [f"p{number:02d}" for number in patient]
    table["split"] = np.array(SPLITS)[patient % 3]
    truth = (random.random((180, len(LABELS))) < 0.4).astype(np.int8)
    truth[:, -1] = truth[:, :-1].max(axis=1)
    table[list(TRUTHS)] = truth
    table[list(PROBABILITIES)] = random.random((180, len(LABELS))).astype(np.float32)
    return table


@pytest.fixture(scope="module")
def assessed(predictions):
    return assess(predictions, replicates=20)


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    (tmp_path / "workflow").mkdir(exist_ok=True)
    (tmp_path / "workflow" / "Snakefile").touch()
    monkeypatch.chdir(tmp_path)
    return Experiment(name="mine", profile="tiny")


@pytest.fixture
def write_run(predictions, assessed):
    def write(experiment, map_layer=None, by_share=None, curve=None, **changes):
        training = StandInTraining(predictions, {"loss": [1.0], "val_loss": [1.5]}, **changes)
        return recording.write_run(
            experiment,
            training,
            assessed,
            leak=[],
            store={"store_hash": "0" * 64, "synthetic": True},
            learned_from=LEARNED_FROM,
            network=None,
            stopwatch=recording.Stopwatch(),
            map_layer=map_layer,
            by_share=by_share,
            curve=curve,
        )

    return write

"""Rows that build on each other, with predictions that are made up and without a folder."""

from pathlib import Path

from ichreport.evaluation.predictions import select_split
from ichreport.params.experiment import Experiment
from ichreport.runs.record import RunRecord
from ichreport.runs.results import Results, ScoredRun
from tests.report.made_up import predictions
from tests.report.measured import measured

FROZEN, TUNED, SERIES = "17-frozen", "18-tuned", "19-series"
LITE0 = {"network": "efficientnetlite0", "weights": "imagenet", "dense_layers": 1}


class MadeUpRun(ScoredRun):
    """A run whose predictions are in memory."""

    @property
    def predictions(self):
        return self.record["predictions"]

    def predictions_on(self, split):
        return select_split(self.predictions, split)


def experiment(name, **parameters):
    """A row of the sample of all slices, of EfficientNet-Lite0 unless said otherwise."""
    return Experiment(name=name, **({"sample": "fullid", **LITE0} | parameters))


def run(name, skill, *, seed=1, table=None, **parameters):
    """A run with figures that skill and seed decide; assessed by nobody."""
    asked = experiment(name, **parameters)
    table = predictions(asked.sample, seed, skill) if table is None else table
    record = {
        "predictions": table,
        "parameters": asked.model_dump(),
        "provenance": {
            "synthetic": False,
            "backend": {"devices": ["CPU, 2 threads"], "gpu": False},
        },
        "history": {"loss": [0.3, 0.2], "val_loss": [0.4, 0.3]},
        "model": {"trainable": 1234, "frozen": 56},
        "timings": {"training": 8.0, "prediction": 4.0, "scoring": 0.5},
    }
    return MadeUpRun(RunRecord(name, Path(), "ok", record))


def assessed(made, **record):
    """The same run with what was measured of it, and other values in its record."""
    values = {**made.record, "assessment": measured(made.predictions), **record}
    return MadeUpRun(RunRecord(made.name, Path(), "ok", values))


def without_figures(name, status="failed", reason="ValueError: no memory"):
    """A row that has no record, and why."""
    return RunRecord(name, Path(), status, {}, reason)


def gathered(*runs, missing=(), asked=()):
    """A report of runs; those that are missing have files that ask what `asked` says."""
    records = sorted([run.run_record for run in runs] + list(missing), key=lambda one: one.name)
    return Results(records, {run.name: run for run in runs}, {one.name: one for one in asked})


def frozen(skill=1.0, seed=1):
    return run(FROZEN, skill, seed=seed)


def tuned(skill=3.0, seed=2, **parameters):
    values = {"baseline": FROZEN, "trainable_layers": "all"}
    return run(TUNED, skill, seed=seed, **(values | parameters))

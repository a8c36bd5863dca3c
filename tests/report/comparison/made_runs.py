"""Runs whose predictions and assessment are made up, without a folder."""

from ichreport.evaluation.predictions import select_split
from ichreport.runs.record import RunRecord
from ichreport.runs.results import Results, ScoredRun
from tests.report.made_up import predictions
from tests.report.measured import measured

BASELINE = "05-sampa-raw-densenet-bce"


class MadeUpRun(ScoredRun):
    """A run whose predictions are in memory."""

    @property
    def predictions(self):
        return self.record["predictions"]

    def predictions_on(self, split):
        return select_split(self.predictions, split)


def run(name, skill, *, seed=1, study_slices=8, provenance=None, **parameters):
    table = predictions("sampa", seed, skill).assign(study_slices=study_slices)
    record = {
        "predictions": table,
        "parameters": {
            "sample": "sampa",
            "poster_row": None,
            "network": "densenet121",
            "weights": "imagenet",
            "baseline": None,
            **parameters,
        },
        "assessment": measured(table),
        "provenance": provenance or {"synthetic": False},
        "leak": [
            {"first": "train", "second": "test", "kind": "patients", "slices_in_second": 40},
            {"first": "train", "second": "test", "kind": "series", "slices_in_second": 0},
            {
                **{"first": "train", "second": "test", "kind": "neighbouring slices"},
                **{"slices_in_second": 16},
            },
        ],
    }
    return MadeUpRun(RunRecord(name, None, "ok", record))


def gathered(*runs):
    return Results([run.run_record for run in runs], {run.name: run for run in runs})

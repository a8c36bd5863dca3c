"""Findings of made-up probabilities in a series of synthetic heads."""

from types import SimpleNamespace

import numpy as np
import pytest

from ichreport.data.series_choice import series_rows
from ichreport.data.store import OF_A_SERIES
from ichreport.findings import study_findings
from ichreport.findings.fitness import Fitness
from ichreport.findings.intake import NewStudy
from ichreport.findings.study_heat import StudyHeat
from ichreport.labels import LABELS
from ichreport.runs.saved_run import SavedRun

UNSHOWN = 'patient "><img src=x onerror=alert(1)>'
"""An identifier that no page may show."""


def new_study(rows, *, refusals=(), warnings=(), slices=10, left_out=None):
    """A study as it would be taken in."""
    identifiers = dict.fromkeys(OF_A_SERIES, UNSHOWN)
    series = {"slices": slices, "length": 140.0, "step": 15.0, "thickness": 5.0, "spacing": 0.9}
    return NewStudy(
        identifiers, UNSHOWN, rows, Fitness(refusals, warnings), series, left_out or {}, {}
    )


@pytest.fixture(scope="module")
def found(report):
    """`run`, `store`, `findings(key, p)` of a series whose third slice is the most suspicious."""
    run = SavedRun.read(report.folder / "runs" / "01-small")
    store = report.store
    rows = series_rows(store, 0)

    def findings(key, p, **study):
        probability = np.full((len(rows), len(LABELS)), p / 2, dtype=np.float32)
        probability[2] = p
        return study_findings.found(
            key,
            new_study(rows, **study),
            store.slices["z"].to_numpy()[rows],
            store.slices["sop_instance_uid"].iloc[rows].to_list(),
            probability,
            run.decisions,
        )

    maps = np.zeros((2, store.image_size, store.image_size), dtype=np.float32)
    maps[:, 10:20, 10:20] = 0.9
    heat = [StudyHeat("any", "HiResCAM", run.name, rows[2:4], maps)]
    return SimpleNamespace(run=run, store=store, rows=rows, findings=findings, heat=heat)

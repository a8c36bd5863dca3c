"""Evaluations of a run elsewhere, made up."""

import pandas as pd

from ichreport.evaluation.external.assessed import ExternalAssessment
from ichreport.evaluation.external.measures import MEASURES
from ichreport.labels import LABELS
from ichreport.report.external.elsewhere import Elsewhere
from ichreport.runs.external_format import folder_of
from ichreport.runs.external_record import ExternalRecord, write_external

DATA = {
    **{"name": "island", "kind": "cq500", "citation": "Some <i>one</i>", "licence": "CC"},
    **{"synthetic": False, "labelled": "studies", "patients": 50, "studies": 60, "slices": 900},
}
LEFT_OUT = {
    **{"patients_learned_from": 3, "by_id": 1, "by_pixels": 2},
    "studies_without_labels": 4,
}


def comparison(level="studies", **changed):
    """A table in which every measure is 0.9 inside, 0.8 outside, 0.1 ± 0.05 apart."""
    rows = []
    for label in LABELS:
        for measure in MEASURES:
            row = {"level": level, "label": label, "measure": measure, "threshold": 0.4}
            for place, value, half in (
                ("inside", 0.9, 0.03), ("outside", 0.8, 0.04), ("difference", -0.1, 0.05),
            ):  # fmt: skip
                ends = {"value": value, "low": value - half, "high": value + half}
                row |= {f"{place}_{end}": each for end, each in ends.items()}
            for place in ("inside", "outside"):
                counts = {"units": 60, "positives": 30, "groups": 50}
                row |= {f"{place}_{name}": count for name, count in counts.items()}
            rows.append(row | changed.get(f"{measure}_{label}", {}))
    return pd.DataFrame(rows)


def assessment(**changed):
    local = pd.DataFrame(
        {
            "label": LABELS, "log_loss": 0.4, "log_loss_local": 0.3, "gain": 0.1, "low": 0.05,
            "high": 0.15, "fitted_on": 48.0, "units": 60, "positives": 30,
        }
    )  # fmt: skip
    nothing = pd.DataFrame()
    return ExternalAssessment(comparison(**changed), nothing, local, nothing, nothing)


def write(run_folder, predictions_sha256="0" * 64, **changed):
    """Leave behind what an evaluation of a run does; gives its folder."""
    came_of = {"run_predictions_sha256": predictions_sha256}
    where = folder_of(run_folder, "island")
    where.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame({"sop_instance_uid": ["a"]})
    write_external(
        where, table, assessment(**changed), None, run=run_folder.name, data=DATA,
        left_out=LEFT_OUT, came_of=came_of,
    )  # fmt: skip
    return where


def told(folder, **changed):
    """A report with one evaluation, as it is read."""
    return Elsewhere([ExternalRecord.read(write(folder / "runs" / "cnn", **changed))], [])

"""Evaluations of a run elsewhere, made up."""

import pandas as pd

from ichreport.evaluation.agreement import ALL_READERS
from ichreport.evaluation.external.assessed import ExternalAssessment
from ichreport.evaluation.external.measures import AUC, MEASURES, RECALL, SPECIFICITY
from ichreport.labels import LABELS
from ichreport.report.external.elsewhere import Elsewhere
from ichreport.runs.external_format import folder_of
from ichreport.runs.external_record import ExternalRecord, write_external

DATA = {
    **{"name": "island", "kind": "cq500", "citation": "Some <i>one</i>", "licence": "CC"},
    **{"synthetic": False, "labelled": "studies", "patients": 50, "studies": 60, "slices": 900},
    "patients_in_own_test": 0,
}
LEFT_OUT = {
    **{"patients_learned_from": 3, "by_id": 1, "by_pixels": 2},
    "studies_without_labels": 4,
}


NOTHING = pd.DataFrame()
ENDS = ("value", "low", "high")


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


STRATA = pd.DataFrame(
    [
        {
            "kind": kind, "stratum": stratum, "label": "any", "measure": measure, "value": 0.8,
            "low": 0.7, "high": 0.9, "units": 30, "positives": 15,
        }
        for kind, stratum in (("thickness", "below 2 mm"), ("readers", "divided"))
        for measure in (AUC, RECALL, SPECIFICITY)
    ]
)  # fmt: skip
OTHER_SYSTEM = pd.DataFrame(
    [
        {
            "label": "any", "units": 60, "positives": 30,
            **{f"{whose}_{end}": 0.9 for whose in ("ours", "theirs") for end in ENDS},
            **{"difference_value": 0.0, "difference_low": -0.1, "difference_high": 0.1},
        }
    ]
)  # fmt: skip
AGREEMENT = pd.DataFrame(
    [
        {
            "label": label, "readers": ALL_READERS, "value": 0.8, "low": 0.7, "high": 0.9,
            "agreement": 0.9, "studies": 60, "positives": 30,
        }
        for label in LABELS
    ]
)  # fmt: skip
EVERY_TABLE = {"strata": STRATA, "other_system": OTHER_SYSTEM, "agreement": AGREEMENT}
"""Those that a data set may lack."""


def assessment(*, strata=NOTHING, other_system=NOTHING, agreement=NOTHING, **changed):
    local = pd.DataFrame(
        {
            "label": LABELS, "log_loss": 0.4, "log_loss_local": 0.3, "gain": 0.1, "low": 0.05,
            "high": 0.15, "fitted_on": 48.0, "units": 60, "positives": 30,
        }
    )  # fmt: skip
    return ExternalAssessment(comparison(**changed), strata, local, other_system, agreement)


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

"""Heat maps of new studies: of the slices that speak most for what a run calls."""

from typing import Final

import numpy as np

from ichreport.application.run_predictor import RunPredictor
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.findings.study_findings import StudyFindings
from ichreport.findings.study_heat import StudyHeat
from ichreport.labels import ANY
from ichreport.model.maps import cam

SLICES_A_LABEL: Final = 3
"""Slices that are shown for a label."""


def of_study(predictor: RunPredictor, findings: StudyFindings, store: Store) -> list[StudyHeat]:
    """The heat of the slices with the largest probabilities, for any bleeding and what is called.

    Args:
        predictor: Of the run that made the findings.
        findings: Of a study that was read.
        store: Where its slices are.
    """
    explaining = predictor.explaining()
    rows = findings.study.rows
    patients = np.full(len(rows), findings.key, dtype=object)
    sample = Sample("fullid", rows, np.full(len(rows), "test"), patients)
    labels = [ANY, *(label for label in findings.called if label != ANY)]
    chosen, probabilities = {}, {}
    for label in labels:
        of_label = findings.slices[f"probability_{label}"].to_numpy(dtype=np.float32)
        places = np.sort(np.argsort(-of_label, kind="stable")[:SLICES_A_LABEL])
        chosen[label], probabilities[label] = rows[places], of_label[places]
    maps = cam.by_label(explaining.trained, store, sample, chosen, backbone=explaining.backbone)
    return [
        StudyHeat(
            label,
            maps[label].method,
            explaining.plan.name,
            chosen[label],
            maps[label].heat * probabilities[label][:, None, None],
        )
        for label in labels
    ]

"""Heat maps of new studies: of the slices that speak most for what a run calls."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
    labels = [ANY, *(label for label in findings.called if label != ANY)]
    strongest = {}
    for label in labels:
        probability = findings.slices[f"probability_{label}"].to_numpy(dtype=np.float32)
        strongest[label] = np.sort(np.argsort(-probability, kind="stable")[:SLICES_A_LABEL])
    return _heat(predictor, findings, store, strongest)


def of_series(predictor: RunPredictor, findings: StudyFindings, store: Store) -> StudyHeat:
    """The heat of any bleeding in all slices of a study, for who lays it over the series.

    Args:
        predictor: As for `of_study`.
        findings: As for `of_study`.
        store: As for `of_study`.
    """
    return _heat(predictor, findings, store, {ANY: np.arange(len(findings.slices))})[0]


def _heat(
    predictor: RunPredictor,
    findings: StudyFindings,
    store: Store,
    places: Mapping[str, NDArray[np.int64]],
) -> list[StudyHeat]:
    """Heat of some slices of a study, by label."""
    explaining, rows = predictor.explaining(), findings.study.rows
    patients = np.full(len(rows), findings.key, dtype=object)
    sample = Sample("fullid", rows, np.full(len(rows), "test"), patients)
    chosen = {label: rows[of_label] for label, of_label in places.items()}
    maps = cam.by_label(
        *(explaining.trained, store, sample, chosen),
        backbone=explaining.backbone,
        block=explaining.map_layer,
    )
    heat = []
    for label, of_label in places.items():
        probability = findings.slices[f"probability_{label}"].to_numpy(dtype=np.float32)[of_label]
        scaled = maps[label].heat * probability[:, None, None]
        name = explaining.plan.name
        heat.append(StudyHeat(label, maps[label].method, name, chosen[label], scaled))
    return heat

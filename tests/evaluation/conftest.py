"""Predictions of an imaginary network, in the format of a run."""

import numpy as np
import pandas as pd
import pytest

from ichreport.labels import LABELS

PREVALENCE = (0.06, 0.2, 0.15, 0.2, 0.25)


def draw_predictions(seed=0, patients=120, slices=(3, 9), skill=1.5):
    """Slices whose patients differ in how much they bleed, scored by a network of some skill."""
    rng = np.random.default_rng(seed)
    size = rng.integers(*slices, patients)
    patient = np.repeat(np.arange(patients), size)
    n = len(patient)
    illness = rng.normal(size=(patients, 5))[patient]
    cut = np.quantile(illness + rng.normal(size=(n, 5)), 1 - np.array(PREVALENCE))
    truth = (illness + rng.normal(size=(n, 5)) > cut).astype(np.int8)
    truth = np.column_stack([truth, truth.max(axis=1)])
    logit = (
        skill * truth - 2 + rng.normal(size=(n, 6)) + 0.5 * rng.normal(size=(patients, 6))[patient]
    )
    probability = (1 / (1 + np.exp(-logit))).astype(np.float32)
    split = np.repeat(["train", "validation", "test"], [patients // 2, patients // 6, patients])
    frame = {
        "sop_instance_uid": [f"ID_{row:09x}" for row in range(n)],
        "patient_id": [f"ID_{p:08x}" for p in patient],
        "study_instance_uid": [f"ID_s{p:08x}" for p in patient],
        "series_instance_uid": [f"ID_r{p:08x}" for p in patient],
        "group": [f"ID_{p:08x}" for p in patient],
        "split": split[:patients][patient],
    }
    frame |= {f"truth_{label}": truth[:, k] for k, label in enumerate(LABELS)}
    frame |= {f"probability_{label}": probability[:, k] for k, label in enumerate(LABELS)}
    return pd.DataFrame(frame)


@pytest.fixture(name="draw_predictions")
def fixture_draw_predictions():
    return draw_predictions


@pytest.fixture(scope="session")
def predictions():
    return draw_predictions()

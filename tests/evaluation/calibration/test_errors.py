"""Measures of calibration against scikit-learn and known distortions."""

import math

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from ichreport.evaluation.calibration import errors
from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.labels import LABELS


def test_recalibration_corrects_a_distortion_and_gains_the_log_loss_between(draw_predictions):
    raw = draw_predictions(patients=600)
    odds = raw[list(PROBABILITIES)] / (1 - raw[list(PROBABILITIES)])
    raw[list(PROBABILITIES)] = odds**3 / (1 + odds**3)  # three times too sure
    table = errors.calibration_table(raw, replicates=100)
    value = table.set_index(["measure", "label"])["value"].unstack()
    assert (value.loc["temperature"] > 1.5).all()
    assert (value.loc["gain_temperature"] > 0).all()
    gain = value.loc["log_loss"] - value.loc["log_loss_line"]
    np.testing.assert_allclose(value.loc["gain_line"], gain)
    rows = raw[raw["split"] == "test"]
    expected = [
        log_loss(rows[f"truth_{x}"], rows[f"probability_{x}"].astype(float)) for x in LABELS
    ]
    np.testing.assert_allclose(value.loc["log_loss", list(LABELS)], expected, rtol=1e-6)
    expected = [brier_score_loss(rows[f"truth_{x}"], rows[f"probability_{x}"]) for x in LABELS]
    np.testing.assert_allclose(value.loc["brier", list(LABELS)], expected, rtol=1e-6)
    bounded = table.dropna(subset="low")
    assert (bounded["low"] <= bounded["value"]).all()
    assert (bounded["value"] <= bounded["high"]).all()
    assert set(table["binning"]) == {"mass"}


def test_calibrated_scores_are_inside_the_interval_of_their_calibration_error(draw_predictions):
    """Each resample adds noise of its own, so the plain percentiles often lie above the error."""
    for seed in range(12):
        drawn = draw_predictions(patients=60, seed=seed)
        table = errors.calibration_table(drawn, replicates=60)
        measured = table[table["measure"] == "expected_calibration_error"].dropna(subset="low")
        assert len(measured)
        assert (measured["low"] <= measured["value"]).all()
        assert (measured["value"] <= measured["high"]).all()


def test_an_interval_without_an_end_is_missing_instead_of_an_error():
    assert math.isnan(errors._exp_or_nan(800))
    assert errors._exp_or_nan(1.0) == pytest.approx(math.e)


def test_fits_say_of_which_split_they_are(predictions):
    table = errors.calibration_table(predictions, replicates=5)
    table = table[table["label"] == "any"].set_index("measure")
    for measure, split in (
        ("slope", "test"),
        ("in_the_large", "test"),
        ("log_loss_temperature", "test"),
        ("temperature", "validation"),
        ("validation_slope", "validation"),
        ("validation_intercept", "validation"),
    ):
        rows = predictions[predictions["split"] == split]
        assert table.loc[measure, "slices"] == len(rows)
        assert table.loc[measure, "positives"] == rows["truth_any"].sum()


def test_a_label_without_positives_on_validation_is_left_unscaled_and_missing(predictions):
    changed = predictions.copy()
    changed.loc[changed["split"] == "validation", "truth_epidural"] = 0
    table = errors.calibration_table(changed, replicates=10).set_index(["label", "measure"])
    for measure in ("temperature", "log_loss_temperature", "gain_line"):
        assert math.isnan(table.loc[("epidural", measure), "value"])
    assert table.loc[("epidural", "log_loss"), "value"] > 0

"""Calibration against scikit-learn and known distortions."""

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from ichreport.evaluation.calibration import reliability
from ichreport.evaluation.inference.bootstrap import draw_resamples
from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.labels import LABELS


@pytest.fixture(scope="module")
def calibrated():
    rng = np.random.default_rng(0)
    score = rng.beta(0.6, 4, 6000)
    truth = (rng.random(6000) < score).astype(int)
    group = np.array([f"{k:03d}" for k in rng.integers(0, 300, 6000)])
    return truth, score, group


def test_brier_score_agrees_with_scikit_learn(calibrated):
    truth, score, _ = calibrated
    assert reliability.brier_score(truth, score) == pytest.approx(brier_score_loss(truth, score))
    assert math.isnan(reliability.brier_score([], []))


@pytest.mark.parametrize(("binning", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_reliability_agrees_with_scikit_learn(calibrated, binning, strategy):
    truth, score, group = calibrated
    resamples = draw_resamples(group, replicates=100)
    bins = reliability.make_bins(score, binning=binning)
    curve = reliability.reliability_curve(
        truth, score, bins, group_codes=resamples.group_codes(group), resamples=resamples
    )
    observed, predicted = calibration_curve(truth, score, n_bins=10, strategy=strategy)
    filled = curve[curve["slices"] > 0]
    # quantiles are defined in slightly different ways: a slice may sit in the bin beside
    tolerance = 1e-12 if binning == "width" else 5e-3
    np.testing.assert_allclose(filled["observed"], observed, atol=tolerance)
    np.testing.assert_allclose(filled["predicted"], predicted, atol=tolerance)
    assert curve["slices"].sum() == len(truth)
    assert curve["positives"].sum() == truth.sum()


def test_most_intervals_of_calibrated_scores_hold_the_diagonal(calibrated):
    truth, score, group = calibrated
    resamples = draw_resamples(group, replicates=300)
    curve = reliability.reliability_curve(
        truth,
        score,
        reliability.make_bins(score, num_bins=20),
        group_codes=resamples.group_codes(group),
        resamples=resamples,
    )
    held = (curve["low"] <= curve["predicted"]) & (curve["predicted"] <= curve["high"])
    assert held.mean() >= 0.85


def test_an_empty_bin_is_missing_not_zero():
    resamples = draw_resamples(["a", "b"], replicates=10)
    bins = reliability.make_bins([0.05, 0.95], binning="width")
    curve = reliability.reliability_curve(
        [0, 1], [0.05, 0.95], bins, group_codes=np.array([0, 1]), resamples=resamples
    )
    assert curve["slices"].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert curve["observed"].isna().sum() == 8
    assert curve.loc[1, "undefined"] == 10


def test_bins_of_equal_mass_hold_as_many_slices_each(calibrated):
    _, score, _ = calibrated
    bins = reliability.make_bins(score)
    sizes = np.bincount(bins.of(score), minlength=len(bins))
    assert sizes.max() - sizes.min() <= 2
    tied = reliability.make_bins(np.full(50, 0.3))
    assert len(tied) == 1
    assert (tied.of(np.full(50, 0.3)) == 0).all()
    saturated = np.repeat([0.0, 1.0], [30, 20])
    assert reliability.make_bins(saturated).of(saturated).tolist() == [0] * 30 + [1] * 20


def test_calibration_error_by_hand():
    bins = reliability.make_bins([], num_bins=2, binning="width")
    # first bin: 0.2 predicted, 1 in 2 observed; second: 0.8 predicted, all observed
    error = reliability.expected_calibration_error([0, 1, 1, 1], [0.2, 0.2, 0.8, 0.8], bins)
    assert error == pytest.approx((2 * 0.3 + 2 * 0.2) / 4)
    assert math.isnan(reliability.expected_calibration_error([], [], bins))


def test_scaling_mends_what_was_distorted_and_says_by_how_much(draw_predictions):
    raw = draw_predictions(patients=600)
    odds = raw[list(PROBABILITIES)] / (1 - raw[list(PROBABILITIES)])
    raw[list(PROBABILITIES)] = odds**3 / (1 + odds**3)  # three times too sure
    table = reliability.calibration_table(raw, replicates=100)
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
    bounded = table.dropna(subset="low")
    assert (bounded["low"] <= bounded["value"]).all()
    assert (bounded["value"] <= bounded["high"]).all()
    assert set(table["binning"]) == {"mass"}


def test_calibrated_scores_are_inside_the_interval_of_their_calibration_error(draw_predictions):
    """Each resample adds noise of its own, so the plain percentiles often lie above the error."""
    for seed in range(12):
        drawn = draw_predictions(patients=60, seed=seed)
        table = reliability.calibration_table(drawn, replicates=60)
        errors = table[table["measure"] == "expected_calibration_error"].dropna(subset="low")
        assert len(errors)
        assert (errors["low"] <= errors["value"]).all()
        assert (errors["value"] <= errors["high"]).all()


def test_an_interval_without_an_end_is_missing_instead_of_an_error():
    assert math.isnan(reliability._exp_or_nan(800))
    assert reliability._exp_or_nan(1.0) == pytest.approx(math.e)


def test_fits_say_of_which_split_they_are(predictions):
    table = reliability.calibration_table(predictions, replicates=5)
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
    table = reliability.calibration_table(changed, replicates=10).set_index(["label", "measure"])
    for measure in ("temperature", "log_loss_temperature", "gain_line"):
        assert math.isnan(table.loc[("epidural", measure), "value"])
    assert table.loc[("epidural", "log_loss"), "value"] > 0

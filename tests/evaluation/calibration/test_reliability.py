"""Reliability curves and calibration errors against scikit-learn and values by hand."""

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from ichreport.evaluation.calibration import reliability


@pytest.fixture(scope="module")
def calibrated():
    rng = np.random.default_rng(0)
    score = rng.beta(0.6, 4, 6000)
    truth = (rng.random(6000) < score).astype(int)
    group = np.array([f"{k:03d}" for k in rng.integers(0, 300, 6000)])
    return truth, score, group


@pytest.mark.parametrize(("binning", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_reliability_agrees_with_scikit_learn(calibrated, binning, strategy):
    truth, score, group = calibrated
    bins = reliability.make_bins(score, binning=binning)
    curve = reliability.reliability_curve(
        truth, score, bins, group_codes=np.unique(group, return_inverse=True)[1]
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
    curve = reliability.reliability_curve(
        truth,
        score,
        reliability.make_bins(score, num_bins=20),
        group_codes=np.unique(group, return_inverse=True)[1],
    )
    held = (curve["low"] <= curve["predicted"]) & (curve["predicted"] <= curve["high"])
    assert held.mean() >= 0.85


def test_an_empty_bin_is_missing_not_zero():
    bins = reliability.make_bins([0.05, 0.95], binning="width")
    curve = reliability.reliability_curve([0, 1], [0.05, 0.95], bins, group_codes=np.array([0, 1]))
    assert curve["slices"].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert curve["observed"].isna().sum() == 8
    assert curve.loc[1, ["low", "high"]].isna().all()


def test_bins_of_equal_mass_hold_as_many_slices_each(calibrated):
    _, score, _ = calibrated
    bins = reliability.make_bins(score)
    sizes = np.bincount(bins.index(score), minlength=len(bins))
    assert sizes.max() - sizes.min() <= 2
    tied = reliability.make_bins(np.full(50, 0.3))
    assert len(tied) == 1
    assert (tied.index(np.full(50, 0.3)) == 0).all()
    saturated = np.repeat([0.0, 1.0], [30, 20])
    assert reliability.make_bins(saturated).index(saturated).tolist() == [0] * 30 + [1] * 20


def test_calibration_error_by_hand():
    bins = reliability.make_bins([], num_bins=2, binning="width")
    # first bin: 0.2 predicted, 1 in 2 observed; second: 0.8 predicted, all observed
    error = reliability.expected_calibration_error([0, 1, 1, 1], [0.2, 0.2, 0.8, 0.8], bins)
    assert error == pytest.approx((2 * 0.3 + 2 * 0.2) / 4)
    assert math.isnan(reliability.expected_calibration_error([], [], bins))

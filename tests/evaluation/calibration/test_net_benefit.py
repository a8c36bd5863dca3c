"""Decision curves against their closed forms."""

import math

import numpy as np
import pytest

from ichreport.evaluation.calibration.net_benefit import decision_curve


def curve_of(truth, score, **options):
    return decision_curve(truth, score, group_codes=np.arange(len(truth)), **options)


def test_net_benefit_by_hand():
    curve = curve_of([1, 1, 0, 0], [0.9, 0.3, 0.6, 0.1], thresholds=[0.2, 0.5])
    # at 0.2: 2 hits, 1 false alarm; at 0.5: 1 hit, 1 false alarm
    np.testing.assert_allclose(curve["net_benefit"], [(2 - 0.25) / 4, 0])
    np.testing.assert_allclose(curve["treat_all"], [0.5 - 0.5 * 0.25, 0])
    assert (curve["treat_none"] == 0).all()


def test_a_perfect_prediction_is_worth_the_prevalence_everywhere():
    truth = (np.arange(200) < 30).astype(int)
    curve = curve_of(truth, truth.astype(float))
    np.testing.assert_allclose(curve["net_benefit"], 0.15)
    assert (curve["above_both"] >= -1e-12).all()
    assert (curve["low"] < 0.15).all()
    assert (curve["high"] > 0.15).all()


def test_a_constant_prediction_is_never_above_both():
    truth = (np.arange(200) < 30).astype(int)
    curve = curve_of(truth, np.full(200, 0.15))
    assert curve["above_both"].max() == pytest.approx(0, abs=1e-12)


def test_thresholds_of_0_and_1_are_refused_and_no_slices_are_worth_nothing_known():
    with pytest.raises(ValueError, match=r"thresholds must be in \(0, 1\)"):
        curve_of([1], [0.5], thresholds=[1.0])
    curve = curve_of([], [], thresholds=[0.5])
    assert math.isnan(curve.loc[0, "net_benefit"])
    assert math.isnan(curve.loc[0, "above_both_low"])

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


def test_acting_on_no_one_is_not_known_to_be_worth_nothing():
    """Its interval was 0 to 0, and missed what a calibrated network is worth in 4 to 41 %."""
    nobody = curve_of([0] * 5, [0.01] * 5, thresholds=[0.5]).loc[0]
    assert nobody["net_benefit"] == nobody["above_both"] == 0
    assert nobody["high"] > 0.2
    assert nobody["low"] < -0.2
    rng, worth, missed = np.random.default_rng(4), [], []
    for _ in range(300):
        p = rng.beta(0.5, 3.5, 40)
        truth = (rng.random(40) < p).astype(int)
        found = curve_of(truth, p, thresholds=[0.6]).loc[0]
        worth.append(np.where(p >= 0.6, p - (1 - p) * 1.5, 0).mean())
        missed.append((found["low"], found["high"]))
    low, high = np.transpose(missed)
    assert np.mean(low > np.mean(worth)) <= 0.05
    assert np.mean(high < np.mean(worth)) <= 0.05


def test_what_is_above_both_is_above_the_better_of_both():
    rng = np.random.default_rng(2)
    p = rng.random(60)
    truth = (rng.random(60) < p).astype(int)
    curve = curve_of(truth, p)
    above = curve["net_benefit"] - curve[["treat_all", "treat_none"]].max(axis=1)
    np.testing.assert_allclose(curve["above_both"], above, atol=1e-12)
    assert (curve["above_both_low"] <= above + 1e-12).all()
    assert (curve["above_both_high"] >= above - 1e-12).all()


def test_thresholds_of_0_and_1_are_refused_and_no_slices_are_worth_nothing_known():
    with pytest.raises(ValueError, match=r"thresholds must be in \(0, 1\)"):
        curve_of([1], [0.5], thresholds=[1.0])
    curve = curve_of([], [], thresholds=[0.5])
    assert math.isnan(curve.loc[0, "net_benefit"])
    assert math.isnan(curve.loc[0, "above_both_low"])


def test_every_figure_lies_in_its_interval_whatever_acting_on_all_brings():
    """Below the net benefit of acting on all the ends changed places: -0.01 to -0.06 of -0.1."""
    rng = np.random.default_rng(0)
    truth = (rng.random(300) < 0.4).astype(int)
    curve = decision_curve(truth, rng.random(300) * 0.3, group_codes=np.arange(300) // 6)
    for figure, ends in (("net_benefit", ""), ("above_both", "above_both_")):
        assert (curve[f"{ends}low"] <= curve[figure] + 1e-12).all()
        assert (curve[figure] <= curve[f"{ends}high"] + 1e-12).all()
    assert (curve["above_both"] < -0.05).any()

"""Scalings against scikit-learn, scipy and known distortions."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from ichreport.evaluation.calibration import recalibration


@pytest.fixture(scope="module")
def calibrated():
    """20,000 slices whose probabilities are the ones they were drawn with."""
    rng = np.random.default_rng(0)
    z = rng.normal(-1.5, 1.5, 20_000)
    return (rng.random(20_000) < expit(z)).astype(int), z


def test_logit_and_probability_are_inverse_and_agree_with_scipy():
    p = np.array([1e-6, 0.2, 0.5, 0.999])
    np.testing.assert_allclose(recalibration.to_logit(p), logit(p))
    np.testing.assert_allclose(recalibration.to_probability(logit(p)), p)
    np.testing.assert_array_equal(recalibration.to_probability([-1e4, 1e4]), [0, 1])
    ends = recalibration.to_logit(np.array([0, 1], np.float32))
    assert ends == pytest.approx([-16.6, 16.6], abs=0.1)


def test_a_temperature_that_was_put_in_is_recovered(calibrated):
    truth, z = calibrated
    assert recalibration.fit_temperature(truth, expit(z)) == pytest.approx(1, abs=0.04)
    assert recalibration.fit_temperature(truth, expit(3 * z)) == pytest.approx(3, abs=0.12)
    assert recalibration.fit_temperature(truth, expit(z / 4)) == pytest.approx(0.25, abs=0.01)


def test_the_temperature_is_the_one_that_a_general_optimiser_finds(calibrated):
    truth, z = calibrated
    distorted = 2 * z + 1

    def loss(inverse):
        return recalibration.mean_log_loss(truth, distorted * inverse[0])

    reference = 1 / minimize(loss, [1.0], tol=1e-10).x[0]
    temperature = recalibration.fit_temperature(truth, expit(distorted))
    assert temperature == pytest.approx(reference, rel=1e-4)


def test_separate_classes_useless_scores_and_one_class_have_no_temperature():
    assert math.isnan(recalibration.fit_temperature([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]))
    assert math.isnan(recalibration.fit_temperature([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]))
    assert math.isnan(recalibration.fit_temperature([1, 1], [0.1, 0.2]))


def test_slope_and_intercept_are_those_of_logistic_regression(calibrated):
    truth, z = (part[:2000] for part in calibrated)
    distorted = 1.7 * z - 0.8
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(distorted[:, None], truth)
    slope, intercept = recalibration.fit_logistic(truth, distorted)
    assert slope == pytest.approx(reference.coef_[0, 0], rel=1e-5)
    assert intercept == pytest.approx(reference.intercept_[0], rel=1e-5)


@pytest.fixture(scope="module")
def in_groups():
    """2,000 slices of 200 groups, each with a shift of its own that scores do not know."""
    rng = np.random.default_rng(5)
    codes = np.repeat(np.arange(200), 10)
    z = rng.normal(-1, 1.5, 2000)
    shift = rng.normal(0, 1.0, 200)[codes]
    return (rng.random(2000) < expit(z + shift)).astype(int), 1.4 * z + 0.3, codes


def errors_over_refits(fit, codes, plain):
    """From the fits without each of 200 groups, with two slices more, in doubt as the mean is."""
    model = plain.model
    offset = getattr(model, "offset", np.zeros(len(codes)))
    without = [
        fit(model.endog[kept], model.exog[kept], offset[kept]).params
        for kept in (codes != group for group in range(200))
    ]
    p = plain.predict()
    variances = np.square(np.array(without) - plain.params).sum(axis=0)
    return np.sqrt(variances + 2 * plain.bse**2 / (p * (1 - p)).sum())


def of_logits(truth, design, offset):
    return GLM(truth, design, family=Binomial(), offset=offset).fit(tol=1e-12)


def test_errors_of_slope_and_intercept_are_those_of_fits_without_each_group(in_groups):
    truth, z, codes = in_groups
    design = np.stack([z, np.ones_like(z)], axis=1)
    line = recalibration.fit_logistic(truth, z)
    errors = recalibration.line_standard_errors(truth, z, line, codes)
    expected = errors_over_refits(of_logits, codes, of_logits(truth, design, 0 * z))
    np.testing.assert_allclose([of.error for of in errors], expected, rtol=5e-3)
    assert 30 < errors[0].freedom < 199


def test_the_error_of_a_temperature_is_that_of_its_inverse_as_a_slope(in_groups):
    truth, z, codes = in_groups
    temperature = recalibration.fit_temperature(truth, expit(z))
    found = recalibration.temperature_standard_error(truth, expit(z), temperature, codes)
    plain = of_logits(truth, z[:, None], 0 * z)
    of_slope = errors_over_refits(of_logits, codes, plain)[0]
    assert found.error == pytest.approx(of_slope / plain.params[0], rel=5e-3)  # ln T = -ln slope


def test_the_shift_and_its_error_are_those_of_fits_with_the_logit_as_offset(in_groups):
    truth, z, codes = in_groups
    plain = of_logits(truth, np.ones((len(z), 1)), z)
    shift = recalibration.fit_shift(truth, z)
    assert shift == pytest.approx(plain.params[0], abs=1e-8)
    found = recalibration.shift_standard_error(truth, z, shift, codes)
    assert found.error == pytest.approx(errors_over_refits(of_logits, codes, plain)[0], rel=5e-3)


@pytest.mark.parametrize("groups", [20, 60])
def test_the_slope_of_a_calibrated_network_is_1_where_patients_differ_in_size(groups):
    """The sandwich with as many degrees of freedom as groups held it in 80 to 88 %."""
    held, rng = [], np.random.default_rng(3)
    while len(held) < 400:
        sizes = np.maximum(3, rng.lognormal(3.2, 1, groups)).astype(int)
        codes = np.repeat(np.arange(groups), sizes)
        ill, noise = (
            np.sqrt(0.5) * (rng.normal(size=groups)[codes] + rng.normal(size=len(codes)))
            for _ in range(2)
        )
        truth = (ill > 1.04).astype(int)
        z = 1.81 * (1.81 * truth + noise) - 1.81**2 / 2 + logit(0.15)
        line = recalibration.fit_logistic(truth, z)
        if np.isnan(line[0]):
            continue
        of_slope = recalibration.line_standard_errors(truth, z, line, codes)[0]
        ends = of_slope.interval_around(line[0], groups=groups)
        held.append(ends.low <= 1 <= ends.high)
    assert np.mean(held) > 0.92


def test_the_shift_makes_the_mean_probability_the_share_of_positives():
    truth, z = np.array([1, 0, 0, 0]), np.array([5.0, -16.6, 3.0, 0.0])
    shift = recalibration.fit_shift(truth, z)
    assert expit(z + shift).mean() == pytest.approx(0.25, abs=1e-9)
    assert recalibration.fit_shift(truth, np.full(4, 2.0)) == pytest.approx(logit(0.25) - 2)
    assert math.isnan(recalibration.fit_shift([1, 1], [0.1, 0.2]))
    error = recalibration.shift_standard_error([1, 1], [0.1, 0.2], math.nan, np.array([0, 1]))
    assert math.isnan(error.error)


def test_slices_that_come_twice_in_their_group_bring_no_certainty(in_groups):
    truth, z, codes = in_groups
    line = recalibration.fit_logistic(truth, z)
    once = recalibration.line_standard_errors(truth, z, line, codes)
    twice = recalibration.line_standard_errors(
        *(np.tile(values, 2) for values in (truth, z)), line, np.tile(codes, 2)
    )
    twice, once = ([of.error for of in errors] for errors in (twice, once))
    np.testing.assert_allclose(twice, once, rtol=0.003)  # for the slices that may be missing


def test_standard_errors_are_missing_without_a_fit_and_with_one_group():
    undefined, one_group = (math.nan, math.nan), np.zeros(3, dtype=int)
    truth, z = [0, 1, 0], [0.1, 0.2, 0.3]
    errors = [
        *recalibration.line_standard_errors([0, 1], [0.1, 0.2], undefined, [0, 1]),
        *recalibration.line_standard_errors(truth, z, (1, 0), one_group),
        recalibration.temperature_standard_error(truth, z, 1.0, one_group),
    ]
    assert all(math.isnan(of.error) for of in errors)


def test_a_shift_of_the_odds_is_recovered_as_the_intercept(calibrated):
    truth, z = calibrated
    slope, intercept = recalibration.fit_logistic(truth, z + math.log(7))
    assert (slope, intercept) == pytest.approx((1, -math.log(7)), abs=0.06)


def test_separate_classes_have_a_line_only_with_a_ridge():
    truth, z = [0, 0, 1, 1], [-2.0, -1.0, 1.0, 2.0]
    assert all(math.isnan(value) for value in recalibration.fit_logistic(truth, z))
    slope, intercept = recalibration.fit_logistic(truth, z, ridge=1.0)
    assert 1 < slope < 3
    assert intercept == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("wrong", [0, 3])
def test_a_shift_of_probabilities_of_0_and_1_has_no_error_and_is_called_neither_high_nor_low(wrong):
    """Of one of -0.69 it was 7e-11, though all from -10 to 10 would have done as well.

    Such a shift is none.
    """
    truth = np.tile([0, 0, 0, 1, 0], 40)
    said = truth.copy()
    said[np.flatnonzero(truth == 1)[:wrong]] = 0  # and as many the other way
    said[np.flatnonzero(truth == 0)[:wrong]] = 1
    z = recalibration.to_logit(said.astype(float))
    shift, codes = recalibration.fit_shift(truth, z), np.arange(200) // 5
    assert math.isnan(shift)
    assert math.isnan(recalibration.shift_standard_error(truth, z, -0.69, codes).error)
    truth[::10] = 1  # 20 of 160 that it says are none
    shift = recalibration.fit_shift(truth, z)
    assert shift == pytest.approx(16.64 + logit(20 / 160), abs=0.2)
    assert 0.05 < recalibration.shift_standard_error(truth, z, shift, codes).error < 0.5


@pytest.mark.parametrize("doubt", [0.001, 0.002, 0.003, 0.01])
def test_a_sure_and_calibrated_network_is_said_to_be_off_in_few_samples(doubt):
    """Where none of the few wrong slices were drawn, the sandwich vanished: off in 6 to 57 %."""
    rng, codes = np.random.default_rng(5), np.repeat(np.arange(40), 20)
    said = np.where((codes < 12) & (np.arange(800) % 2 == 0), 1 - doubt, doubt)
    z, off = recalibration.to_logit(said), []
    for _ in range(400):
        truth = (rng.random(800) < said).astype(int)
        shift = recalibration.fit_shift(truth, z)
        error = recalibration.shift_standard_error(truth, z, shift, codes)
        ends = error.interval_around(shift, groups=40)
        off.append(ends.low > 0 or ends.high < 0)
    assert np.mean(off) <= 0.05


def test_two_groups_are_too_few_for_the_errors_of_a_line():
    truth, z = np.array([0, 1, 0, 1, 1, 0]), np.array([-1.0, 0.5, 0.2, 1.0, -0.3, -0.8])
    line = recalibration.fit_logistic(truth, z)
    errors = recalibration.line_standard_errors(truth, z, line, np.array([0, 0, 0, 1, 1, 1]))
    assert all(math.isnan(of.error) for of in errors)


def test_one_class_or_constant_scores_have_no_line():
    assert all(math.isnan(value) for value in recalibration.fit_logistic([1, 1], [0.1, 0.2]))
    assert all(math.isnan(value) for value in recalibration.fit_logistic([0, 1], [0.3, 0.3]))


@pytest.mark.parametrize("sureness", [0.5, 8.0, 12.0, 16.6])
def test_scores_that_are_all_on_the_right_side_have_no_temperature_and_no_error(sureness):
    """The loss of sure ones is 0 at many temperatures, and the first that is met says nothing."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    z = np.where(truth == 1, 1, -1) * sureness * rng.uniform(0.8, 1, 200)
    for sign in (1, -1):
        assert math.isnan(
            recalibration.fit_temperature(truth, recalibration.to_probability(sign * z))
        )
    codes, line = np.arange(200) // 5, (1e6, 0.0)
    errors = recalibration.line_standard_errors(truth, z, line, codes)
    assert all(math.isnan(of.error) for of in errors)

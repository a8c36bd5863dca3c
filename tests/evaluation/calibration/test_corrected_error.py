"""The calibration error without chance: 0 for calibrated networks, what it is for others."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from ichreport.evaluation.calibration.corrected_error import corrected_calibration_error
from ichreport.evaluation.calibration.reliability import expected_calibration_error, make_bins
from ichreport.evaluation.uncertainty.bootstrap import draw_resamples


def corrected(seed, bias, groups=40, size=30):
    """Predictions that are `bias` too high, in independent slices, and their error in 10 bins."""
    rng = np.random.default_rng(seed)
    score = rng.uniform(0.2, 0.7, groups * size)
    truth = (rng.random(len(score)) < score - bias).astype(int)
    codes = np.repeat(np.arange(groups), size)
    resamples = draw_resamples([f"{k:03d}" for k in range(groups)], replicates=300, seed=seed)
    bins = make_bins(score)
    value, interval = corrected_calibration_error(truth, score, bins, codes, resamples)
    return value, interval, expected_calibration_error(truth, score, bins)


def test_a_calibrated_network_s_interval_reaches_0_and_half_of_the_errors_are_0():
    results = [corrected(seed, bias=0.0) for seed in range(60)]
    assert np.mean([interval.low == 0 for _, interval, _ in results]) >= 0.93
    assert 0.3 <= np.mean([value == 0 for value, _, _ in results]) <= 0.7
    assert min(plain for _, _, plain in results) > 0.01


def test_a_calibrated_network_s_interval_reaches_0_where_few_groups_carry_the_noise():
    """Six of 100 patients bleed; with the degrees of freedom of all it did in 96.5 %."""
    reached = []
    for seed in range(200):
        rng, codes = np.random.default_rng(seed), np.repeat(np.arange(100), 20)
        rate = np.where(np.arange(100) < 6, 0.5, 0.0001)[codes]
        score = rate * rng.uniform(0.5, 1.5, len(codes))
        truth = (rng.random(len(codes)) < score).astype(int)
        resamples = draw_resamples([f"{k:03d}" for k in range(100)], replicates=200, seed=seed)
        interval = corrected_calibration_error(truth, score, make_bins(score), codes, resamples)[1]
        reached.append(interval.low == 0)
    assert np.mean(reached) >= 0.975


def test_a_known_error_is_found_and_held():
    results = [corrected(seed, bias=0.1) for seed in range(40)]
    values = np.array([value for value, _, _ in results])
    assert abs(values.mean() - 0.1) < 0.01
    held = [interval.low <= 0.1 <= interval.high for _, interval, _ in results]
    assert np.mean(held) >= 0.9


def test_the_error_of_a_network_that_is_off_is_held_where_patients_differ_in_size():
    """The upper end was too low in 7 to 15 % of samples."""
    rng, off, inside = np.random.default_rng(6), 1.0, []
    z = rng.normal(-2, 2, 100_000)
    claimed = 1 / (1 + np.exp(-z - off))
    shifts = np.sqrt(0.5) * norm.ppf((np.arange(20) + 0.5) / 20)
    real = np.mean([1 / (1 + np.exp(-z - shift)) for shift in shifts], axis=0)
    for seed in range(150):
        sizes = np.maximum(3, rng.lognormal(3.2, 1, 20)).astype(int)
        codes = np.repeat(np.arange(20), sizes)
        shift = np.sqrt(0.5) * rng.normal(size=20)[codes]
        logits = rng.normal(-2, 2, len(codes))
        said = 1 / (1 + np.exp(-logits - off))
        truth = (rng.random(len(codes)) < 1 / (1 + np.exp(-logits - shift))).astype(int)
        bins = make_bins(said)
        resamples = draw_resamples([f"{k:02d}" for k in range(20)], replicates=200, seed=seed)
        ends = corrected_calibration_error(truth, said, bins, codes, resamples)[1]
        gaps = np.bincount(bins.index(claimed), weights=claimed - real, minlength=len(bins))
        inside.append(ends.low <= np.abs(gaps).sum() / len(z) <= ends.high)
    assert np.mean(inside) >= 0.94


@pytest.mark.parametrize("said", [(0.15, 0.15), (0.151, 0.151), (0.98, 0.02), (1.0, 0.0)])
def test_no_error_is_known_without_doubt(said):
    """A constant that happens to be the share had [0, 0], and an unsure, right network no width."""
    codes = np.repeat(np.arange(40), 20)
    truth = ((codes < 12) & (np.arange(800) % 2 == 0)).astype(int)
    score = np.where(truth == 1, *said)
    resamples = draw_resamples([f"{k:02d}" for k in range(40)], replicates=500, seed=0)
    value, interval = corrected_calibration_error(truth, score, make_bins(score), codes, resamples)
    assert 0 <= interval.low <= value <= interval.high <= 0.15
    assert interval.high - interval.low > 0.04


def test_groups_that_are_all_alike_do_not_show_an_error_without_doubt():
    truth, codes = np.tile(np.arange(20) < 3, 40).astype(int), np.repeat(np.arange(40), 20)
    score = np.full(800, 0.17)
    resamples = draw_resamples([f"{k:02d}" for k in range(40)], replicates=100, seed=0)
    value, interval = corrected_calibration_error(truth, score, make_bins(score), codes, resamples)
    assert value == pytest.approx(0.02)
    assert interval.low < 0.01
    assert interval.high > 0.1


def test_ten_studies_in_ten_bins_do_not_show_that_a_network_is_off():
    rng, above = np.random.default_rng(0), []
    codes = np.arange(10)
    for seed in range(100):
        score = rng.uniform(0.05, 0.95, 10)
        truth = (rng.random(10) < score).astype(int)
        resamples = draw_resamples([f"{k:02d}" for k in range(10)], replicates=200, seed=seed)
        bins = make_bins(score)
        interval = corrected_calibration_error(truth, score, bins, codes, resamples)[1]
        above.append(interval.low > 0)
    assert np.mean(above) <= 0.05


def test_a_constant_s_error_is_held_where_the_share_happens_to_be_as_it_says():
    """Its intervals were [0, 0] in a sample of fifty."""
    codes, held = np.repeat(np.arange(40), 20), []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth = ((rng.random(40) < 0.3)[codes] & (rng.random(800) < 0.5)).astype(int)
        score = np.full(800, 0.17)  # 0.02 above what is true
        resamples = draw_resamples([f"{k:02d}" for k in range(40)], replicates=200, seed=seed)
        bins = make_bins(score)
        interval = corrected_calibration_error(truth, score, bins, codes, resamples)[1]
        held.append(interval.low <= 0.02 <= interval.high)
    assert np.mean(held) >= 0.95


def test_many_slices_leave_nothing_to_correct():
    value, interval, plain = corrected(0, bias=0.15, groups=400, size=100)
    assert abs(value - plain) < 0.002
    assert interval.high - interval.low < 0.03


def test_one_group_has_no_corrected_error():
    value, interval, _ = corrected(0, bias=0.1, groups=1)
    assert math.isnan(value)
    assert math.isnan(interval.low)

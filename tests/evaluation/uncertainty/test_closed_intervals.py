"""Closed intervals against scipy, by hand, and in simulation beside what they replaced."""

import math

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import binomtest, norm, t, ttest_1samp

from benchmarks.resampled_scores import auc_replicates, mean_replicates
from ichreport.evaluation.uncertainty import (
    bootstrap,
    closed_differences,
    closed_intervals,
    intervals,
)
from ichreport.evaluation.uncertainty.ends import degrees_of_freedom
from ichreport.evaluation.uncertainty.jackknife import (
    LeftOut,
    auc_left_out,
    average_precision_left_out,
    mcc_left_out,
    mean_left_out,
)

VALUES = np.array([1.9, -0.4, 2.2, 0.7, 1.1, -0.9, 1.6, 0.3])


def test_equal_groups_have_the_t_test_s_interval_and_p_value():
    """But for the variance, which is n / (n - 1) times as large."""
    left_out = mean_left_out(VALUES, np.arange(8))
    wider = math.sqrt(8 / 7)
    reference = ttest_1samp(VALUES, 0)
    half = (reference.confidence_interval().high - VALUES.mean()) * wider
    interval = closed_differences.difference_interval(left_out, of="shares")
    assert (interval.low, interval.high) == pytest.approx(
        (VALUES.mean() - half, VALUES.mean() + half)
    )
    expected = 2 * t.sf(reference.statistic / wider, 7)
    found = closed_differences.difference_p_value(left_out, of="shares")
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("groups", [20, 36])
def test_of_two_networks_as_good_the_surer_one_seldom_seems_better(groups):
    """It wins a little on most and loses much on a handful."""
    rng, better, before = np.random.default_rng(8), [], []
    for _ in range(2_000):
        gains = rng.lognormal(0, 1, groups) - math.exp(0.5)  # a mean of 0
        left_out = mean_left_out(-gains, np.arange(groups))
        better.append(closed_differences.difference_interval(left_out).low > 0)
        before.append(closed_differences.difference_interval(left_out, of="shares").low > 0)
    assert np.mean(better) < 0.06
    assert np.mean(before) > 0.09


def test_the_p_value_is_below_alpha_exactly_when_the_interval_excludes_zero():
    for shift in np.linspace(-3, 1, 41):
        left_out = mean_left_out(VALUES + shift, np.arange(8))
        interval = closed_differences.difference_interval(left_out)
        excludes = interval.low > 0 or interval.high < 0
        for of in ("shares", "values"):
            ends = closed_differences.difference_interval(left_out, of=of)
            p = closed_differences.difference_p_value(left_out, of=of)
            assert (p < 0.05) == (ends.low > 0 or ends.high < 0)
        assert (closed_differences.difference_p_value(left_out) < 0.05) == excludes
        learned = closed_differences.cautious_interval(left_out).high < 0
        assert (closed_differences.p_value_below_zero(left_out) < 0.025) == learned


def test_two_scores_that_are_the_same_differ_with_p_1():
    left_out = mean_left_out(VALUES, np.arange(8))
    assert closed_differences.difference_p_value(left_out.minus(left_out)) == 1


def test_the_rate_of_independent_slices_has_wilson_s_interval():
    hit = np.random.default_rng(0).random(20_000) < 0.85
    interval = closed_intervals.rate_interval(
        mean_left_out(hit * 1.0, np.arange(20_000)), units=20_000
    )
    wilson = binomtest(int(hit.sum()), 20_000).proportion_ci(method="wilson")
    assert (interval.low, interval.high) == pytest.approx((wilson.low, wilson.high), abs=2e-4)


def test_a_perfect_rate_counts_each_group_as_one_slice():
    codes = np.repeat(np.arange(12), 25)
    for value in (0, 1):
        rate = mean_left_out(np.full(300, float(value)), codes)
        interval = closed_intervals.rate_interval(rate, units=300)
        wilson = binomtest(12 * value, 12).proportion_ci(method="wilson")
        assert (interval.low, interval.high) == pytest.approx((wilson.low, wilson.high))
        assert value in (interval.low, interval.high)  # to the last bit


def test_a_patient_with_nearly_all_slices_shows_no_rate_of_1():
    """A rate of 1 was known better than one with a single miss, in the large patient or another."""
    codes, lows = np.concatenate([np.zeros(2_000, int), np.arange(1, 40)]), []
    for missed in ([], [0], [2_000]):
        right = np.ones(2_039)
        right[missed] = 0
        rate = mean_left_out(right, codes)
        lows.append(closed_intervals.rate_interval(rate, units=2_039).low)
    assert lows[0] < 0.5
    assert lows[0] <= min(lows[1:])


def test_groups_with_the_same_share_of_misses_are_not_far_less_certain_than_with_one_more():
    right, codes = np.ones(800), np.repeat(np.arange(40), 20)
    right[::20] = 0
    alike = closed_intervals.rate_interval(mean_left_out(right, codes), units=800)
    right[1] = 0
    more = closed_intervals.rate_interval(mean_left_out(right, codes), units=800)
    assert alike.low < 0.95 < alike.high
    assert abs(alike.low - more.low) < 0.25 * (alike.high - alike.low)
    assert abs(alike.high - more.high) < 0.25 * (alike.high - alike.low)


def test_misses_that_lie_apart_narrow_the_interval_step_by_step():
    """Of 36 groups of 25 slices, each with one miss at most: there is no jump from none to one."""
    right, codes, lows = np.ones(900), np.repeat(np.arange(36), 25), []
    for missed in range(8):
        right[25 * np.arange(missed)] = 0
        rate = mean_left_out(right, codes)
        lows.append(closed_intervals.rate_interval(rate, units=900).low)
    steps = np.diff(lows)
    assert (steps[:4] > 0).all()
    assert (np.diff(steps[:4]) < 0).all()
    assert steps[0] < (1 - lows[0]) / 3  # an interval that trusts one miss ends at 0.989
    assert lows[0] == pytest.approx(binomtest(36, 36).proportion_ci(method="wilson").low)


@pytest.mark.parametrize("alike", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("share", [0.85, 0.95])
def test_rates_near_1_hold_however_much_a_group_s_slices_are_alike(alike, share):
    """In draws where each group has a rate of its own (beta), or all of its slices are the same."""
    random, codes, held, draws = np.random.default_rng(11), np.repeat(np.arange(36), 25), 0, 400
    for _ in range(draws):
        if alike == 1:
            of_group = (random.random(36) < share) * 1.0
        else:
            spread = (1 - alike) / alike
            of_group = random.beta(share * spread, (1 - share) * spread, 36)
        right = (random.random(900) < of_group[codes]) * 1.0
        ends = closed_intervals.rate_interval(mean_left_out(right, codes), units=900)
        held += ends.low <= share <= ends.high
    assert held / draws >= 0.93


def test_a_rate_without_slices_or_in_one_group_has_no_interval():
    for rate, units in ((mean_left_out(np.empty(0), np.empty(0, int), 3), 0),
                        (mean_left_out(np.array([0.0, 1]), np.zeros(2, int)), 2)):  # fmt: skip
        interval = closed_intervals.rate_interval(rate, units=units)
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)


def test_a_rate_of_equal_groups_is_wilson_s_for_korn_and_graubard_s_effective_size():
    """With their design variance, that of the groups' rates over their number.

    Of 400 groups, that a part of one more may count the other way makes no difference.
    """
    random = np.random.default_rng(5)
    hits = random.binomial(8, random.beta(6, 3, 400))
    called = np.concatenate([np.arange(8) < count for count in hits]) * 1.0
    interval = closed_intervals.rate_interval(
        mean_left_out(called, np.repeat(np.arange(400), 8)), units=3_200
    )
    variance = (hits / 8).var(ddof=1) / 400
    rate = hits.sum() / 3_200
    slices = rate * (1 - rate) / variance
    assert slices < 2_500
    for end in (interval.low, interval.high):
        assert abs(rate - end) / math.sqrt(end * (1 - end) / slices) == pytest.approx(
            1.96, abs=0.04
        )


def test_a_rate_of_few_equal_groups_is_drawn_to_a_half_by_a_part_of_one_more():
    """Wilson's for Korn and Graubard's effective size, with that part in their design variance.

    The part is among four groups besides. 0.7 of the group that is furthest to the side of an end
    counts too, times 7 / 8 as it has 8 slices. Of so few groups, all carry.
    """
    hits = np.array([2, 5, 7, 8, 4])
    called = np.concatenate([np.arange(8) < count for count in hits]) * 1.0
    interval = closed_intervals.rate_interval(
        mean_left_out(called, np.repeat(np.arange(5), 8)), units=40
    )
    variance = (hits / 8).var() / (5 - 1) * 5 / 4  # of the jackknife, 5 / 4 of theirs
    rate, away = hits.sum() / 40, hits / 8 - hits.mean() / 8
    added = 1 / (5 + 4) ** 2 / (1 + (away**2).sum() ** 2 / (away**4).sum())
    shrunk = rate + (1 - 2 * rate) * math.sqrt(added)
    # the ends are where the score test of a rate just rejects
    for end, furthest in ((interval.low, away.min()), (interval.high, away.max())):
        further = variance + (0.7 * 7 / 8 * furthest / 4) ** 2
        freedom = (further + added) ** 2 / ((further**2 + added**2) / 4)
        ratio = t.ppf(0.975, 39) / t.ppf(0.975, freedom)
        slices = shrunk * (1 - shrunk) / (further + added) * ratio**2
        assert abs(rate - end) / math.sqrt(end * (1 - end) / slices) == pytest.approx(
            1.96, abs=1e-3
        )
    assert 0 < interval.low < rate < interval.high < 1


def test_recall_with_few_bleeding_patients_and_near_1_is_still_covered():
    rng = np.random.default_rng(3)
    recall, hits, studies = norm.cdf(1.8), 0, 400
    patient = np.repeat(np.arange(10), 6)
    for _ in range(studies):
        shared = rng.normal(size=10)[patient]
        called = 1.8 + math.sqrt(0.5) * (shared + rng.normal(size=60)) > 0
        interval = closed_intervals.rate_interval(mean_left_out(called * 1.0, patient), units=60)
        hits += interval.low <= recall <= interval.high
    assert hits / studies >= 0.93


def test_a_loss_of_independent_slices_has_the_delta_method_s_interval_on_the_log_scale():
    """Of 5,000, that one more may count in part makes no difference."""
    losses = np.random.default_rng(0).uniform(0.5, 1.5, 5_000)
    interval = closed_intervals.loss_interval(mean_left_out(losses, np.arange(5_000)))
    error = losses.std(ddof=1) / math.sqrt(5_000) / losses.mean()
    expected = losses.mean() * np.exp(np.array([-1.96, 1.96]) * error)
    assert (interval.low, interval.high) == pytest.approx(tuple(expected), abs=1e-4)


@pytest.mark.parametrize("scale", [1e-9, 1e-15])
def test_tiny_losses_have_intervals_as_others_have(scale):
    """They counted as alike where they differed by less than 1e-12."""
    losses = np.random.default_rng(0).gamma(1, 1, 40)
    of_one = closed_intervals.loss_interval(mean_left_out(losses, np.arange(40)))
    tiny = closed_intervals.loss_interval(mean_left_out(scale * losses, np.arange(40)), most=1.0)
    assert (tiny.low / scale, tiny.high / scale) == pytest.approx((of_one.low, of_one.high))
    alike = closed_intervals.loss_interval(mean_left_out(np.full(40, 1e-13), np.arange(40)), most=1)
    assert 0 <= alike.low < 1e-13 < alike.high < 0.1


def test_a_loss_of_four_groups_ends_at_what_it_can_be_at_most():
    left_out = mean_left_out(np.array([0.9, 0.02, 0.01, 0.03]), np.arange(4))
    endless = closed_intervals.loss_interval(left_out)
    bounded = closed_intervals.loss_interval(left_out, most=1.0)
    assert endless.high > 1 == bounded.high
    assert bounded.low == endless.low


def test_areas_of_exactly_1_and_of_nearly_1_have_the_same_interval():
    """The bootstrap's was 0.158 to 1 for the one and 0.995 to 1 for the other."""
    shares = {"group_share": 1 / 8 + 1 / 20, "slice_share": 1 / 30 + 1 / 200}
    exactly = closed_intervals.area_interval(LeftOut(1.0, np.ones(20), 8, 6.5, **shares))
    area = 1 - 1e-7
    without = np.full(20, area)
    without[0] = 1
    nearly = closed_intervals.area_interval(LeftOut(area, without, 8, 6.5, **shares))
    assert nearly.low == pytest.approx(exactly.low, abs=1e-4)
    assert nearly.high == pytest.approx(exactly.high, abs=1e-4)
    assert exactly.high == 1
    # that part counts as misranked, and its logit has a standard error of about 1
    part = (1 / 8 + 1 / 20) / 72 + (1 / 30 + 1 / 200) / 36
    odds = (1 - part) / part * math.exp(-t.ppf(0.975, 5.5) / (1 - part))
    assert exactly.low == pytest.approx(odds / (1 + odds), rel=1e-3)


@pytest.mark.parametrize("misranked", [1, 2, 3])
def test_a_handful_of_misranked_studies_leave_an_interval_that_says_something(misranked):
    """Of 20 with a bleed: without one of them the rest may be perfect, whose logit is endless."""
    truth = np.repeat([1, 0], [20, 60])
    score = np.concatenate([np.ones(20), np.linspace(0, 0.9, 60)])
    score[:misranked] = 0.45
    area = auc_left_out(truth, score, np.arange(80))
    interval = closed_intervals.area_interval(area)
    # by the 20 and 60 shares of the other class on the right side (DeLong, Biometrics 44, 1988)
    right = (score[:20, None] > score[None, 20:]) + (score[:20, None] == score[None, 20:]) / 2
    error = math.sqrt(right.mean(axis=1).var(ddof=1) / 20 + right.mean(axis=0).var(ddof=1) / 60)
    on_logits = error / (area.value * (1 - area.value))
    for end, sign in ((interval.low, -1), (interval.high, 1)):
        away = sign * (logit(end) - logit(area.value))
        assert norm.ppf(0.975) * on_logits <= 1.1 * away <= 1.1 * t.ppf(0.975, 3) * on_logits
    precision = average_precision_left_out(truth, score, np.arange(80))
    assert 0.5 < closed_intervals.area_interval(precision, "precision").low < precision.value


@pytest.mark.parametrize(("studies", "area"), [(5, 0.9), (10, 0.97), (20, 0.98)])
def test_few_studies_that_all_rank_right_do_not_show_a_perfect_network(studies, area):
    """As many of both classes; 66 to 86 % of the intervals held the area, and it was below."""
    rng, truth = np.random.default_rng(5), np.repeat([1, 0], studies)
    distance = math.sqrt(2) * norm.ppf(area)
    held = 0
    for _ in range(300):
        score = rng.normal(size=2 * studies) + distance * truth
        left_out = auc_left_out(truth, score, np.arange(2 * studies))
        interval = closed_intervals.area_interval(left_out)
        assert 0 <= interval.low <= left_out.value <= interval.high <= 1
        held += interval.low <= area <= interval.high
    assert held / 300 >= 0.94


@pytest.mark.parametrize("size", [1, 10, 30])
def test_one_large_easy_patient_does_not_make_intervals_endless(size):
    """They reached from 6e-9 to 1, and from 1e-13 to 1e11 of a loss."""
    codes = np.concatenate([np.zeros(size, int), np.arange(1, 21)])
    truth = np.concatenate([np.zeros(size, int), np.repeat([1, 0], 10)])
    score = np.concatenate(
        [np.full(size, 0.1), np.linspace(0.9, 0.35, 10), np.linspace(0.05, 0.4, 10)]
    )
    interval = closed_intervals.area_interval(auc_left_out(truth, score, codes))
    assert interval.low > 0.05
    loss = mean_left_out(
        np.concatenate([np.full(5 * size, 0.01), np.full(120, 0.5)]),
        np.concatenate([np.zeros(5 * size, int), np.repeat(np.arange(1, 9), 15)]),
    )
    interval = closed_intervals.loss_interval(loss)
    assert loss.value / 1000 < interval.low < loss.value < interval.high < 1000 * loss.value
    nearly_all = mean_left_out(
        np.r_[np.full(300, 0.01), 2, 2, 2], np.r_[np.zeros(300, int), 1, 2, 3]
    )
    assert math.isnan(closed_intervals.loss_interval(nearly_all).high)


def test_one_called_study_has_no_correlation_for_sure():
    """Without it all are called alike; Fisher's exact p of this table is 1."""
    truth, called = np.repeat([1, 0], 10), np.arange(20) == 0
    interval = closed_intervals.correlation_interval(mcc_left_out(truth, called, np.arange(20)))
    assert interval.low < 0 < interval.high


def test_patients_who_are_all_alike_are_a_share_of_so_many_where_a_loss_has_a_bound():
    all_right, all_wrong = (mean_left_out(np.full(5, loss), np.arange(5)) for loss in (0.0, 1.0))
    right = closed_intervals.loss_interval(all_right, most=1)
    wrong = closed_intervals.loss_interval(all_wrong, most=1)
    share = binomtest(0, 5).proportion_ci(method="wilson")
    assert (right.low, right.high) == pytest.approx((share.low, share.high))
    assert (wrong.low, wrong.high) == pytest.approx((1 - share.high, 1 - share.low))
    alike = closed_intervals.loss_interval(mean_left_out(np.full(5, 0.7), np.arange(5)))
    assert math.isnan(alike.low)
    assert math.isnan(alike.high)


def test_a_single_group_with_all_the_loss_leaves_an_upper_end_of_that_order():
    """Without it there is no loss, the logarithm of which is endless."""
    losses = np.zeros(36)
    losses[7] = 3.6
    interval = closed_intervals.loss_interval(mean_left_out(losses, np.arange(36)))
    assert 0.005 < interval.low < 0.05
    assert 0.5 < interval.high < 10


def test_an_area_near_0_mirrors_one_near_1():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(20), 10)
    truth = (rng.random(200) < 0.3).astype(int)
    score = 2 * truth + rng.normal(size=200)
    high, low = (
        closed_intervals.area_interval(auc_left_out(truth, sign * score, codes)) for sign in (1, -1)
    )
    assert (high.low, high.high) == pytest.approx((1 - low.high, 1 - low.low))


def test_one_group_has_no_interval_and_no_loss_has_none_around_it():
    single = mean_left_out(VALUES, np.zeros(8, int))
    for make in (
        closed_differences.difference_interval,
        closed_differences.cautious_interval,
        closed_intervals.loss_interval,
    ):
        assert math.isnan(make(single).low)
    assert math.isnan(closed_differences.difference_p_value(single))
    nothing = closed_intervals.loss_interval(mean_left_out(np.zeros(4), np.arange(4)))
    assert (nothing.low, nothing.high) == (0, 0)
    with pytest.raises(ValueError, match=r"at least 0, got -1"):
        closed_intervals.loss_interval(mean_left_out(-np.ones(4), np.arange(4)))
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\), got 95"):
        closed_intervals.area_interval(LeftOut(0.5, np.ones(4), 4, 4.0, 0.5, 0.5), level=95)


def simulated_studies(studies, *, area=0.99, groups=36):
    """Test sets with half of all variance between groups; their score's area is known."""
    rng = np.random.default_rng(5)
    codes = np.repeat(np.arange(groups), 34)
    for _ in range(studies):
        shared, ill = rng.normal(size=(2, groups))[:, codes]
        noise, own = rng.normal(size=(2, len(codes)))
        truth = ((ill + own) / math.sqrt(2) > 1.04).astype(int)
        yield truth, math.sqrt(2) * norm.ppf(area) * truth + (shared + noise) / math.sqrt(2), codes


def test_intervals_of_a_high_area_hold_it_where_the_bootstrap_s_percentiles_do_not():
    names = [f"{k:02d}" for k in range(36)]
    ours, before = [], []
    for number, (truth, score, codes) in enumerate(simulated_studies(250)):
        left_out = auc_left_out(truth, score, codes)
        interval = closed_intervals.area_interval(left_out)
        ours.append(interval.low <= 0.99 <= interval.high)
        counts = bootstrap.draw_resamples(names, replicates=200, seed=number).counts
        areas = auc_replicates(truth, score, codes, counts)
        percentiles = intervals.interval(areas, groups=left_out.groups)
        before.append(percentiles.low <= 0.99 <= percentiles.high)
    assert np.mean(before) < 0.92
    assert np.mean(ours) >= 0.94


def very_unequal_groups(studies, groups=60):
    """Sizes that are lognormal, a few of them of a hundred slices and more, and a share in each."""
    rng = np.random.default_rng(12)
    for _ in range(studies):
        sizes = np.maximum(3, rng.lognormal(3.2, 1, groups).round().astype(int))
        codes = np.repeat(np.arange(groups), sizes)
        shared, ill = rng.normal(size=(2, groups))[:, codes]
        noise, own = rng.normal(size=(2, len(codes)))
        truth = ((ill + own) / math.sqrt(2) > 1.04).astype(int)
        yield truth, (shared + noise) / math.sqrt(2), codes


def test_an_area_and_a_recall_of_very_unequal_groups_are_too_high_in_few_samples():
    """Where a large patient that is read badly was missed."""
    distance, threshold = math.sqrt(2) * norm.ppf(0.9), norm.ppf(0.85)
    missed = []
    for truth, noise, codes in very_unequal_groups(800):
        area = closed_intervals.area_interval(auc_left_out(truth, distance * truth + noise, codes))
        hits, bleeding = noise[truth == 1] > -threshold, codes[truth == 1]
        recall = closed_intervals.rate_interval(
            mean_left_out(hits * 1.0, bleeding), units=len(hits)
        )
        missed.append((area.low > 0.9, area.high < 0.9, recall.low > 0.85, recall.high < 0.85))
    above, below, recall_above, recall_below = np.mean(missed, axis=0)
    assert 0.01 <= above <= 0.04
    assert 0.002 <= below <= 0.04
    assert 0.01 <= recall_above <= 0.04
    assert 0.002 <= recall_below <= 0.04


def test_an_area_of_single_studies_is_held_where_all_of_a_handful_rank_first():
    """Of eight bleeding studies in 39 all rank first in a third of the draws, at an area of .99."""
    rng = np.random.default_rng(3)
    held, perfect, widths = [], 0, []
    for _ in range(300):
        truth = (np.arange(39) < 8).astype(int)
        score = math.sqrt(2) * norm.ppf(0.99) * truth + rng.normal(size=39)
        left_out = auc_left_out(truth, score, np.arange(39))
        interval = closed_intervals.area_interval(left_out)
        held.append(interval.low <= 0.99 <= interval.high)
        widths.append(interval.high - interval.low)
        perfect += left_out.value == 1
    assert perfect > 75
    assert np.mean(held) >= 0.94
    assert np.quantile(widths, 0.9) < 0.7  # and not all of [0, 1]


def test_the_upper_end_of_a_skewed_loss_allows_for_groups_that_the_sample_has_missed():
    """Losses of groups that are lognormal; their mean is above that of most samples."""
    rng = np.random.default_rng(2)
    truth, missed = math.exp(1 / 2), []
    for _ in range(1_000):
        left_out = mean_left_out(rng.lognormal(0, 1, 36), np.arange(36))
        logarithms = np.log(left_out.without)
        freedom = degrees_of_freedom(np.log(left_out.value) - logarithms, left_out.effective)
        error = math.sqrt(np.square(np.log(left_out.value) - logarithms).sum())
        plain = left_out.value * math.exp(t.ppf(0.975, freedom) * error)
        missed.append((truth > plain, truth > closed_intervals.loss_interval(left_out).high))
    before, ours = np.mean(missed, axis=0)
    assert before > 0.04
    assert ours <= 0.035


def test_the_lower_end_of_a_skewed_loss_is_no_further_away_than_it_need_be():
    """Where degrees of freedom allowed for groups that were missed, it erred in .004 or less."""
    rng = np.random.default_rng(3)
    truth, ends = math.exp(1 / 2), []
    for _ in range(2_000):
        left_out = mean_left_out(rng.lognormal(0, 1, 36), np.arange(36))
        ends.append(closed_intervals.loss_interval(left_out))
    assert 0.005 <= np.mean([truth < end.low for end in ends]) <= 0.025
    assert 0.93 <= np.mean([end.low <= truth <= end.high for end in ends]) <= 0.985


@pytest.mark.parametrize("groups", [10, 20, 60])
def test_a_network_that_gains_nothing_has_learned_in_one_of_forty_samples(groups):
    """What each group gains is less a lognormal; with the furthest alone .06 of 10 groups had."""
    rng = np.random.default_rng(5)
    gains = math.exp(1 / 2) - rng.lognormal(0, 1, (4_000, groups))
    p = [
        closed_differences.p_value_below_zero(mean_left_out(-gain, np.arange(groups)))
        for gain in gains
    ]
    assert np.mean(np.array(p) < 0.025) <= 0.03


def test_a_skewed_loss_of_no_gain_seldom_seems_to_have_one():
    """Nine groups in ten win a little, one loses as much as they win."""
    rng = np.random.default_rng(1)
    names = [f"{k:02d}" for k in range(36)]
    ours, before = [], []
    for number in range(400):
        losses = np.where(rng.random(36) < 0.1, 9.0, -1.0) + rng.normal(0, 0.3, 36)
        left_out = mean_left_out(losses, np.arange(36))
        ours.append(closed_differences.cautious_interval(left_out).high < 0)
        counts = bootstrap.draw_resamples(names, replicates=400, seed=number).counts
        means = mean_replicates(losses, np.arange(36), counts)
        before.append(intervals.interval(means, groups=36).high < 0)
    assert np.mean(before) > 0.06
    assert np.mean(ours) <= 0.04


def test_groups_that_all_differ_alike_have_no_interval_and_no_p_value():
    """They say nothing of how groups scatter; perfect order of two and two is chance in a sixth."""
    alike = mean_left_out(np.full(4, 0.5), np.arange(4))
    ends = closed_differences.difference_interval(alike)
    assert math.isnan(ends.low)
    assert math.isnan(ends.high)
    assert math.isnan(closed_differences.difference_p_value(alike))
    assert math.isnan(
        closed_differences.p_value_below_zero(mean_left_out(-np.ones(4), np.arange(4)))
    )
    nothing = mean_left_out(np.zeros(4), np.arange(4))
    assert closed_differences.difference_interval(nothing).high == 0
    assert closed_differences.p_value_below_zero(nothing) == 1


def test_bounded_means_of_groups_that_are_all_alike_are_shares_of_so_many_groups():
    for value, expected in ((0.0, (0, 8)), (0.25, (2, 8)), (1.0, (8, 8))):
        alike = mean_left_out(np.full(8, value), np.arange(8))
        ends = closed_differences.bounded_interval(alike, 0.0, 1.0)
        assert (ends.low, ends.high) == pytest.approx(
            tuple(binomtest(*expected).proportion_ci(method="wilson")), abs=1e-9
        )
    same = closed_differences.bounded_interval(mean_left_out(np.zeros(8), np.arange(8)), -1.0, 1.0)
    differing = binomtest(0, 8).proportion_ci(method="wilson").high
    assert (same.low, same.high) == pytest.approx((-differing, differing))

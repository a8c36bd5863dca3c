"""Runs that differ in their seed only; variances by the components that they were made of."""

import math

import numpy as np
import pytest
from scipy.stats import t

from ichreport.evaluation.uncertainty.closed_differences import (
    cautious_interval,
    difference_interval,
    difference_p_value,
    p_value_below_zero,
)
from ichreport.evaluation.uncertainty.closed_intervals import (
    area_interval,
    correlation_interval,
    loss_interval,
)
from ichreport.evaluation.uncertainty.jackknife import auc_left_out, mcc_left_out, mean_left_out
from ichreport.evaluation.uncertainty.score_table import score_table
from ichreport.evaluation.uncertainty.training_seeds import across_seeds, mean_over_seeds


def test_mean_and_spread_over_seeds(draw_predictions):
    tables = [score_table(draw_predictions(seed=seed)) for seed in range(3)]
    spread = across_seeds(tables)
    assert len(spread) == len(tables[0])
    keys = ["split", "score", "label"]
    assert spread[keys].equals(tables[0][keys])
    values = [table.set_index(keys).loc[("test", "auc", "any"), "value"] for table in tables]
    row = spread.set_index(keys).loc[("test", "auc", "any")]
    mean = sum(values) / 3
    assert row["mean"] == pytest.approx(mean)
    assert row["standard_deviation"] == pytest.approx(
        math.sqrt(sum((value - mean) ** 2 for value in values) / 2)
    )
    assert (row["lowest"], row["highest"], row["runs"]) == (min(values), max(values), 3)


def test_a_single_run_has_no_spread_and_an_undefined_score_no_run(predictions):
    spread = across_seeds([score_table(predictions.assign(truth_epidural=0))])
    assert spread["standard_deviation"].isna().all()
    undefined = spread[(spread["score"] == "auc") & (spread["label"] == "epidural")]
    assert (undefined["runs"] == 0).all()
    assert undefined["mean"].isna().all()
    with pytest.raises(ValueError, match="at least one table"):
        across_seeds([])


def trained(random, *, trainings, groups=60, luck=0.0, of_patients=0.0, cost=None):
    """A mean loss of each of several trainings: patients, luck, and luck with each patient."""
    cost = random.normal(size=groups) if cost is None else cost
    return [
        mean_left_out(
            3 + cost + luck * random.normal() + of_patients * random.normal(size=groups),
            np.arange(groups),
        )
        for _ in range(trainings)
    ]


def test_a_mean_over_trainings_has_their_mean_and_a_share_of_their_scatter():
    runs = trained(np.random.default_rng(0), trainings=5, luck=1.0)
    mean = mean_over_seeds(runs)
    values = [one.value for one in runs]
    assert mean.value == pytest.approx(np.mean(values))
    assert mean.deviations == pytest.approx(runs[0].deviations)  # patients differ alike in each
    assert mean.chance.variance == pytest.approx(np.var(values, ddof=1) / 5)
    assert mean.chance.variance**2 / mean.chance.doubt == pytest.approx(4)  # degrees of freedom


def test_what_trainings_differ_in_by_patients_counts_once():
    """All of a mean's variance is in its patients, where luck is of each patient alone."""
    random = np.random.default_rng(1)
    chances, spreads = [], []
    for _ in range(300):
        runs = trained(random, trainings=5, of_patients=1.0)
        chances.append(mean_over_seeds(runs).chance.variance)
        spreads.append(np.var([one.value for one in runs], ddof=1) / 5)
    assert np.mean(spreads) == pytest.approx(1 / 60 / 5, rel=0.15)
    assert np.mean(chances) < np.mean(spreads) / 3  # 0 at best, were it not cut off at 0


def test_a_single_training_is_left_as_it_is():
    [only] = trained(np.random.default_rng(2), trainings=1)
    assert mean_over_seeds([only]) is only
    assert only.chance.variance == 0
    with pytest.raises(ValueError, match="at least one training"):
        mean_over_seeds([])


@pytest.mark.parametrize(
    ("trainings", "luck", "of_patients"), [(2, 1.0, 0.0), (5, 0.3, 0.3), (5, 0.1, 1.0)]
)
def test_two_recipes_that_are_as_good_are_told_apart_in_one_of_twenty(trainings, luck, of_patients):
    """And of one training each, whose luck no interval knows, in far more."""
    random = np.random.default_rng(3)
    wrong, naive = [], []
    for _ in range(600):
        cost = random.normal(size=60)
        each = [
            trained(
                random, trainings=trainings, luck=luck, of_patients=of_patients, cost=cost + own
            )
            for own in random.normal(size=(2, 60)) / 2
        ]
        mine, others = map(mean_over_seeds, each)
        pairs = mine.minus(others), each[0][0].minus(each[1][0])
        ends = [difference_interval(pair) for pair in pairs]
        apart = [not one.low <= 0 <= one.high for one in ends]
        wrong.append(apart[0])
        naive.append(apart[1])
    assert 0 < np.mean(wrong) < 0.065
    if luck > of_patients:
        assert np.mean(naive) > 0.5


def test_a_row_does_not_differ_from_itself_however_little_luck_is_told():
    """Five trainings that scatter less than their patients do: what luck adds is cut off at 0."""
    mean = mean_over_seeds(trained(np.random.default_rng(0), trainings=5, of_patients=1.0))
    assert mean.chance.variance == 0
    assert mean.chance.doubt > 0
    same = mean.minus(mean)
    ends = difference_interval(same)
    assert (ends.low, ends.high, difference_p_value(same)) == (0, 0, 1)


def test_the_interval_of_luck_alone_is_that_of_a_t_test_over_trainings():
    """Patients that do not differ: only the trainings do, and Welch's test is the oracle."""
    random = np.random.default_rng(4)
    one, other = (
        trained(random, trainings=4, luck=1.0, cost=1e-6 * random.normal(size=60)) for _ in range(2)
    )
    ends = difference_interval(mean_over_seeds(one).minus(mean_over_seeds(other)))
    a, b = (np.array([each.value for each in runs]) for runs in (one, other))
    parts = a.var(ddof=1) / 4, b.var(ddof=1) / 4
    freedom = sum(parts) ** 2 / sum(part**2 / 3 for part in parts)
    half = t.ppf(0.975, freedom) * math.sqrt(sum(parts))
    assert (ends.low, ends.high) == pytest.approx(
        (a.mean() - b.mean() - half, a.mean() - b.mean() + half), rel=1e-4
    )


def test_every_interval_of_a_mean_over_trainings_is_wider_by_their_luck():
    random = np.random.default_rng(5)
    group = np.repeat(np.arange(40), 10)
    truth = random.integers(0, 2, 400)
    areas, calls = [], []
    for luck in (0.5, 1.0, 1.6):
        score = luck * truth + random.normal(size=400)
        areas.append(auc_left_out(truth, score, group))
        calls.append(mcc_left_out(truth, score > 0.5, group))
    losses = trained(random, trainings=3, luck=0.5)
    for interval, runs in (
        (area_interval, areas),
        (correlation_interval, calls),
        (loss_interval, losses),
        (difference_interval, losses),
        (cautious_interval, losses),
    ):
        alone, mean = interval(runs[1]), interval(mean_over_seeds(runs))
        assert mean.high - mean.low > 1.5 * (alone.high - alone.low), interval
    gains = [one.minus(mean_left_out(np.full(60, 3.5), np.arange(60))) for one in losses]
    assert p_value_below_zero(mean_over_seeds(gains)) > 10 * p_value_below_zero(gains[1])

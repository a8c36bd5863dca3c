"""What the ends of closed intervals stand on, by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from ichreport.evaluation.uncertainty.ends import beyond, carrying_groups, degrees_of_freedom
from ichreport.evaluation.uncertainty.jackknife import mean_left_out

SKEWED = np.array([0.3, 0.2, 0.3, 0.2, 0.3, -1.3])
"""Five groups add a little, and one takes much away."""


def test_degrees_of_freedom_are_the_groups_that_carry_the_variance():
    assert degrees_of_freedom(np.array([1.0, -1, 1, -1]), 40) == pytest.approx(4)
    one = np.array([9.0, 0, 0, 0])
    assert degrees_of_freedom(one, 40, fewest=1) == pytest.approx(1)
    assert degrees_of_freedom(one, 40) == 4
    assert degrees_of_freedom(one, 3.5) == 2.5
    assert degrees_of_freedom(np.ones(100), 12.5) == pytest.approx(11.5)


def test_all_groups_know_how_good_a_score_may_be_and_few_how_bad():
    whole = (SKEWED**2).sum() ** 2
    assert carrying_groups(SKEWED, -1) == pytest.approx(whole / 1.3**4)
    assert carrying_groups(SKEWED, 1) == pytest.approx(whole / (3 * 0.3**4 + 2 * 0.2**4))
    assert degrees_of_freedom(SKEWED, 6, fewest=1, side=-1) < 1.5
    assert degrees_of_freedom(SKEWED, 6, fewest=1, side=1) == 5
    assert carrying_groups(np.abs(SKEWED), -1) == 0
    assert degrees_of_freedom(np.abs(SKEWED), 6, side=-1) == 5


@pytest.mark.parametrize("side", [-1, 1])
def test_an_end_is_further_by_what_a_part_of_the_furthest_group_adds(side):
    left_out = mean_left_out(SKEWED, np.arange(6))
    unseen = 0.5 * (1.3 if side < 0 else 0.3)
    end = beyond(SKEWED, left_out, side, 0.5)
    variance = (SKEWED**2).sum() + unseen**2
    assert end == pytest.approx((unseen, variance, 4 if side < 0 else 5))
    quantile = t.ppf(0.95, end.freedom)
    assert end.reach(0.9) == pytest.approx(unseen + quantile * math.sqrt(variance))


def test_of_three_groups_those_that_draw_to_the_best_know_how_good_a_score_may_be():
    left_out = replace(mean_left_out(SKEWED, np.arange(6)), effective=3.0)
    carrying = (SKEWED**2).sum() ** 2 / (3 * 0.3**4 + 2 * 0.2**4)
    assert beyond(SKEWED, left_out, 1, 0.5).freedom == 2
    assert beyond(SKEWED, left_out, 1, 0.5, best=True).freedom == pytest.approx(carrying)
    assert beyond(SKEWED, left_out, -1, 0.5, best=True).freedom == 4
    assert beyond(SKEWED, left_out, 1, 0.5, least=3.0).freedom == 3


def test_a_variance_that_all_groups_know_adds_degrees_of_freedom_by_welch_s_rule():
    """Of two means of as many groups, with one variance much smaller, those of the larger."""
    left_out = mean_left_out(SKEWED, np.arange(6))
    alone = beyond(SKEWED, left_out, -1, 0)
    variance = (SKEWED**2).sum()
    assert beyond(SKEWED, left_out, -1, 0, 1e6).freedom == pytest.approx(5, rel=1e-5)
    assert beyond(SKEWED, left_out, -1, 0, 1e-6).freedom == pytest.approx(alone.freedom, rel=1e-5)
    both = beyond(SKEWED, left_out, -1, 0, variance)
    assert both.freedom == pytest.approx(4 / (1 / 4 + 1 / 5))
    assert both.variance == pytest.approx(2 * variance)

"""Rates against scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score

from ichreport.evaluation.operating.rates import RATES, rates_at_threshold

scored = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=1, max_size=30)


@given(scored, st.integers(0, 7))
def test_rates_agree_with_scikit_learn(pairs, threshold):
    truth, score = np.array(pairs).T
    called = score >= threshold
    expected = {
        "precision": precision_score(truth, called, zero_division=math.nan),
        "recall": recall_score(truth, called, zero_division=math.nan),
        "specificity": recall_score(1 - truth, ~called, zero_division=math.nan),
        "accuracy": float(np.mean(called == truth)),
        "npv": precision_score(1 - truth, ~called, zero_division=math.nan),
    }
    assert rates_at_threshold(truth, score, threshold) == pytest.approx(expected, nan_ok=True)


def test_without_a_threshold_every_rate_is_undefined():
    rates = rates_at_threshold([0, 1], [0.1, 0.2], math.nan)
    assert tuple(rates) == RATES
    assert all(math.isnan(rate) for rate in rates.values())

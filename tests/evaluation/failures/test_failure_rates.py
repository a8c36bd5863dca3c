"""Shares that fail by cause, against scikit-learn, statsmodels and leaving out by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from sklearn.metrics import recall_score
from statsmodels.stats.multitest import multipletests

from ichreport.evaluation.failures.failure_rates import (
    failure_rate,
    failure_table,
    with_adjusted,
)

SIZES = ("small", "middle", "large")


@pytest.fixture(scope="module")
def drawn():
    """Slices of 40 groups, of which the small ones are missed more often."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 6)
    size = rng.integers(0, 3, len(groups))
    missed = rng.random(len(groups)) < np.array([0.6, 0.3, 0.1])[size]
    causes = {
        "size": pd.Series(pd.Categorical.from_codes(size, SIZES, ordered=True)),
        "noise": pd.Series(
            pd.Categorical.from_codes(rng.integers(-1, 2, len(groups)), ["low", "high"])
        ),
    }
    return missed, groups, causes


def test_each_class_misses_what_its_recall_leaves(drawn):
    missed, groups, causes = drawn
    table = failure_table(missed, groups, causes).set_index(["cause", "stratum"])
    assert table.index.tolist() == [
        *(("size", name) for name in SIZES),
        ("noise", "low"),
        ("noise", "high"),
    ]
    for cause, stratum in table.index:
        inside = (causes[cause] == stratum).to_numpy()
        row = table.loc[(cause, stratum)]
        recall = recall_score(np.ones(inside.sum()), ~missed[inside])
        assert row["value"] == pytest.approx(1 - recall)
        assert (row["number"], row["failed"]) == (inside.sum(), missed[inside].sum())
        assert row["low"] < row["value"] < row["high"]
        assert row["groups"] == len(np.unique(groups[inside]))


def test_the_first_class_less_the_last_has_the_interval_of_leaving_out_each_group(drawn):
    missed, groups, causes = drawn
    row = failure_table(missed, groups, {"size": causes["size"]}).iloc[-1]
    first, last = (causes["size"] == "small").to_numpy(), (causes["size"] == "large").to_numpy()

    def difference(kept):
        return missed[kept & first].mean() - missed[kept & last].mean()

    value = difference(np.ones(len(groups), dtype=bool))
    without = np.array([difference(groups != group) for group in range(40)])
    error = np.sqrt(np.square(value - without).sum())
    counts = [np.bincount(groups[part], minlength=40) for part in (first, last)]
    freedom = min(n.sum() ** 2 / np.square(n).sum() for n in counts) - 1
    assert row["difference"] == pytest.approx(value)
    assert row["p"] == pytest.approx(2 * t.sf(value / error, freedom))
    assert row["difference_low"] == pytest.approx(value - t.ppf(0.975, freedom) * error)


def test_only_the_last_class_of_a_cause_is_compared(drawn):
    missed, groups, causes = drawn
    table = failure_table(missed, groups, causes)
    assert table["p"].notna().tolist() == [False, False, True, False, True]


def test_p_values_are_adjusted_over_the_table(drawn):
    table = with_adjusted(failure_table(*drawn))
    tested = table.dropna(subset="p")
    expected = multipletests(tested["p"], method="holm")[1]
    np.testing.assert_allclose(tested["p_adjusted"], expected)
    assert tested["p_adjusted"].iloc[0] < 0.001 < 0.05 < tested["p_adjusted"].iloc[1]


def test_a_difference_never_leaves_minus_one_to_one():
    groups = np.arange(6)
    missed = np.array([True, True, True, True, False, False])
    classes = pd.Series(pd.Categorical.from_codes([0, 0, 0, 1, 1, 1], ["a", "b"]))
    row = failure_table(missed, groups, {"x": classes}).iloc[-1]
    assert row["difference"] == pytest.approx(2 / 3)
    assert row["difference_high"] == 1
    assert 0 < row["p"] < 1


def test_all_of_one_class_and_none_of_the_other_prove_nothing_by_themselves():
    classes = pd.Series(pd.Categorical.from_codes([0, 0, 1, 1], ["a", "b"]))
    row = failure_table(np.array([1, 1, 0, 0], dtype=bool), np.arange(4), {"x": classes}).iloc[-1]
    assert row["difference"] == 1
    assert row[["difference_low", "difference_high", "p"]].isna().all()
    same = failure_table(np.zeros(4, dtype=bool), np.arange(4), {"x": classes}).iloc[-1]
    assert same["p"] == 1


def test_a_class_without_slices_or_with_one_patient_is_compared_with_nothing():
    classes = pd.Series(pd.Categorical.from_codes([0, 0, 0], ["a", "b"]))
    table = failure_table(np.array([1, 0, 0], dtype=bool), np.arange(3), {"x": classes})
    assert table["number"].tolist() == [3, 0]
    assert np.isnan(table["value"].iloc[1])
    assert table[["difference", "p"]].isna().all(axis=None)
    one = pd.Series(pd.Categorical.from_codes([0, 0, 1], ["a", "b"]))
    table = failure_table(np.array([1, 0, 0], dtype=bool), np.array([0, 1, 2]), {"x": one})
    assert np.isnan(table["p"].iloc[1])


def test_nothing_to_count_is_an_undefined_share():
    rate = failure_rate(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.intp))
    assert rate["number"] == 0
    assert np.isnan(rate["value"])
    assert failure_table(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.intp), {}).empty

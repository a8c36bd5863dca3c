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

    def with_one_more(part, group):
        """A class with another group of as many slices as its groups have, half of which fail."""
        count = -(-part.sum() // len(np.unique(groups[part])))
        return [*missed[part], *[0.5] * count], [*groups[part], *[group] * count]

    classes = [with_one_more(first, 40), with_one_more(last, 41)]

    def difference(left_out):
        means = [
            np.mean([value for value, group in zip(*each, strict=True) if group != left_out])
            for each in classes
        ]
        return means[0] - means[1]

    value = difference(None)
    without = np.array([difference(group) for group in range(42)])
    error = np.sqrt(np.square(value - without).sum())
    counts = [np.bincount(each, minlength=42) for _, each in classes]
    freedom = min(n.sum() ** 2 / np.square(n).sum() for n in counts) - 1
    assert row["difference"] == pytest.approx(missed[first].mean() - missed[last].mean())
    assert row["p"] == pytest.approx(2 * t.sf(value / error, freedom))
    assert row["difference_low"] == pytest.approx(value - t.ppf(0.975, freedom) * error)


@pytest.mark.parametrize(
    ("few", "slices", "rate"), [(5, 3, 0.05), (10, 2, 0.05), (30, 3, 0.2), (12, 5, 0.3)]
)
def test_where_classes_fail_alike_a_difference_is_found_as_seldom_as_is_said(few, slices, rate):
    """A class of few slices, of which often none fails, beside one that is well known."""
    rng, found = np.random.default_rng(few), 0
    groups = np.concatenate([np.repeat(np.arange(few), slices), np.repeat(np.arange(100) + few, 8)])
    codes = (groups >= few).astype(int)
    classes = {"x": pd.Series(pd.Categorical.from_codes(codes, ["few", "many"], ordered=True))}
    for _ in range(200):
        missed = rng.random(len(groups)) < rate
        found += failure_table(missed, groups, classes)["p"].iloc[-1] < 0.05
    assert found <= 0.08 * 200


def test_a_class_of_few_of_whom_none_fails_is_not_surely_better():
    groups = np.concatenate([np.repeat(np.arange(6), 2), np.repeat(np.arange(60) + 6, 8)])
    missed = (groups >= 6) & (groups % 20 == 7)
    codes = (groups >= 6).astype(int)
    classes = pd.Series(pd.Categorical.from_codes(codes, ["few", "many"], ordered=True))
    row = failure_table(missed, groups, {"x": classes}).iloc[-1]
    assert row["difference"] == pytest.approx(-0.05)
    assert row["p"] > 0.5


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
    assert row["difference_low"] < 0
    assert row["p"] > 0.05
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

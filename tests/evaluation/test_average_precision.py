"""Average precision and its resamples, against scikit-learn."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from benchmarks.resampled_scores import average_precision_replicates
from ichreport.evaluation.average_precision import average_precision, average_precision_table
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.evaluation.uncertainty.bootstrap import draw_resamples
from ichreport.labels import ANY, LABELS


@pytest.fixture(scope="module", params=[0, 1], ids=["continuous", "tied"])
def slices(request):
    """600 slices of 60 groups, with scores that are all different or rounded to tenths."""
    random = np.random.default_rng(request.param)
    codes = np.repeat(np.arange(60), 10)
    truth = (random.random(600) < 0.15).astype(int)
    score = 1 / (1 + np.exp(-(random.normal(size=600) + 1.5 * truth)))
    return truth, score.round(1) if request.param else score, codes


@pytest.fixture(scope="module")
def predictions():
    random = np.random.default_rng(3)
    table = pd.DataFrame({"split": "test", "group": [f"g{n // 10}" for n in range(400)]})
    truth = (random.random((400, 6)) < 0.2).astype(np.int8)
    truth[:, LABELS.index("epidural")] = 0
    table[list(TRUTHS)] = truth
    table[list(PROBABILITIES)] = 1 / (1 + np.exp(1 - truth - random.normal(size=(400, 6))))
    return table


def test_it_is_scikit_learn_s(slices):
    truth, score, _ = slices
    assert average_precision(truth, score) == pytest.approx(average_precision_score(truth, score))


def test_each_replicate_is_scikit_learn_s_of_the_slices_drawn(slices):
    truth, score, codes = slices
    counts = draw_resamples([f"{n:02d}" for n in range(60)], replicates=40, seed=1).counts
    replicates = average_precision_replicates(truth, score, codes, counts)
    expected = [
        average_precision_score(truth, score, sample_weight=drawn[codes]) for drawn in counts
    ]
    np.testing.assert_allclose(replicates, expected, rtol=1e-12)


def test_with_one_class_it_is_undefined():
    assert math.isnan(average_precision([0, 0], [0.1, 0.2]))
    assert math.isnan(average_precision([1, 1], [0.1, 0.2]))
    assert math.isnan(average_precision([], []))
    codes = np.array([0, 1, 2])
    counts = np.array([[0, 2, 1], [3, 0, 0], [1, 1, 1]])
    replicates = average_precision_replicates([1, 0, 0], [0.9, 0.2, 0.4], codes, counts)
    np.testing.assert_array_equal(replicates, [math.nan, math.nan, 1])
    empty = average_precision_replicates([], [], np.empty(0, int), counts)
    assert np.isnan(empty).all()


def test_the_table_holds_value_interval_and_prevalence(predictions):
    table = average_precision_table(predictions).set_index("label")
    row = table.loc[ANY]
    truth, score = predictions[f"truth_{ANY}"], predictions[f"probability_{ANY}"]
    assert row["value"] == pytest.approx(average_precision_score(truth, score))
    assert row["low"] < row["value"] < row["high"]
    assert row["floor"] == truth.mean()
    assert (row["slices"], row["positives"]) == (400, truth.sum())
    assert table.loc["epidural", ["value", "low", "high"]].isna().all()
    assert table.loc["epidural", "floor"] == 0


def test_no_slices_leave_all_undefined(predictions):
    table = average_precision_table(predictions, split="train")
    assert table[["value", "low", "high", "floor"]].isna().all(axis=None)

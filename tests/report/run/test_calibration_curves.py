"""Reliability and decision curves: drawn for every label, and told in words."""

import re

import pandas as pd
import pytest

from ichreport.evaluation.assessment import assess
from ichreport.evaluation.calibration.net_benefit import decision_curve
from ichreport.evaluation.predictions import select_split
from ichreport.labels import LABELS
from ichreport.report.run import calibration_curves
from tests.report.made_up import predictions as make_predictions


@pytest.fixture(scope="module")
def predictions():
    return make_predictions("fullid", seed=1, skill=2.0)


@pytest.fixture(scope="module")
def assessed(predictions):
    return assess(predictions, replicates=60)


def test_only_thresholds_that_are_worth_it_are_told(predictions, assessed):
    rows = select_split(predictions, "test")
    truth, score = rows["truth_any"].to_numpy(), rows["probability_any"].to_numpy()
    curve = decision_curve(truth, score, group_codes=pd.factorize(rows["group"])[0])
    expected = {
        round(100 * row["threshold"])
        for row in curve.to_dict("records")
        if row["threshold"] <= 0.5 and row["above_both_low"] > 0
    }
    [said] = re.findall(
        r"interval: any ([^;]*);", calibration_curves.net_benefit(assessed).alternative
    )
    told = set()
    for low, high in re.findall(r"(\d+)(?:–(\d+))? %", said):
        told |= set(range(int(low), int(high or low) + 1))
    assert told == expected


def test_runs_of_thresholds_are_told_apart():
    thresholds = pd.Series([0.01, 0.02, 0.03, 0.04, 0.05, 0.06])
    true = pd.Series([True, False, False, True, True, True])
    assert calibration_curves._runs(true, thresholds) == ["1 %", "4–6 %"]
    assert calibration_curves._runs(~true, thresholds) == ["2–3 %"]
    assert calibration_curves._runs(thresholds > 1, thresholds) == []


def test_curves_are_drawn_for_every_label_and_told_in_words(assessed):
    for drawn in (
        calibration_curves.reliability(assessed),
        calibration_curves.net_benefit(assessed),
    ):
        assert len(drawn.panels) == len(LABELS)
        assert all(label in drawn.alternative for label in LABELS)

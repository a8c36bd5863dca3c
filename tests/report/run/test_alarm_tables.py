"""The tables of likelihood ratios and of alarms, against scikit-learn and Bayes' rule."""

import json
import re

import pytest
from sklearn.metrics import class_likelihood_ratios, matthews_corrcoef

from ichreport.evaluation.assessment import Assessment, assess
from ichreport.labels import LABELS
from ichreport.report.run import alarm_tables, derived_labels
from tests.report.made_up import predictions as make_predictions


@pytest.fixture(scope="module")
def predictions():
    return make_predictions("fullid", seed=1, skill=2.0)


@pytest.fixture(scope="module")
def assessed(predictions):
    measured = assess(predictions, prevalences={"any": [0.02, 0.3]}, replicates=60)
    return Assessment.from_record(json.loads(json.dumps(measured.record())))


def cells(table):
    return {str(row.cells[0]): row.cells for row in table.lines}


def first(cell):
    return float(re.match(r"[\d.]+", cell).group())


def test_likelihood_ratios_are_those_of_the_frozen_threshold_on_test(predictions, assessed):
    table = cells(alarm_tables.likelihood_ratios(assessed))
    assert len(table) == 4 * len(LABELS) + 2 * len(LABELS)
    row = table["slices, 85 % recall: any"]
    test = predictions[predictions["split"] == "test"]
    called = test["probability_any"] >= assessed.threshold("any")
    positive, negative = class_likelihood_ratios(test["truth_any"], called)
    assert first(row[1]) == pytest.approx(test["truth_any"].mean(), abs=6e-4)
    assert first(row[2]) == pytest.approx(positive, abs=6e-3)
    assert first(row[3]) == pytest.approx(negative, abs=6e-3)
    assert first(row[5]) == pytest.approx(matthews_corrcoef(test["truth_any"], called), abs=6e-3)
    assert all("(" in cell for cell in row[2:6])


def test_a_ratio_that_has_no_end_says_above_what_it_is(predictions):
    perfect = predictions.assign(probability_any=0.1 + 0.8 * predictions["truth_any"])
    assessed = assess(perfect, replicates=20)
    again = Assessment.from_record(json.loads(json.dumps(assessed.record())))
    for each in (assessed, again):
        cell = cells(alarm_tables.likelihood_ratios(each))["slices, 85 % recall: any"][2]
        assert re.fullmatch(r"\(above \d+\.\d\d\)", cell)


def test_alarms_follow_from_recall_and_specificity_by_bayes(assessed):
    rows = assessed.studies.set_index(["pooling", "label", "score"])["value"]
    recall, specificity = (rows["learned", "any", name] for name in ("recall", "specificity"))
    shown = [row.cells for row in alarm_tables.alarms(assessed).lines if "any" in row.cells[0]]
    assert [row[0] for row in shown] == ["any, as in test", "any, stated", "any, stated"]
    assert [row[1] for row in shown] == ["50 %", "2 %", "30 %"]
    for row, prevalence in zip(shown, (0.5, 0.02, 0.3), strict=True):
        hits, false = 1000 * prevalence * recall, 1000 * (1 - prevalence) * (1 - specificity)
        assert first(row[2]) == pytest.approx(hits / (hits + false), abs=6e-4)
        assert first(row[4]) == pytest.approx(hits + false, abs=0.06)
        assert first(row[5]) == pytest.approx(false, abs=0.06)
        assert first(row[6]) == pytest.approx(1000 * prevalence - hits, abs=0.06)


def test_subtypes_are_given_at_their_own_share_alone(assessed):
    names = [row.cells[0] for row in alarm_tables.alarms(assessed).lines]
    assert names.count("epidural, as in test") == 1
    assert not any(name.startswith("epidural, stated") for name in names)


def test_what_the_report_is_about_is_given_at_stated_shares_too(predictions, assessed):
    about = {"any": [0.02], "subdural": [0.02, 0.021]}
    table = alarm_tables.alarms(assess(predictions, prevalences=about, replicates=5))
    shown = [row.cells[:2] for row in table.lines if ", stated" in row.cells[0]]
    assert sorted(map(tuple, shown)) == [
        ("any, stated", "2 %"), ("subdural, stated", "2 %"), ("subdural, stated", "2.1 %"),
    ]  # fmt: skip
    assert "that the profile states for subdural and any bleeding" in table.caption
    assert "that the profile states for any bleeding" in alarm_tables.alarms(assessed).caption
    none = alarm_tables.alarms(assess(predictions, replicates=5))
    assert "at the prevalence of test. They hold" in none.caption


def test_where_bleeding_is_rare_no_predictive_value_is_said_to_be_certain(predictions):
    rare = {"any": [0.0001, 0.0002, 0.9999]}
    table = alarm_tables.alarms(assess(predictions, prevalences=rare, replicates=5))
    shown = {row.cells[1]: row.cells[2:4] for row in table.lines if row.cells[0] == "any, stated"}
    assert list(shown) == ["0.01 %", "0.02 %", "99.99 %"]
    least = float(re.search(r"\((.*)–", shown["0.01 %"][1]).group(1))
    assert 0.999 < least < 1
    assert 0.999 < float(re.search(r"\((.*)–", shown["99.99 %"][0]).group(1)) < 1


def test_without_whole_studies_there_are_no_alarms_and_no_rows_of_studies(predictions):
    parts = assess(predictions.assign(study_slices=100), prevalences={"any": [0.02]}, replicates=5)
    assert "No study is in test with all of its slices" in repr(alarm_tables.alarms(parts))
    assert len(alarm_tables.likelihood_ratios(parts).lines) == 4 * len(LABELS)


def test_extra_axial_bleeding_stands_in_slices_and_studies(assessed):
    table = cells(derived_labels.extra_axial(assessed))
    assert list(table) == ["extra-axial, slices", "extra-axial, whole studies"]
    own = assessed.extra_axial.set_index(["level", "score"]).loc[("slice", "auc")]
    expected = f"{own['value']:.2f} ({own['low']:.2f}–{own['high']:.2f})"
    assert table["extra-axial, slices"][1] == expected

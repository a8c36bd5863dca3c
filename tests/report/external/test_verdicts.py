"""What opens the sections of the page of other hospitals, of one evaluation, several and none."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest

from ichreport.evaluation.external.measures import AUC, RECALL
from ichreport.report.external import verdicts
from ichreport.report.external.elsewhere import Elsewhere
from ichreport.runs.external_record import ExternalProblem
from tests.report.external.made_evaluations import DATA, LEFT_OUT, STRATA, told


def record(run, *, data=DATA, left_out=LEFT_OUT, strata=STRATA, maps=None):
    assessment = SimpleNamespace(strata=strata)
    return SimpleNamespace(run=run, data=data, left_out=left_out, assessment=assessment, maps=maps)


def stratum(kind, name, value, measure=AUC, label="any"):
    return {"kind": kind, "stratum": name, "label": label, "measure": measure, "value": value}


def test_who_is_there_is_said_once_of_runs_that_left_out_the_same(tmp_path):
    said = str(verdicts.data_sets(told(tmp_path)))
    assert said == (
        "cnn on island: 60 studies of 50 patients, without 3 patients that a run has learned from."
    )
    nobody = record("own", left_out=LEFT_OUT | {"patients_learned_from": 0})
    one = record("one", data=DATA | {"name": "hills", "studies": 1, "patients": 1})
    said = str(verdicts.data_sets(Elsewhere([record("a"), record("b"), nobody, one], [])))
    assert said.startswith("a and b on island: 60 studies")
    assert "own on island: 60 studies of 50 patients. " in said
    assert "one on hills: 1 study of 1 patient, without" in said
    assert "own test" not in said
    for patients, told_of in ((1, "1 patient is in the run's own test too"), (7, "7 patients are")):
        both = record("cnn", data=DATA | {"patients_in_own_test": patients})
        assert f"from. {told_of}" in str(verdicts.data_sets(Elsewhere([both], [])))


def test_where_a_run_holds_is_between_its_lowest_and_its_highest_area(tmp_path):
    rows = [
        *(stratum("kernel", name, value) for name, value in (("soft", 0.9), ("sharp", 0.72))),
        stratum("thickness", "below 2 mm", math.nan),
        stratum("readers", "divided", 0.81),
        stratum("readers", "divided", 0.1, label="epidural"),
        stratum("kernel", "soft", 0.2, measure=RECALL),
    ]
    said = str(verdicts.strata(Elsewhere([record("cnn", strata=pd.DataFrame(rows))], [])))
    assert said == (
        "cnn on island: over 3 kinds of studies the AUC of any bleeding goes from 0.72 (kernel: "
        "sharp) to 0.90 (kernel: soft); none was tested against the others."
    )
    undefined = pd.DataFrame(rows[1:3])
    both = Elsewhere([record("cnn", strata=undefined), *told(tmp_path).records], [])
    said = str(verdicts.strata(both))
    assert said == ("cnn on island: fewer than two kinds of studies have an AUC of any bleeding.")
    assert "taken alike" in str(verdicts.strata(told(tmp_path)))


def test_maps_are_judged_where_there_are_masks(tmp_path, monkeypatch):
    monkeypatch.setattr(verdicts.localisation, "verdict", lambda maps: f"By {maps} measures.")
    some = Elsewhere([record("cnn", maps=4), record("own")], [])
    assert str(verdicts.maps(some)) == "cnn on island: By 4 measures."
    none = Elsewhere([record("own")], [])
    assert str(verdicts.maps(none)) == "No data set has masks of the bleeding."


@pytest.mark.parametrize("verdict", [verdicts.data_sets, verdicts.strata, verdicts.maps])
def test_without_evaluations_the_verdict_says_that_there_are_none(verdict):
    assert str(verdict(Elsewhere([], []))).startswith("No run has been applied")
    missing = Elsewhere([], [ExternalProblem("hills", "cnn", "cnn has not been evaluated.")])
    assert str(verdict(missing)).startswith("No evaluation can be shown")

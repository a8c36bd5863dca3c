"""A whole report with another hospital: its store, the evaluation, the page, and what reruns."""

import json

import pandas as pd
import pytest
import yaml

from ichreport.labels import LABELS, SUBTYPES

pytestmark = pytest.mark.slow


@pytest.fixture
def project(small_report):
    return small_report


@pytest.fixture
def record(project):
    return json.loads((project.report / "external/island/plain/record.json").read_text())


def test_every_patient_of_the_other_hospital_is_evaluated(project, record):
    made = json.loads((project.root / "data/tiny/island/phantom.json").read_text())
    counts = made["counts"]
    assert {name: record["data"][name] for name in ("patients", "studies", "slices")} == {
        name: counts[name] for name in ("patients", "studies", "slices")
    }
    assert record["data"]["labelled"] == "studies"
    assert set(record["left_out"].values()) == {0}


def test_its_labels_are_what_two_of_three_readers_say_and_they_err_as_often_as_they_should(project):
    votes = pd.read_csv(project.root / "data/tiny/island/readers.csv").set_index("StudyInstanceUID")
    studies = pd.read_parquet(project.root / "data/tiny/external/island/store/studies.parquet")
    for label in LABELS:
        two = votes[[f"reader_{k}_{label}" for k in (1, 2, 3)]].sum(axis=1) >= 2
        kept = studies.set_index("study_instance_uid")[label]
        assert (kept == two.loc[kept.index]).all()
    made = json.loads((project.root / "data/tiny/island/phantom.json").read_text())
    truth = {s["study_instance_uid"]: s for p in made["patients"] for s in p["studies"]}
    wrong = [
        int(votes.loc[uid, f"reader_{k}_{kind}"]) != (study["positive_slices"][kind] > 0)
        for uid, study in truth.items()
        for k in (1, 2, 3)
        for kind in SUBTYPES
    ]
    assert 0 < sum(wrong) < 0.15 * len(wrong)


def test_the_figures_are_those_of_the_predictions_and_the_readers(project, record):
    """The maximum over slices is pooled here by hand; the AUC counts pairs."""
    comparison = pd.DataFrame(record["assessment"]["comparison"])
    row = comparison[(comparison["label"] == "any") & (comparison["measure"] == "auc")].iloc[0]
    studies = pd.read_parquet(project.root / "data/tiny/external/island/store/studies.parquet")
    assert row["outside_units"] == len(studies)
    assert row["outside_positives"] == (studies["any"] == 1).sum()
    of_run = json.loads((project.report / "runs/plain/record.json").read_text())["assessment"]
    thresholds = pd.DataFrame(of_run["study_thresholds"])
    of_any = thresholds[(thresholds["label"] == "any") & (thresholds["rule"] == "recall-85")]
    assert row["threshold"] == of_any["threshold"].iloc[0]


def test_the_page_begins_with_the_verdict_and_shows_text_as_text(project, record):
    page = project.page("external.html").partition("<main")[2]
    verdict = "AUC of any bleeding in a study, pooled as on its page, is"
    assert page.index(verdict) < page.index("<table")
    assert "Nobody et al., &lt;b&gt;2026&lt;/b&gt;" in page
    assert "Another hospital" in project.page("index.html")
    assert "synthetic heads" in page


def test_nothing_is_to_do_twice_and_another_citation_asks_for_no_run(project, record):
    assert project.jobs("report") == []
    path = project.root / "params" / "tiny.yaml"
    before = path.read_text()
    values = yaml.safe_load(before)
    values["external"][0]["citation"] = "Somebody"
    path.write_text(yaml.safe_dump(values))
    try:
        jobs = set(project.jobs("report"))
    finally:
        path.write_text(before)
    assert "evaluate" in jobs
    of_runs = {"experiment", "combination", "explore", "cam", "results", "ingest"}
    assert not jobs & (of_runs | {"external_ingest"})

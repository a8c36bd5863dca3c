"""What the first page says first, against values computed by other means."""

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ichreport.labels import LABELS
from ichreport.params.endpoint import Endpoint
from ichreport.params.experiment import Experiment
from ichreport.report import overview
from ichreport.report.html.formats import duration
from ichreport.runs import results
from ichreport.runs.record import RunRecord
from tests.report.made_up import SKILL


@pytest.fixture(scope="module")
def shown(report):
    return overview.summarise(report.results)


def facts(shown):
    return {fact.name: fact for fact in shown.facts.facts}


def test_it_says_how_many_were_trained_and_which_have_no_result(shown):
    assert shown.lead.startswith("Five runs train and test two networks to find bleeding")
    assert "synthetic heads. Two of them have no result." in shown.lead


def test_one_of_a_kind_is_said_in_the_singular(report):
    run = report.results.scored["01-small"]
    failed = next(run for run in report.results.runs if run.status == "failed")
    alone = results.Results([run.run_record], {"01-small": run})
    assert overview.summarise(alone).lead.startswith("One run trains and tests one network ")
    two = results.Results([run.run_record, failed], {"01-small": run})
    assert "synthetic heads. One of them has no result." in overview.summarise(two).lead


def test_slices_and_patients_are_those_of_the_largest_sample(shown, report):
    tables = [scored.predictions for scored in report.results.scored.values()]
    slices = max(len(table) for table in tables)
    patients = max(table["patient_id"].nunique() for table in tables)
    assert facts(shown)["Slices"].value == str(slices)
    assert facts(shown)["Slices"].text == f"of {patients} synthetic heads"
    assert f"on up to {slices} CT slices of {patients} synthetic heads." in shown.lead


def area_of_studies(run, split):
    """The area of any bleeding in whole studies, and its positives and negatives."""
    rows = run.predictions.query("split == @split")
    studies = rows.groupby("study_instance_uid")[["truth_any", "probability_any"]].max()
    truth, score = studies["truth_any"], studies["probability_any"].astype(float)
    return roc_auc_score(truth, score), int(truth.sum()), int((1 - truth).sum())


def test_the_primary_endpoint_leads_with_its_interval_and_how_wide_that_is(report):
    run = report.results.variants["by-hand"].scored  # of no skill, so that its figure is not 1
    shown = overview.summarise(results.Results([run.run_record], {"by-hand": run}))
    area, positives, negatives = area_of_studies(run, "test")
    primary = facts(shown)["Primary endpoint: AUC of any bleeding in whole studies"]
    assert shown.facts.facts[0] is primary
    assert float(primary.value) == pytest.approx(area, abs=0.0006)
    low, high = map(float, re.findall(r"[01]\.\d+", primary.text))
    assert low < area < high
    assert primary.text.endswith("(95 %), by-hand")  # the only one, which was not chosen
    assert primary.href == "experiments/by-hand.html"
    width = facts(shown)["Width of its interval"]
    assert float(width.value) == pytest.approx(high - low, abs=0.0011)
    studies = f"{positives} studies of test with bleeding and {negatives} without"
    assert width.text == f"of {studies}"
    assert f"In {100 * area:.0f} of 100 pairs, it gives the study with bleeding" in shown.lead
    assert "in whole studies, each by its most suspicious slice." in shown.lead
    assert "by-hand is the only run that has it on patients that it has not seen." in shown.lead


def test_an_endpoint_without_an_interval_has_no_width(report):
    run = report.results.scored["01-small"]
    record = {**run.record, "assessment": dict(run.record["assessment"])}
    endpoints = pd.DataFrame(record["assessment"]["endpoints"])
    endpoints[["low", "high"]] = np.nan
    record["assessment"]["endpoints"] = endpoints.to_dict("list")
    alone = results.ScoredRun(dataclasses.replace(run.run_record, record=record))
    shown = overview.summarise(results.Results([alone.run_record], {"01-small": alone}))
    told = facts(shown)
    assert "Width of its interval" not in told
    assert shown.facts.facts[0].text == "too few patients for an interval, 01-small"


@pytest.mark.parametrize(("positives", "said"), [(1, "1 study of test"), (3, "3 studies of test")])
def test_one_study_with_bleeding_is_no_studies(positives, said):
    primary = {"units": 9, "positives": positives, "low": 0.2, "high": 0.7}
    assert overview._width(primary, Endpoint()).text.startswith(f"of {said} with bleeding and")


class Chosen:
    """What the first page reads of runs that were chosen among."""

    def __init__(self, figures):
        self.by_name = {name: SimpleNamespace(name=name, row=name) for name in figures}
        self.figures = figures
        self.candidates = list(self.by_name.values())
        self.by_row = {name: [run] for name, run in self.by_name.items()}

    @property
    def tied_for_best(self):
        largest = max(self.figures.values())
        return [run for run in self.candidates if self.figures[run.name] == largest]

    def on_validation(self, run):
        return self.figures[run.name]


def test_how_the_best_was_chosen_is_said_of_one_of_several_and_of_equal_ones():
    one, equal = Chosen({"a": 0.9, "b": 0.8}), Chosen({"a": 0.9, "b": 0.9, "c": 0.1})
    said = overview._choice(one, one.tied_for_best[0])
    assert said == "a has the largest on validation, 0.900, and was chosen by that."
    said = overview._choice(equal, equal.tied_for_best[0])
    assert said == "a and b have the largest on validation, 0.900; the first of them was taken."
    one.by_row["a"].append("a further seed")
    said = overview._choice(one, one.tied_for_best[0])
    assert "0.900 in the mean of its seeds, and was chosen" in said


def test_pairs_of_a_subtype_are_of_that_subtype(report):
    primary = Endpoint(label="subdural", level="slice", measure="auc")
    found = results.Results(report.results.runs, report.results.scored, primary=primary)
    lead = overview.summarise(found).lead
    assert "the slice with subdural bleeding a higher probability than the slice without" in lead
    assert "equal ones count half" in lead


def test_an_endpoint_that_is_no_area_speaks_of_no_pairs(report):
    primary = Endpoint(label="subdural", level="slice", measure="average_precision")
    shown = overview.summarise(
        results.Results(report.results.runs, report.results.scored, primary=primary)
    )
    assert "The primary endpoint is the average precision of subdural bleeding in" in shown.lead
    assert "pairs" not in shown.lead


def test_runs_that_were_made_for_another_endpoint_are_told(shown, report):
    assert "another endpoint" not in shown.lead
    changed = results.Results(
        report.results.runs, report.results.scored, primary=Endpoint(level="slice")
    )
    assert "3 runs were made when the profile named another endpoint, so this one was not" in (
        overview.summarise(changed).lead
    )


def test_without_whole_studies_their_endpoint_is_missing_and_the_cure_is_told(report):
    run = report.results.scored["01-small"]
    record = {**run.record, "assessment": dict(run.record["assessment"])}
    endpoints = pd.DataFrame(record["assessment"]["endpoints"])
    endpoints.loc[endpoints["level"] == "study", "value"] = np.nan
    record["assessment"]["endpoints"] = endpoints.to_dict("list")
    alone = results.ScoredRun(dataclasses.replace(run.run_record, record=record))
    lead = overview.summarise(results.Results([alone.run_record], {"01-small": alone})).lead
    endpoint = "AUC of any bleeding in whole studies"
    assert f"None has the primary endpoint, the {endpoint}, on patients that it has not" in lead
    assert '"primary" in the profile names another one' in lead


def test_better_than_the_constant_are_those_with_that_verdict(shown, report):
    better = sum(run.learned.verdict == "learned" for run in report.results.scored.values())
    rows = len(SKILL) - 1  # the run by hand is none
    assert 0 < better < rows
    assert f"{better} of {rows} with a result predict better" in shown.lead


def test_those_that_were_tested_on_seen_patients_are_counted_apart(shown, report):
    assert not report.results.scored["03-windowed"].unseen_patients
    assert report.results.scored["03-windowed"].learned.verdict != "learned"
    assert "whose other slices are in train" not in shown.lead
    run = report.results.scored["03-windowed"].run_record
    measured = run.record["assessment"]
    learned = measured | {"learned": measured["learned"] | {"verdict": "learned", "p": 0.0}}
    better = dataclasses.replace(run, record={**run.record, "assessment": learned})
    scored = {**report.results.scored, "03-windowed": results.ScoredRun(better)}
    lead = overview.summarise(results.Results(report.results.runs, scored)).lead
    assert "Of these, 1 was tested on patients whose other slices are in train" in lead


def test_backbones_of_random_weights_are_told_first(shown, report):
    experiments = {name: run.experiment for name, run in report.results.scored.items()}
    random = [
        name
        for name, experiment in experiments.items()
        if experiment.network != "cnn7" and experiment.weights is None
    ]
    assert random == ["02-large"]
    assert "One of the runs rests on a backbone of random weights" in shown.lead
    run = report.results.scored["01-small"]
    small = results.Results([run.run_record], {"01-small": run})
    assert "random weights" not in overview.summarise(small).lead


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.5, "50 of 100"), (0.994, "99 of 100"), (0.997, "more than 99 of 100"), (1.0, "100 of 100")],
)
def test_only_perfect_ranking_is_said_to_be_so(share, said):
    assert overview._out_of_100(share) == said


def test_the_time_is_the_runs_together(shown, report):
    taken = sum(sum(run.record["timings"].values()) for run in report.results.scored.values())
    assert facts(shown)["Time"].value == duration(taken)
    assert facts(shown)["Time"].text.endswith("backbones, starting and the pages come on top")


def test_every_python_that_runs_were_made_with_is_named(shown, report):
    run = report.results.scored["01-small"]
    python = run.record["provenance"]["python"]
    assert f"; Python {python}. " in facts(shown)["Time"].text
    older = {**run.record, "provenance": run.record["provenance"] | {"python": "3.10.1"}}
    second = results.ScoredRun(dataclasses.replace(run.run_record, name="a", record=older))
    both = results.Results([run.run_record, second.run_record], {"01-small": run, "a": second})
    assert f"; Python 3.10.1, {python}. " in facts(overview.summarise(both))["Time"].text


def test_without_any_result_that_is_what_it_says(tmp_path):
    missing = RunRecord("a", tmp_path, "missing", {}, "not run yet")
    everything = results.Results([missing], {}, {"a": Experiment(name="a")})
    shown = overview.summarise(everything)
    assert shown.lead.startswith("No experiment has a result yet.")
    assert shown.facts.facts == []
    assert "No run" in str(overview.curves_of_best(everything))


def test_the_poster_is_cited_with_what_is_not_known_of_it(shown):
    html = shown._repr_html_()
    assert "Amit Bhatia" in html
    assert "Application of Computer Vision in Intracranial Hemorrhage (ICH) Detection" in html
    assert "Its year, its venue, its code and its predictions are not known" in html
    assert "no interval" in repr(shown)


def test_the_curves_of_the_best_are_three_panels_with_all_their_words(report):
    drawn = overview.curves_of_best(report.results)
    assert len(drawn.panels) == 3
    for word in ("01-small", "ROC", "Precision", "Calibration"):
        assert word in drawn.caption
    test = report.results.scored["01-small"].predictions.query("split == 'test'")
    for label in LABELS:
        area = roc_auc_score(test[f"truth_{label}"], test[f"probability_{label}"].astype(float))
        assert f"{label} {area:.3f}" in drawn.alternative

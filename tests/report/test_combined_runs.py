"""A report with an ensemble and a blend: every page and paper says that nothing was trained."""

import contextlib
import re
from dataclasses import replace

import nbformat
import pytest
import yaml
from nbformat.v4 import new_markdown_cell, new_notebook

from ichreport.evaluation import blending
from ichreport.evaluation.assessment import assess
from ichreport.evaluation.predictions import TRUTHS
from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.report import overview, site
from ichreport.report.comparison import all_runs, overlays
from ichreport.report.comparison import page as comparison_page
from ichreport.report.papers import pages as papers
from ichreport.report.run import combination
from ichreport.report.run import page as run_page
from ichreport.runs import record, recording
from ichreport.runs.combinations import CombinedRuns, Member
from ichreport.runs.results import ScoredRun, read
from tests.report.made_up import predictions, write_run
from tests.runs.stand_in_training import LEARNED_FROM

GIVEN = {"profile": "tiny", "sample": "fullid"}
ROWS = {
    "01-plain": {"network": "cnn7"},
    "02-focal": {"network": "cnn7", "loss": "focal", "fold": "0/5"},
    "03-mean": {"ensemble_of": ["01-plain", "02-focal"], "question": "Is the mean better?"},
    "04-blend": {"blend_of": ["03-mean", "01-plain"], "baseline": "01-plain"},
}


class Report:
    def __init__(self, root):
        self.root, self.folder = root, root / "reports" / "tiny"
        self.profile = Profile(profile="tiny", cam_run="01-plain")
        (root / "workflow").mkdir()
        (root / "workflow" / "Snakefile").touch()
        (root / "params" / "experiments").mkdir(parents=True)
        (root / "params" / "tiny.yaml").write_text("profile: tiny\n")
        for name, values in ROWS.items():
            path = root / "params" / "experiments" / f"{name}.yaml"
            path.write_text(yaml.safe_dump({"name": name, "sample": "fullid", **values}))
        for seed, name in enumerate(("01-plain", "02-focal")):
            write_run(self.experiment(name), predictions("fullid", seed, 1.0))
        self._combine("03-mean")
        self._combine("04-blend")
        self.results = read(self.profile, self.folder)

    def experiment(self, name):
        return Experiment.parse({**GIVEN, **ROWS[name], "name": name}, where="test")

    def _combine(self, name):
        """Leave a combination that is better than its members, however it came about."""
        experiment = self.experiment(name)
        members = [
            Member(record.read_run(self.folder / "runs" / one)) for one in experiment.members
        ]
        table = predictions("fullid", 9, 4.0)
        logits = [member.logits[table["split"] == "validation"] for member in members]
        truth = table.loc[table["split"] == "validation", list(TRUTHS)].to_numpy()
        if experiment.combination == "blend":
            how = {"weights": blending.choose_weights(truth, *logits)}
        else:
            counts = table[["split"]].assign(members=2).value_counts()
            how = {"counting": counts.rename("slices").reset_index()}
        recording.write_combination(
            experiment,
            CombinedRuns(experiment.combination, members, table, **how),
            assess(table, replicates=20),
            leak=[{"first": "train", "second": "test", "kind": "patients", "shared": 0}],
            store={"store_hash": "0" * 64, "synthetic": True},
            learned_from=LEARNED_FROM,
            stopwatch=recording.Stopwatch(),
        )

    def page(self, name, story=""):
        run = next(run for run in self.results.all_runs if run.name == name)
        return run_page.content(run, self.profile, self.results, story)


@pytest.fixture(scope="module")
def combined(tmp_path_factory):
    root = tmp_path_factory.mktemp("combined")
    with contextlib.chdir(root):
        yield Report(root)


def test_a_page_names_the_members_and_says_that_nothing_was_trained(combined):
    html = combined.page("04-blend")
    assert '<a href="03-mean.html">03-mean</a> and <a href="01-plain.html">01-plain</a>' in html
    assert "<dt>Runs combined</dt><dd>2" in html
    assert "nothing trained; " in html
    assert "Parameters trained" not in html
    assert "none: it combines other runs" in html
    for name in ("03-mean", "01-plain"):
        known = combined.results.scored[name].record["provenance"]["predictions_sha256"]
        assert f"predictions of {name}</th><td>{known}" in html
    assert "papermill notebooks/2-combination.ipynb reports/tiny/04-blend.ipynb" in html


def test_a_member_that_was_made_anew_since_is_marked(combined):
    assert "so combine anew" not in combined.page("04-blend")
    blend = combined.results.scored["04-blend"]
    members = [
        {**one, "predictions_sha256": "0" * 64} for one in blend.run_record.combination["members"]
    ]
    old = replace(
        blend.run_record,
        record={**blend.record, "combination": {**blend.record["combination"], "members": members}},
    )
    results = replace(
        combined.results, scored={**combined.results.scored, "04-blend": ScoredRun(old)}
    )
    html = run_page.content(old, combined.profile, results, "")
    assert html.count("has other predictions now, so combine anew") == 2


def test_the_weights_stand_on_the_page_once_whether_its_notebook_is_there_or_not(combined):
    recorded = combined.results.scored["04-blend"].run_record.combination
    table = combination.how(recorded)._repr_html_()
    assert table in combined.page("04-blend")
    assert table not in combined.page("04-blend", story="<p>its story</p>")


def test_a_weight_stands_beside_the_losses_of_both_runs_alone(combined):
    recorded = combined.results.scored["04-blend"].run_record.combination
    for row, cells in zip(recorded["weights"], combination.how(recorded).rows, strict=True):
        losses = [row[name] for name in ("first_log_loss", "log_loss", "second_log_loss")]
        assert cells[:3] == [row["label"], f"{row['weight']:.1f}", "on validation"]
        assert cells[3:6] == [f"{loss:.3f}" for loss in losses]
        assert min(losses) == losses[1]
    one_class = {**recorded, "weights": [{**recorded["weights"][0], "chosen": False}]}
    assert combination.how(one_class).rows[0][2] == "not chosen: one class"


def test_how_many_members_count_stands_by_split(combined):
    recorded = combined.results.scored["03-mean"].run_record.combination
    assert {tuple(row) for row in combination.how(recorded).rows} == {
        (split, "2", "160") for split in ("train", "validation", "test")
    }


def test_the_members_are_told_as_what_they_are_with_their_scores(combined):
    shown = combination.members(combined.results.scored.values())
    rows = {row[0]: row[1:] for row in shown.rows}
    assert rows["01-plain"][:4] == ["none", "raw", "cnn7", "dense"]
    assert rows["02-focal"][0] == "0/5"
    assert rows["03-mean"][:4] == ["–", "–", "–", "–"]
    area = combined.results.scored["02-focal"].assessment.score("auc", "any")["value"]
    assert rows["02-focal"][4].startswith(f"{area:.3f} (")


def test_no_parameter_of_a_network_is_told_of_a_combination(combined):
    html = combined.page("03-mean")
    assert re.search(r'<th scope="row">network</th><td>–</td><td><span class="differs">cnn7', html)
    assert '<th scope="row">ensemble of</th><td>01-plain, 02-focal</td>' in html
    table = all_runs.table(combined.results)
    names = [column.name for column in table.head]
    rows = {row.cells[0].text: dict(zip(names, row.cells, strict=True)) for row in table.lines}
    for name in ("network", "loss", "epochs", "weights trained"):
        assert rows["04-blend"][name] == "–"
        assert rows["01-plain"][name] != "–"


def test_learning_curves_are_those_of_the_runs_that_were_trained(combined):
    drawn = overlays.learning_of_all(combined.results).alternative
    assert "01-plain" in drawn
    assert "02-focal" in drawn
    assert "03-mean" not in drawn
    assert "04-blend" not in drawn
    told = {run["name"]: run for run in comparison_page.data(combined.results)["runs"]}
    assert [told[name]["history"] is None for name in ROWS] == [False, False, True, True]
    assert told["03-mean"]["loss"] is None


def test_the_first_page_counts_those_that_train_and_those_that_combine(combined):
    lead = overview.summarise(combined.results).lead
    assert lead.startswith("Two runs train and test one network to find bleeding")
    assert "Two more combine the predictions of others." in lead
    blend = combined.results.scored["04-blend"]
    alone = type(combined.results)([blend.run_record], {blend.name: blend})
    lead = overview.summarise(alone).lead
    assert lead.startswith("One run combines the predictions of others to find bleeding")
    assert "network" not in lead.partition(".")[0]
    assert "more combine" not in lead


def test_the_papers_of_a_combination_say_what_it_is_and_name_its_networks_files(combined):
    assert combined.results.best.run_record.combination is not None
    best = combined.results.best.name
    texts = {made.stem: made.markdown() for made in papers.make(
        combined.folder, combined.profile, combined.results
    )}  # fmt: skip
    for text in texts.values():
        assert "no run that is split by patient has the primary endpoint" not in text.lower()
        assert best in text
    claim = texts["claim-2024"]
    assert re.search(r"\| 27 \|[^|]*\| Reported \| The mean of the logits of the finished", claim)
    files = "runs/01-plain/model.weights.h5, runs/02-focal/model.weights.h5"
    assert files in claim
    assert files in texts["tripod-ai"]
    card, tripod = texts["model-card"], texts["tripod-ai"]
    assert "Nothing is trained for it" in card
    decided = (
        "to choose thresholds, and this run among others, and to fit temperatures, and the pooling "
        "of studies"
    )
    assert f"Validation, {decided}: " in card
    assert "how much other seeds of the combined runs would change" in card
    assert "| Reported | Developing and evaluating networks, here combined, that" in tripod
    assert re.search(r"\| 9a \|[^|]*\| Reported \| What each of the combined runs sees", tripod)
    assert f"of validation {decided}, " in tripod


def test_the_papers_of_a_blend_give_its_weights(combined):
    blend = combined.results.scored["04-blend"]
    alone = type(combined.results)([blend.run_record], {blend.name: blend})
    card = papers.make(combined.folder, combined.profile, alone)[0].markdown()
    first = blend.run_record.combination["weights"][0]
    assert "the weight of the second chosen" in card
    assert f"chosen on validation: {first['label']} {first['weight']:.1f}, " in card
    assert "Validation, to choose weights and thresholds, and to fit temperatures" in card
    assert "among others" not in card


def test_of_runs_that_are_as_good_on_validation_the_first_is_said_to_be_taken(combined):
    endpoint = "the report's primary endpoint, the AUC of any bleeding in whole studies"
    for names, told in (
        (["04-blend"], f"This is the only run split by patient that has {endpoint}."),
        (["01-plain", "03-mean"], "Of 2 runs split by patient that have {}, this one has the"),
        (["01-plain", "03-mean", "04-blend"], "{}, 03-mean and 04-blend have the largest on val"),
    ):
        scored = {name: combined.results.scored[name] for name in names}
        some = replace(combined.results, runs=[one.run_record for one in scored.values()])
        made = papers.make(combined.folder, combined.profile, replace(some, scored=scored))
        card, claim, _ = (document.markdown() for document in made)
        assert told.format(endpoint) in card
        assert told.format(endpoint) in claim
        assert ("stands first in the table" in card) == (len(names) == 3)


@pytest.mark.browser
def test_a_combination_is_compared_without_a_learning_curve(combined, open_page):
    path = combined.folder / "results.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Results")]), path)
    site.render(combined.folder, combined.profile)
    shown = open_page(combined.folder / "compare.html")
    for names, panels in (("03-mean,04-blend", 2), ("01-plain,04-blend", 3)):
        shown.page.goto(f"{(combined.folder / 'compare.html').as_uri()}#runs={names}&label=any")
        shown.page.reload()
        assert shown.page.locator(".compare figure svg.chart").count() == panels
        said = shown.page.locator(".compare .note").all_inner_texts()
        assert any("combine other runs and train nothing" in text for text in said)
        assert not any("train different losses" in text for text in said)
    assert shown.errors == []

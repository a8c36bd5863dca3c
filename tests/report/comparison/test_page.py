"""What the page of comparisons is given to draw, and what stands there without its script."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_curve

from ichreport.labels import LABELS
from ichreport.model import networks
from ichreport.model.heads.sequence import sequence_head
from ichreport.params.machine import Machine
from ichreport.params.training.training_plan import HeadPart
from ichreport.report.comparison import all_runs, open_choices, overlays
from ichreport.report.comparison import page as comparison_page
from ichreport.runs.results import Results, ScoredRun
from tests.model.conftest import make_experiment
from tests.report.comparison import made_runs
from tests.report.comparison.made_runs import gathered


@pytest.fixture(scope="module")
def data(report):
    return comparison_page.data(report.results)


def by_name(table):
    """The cells of each row by the names of their columns."""
    names = [column.name for column in table.head]
    return {row.cells[0].text: dict(zip(names, row.cells, strict=True)) for row in table.lines}


def test_only_runs_with_predictions_can_be_chosen(data, report):
    assert [run["name"] for run in data["runs"]] == list(report.results.all_scored)


def test_what_says_only_what_a_report_shows_is_no_column_of_all_runs(report):
    columns = {column.name for column in all_runs.table(report.results).head}
    assert {"network", "image size"} & columns
    assert not {"seeds", "seeds of", "external", "learning curve", "prevalence"} & columns


def test_a_thinned_curve_stays_near_the_whole_one(data, report):
    for run in data["runs"]:
        table = report.results.all_scored[run["name"]].predictions.query("split == 'test'")
        for label in LABELS:
            points = np.reshape(run["curves"][label]["roc"], (-1, 2)) / 1000
            x, y, _ = roc_curve(table[f"truth_{label}"], table[f"probability_{label}"])
            whole = np.column_stack([x, y])
            gaps = np.abs(whole[:, None] - points[None]).max(axis=-1).min(axis=1)
            assert gaps.max() < 0.03
            assert len(points) <= 120


def test_with_many_runs_curves_get_coarser_and_the_page_stays_small(report):
    run = next(iter(report.results.scored.values()))
    many = Results([run.run_record] * 80, {f"run-{number:03d}": run for number in range(80)})
    held = comparison_page.data(many)
    assert len(json.dumps(held)) < 900_000
    points = [len(run["curves"]["any"]["roc"]) // 2 for run in held["runs"]]
    assert 8 <= max(points) < 120


def test_the_address_names_the_runs():
    assert comparison_page.address(["a", "b.c"], up="../") == "../compare.html#runs=a,b.c"


def test_a_run_alone_is_compared_with_nothing(report):
    run = report.results.scored["01-small"]
    results = Results([run.run_record], {"01-small": run})
    assert "It takes two runs" in comparison_page.content(results)
    assert "compare-data" not in comparison_page.content(results)


def test_without_runs_all_that_is_said_in_words():
    results = Results([], {})
    assert "No run has predictions" in str(overlays.roc_of_all(results))
    assert "No run has predictions" in str(overlays.learning_of_all(results))
    assert all_runs.table(results).rows == []


def test_the_overlays_name_the_best_of_each_panel(report):
    drawn = overlays.roc_of_all(report.results)
    # nothing ran on SampB
    titles = ["SampA by slice, 1 run", "FullID by group, 2 runs"]
    for title, panel in zip(titles, drawn.panels, strict=True):
        assert title in panel
    assert "01-small" in "".join(drawn.panels)
    assert "by-hand" not in "".join(drawn.panels)
    learned = overlays.learning_of_all(report.results)
    lowest = min(1 / epoch + 0.01 * epoch for epoch in range(1, 9))
    assert f"02-large {lowest:.3f}" in learned.alternative


def test_a_sample_s_other_split_has_a_panel_of_its_own(report):
    run = report.results.scored["03-windowed"]
    parameters = {**run.experiment.model_dump(), "split_by": "group"}
    again = replace(run.run_record, name="again", record={**run.record, "parameters": parameters})
    results = Results([run.run_record, again], {"03-windowed": run, "again": ScoredRun(again)})
    assert len(overlays.roc_of_all(results).panels) == 2


def test_what_a_run_is_split_by_is_told_though_no_parameter_says_it(data, report):
    told = {run["name"]: run["parameters"]["split by"] for run in data["runs"]}
    assert (told["03-windowed"], told["01-small"]) == ("slice", "group")
    seen = {run["name"]: "are in train too" in run["test"] for run in data["runs"]}
    assert (seen["03-windowed"], seen["01-small"]) == (True, False)
    table = all_runs.table(report.results)
    rows = by_name(table)
    assert rows["03-windowed"]["split by"] == "slice"
    assert rows["04-broken"]["split by"] == "group"
    assert rows["03-windowed"]["AUC any"].endswith(" *")
    assert not rows["01-small"]["AUC any"].endswith("*")


def test_an_area_that_is_not_defined_bears_no_mark(report):
    run = report.results.scored["03-windowed"]
    scores = run.assessment.scores
    of_rare = (scores["label"] == "epidural") & (scores["score"] == "auc")
    undefined = scores.assign(value=scores["value"].mask(of_rare))
    again = ScoredRun(run.run_record)
    again.__dict__["assessment"] = replace(run.assessment, scores=undefined)
    row = by_name(all_runs.table(Results([run.run_record], {run.name: again})))[run.name]
    assert row["AUC epidural"] == "–"
    assert row["AUC any"].endswith(" *")


def test_what_a_run_without_a_record_would_have_been_is_in_the_table(report):
    table = all_runs.table(report.results)
    rows = by_name(table)
    assert rows["04-broken"]["head"] == "bilstm"
    assert rows["05-later"]["loss"] == "weighted-bce"
    assert [row.kind for row in table.lines] == ["", "", "", "quiet", "quiet", ""]


def test_what_runs_choose_is_told_of_those_that_stand_for_the_poster_s_rows():
    none = {row.cells[0]: row.cells[1] for row in open_choices.table(gathered()).lines}
    assert none["optimiser"] == none["weight of positives"] == "no such row has figures"
    results = gathered(
        made_runs.run(
            "01-a", 1.7, poster_row=1, loss="weighted-bce", positive_weight=5.3, batch_size=16
        ),
        made_runs.run("02-b", 1.6, poster_row=2, network="cnn7", batch_size=64, learning_rate=0.01),
        made_runs.run("17-c", 1.5, optimizer="adamw", batch_size=8),
    )
    ours = {row.cells[0]: row.cells[1] for row in open_choices.table(results).lines}
    assert ours["optimiser"] == "Adam"
    assert ours["slices a step"] == "16, 64"
    assert "0.01" in ours["largest step"]
    assert ours["weight of positives"] == "5.3"
    caption = open_choices.table(results).caption
    assert "would score about 3.13, or 2.93 with the cap" in caption
    assert "about 5.3 for all labels, or negatives per positive to the power 0.63" in caption
    rarity = {"poster_row": 1, "loss": "weighted-bce"}
    results = gathered(
        made_runs.run("01-a", 1.7, **rarity, rarity_power=0.63), made_runs.run("b", 1.7, **rarity)
    )
    ours = {row.cells[0]: row.cells[1] for row in open_choices.table(results).lines}
    assert ours["weight of positives"] == "by rarity to the power 0.63, by rarity"


def test_the_cap_is_said_to_bind_what_is_rarer_among_the_challenge_s_labels(report, monkeypatch):
    def said():
        table = open_choices.table(report.results)
        return {row.cells[0]: row.cells[1] for row in table.lines}["their weight by rarity"]

    assert said() == "at most 100, which of the challenge's labels binds epidural (238)"
    monkeypatch.setattr(open_choices, "MAX_POSITIVE_WEIGHT", 25.0)
    assert said().endswith("binds epidural (238) and intraventricular (28)")
    monkeypatch.setattr(open_choices, "MAX_POSITIVE_WEIGHT", 300.0)
    assert said().endswith("binds none")
    caption = open_choices.table(report.results).caption
    assert "its test loss of 1.722" in caption


def test_what_the_poster_leaves_open_is_as_the_code_computes(report):
    table = open_choices.table(report.results)
    ours = {row.cells[0]: row.cells[1] for row in table.lines}
    model = networks.untrained(make_experiment("store", network="cnn7").plan)
    filters = [layer.filters for layer in model.layers if layer.name.startswith("conv")]
    assert ours["filters of the seven blocks"] == ", ".join(map(str, filters))
    assert ours["units of a hidden Dense layer"] == str(model.get_layer("dense1").units)
    assert ours["dropout between Dense layers"] == f"{model.get_layer('dropout1').rate:g}"
    assert ours["weight of any in the score"] == "2"
    first = model.get_layer("conv1")
    assert first.kernel_initializer.__class__.__name__ == "HeNormal"
    assert ours["first weights of these"] == "He normal"
    sides = {layer.kernel_size for layer in model.layers if layer.name.startswith("conv")}
    assert {tuple(map(int, ours["kernels of their convolutions"].split(" × ")))} == sides
    normal = model.get_layer("bn1")
    assert ours["momentum of their batch normalization"] == f"{normal.momentum:g}"
    assert isinstance(model.get_layer("pooling"), keras.layers.GlobalAveragePooling2D)
    head = HeadPart("bilstm-attention", 2)
    attention = sequence_head(head, 8, Machine()).get_layer("attention")
    assert f"{attention.num_heads} heads with keys of {attention.key_dim}," in ours["attention"]
    assert ours["how slices vary in training"] == "Half of the slices are flipped left to right"
    assert "What the poster leaves open" in comparison_page.content(report.results)

"""What is known of a run beside its figures: what it rests on, and whom it was tested on."""

import numpy as np
import pytest
import yaml

from ichreport.evaluation.assessment import assess
from ichreport.params.endpoint import Endpoint
from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.params.yaml import project_path
from ichreport.runs import recording, results
from ichreport.runs.record import RunRecord
from ichreport.runs.results import Results, ScoredRun
from tests.report.made_up import predictions
from tests.runs.stand_in_training import LEARNED_FROM, StandInTraining

ROWS = {
    "05-raw": {"question": "Raw?", "poster_row": 5},
    "06-focal": {"question": "Focal?", "poster_row": 6, "loss": "focal"},
    "13-all": {"question": "All?", "poster_row": 13, "sample": "fullid"},
}


@pytest.mark.parametrize(
    ("parameters", "random"),
    [
        ({"weights": None}, True),
        ({"weights": "imagenet"}, False),
        ({"weights": None, "network": "cnn7"}, False),
        ({"weights": None, "trainable_layers": 5}, True),
        ({"weights": None, "trainable_layers": "all"}, False),
    ],
)
def test_a_backbone_is_random_where_some_of_its_random_layers_stay_so(parameters, random):
    experiment = Experiment(name="a", **parameters)
    run = ScoredRun(RunRecord("a", None, "ok", {"parameters": experiment.model_dump()}))
    assert run.has_random_backbone is random


def test_a_run_that_reads_others_rests_on_what_they_rest_on():
    rows = {
        "tuned": {"trainable_layers": 5, "sample": "fullid"},
        "series": {"features_from": "tuned", "head": "sequence", "sample": "fullid"},
        "small": {"network": "cnn7", "sample": "fullid"},
        "again": {"network": "cnn7", "sample": "fullid"},
        "mixed": {"ensemble_of": ["series", "small"], "sample": "fullid"},
        "plain": {"ensemble_of": ["small", "again"], "sample": "fullid"},
        "orphan": {"features_from": "gone", "head": "sequence", "sample": "fullid"},
    }
    scored = {}
    for name, parameters in rows.items():
        experiment = Experiment(name=name, weights=None, **parameters)
        record = {"parameters": experiment.model_dump()}
        scored[name] = ScoredRun(RunRecord(name, None, "ok", record))
    found = results.Results([run.run_record for run in scored.values()], scored)
    random = {name for name, run in scored.items() if found.rests_on_random_backbone(run)}
    assert random == {"tuned", "series", "mixed"}


@pytest.mark.parametrize(
    ("parameters", "split_by"),
    [
        ({"sample": "sampa"}, "slice"),
        ({"sample": "sampa", "split_by": "group"}, "group"),
        ({"sample": "sampb"}, "group"),
        ({"sample": "fullid"}, "group"),
        ({"sample": "fullid", "split_by": "slice"}, "slice"),
    ],
)
def test_unseen_are_the_patients_of_a_sample_that_is_split_by_group(parameters, split_by):
    experiment = Experiment(name="a", **parameters)
    run = ScoredRun(RunRecord("a", None, "ok", {"parameters": experiment.model_dump()}))
    assert run.split_by == split_by
    assert run.unseen_patients is (split_by == "group")


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Write runs with these parameters, and read the results of the report with three rows."""
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "Snakefile").touch()
    (tmp_path / "params" / "experiments").mkdir(parents=True)
    for name, values in ROWS.items():
        path = tmp_path / "params" / "experiments" / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"name": name, **values}))
    monkeypatch.chdir(tmp_path)
    table = predictions("sampa", 1, 2.0, patients=30)
    assessed = assess(table, replicates=20)

    def read(*runs, synthetic=False):
        for values in runs:
            recording.write_run(
                Experiment(profile="tiny", **values),
                StandInTraining(table, {"loss": [1.0], "val_loss": [1.0]}),
                assessed,
                leak=[],
                store={"store_hash": "0" * 64, "synthetic": synthetic},
                learned_from=LEARNED_FROM,
                network=None,
                stopwatch=recording.Stopwatch(),
            )
        return results.read(Profile(profile="tiny"))

    return read


@pytest.mark.parametrize(
    ("parameters", "row", "differences"),
    [
        ({**ROWS["05-raw"], "epochs": 3}, "05-raw", {"epochs": (3, 12)}),
        ({**ROWS["05-raw"], "loss": "focal"}, "05-raw", {"loss": ("focal", "bce")}),
        ({"loss": "focal"}, "06-focal", {}),
        ({}, "05-raw", {}),
        ({"sample": "fullid", "seed": 4}, "13-all", {"seed": (4, 1), "training_seed": (4, 1)}),
        ({**ROWS["13-all"], "split_by": "group"}, "13-all", {}),  # as its sample is split anyway
    ],
)
def test_a_run_by_hand_is_a_variant_of_the_row_that_it_shares_most_with(
    read, parameters, row, differences
):
    found = read({"name": "05-raw", **ROWS["05-raw"]}, {"name": "mine", **parameters})
    assert list(found.variants) == ["mine"]
    assert (found.variants["mine"].row, found.variants["mine"].differences) == (row, differences)


def test_a_run_by_hand_is_no_row_and_stands_beside_no_figure_of_the_poster(read):
    found = read({"name": "mine", **ROWS["13-all"]})
    assert found.best_poster_run is None
    assert found.best is None
    assert found.scored == {}
    mine = found.all_scored["mine"]
    assert (mine.poster_row, mine.poster_losses) == (None, None)
    assert [run.name for run in found.all_runs] == [*ROWS, "mine"]
    assert [run.name for run in found.runs] == list(ROWS)
    with_row = read({"name": "13-all", **ROWS["13-all"]})
    assert with_row.best_poster_run.poster_row == 13
    assert with_row.best.name == "13-all"


@pytest.mark.parametrize("synthetic", [True, False])
def test_whether_heads_are_synthetic_is_what_their_store_said(read, synthetic):
    found = read({"name": "05-raw", **ROWS["05-raw"]}, synthetic=synthetic)
    assert found.synthetic is synthetic


def test_beyond_the_poster_are_rows_of_our_own_that_name_a_baseline_with_figures_or_without(read):
    path = project_path("params/experiments")
    own = {"poster_row": None, "loss": "focal"}
    for name, values in {
        "17-alone": own,
        "18-step": own | {"baseline": "05-raw"},
        "19-poster": own | {"poster_row": 7, "baseline": "05-raw"},
        "20-mistaken": own | {"network": "densnet"},
    }.items():
        (path / f"{name}.yaml").write_text(yaml.safe_dump({"name": name, **values}))
    found = read({"name": "05-raw", **ROWS["05-raw"]})
    assert list(found.beyond_poster) == ["18-step"]
    assert found.beyond_poster["18-step"].loss == "focal"
    by_name = {run.name: run for run in found.runs}
    assert found.experiment_of(by_name["20-mistaken"]) is None
    assert found.experiment_of(by_name["05-raw"]).question == "Raw?"


def declared(name, *, trained=None, recorded=None, **parameters):
    """A run that was trained when one endpoint was named, and recorded anew with another."""
    values = Experiment(name=name, primary=recorded or {}, **parameters).model_dump()
    training = None if trained is None else {"declared": {"primary": trained}}
    record = {"parameters": values, "provenance": {"synthetic": False, "training": training}}
    return ScoredRun(RunRecord(name, None, "ok", record))


def test_an_endpoint_that_was_named_after_a_training_was_not_named_beforehand():
    """Recording the run anew made it look as if it had been."""
    before, after = {"label": "any"}, {"label": "subdural"}
    later = declared("later", trained=before, recorded=after)
    now = declared("now", trained=after, recorded=after)
    old = declared("old", recorded=before)  # of a version that did not note it
    both = declared("both", recorded=after, sample="fullid", ensemble_of=["later", "now"])
    runs = {run.name: run for run in (later, now, old, both)}
    results = Results([], runs, primary=Endpoint(**after))
    assert results.named_later == ["later", "old", "both"]
    assert Results([], {"now": now}, primary=Endpoint(**after)).named_later == []


class Judged(ScoredRun):
    """A run whose primary endpoint is made up."""

    @property
    def assessment(self):
        return self.record["assessment"]


class Figures:
    def __init__(self, validation, test=0.5):
        self.by_split = {"validation": validation, "test": test}

    def endpoint(self, _, split):
        return {"value": self.by_split[split]}


def judged(**validation):
    runs = {}
    for name, value in validation.items():
        name = name.replace("_seed_", "--seed-")
        values = Experiment(name=name, sample="fullid").model_dump()
        record = {"parameters": values, "assessment": Figures(value)}
        runs[name] = Judged(RunRecord(name, None, "ok", record))
    return Results([run.run_record for run in runs.values()], runs)


def test_the_best_row_is_chosen_by_the_mean_over_its_seeds_and_its_first_run_is_shown():
    """The luckiest of five seeds was the best, and stood in no row of the table."""
    results = judged(lucky=0.7, lucky_seed_2=0.95, lucky_seed_3=0.6, steady=0.8)
    assert results.best.name == "steady"
    assert [run.name for run in results.candidates] == ["lucky", "steady"]
    assert results.on_validation(results.scored["lucky"]) == pytest.approx(0.75)
    assert judged(a=0.9, b=0.9, c=0.2).best.name == "a"
    assert [run.name for run in judged(a=0.9, b=0.9, c=0.2).tied_for_best] == ["a", "b"]
    assert judged(a=np.nan).best is None
    without_first = judged(a_seed_2=0.7, a_seed_3=0.9)
    assert without_first.best.name == "a--seed-2"
    assert without_first.on_validation(without_first.best) == pytest.approx(0.8)


def test_what_was_chosen_on_test_patients_is_said_of_all_that_rests_on_it():
    """The best run was a head on such a run's features, and no page said so."""
    own = declared("own", hindsight="its epochs.")
    head = declared(
        "head", sample="fullid", network="cnn7fast", head="sequence", features_from="own"
    )
    clean = declared("clean")
    both = declared("both", sample="fullid", ensemble_of=["head", "own", "clean"])
    results = Results([], {run.name: run for run in (own, head, clean, both)})
    assert results.hindsight_of(own) == ["own is not free of hindsight: its epochs."]
    for run in (head, both):
        [said] = results.hindsight_of(run)
        assert said == f"own, on which {run.name} rests, is not free of hindsight: its epochs."
    assert results.hindsight_of(clean) == []

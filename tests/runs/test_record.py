"""What a run leaves behind, and what is said of one that failed."""

import hashlib
import json
from importlib.metadata import PackageNotFoundError

import pandas as pd
import pytest

from ichreport.evaluation.assessment import Assessment
from ichreport.files import read_json, sha256_of_file
from ichreport.params.experiment import Experiment
from ichreport.params.profile import PhantomRecipe
from ichreport.runs import record

ASSESSED = Assessment(*[pd.DataFrame({"value": [0.5, float("nan")]})] * 7)


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    (tmp_path / "workflow").mkdir(exist_ok=True)
    (tmp_path / "workflow" / "Snakefile").touch()
    monkeypatch.chdir(tmp_path)
    return Experiment(name="mine", profile="tiny")


def write_run(experiment):
    predictions = pd.DataFrame({"sop_instance_uid": ["a"], "probability_any": [0.5]})
    watch = record.Stopwatch()
    watch.lap("training")
    return record.write_run(
        experiment,
        predictions,
        scores={"test": {"challenge_log_loss": 0.1}},
        operating_points={},
        assessed=ASSESSED,
        history={"loss": [1.0]},
        model={"trainable": 1, "frozen": 2},
        leak=[],
        store_hash="0" * 64,
        backend={"backend": "none"},
        stopwatch=watch,
    )


def test_the_frozen_thresholds_have_a_file_of_their_own(experiment):
    write_run(experiment)
    assert read_json(experiment.run_folder / "thresholds.json") == [{"value": 0.5}, {"value": None}]


def test_a_written_run_reads_back(experiment):
    write_run(experiment)
    run = record.read_run(experiment.run_folder)
    assert run.status == "ok"
    assert Experiment.parse(run.parameters, where="record") == run.experiment == experiment
    assert run.predictions()["probability_any"].tolist() == [0.5]
    stored = run.record["provenance"]["predictions_sha256"]
    assert stored == sha256_of_file(run.folder / "predictions.parquet")
    assert set(run.record["timings"]) == {"training", "writing"}


def test_a_recorded_recipe_of_heads_reads_back_too(experiment):
    asked = experiment.model_copy(update={"phantom": PhantomRecipe(patients=7)})
    write_run(asked)
    assert record.read_run(asked.run_folder).experiment == asked


def test_what_an_older_record_lacks_is_as_by_default(experiment, tmp_path):
    given = experiment.model_dump()
    del given["trainable_layers"], given["split_by"], given["training_seed"]
    run = record.RunRecord("mine", tmp_path, "ok", {"parameters": given | {"gone": 3}})
    assert run.experiment == experiment


def test_what_this_version_would_refuse_is_still_shown_as_it_was_recorded(experiment, tmp_path):
    given = experiment.model_dump() | {"head": "bilstm", "sample": "sampa", "image_size": 8}
    with pytest.raises(ValueError, match="image_size"):
        Experiment.parse(given, where="record")
    asked = record.RunRecord("mine", tmp_path, "ok", {"parameters": given}).experiment
    assert (asked.head, asked.splits_by, asked.image_size) == ("bilstm", "slice", 8)


def test_a_run_without_a_record_has_no_experiment(tmp_path):
    run = record.RunRecord("mine", tmp_path, "failed", {}, "ValueError: no")
    with pytest.raises(ValueError, match="mine has no recorded parameters: ValueError: no"):
        _ = run.experiment


def test_a_record_names_what_its_figures_depend_on(experiment, monkeypatch):
    """On a machine without TensorFlow, as one with JAX alone."""
    installed = {"ichreport": "0.1", "keras": "3.9", "jax": "0.7"}

    def version(name):
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(record, "version", version)
    write_run(experiment)
    known = record.read_run(experiment.run_folder).record["provenance"]
    assert known["packages"] == installed
    text = json.dumps(experiment.model_dump(), sort_keys=True, separators=(",", ":"))
    assert known["parameters_sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_without_a_record_a_run_has_failed_whatever_else_it_holds(experiment):
    path = write_run(experiment)
    path.unlink()
    (experiment.run_folder / "log.txt").write_text("starting\nKilled\n\n")
    run = record.read_run(experiment.run_folder)
    assert (run.status, run.reason) == ("failed", "Killed")
    with pytest.raises(ValueError, match="mine has no predictions: Killed"):
        run.predictions()


def test_the_notebook_error_is_the_reason(experiment):
    error = {"output_type": "error", "ename": "ValueError", "evalue": "\x1b[31mno GPU\x1b[0m"}
    experiment.run_folder.mkdir(parents=True)
    notebook = {"cells": [{"outputs": [{"output_type": "stream"}, error]}, {}]}
    (experiment.run_folder / "notebook.ipynb").write_text(json.dumps(notebook))
    assert record.read_run(experiment.run_folder).reason == "ValueError: no GPU"


def test_a_run_that_was_never_started_is_missing(experiment):
    assert record.read_run(experiment.run_folder).status == "missing"


def test_expected_runs_come_first_in_their_order_and_extra_ones_after(experiment):
    write_run(experiment)
    expected = [experiment.model_copy(update={"name": name}) for name in ("b", "a")]
    found = record.read_runs(experiment.report_folder, expected)
    assert [(run.name, run.status) for run in found] == [
        ("b", "missing"),
        ("a", "missing"),
        ("mine", "ok"),
    ]


def test_a_record_of_another_format_is_refused(experiment):
    path = write_run(experiment)
    path.write_text(json.dumps(read_json(path) | {"format": 99}))
    with pytest.raises(ValueError, match="has format 99, expected 3"):
        record.read_run(experiment.run_folder)


def test_a_started_run_counts_as_not_done(experiment):
    write_run(experiment)
    record.start(experiment)
    assert record.read_run(experiment.run_folder).status != "ok"


def test_outside_a_checkout_the_commit_is_unknown(experiment, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(experiment.report_folder.parents[2]))
    assert record.git_state() == {"commit": None, "dirty": None}


def test_a_run_whose_features_failed_has_failed_with_their_reason(experiment):
    log = experiment.features_marker.with_suffix(".log")
    log.parent.mkdir(parents=True)
    log.write_text("ichreport features: no such weights\n")
    [run] = record.read_runs(experiment.report_folder, [experiment])
    assert (run.status, run.reason) == ("failed", "ichreport features: no such weights")
    experiment.features_marker.touch()
    [run] = record.read_runs(experiment.report_folder, [experiment])
    assert run.status == "missing"

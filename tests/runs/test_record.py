"""What a run leaves behind, and what is said of one that failed."""

import hashlib
import json
import shutil
from importlib.metadata import PackageNotFoundError

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, log_loss, recall_score, roc_auc_score

from ichreport import software
from ichreport.evaluation.assessment import Assessment, assess
from ichreport.evaluation.learning_curve import scores_by_share
from ichreport.evaluation.maps.layer_choice import Candidate, LayerChoice
from ichreport.evaluation.maps.similarity import Mean
from ichreport.evaluation.predictions import PROBABILITIES, TRUTHS
from ichreport.files import read_json, sha256_of_file, write_sealed_json
from ichreport.labels import LABELS
from ichreport.params.experiment import Experiment
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.params.yaml import shown
from ichreport.runs import record, recording
from ichreport.runs.record_format import RECORD_FORMAT
from ichreport.splits import SPLITS
from tests.runs.stand_in_training import LEARNED_FROM, StandInTraining

RUN_AGAIN = " Run it again (make report does where params/experiments has its file)."


@pytest.fixture(scope="module")
def predictions():
    """Every split has positives and negatives of every label."""
    random = np.random.default_rng(2)
    patient = np.repeat(np.arange(30), 6)
    table = pd.DataFrame({"sop_instance_uid": [f"s{n:03d}" for n in range(180)]})
    for name in ("patient_id", "study_instance_uid", "group"):
        table[name] = [f"p{number:02d}" for number in patient]
    table["split"] = np.array(SPLITS)[patient % 3]
    truth = (random.random((180, len(LABELS))) < 0.4).astype(np.int8)
    truth[:, -1] = truth[:, :-1].max(axis=1)
    table[list(TRUTHS)] = truth
    table[list(PROBABILITIES)] = random.random((180, len(LABELS))).astype(np.float32)
    return table


@pytest.fixture(scope="module")
def assessed(predictions):
    return assess(predictions, replicates=20)


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    (tmp_path / "workflow").mkdir(exist_ok=True)
    (tmp_path / "workflow" / "Snakefile").touch()
    monkeypatch.chdir(tmp_path)
    return Experiment(name="mine", profile="tiny")


@pytest.fixture
def write_run(predictions, assessed):
    def write(experiment, map_layer=None, by_share=None, curve=None, **changes):
        training = StandInTraining(predictions, {"loss": [1.0], "val_loss": [1.5]}, **changes)
        return recording.write_run(
            experiment,
            training,
            assessed,
            leak=[],
            store={"store_hash": "0" * 64, "synthetic": True},
            learned_from=LEARNED_FROM,
            network=None,
            stopwatch=recording.Stopwatch(),
            map_layer=map_layer,
            by_share=by_share,
            curve=curve,
        )

    return write


def test_a_written_run_reads_back(experiment, predictions, write_run):
    write_run(experiment)
    run = record.read_run(experiment.run_folder)
    assert run.status == "ok"
    assert Experiment.parse(run.parameters, where="record") == run.experiment == experiment
    pd.testing.assert_frame_equal(run.predictions(), predictions)
    test = predictions[predictions["split"] == "test"].reset_index(drop=True)
    pd.testing.assert_frame_equal(run.predictions("test"), test)
    assert 0 < len(test) < len(predictions)
    stored = run.record["provenance"]["predictions_sha256"]
    assert stored == sha256_of_file(run.folder / "predictions.parquet")
    assert set(run.record["timings"]) == {"training", "writing"}
    training = run.record["provenance"]["training"]
    assert (training["folder"], training["commit"]) == ("e" * 16, "abc")
    assert training["finished"] == "2026-11-23T12:00:00+00:00"
    assert run.record["provenance"]["commit"] != "abc"
    assert "resumed" not in training


def test_a_training_that_was_cut_off_is_recorded_with_how_many_times_it_went_on(
    experiment, write_run
):
    write_run(experiment, resumed=3)
    run = record.read_run(experiment.run_folder)
    assert run.record["provenance"]["training"]["resumed"] == 3


def test_the_layer_of_the_maps_is_kept_where_one_was_chosen(experiment, write_run):
    write_run(experiment)
    assert record.read_run(experiment.run_folder).map_layer is None
    candidates = (Candidate("relu2", 24, Mean(0.5, 0.3, 0.7, 60, 0)),)
    write_run(experiment, map_layer=LayerChoice("relu2", candidates))
    run = record.read_run(experiment.run_folder)
    assert run.map_layer == "relu2"
    assert LayerChoice.from_record(run.record["map_layer"]).candidates == candidates


def test_a_learning_curve_is_kept_with_the_predictions_that_it_is_of(
    experiment, predictions, write_run
):
    fewer = predictions.drop(predictions.index[predictions["split"] == "train"][::2])
    by_share = {0.5: fewer, 1.0: predictions}
    write_run(experiment, by_share=by_share, curve=scores_by_share(by_share))
    shares = pd.read_parquet(experiment.run_folder / "learning_curve.parquet")
    kept = record.read_run(experiment.run_folder).record["learning_curve"]
    assert [(row["share"], row["score"]) for row in kept] == [
        *((0.5, "auc"), (0.5, "weighted_log_loss_sum")),
        *((1.0, "auc"), (1.0, "weighted_log_loss_sum")),
    ]
    assert kept[0]["step"] is None
    for row in kept[::2]:
        test = shares[shares["share"] == row["share"]]
        area = roc_auc_score(test["truth_any"], test["probability_any"].astype(float))
        assert row["value"] == pytest.approx(area)
        assert set(test["split"]) == {"test"}
    write_run(experiment)
    assert not (experiment.run_folder / "learning_curve.parquet").exists()
    assert record.read_run(experiment.run_folder).record["learning_curve"] == []


def test_figures_in_the_record_are_those_of_the_predictions(experiment, write_run):
    write_run(experiment)
    run = record.read_run(experiment.run_folder)
    test = run.predictions().query("split == 'test'")
    kept = Assessment.from_record(run.record["assessment"])
    for label in LABELS:
        truth, score = test[f"truth_{label}"], test[f"probability_{label}"].astype(float)
        assert kept.score("auc", label)["value"] == pytest.approx(roc_auc_score(truth, score))
        assert kept.score("log_loss", label)["value"] == pytest.approx(log_loss(truth, score))
        precision = kept.average_precision(label)["value"]
        assert precision == pytest.approx(average_precision_score(truth, score))
        called = score >= kept.threshold(label)
        assert kept.rate("recall", label)["value"] == pytest.approx(recall_score(truth, called))
        assert kept.split("test")[label] == truth.sum()
    assert kept.split("test")["groups"] == test["group"].nunique()


def test_a_recorded_recipe_of_heads_reads_back_too(experiment, write_run):
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


def test_a_record_names_what_its_figures_depend_on(experiment, monkeypatch, write_run):
    """On a machine without TensorFlow, as one with JAX alone."""
    installed = {"ichreport": "0.1", "keras": "3.9", "jax": "0.7"}

    def version(name):
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(software, "version", version)
    write_run(experiment)
    known = record.read_run(experiment.run_folder).record["provenance"]
    assert known["packages"] == installed
    text = json.dumps(experiment.model_dump(), sort_keys=True, separators=(",", ":"))
    assert known["parameters_sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_without_a_record_a_run_has_failed_whatever_else_it_holds(experiment, write_run):
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


def test_what_is_said_of_a_failed_run_names_no_folder_of_the_machine(experiment, monkeypatch):
    """Its reason and its log stand on pages that others read."""
    root, home = experiment.report_folder.parents[1], "/home/somebody"
    monkeypatch.setenv("HOME", home)
    folder = experiment.run_folder
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text(
        f'  File "{root}/ichreport/files.py", line 1\n{home}/w.h5 and /scans/w.h5 are not there.\n'
    )
    read = record.read_run(folder)
    assert read.log.splitlines()[0] == '  File "ichreport/files.py", line 1'
    assert read.reason == "~/w.h5 and /scans/w.h5 are not there."
    [mistaken] = record.read_runs(folder.parents[1], [], {"other": f"{root}/params/o.yaml: wrong"})
    assert mistaken.reason == "params/o.yaml: wrong"


def test_the_record_of_another_run_in_a_folder_is_a_failed_run(experiment, write_run):
    path = write_run(experiment)
    other = path.parent.with_name("other")
    shutil.copytree(path.parent, other)
    run = record.read_run(other)
    assert (run.status, run.reason) == (
        "failed", f"{shown(other)}/record.json is the record of another run, 'mine'.{RUN_AGAIN}"
    )  # fmt: skip
    assert record.read_run(path.parent).status == "ok"


@pytest.mark.parametrize("content", ["", "[]", '{"cells": 3}', '{"cells": [3]}', "[" * 9000])
def test_a_notebook_that_says_nothing_is_no_reason(experiment, content):
    experiment.run_folder.mkdir(parents=True)
    (experiment.run_folder / "notebook.ipynb").write_text(content)
    (experiment.run_folder / "log.txt").write_text("Killed\n")
    run = record.read_run(experiment.run_folder)
    assert (run.status, run.reason) == ("failed", "Killed")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"sample": "half"}, "is of sample 'half'; this version knows sampa, sampb, fullid."),
        ({"network": "vit"}, "is of network 'vit'; this version knows cnn7, "),
        ({"loss": None}, "is of loss None; this version knows bce, "),
        ({"windows": ["liver"]}, "is of an input that is none: a list of brain, subdural, "),
    ],
)
def test_a_record_of_what_this_version_does_not_know_is_a_failed_run(
    experiment, write_run, changed, told
):
    path = write_run(experiment)
    kept = read_json(path)
    kept.pop("seal")
    write_sealed_json(path, {**kept, "parameters": kept["parameters"] | changed})
    run = record.read_run(experiment.run_folder)
    assert run.status == "failed"
    assert told in run.reason
    assert run.reason.endswith(RUN_AGAIN)


def test_a_run_that_was_never_started_is_missing(experiment):
    assert record.read_run(experiment.run_folder).status == "missing"


def test_expected_runs_are_read_in_their_order_and_those_by_hand_apart(experiment, write_run):
    write_run(experiment)
    expected = [experiment.model_copy(update={"name": name}) for name in ("b", "a")]
    found = record.read_runs(experiment.report_folder, expected)
    assert [(run.name, run.status) for run in found] == [("b", "missing"), ("a", "missing")]
    [by_hand] = record.read_runs_by_hand(experiment.report_folder, {"a", "b"})
    assert (by_hand.name, by_hand.status) == ("mine", "ok")
    assert record.read_runs_by_hand(experiment.report_folder, {"mine"}) == []


def test_a_row_that_was_made_with_other_parameters_has_failed_and_says_which(experiment, write_run):
    path = write_run(experiment.model_copy(update={"epochs": 3, "loss": "focal"}))
    [run] = record.read_runs(experiment.report_folder, [experiment])
    assert (run.status, run.record) == ("failed", {})
    assert run.reason == (
        f"{shown(path)} was made with other parameters than its files say: epochs 3 instead of 12, "
        "loss 'focal' instead of 'bce'. make report makes it anew."
    )


def test_where_a_report_stands_and_what_it_shows_makes_no_other_run(experiment, write_run):
    write_run(experiment.model_copy(update={"cam_per_group": 2, "question": "Why?", "seeds": [4]}))
    same = {"split_by": "slice", "training_seed": 1, "backbone_size": 96}  # as by default
    [run] = record.read_runs(experiment.report_folder, [experiment.model_copy(update=same)])
    assert run.status == "ok"


def test_a_record_of_another_format_is_a_failed_run_with_file_and_cure(experiment, write_run):
    path = write_run(experiment)
    path.write_text(json.dumps(read_json(path) | {"format": 99}))
    run = record.read_run(experiment.run_folder)
    assert (run.status, run.record) == ("failed", {})
    assert run.reason.startswith(f"{shown(path)} has format 99, expected {RECORD_FORMAT}:")
    assert run.reason.endswith(RUN_AGAIN)


@pytest.mark.parametrize("content", ["{", "", "[]", "3", "[" * 9000])
def test_an_unreadable_record_is_a_failed_run_with_file_and_cure(experiment, write_run, content):
    path = write_run(experiment)
    path.write_text(content)
    run = record.read_run(experiment.run_folder)
    assert (run.status, run.record) == ("failed", {})
    assert shown(path) in run.reason
    assert run.reason.endswith(RUN_AGAIN)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_record_with_a_number_that_nobody_wrote_is_a_failed_run_with_file_and_cure(
    experiment, write_run, number
):
    path = write_run(experiment)
    path.write_text(path.read_text().replace('"slices": 180', f'"slices": {number}', 1))
    run = record.read_run(experiment.run_folder)
    said = f"{shown(path)} is damaged: its seal does not match what it says."
    assert run.reason == said + RUN_AGAIN


@pytest.mark.parametrize(
    ("gap", "told"), [({"name": None}, "'name'"), ({"provenance": []}, "list indices must be")]
)
def test_a_record_that_lacks_what_every_record_says_is_named_too(experiment, write_run, gap, told):
    path = write_run(experiment)
    kept = {**read_json(path), **gap}
    del kept["seal"]
    write_sealed_json(path, {name: value for name, value in kept.items() if value is not None})
    run = record.read_run(experiment.run_folder)
    assert run.reason.startswith(f"{shown(path)} is damaged: what it says has gaps ({told}")
    assert run.reason.endswith(RUN_AGAIN)


@pytest.mark.parametrize("name", ["record.json", "predictions.parquet"])
def test_a_run_of_which_a_byte_has_changed_or_is_gone_is_failed(experiment, write_run, name):
    write_run(experiment)
    path = experiment.run_folder / name
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for place in random.integers(len(whole), size=20):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        run = record.read_run(experiment.run_folder)
        assert run.status == "failed" or json.loads(damaged) == json.loads(whole)
        if run.status == "failed":
            assert shown(path) in run.reason
            assert run.reason.endswith(RUN_AGAIN)
    path.write_bytes(whole[:-100])
    assert record.read_run(experiment.run_folder).status == "failed"
    path.write_bytes(whole)
    assert record.read_run(experiment.run_folder).status == "ok"


def test_predictions_that_are_gone_are_a_failed_run(experiment, write_run):
    write_run(experiment)
    path = experiment.run_folder / "predictions.parquet"
    path.unlink()
    run = record.read_run(experiment.run_folder)
    assert (run.status, run.reason) == ("failed", f"{shown(path)} is missing.{RUN_AGAIN}")


def test_weights_that_have_changed_are_refused_where_they_are_read(experiment, write_run):
    write_run(experiment)
    run = record.read_run(experiment.run_folder)
    assert run.weights.read_bytes() == b"weights"
    run.weights.write_bytes(b"weightt")
    with pytest.raises(ValueError, match=r"model\.weights\.h5 is damaged.*Run it again"):
        run.weights  # noqa: B018


def test_a_started_run_counts_as_not_done(experiment, write_run):
    write_run(experiment)
    recording.start(experiment)
    assert record.read_run(experiment.run_folder).status != "ok"


def test_outside_a_checkout_the_commit_is_unknown(experiment, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(experiment.report_folder.parents[2]))
    assert software.git_state() == {"commit": None, "dirty": None}


def test_a_run_whose_features_failed_has_failed_with_their_reason(experiment):
    log = experiment.features_marker.with_suffix(".log")
    log.parent.mkdir(parents=True)
    log.write_text("ichreport features: no such weights\n")
    [run] = record.read_runs(experiment.report_folder, [experiment])
    assert (run.status, run.reason) == ("failed", "ichreport features: no such weights")
    experiment.features_marker.touch()
    [run] = record.read_runs(experiment.report_folder, [experiment])
    assert run.status == "missing"

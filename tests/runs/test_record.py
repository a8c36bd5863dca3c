"""What a run leaves behind, and how it reads back."""

import hashlib
import json
from importlib.metadata import PackageNotFoundError

import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, log_loss, recall_score, roc_auc_score

from ichreport import software
from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.learning_curve import scores_by_share
from ichreport.evaluation.maps.layer_choice import Candidate, LayerChoice
from ichreport.evaluation.maps.similarity import Mean
from ichreport.files import sha256_of_file
from ichreport.labels import LABELS
from ichreport.params.experiment import Experiment
from ichreport.params.phantom.recipe import PhantomRecipe
from ichreport.runs import record


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


def test_outside_a_checkout_the_commit_is_unknown(experiment, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(experiment.report_folder.parents[2]))
    assert software.git_state() == {"commit": None, "dirty": None}

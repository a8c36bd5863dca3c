"""Which runs may give others their features, and what is said of those that may not."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from ichreport.params.experiment import Experiment
from ichreport.params.profile import Profile
from ichreport.params.rows.read import read_each_experiment
from ichreport.runs import network_of_run
from ichreport.runs.record import RunRecord

SOURCE = {"name": "1-cnn", "sample": "fullid", "network": "cnn7", "input": "sigmoid"}
READER = {
    "name": "2-sequence", "sample": "fullid", "network": "cnn7", "input": "sigmoid",
    "head": "sequence", "features_from": "1-cnn",
}  # fmt: skip


def read_rows(folder, *rows, **of_profile):
    for row in rows:
        (folder / f"{row['name']}.yaml").write_text(yaml.safe_dump(row))
    return read_each_experiment(Profile(experiments=str(folder), **of_profile))


def test_a_row_may_read_the_features_of_another(tmp_path):
    rows, mistakes = read_rows(tmp_path, SOURCE, READER)
    assert (list(rows), mistakes) == ([SOURCE["name"], READER["name"]], {})
    reader = rows["2-sequence"]
    assert (reader.trains_on_slices, reader.needs_features, reader.backbone) == (False, False, None)


def test_a_row_with_another_seed_reads_the_run_with_that_seed(tmp_path):
    rows, _ = read_rows(tmp_path, SOURCE, READER, seeds=[7])
    assert rows["2-sequence--seed-7"].features_from == "1-cnn--seed-7"


@pytest.mark.parametrize(
    ("source", "reader", "why"),
    [
        ({}, {"features_from": "3-other"}, "'3-other' is no experiment. There are 1-cnn"),
        ({}, {"features_from": "2-sequence"}, "is this row itself"),
        ({}, {"input": "raw"}, "has input sigmoid, this row raw; say sigmoid here, too"),
        ({}, {"network": "densenet121"}, "has network cnn7, this row densenet121"),
        ({}, {"seed": 5}, "has seed of the splits 1, this row 5"),
        ({"split_by": "slice"}, {}, "is split by slice"),
        (
            {"network": "densenet121"},
            {"network": "densenet121"},
            "trains no layer of its network densenet121; leave features_from out",
        ),
    ],
)
def test_a_run_that_does_not_serve_is_refused_with_the_cure(tmp_path, source, reader, why):
    _, mistakes = read_rows(tmp_path, SOURCE | source, READER | reader)
    assert why in mistakes["2-sequence"]
    assert "2-sequence.yaml: features_from: " in mistakes["2-sequence"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"head": "dense"}, "features_from: 1-cnn has a dense head of its own"),
        ({"features_from": None}, "head sequence reads the features of a backbone"),
        ({"sample": "sampa"}, "head sequence reads whole series, and sample sampa is split"),
        ({"head": "bilstm", "sequence": {"cell": "gru"}}, "sequence says what head: sequence is"),
        ({"sequence": {"cell": "rnn"}}, r"sequence\.cell must be"),
        ({"sequence": {"cells": "gru"}}, r"sequence\.cells is not a known parameter"),
        ({"sequence": {"thin": 1.0}}, "sequence: thin is 1, so that training would never see"),
        ({"sequence": {"reverse": 1.0}}, "sequence: reverse is 1, so that training would read"),
        ({"sequence": {"window": 1}}, r"sequence\.window"),
        ({"augment": ["flip"]}, "augment varies the slices"),
        ({"hierarchy": "flat"}, "hierarchy must be"),
        ({"test_time": ["flip"]}, "mirrors slices"),
        ({"test_time": ["reverse"], "head": "dense", "features_from": None}, "turns series"),
        ({"test_time": ["turn"]}, "test_time"),
        ({"fold": "00/05"}, "fold"),
        ({"hierarchy": "together", "sequence": {"second_stage": True}}, "hierarchy multiplies"),
        ({"focal_labels": ["epidurl"]}, "'epidurl' is none of them"),
        ({"focal_labels": ["any", "any"]}, "each once"),
        ({"focal_labels": ["any"], "loss": "focal"}, "loss: focal says it of all"),
        ({"trainable_layers": 2}, "trainable_layers"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_file(changes, why):
    with pytest.raises(ValueError, match=why):
        Experiment.parse(READER | changes, where="x")


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("notebooks", "ichreport"):  # what tells a project's root
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_run_without_a_result_is_named_with_the_cure(project):
    reader = Experiment.parse(READER, where="x")
    with pytest.raises(ValueError, match="reads the features of 1-cnn, which has no result"):
        network_of_run.plan_of(reader, None)
    with pytest.raises(ValueError, match="its plan depends on that run"):
        reader.plan  # noqa: B018


def test_a_run_on_another_store_is_refused_since_it_may_have_seen_what_is_tested(
    project, monkeypatch
):
    reader, source = (Experiment.parse(words, where="x") for words in (READER, SOURCE))
    weights = source.run_folder / "model.weights.h5"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    known = {
        "store_hash": "1" * 64,
        "weights_sha256": hashlib.sha256(b"weights").hexdigest(),
    }
    run = RunRecord(
        *(source.name, source.run_folder, "ok"),
        {"parameters": source.model_dump(), "provenance": known},
    )
    monkeypatch.setattr(network_of_run, "read_finished", lambda folder, whose: run)
    store = SimpleNamespace(folder=Path("store"), manifest={"store_hash": "1" * 64})
    plan = network_of_run.plan_of(reader, store)
    assert (plan.trained.run, plan.trained.plan) == (source.name, source.plan)
    store.manifest["store_hash"] = "2" * 64
    with pytest.raises(ValueError, match="'1-cnn' was trained on another store than store holds"):
        network_of_run.plan_of(reader, store)


def test_a_run_that_reads_no_other_has_its_own_plan():
    source = Experiment.parse(SOURCE, where="x")
    assert network_of_run.plan_of(source, None) == source.plan

"""Which runs count as failed or missing, and what is said of them."""

import json
import shutil

import numpy as np
import pytest

from ichreport.files import read_json, write_sealed_json
from ichreport.params.yaml import shown
from ichreport.runs import record, recording
from ichreport.runs.record_format import RECORD_FORMAT

RUN_AGAIN = " Run it again (make report does where params/experiments has its file)."


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


def test_a_run_whose_features_failed_has_failed_with_their_reason(experiment):
    log = experiment.features_marker.with_suffix(".log")
    log.parent.mkdir(parents=True)
    log.write_text("ichreport features: no such weights\n")
    [run] = record.read_runs(experiment.report_folder, [experiment])
    assert (run.status, run.reason) == ("failed", "ichreport features: no such weights")
    experiment.features_marker.touch()
    [run] = record.read_runs(experiment.report_folder, [experiment])
    assert run.status == "missing"

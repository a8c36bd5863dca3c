"""A whole report of folds, their ensemble, and a blend of that with a run of its own."""

import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.files import read_json
from tests.small_report import EXPERIMENTS
from tests.test_workflow import TWICE

pytestmark = pytest.mark.slow


@pytest.fixture
def project(small_report):
    return small_report


def predictions(project, name):
    return pd.read_parquet(project.report / "runs" / name / "predictions.parquet")


def recorded(project, name):
    return read_json(project.report / "runs" / name / "record.json")


def test_a_fold_is_predicted_by_the_run_that_has_not_trained_on_it(project):
    folds = [predictions(project, f"fold-{k}") for k in range(2)]
    ensemble = predictions(project, "folds")
    for table in folds:
        own = table["split"] == "validation"
        assert own.any()
        np.testing.assert_allclose(
            ensemble.loc[own, list(PROBABILITIES)], table.loc[own, list(PROBABILITIES)], rtol=1e-5
        )


def test_the_record_of_a_blend_names_its_members_and_weights(project):
    combined = recorded(project, "mix")["combination"]
    assert [member["name"] for member in combined["members"]] == ["folds", "plain"]
    for member in combined["members"]:
        known = recorded(project, member["name"])["provenance"]
        assert member["predictions_sha256"] == known["predictions_sha256"]
    assert all(0 <= row["weight"] <= 1 for row in combined["weights"])
    assert not (project.report / "runs" / "mix" / "model.weights.h5").exists()


def test_the_page_of_a_combination_says_what_it_combines_and_how(project):
    page = project.page("experiments/mix.html")
    assert re.search(r'<a href="folds\.html">folds</a> and <a href="plain\.html">plain</a>', page)
    assert "The blend of folds (the first) and plain (the second)" in page
    assert "Runs combined" in page
    assert "papermill notebooks/2-combination.ipynb" in page
    assert "How many of the 2 runs count" in project.page("experiments/folds.html")
    first = project.page("index.html")
    assert "Two more combine the predictions of others." in first


def test_all_cells_run_twice_in_one_kernel_and_predict_the_same(project, tmp_path):
    folder, kept = project.report / "runs" / "mix", tmp_path / "mix"
    shutil.copytree(folder, kept)
    files = ("params/tiny.yaml", "params/experiments/mix.yaml")
    try:
        done = project.run(sys.executable, "-c", TWICE, "notebooks/2-combination.ipynb", *files)
        assert done.returncode == 0, done.stderr
        made_again = predictions(project, "mix")
        assert (folder / "record.json").stat().st_mtime > (kept / "record.json").stat().st_mtime
    finally:  # others look at what the report's own job has made
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
    pd.testing.assert_frame_equal(made_again, predictions(project, "mix"))


def test_a_combination_is_made_anew_with_its_members_and_not_without(project):
    assert project.jobs() == []
    project.write_experiment("fold-0", EXPERIMENTS["fold-0"] | {"question": "Does it?"})
    try:
        assert sorted(project.jobs()) == ["combination", "combination", "experiment", "runs"]
    finally:
        project.write_experiment("fold-0", EXPERIMENTS["fold-0"])

"""A whole report of folds, their ensemble, and a blend of that with a run of its own."""

import re
import sys

import numpy as np
import pandas as pd
import pytest

from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.files import read_json
from tests.test_workflow import TWICE

pytestmark = pytest.mark.slow

PROFILE = {
    "profile": "tiny",
    "source": "data/tiny/rsna",
    "store": "data/tiny/store",
    "phantom": {"patients": 40, "matrix": 64, "slices": 8, "faults": False},
    "image_size": 32,
    "epochs": 1,
    "cam_run": "plain",
    "cam_per_group": 1,
}
CNN = {"network": "cnn7", "sample": "fullid"}
EXPERIMENTS = {
    "fold-0": {**CNN, "fold": "0/2"},
    "fold-1": {**CNN, "fold": "1/2"},
    "folds": {"sample": "fullid", "ensemble_of": ["fold-0", "fold-1"], "baseline": "plain"},
    "mix": {"sample": "fullid", "blend_of": ["folds", "plain"], "question": "Do both help?"},
    "plain": CNN,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory, make_project):
    project = make_project(tmp_path_factory.mktemp("combinations"), PROFILE, EXPERIMENTS)
    done = project.make_report(cores=2)
    assert done.returncode == 0, done.stdout + done.stderr
    return project


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


def test_all_cells_run_twice_in_one_kernel_and_predict_the_same(project):
    before = predictions(project, "mix")
    files = ("params/tiny.yaml", "params/experiments/mix.yaml")
    done = project.run(sys.executable, "-c", TWICE, "notebooks/2-combination.ipynb", *files)
    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(predictions(project, "mix"), before)


def test_a_combination_is_made_anew_with_its_members_and_not_without(project):
    assert project.jobs() == []
    project.write_experiment("fold-0", EXPERIMENTS["fold-0"] | {"question": "Does it?"})
    assert sorted(project.jobs()) == ["combination", "combination", "experiment", "runs"]

"""What is damaged of other hospitals is made anew by the jobs that make it, or named."""

import pytest
import yaml

from ichreport.params.profile import Profile
from ichreport.params.rows.read import read_each_experiment
from ichreport.workflow import repairs

PROFILE = {
    "profile": "tiny",
    "cam_run": "cnn",
    "store": "data/tiny/store",
    "external": [
        {"name": "island", "source": "data/tiny/island", "phantom": {"patients": 2, "seed": 9}}
    ],
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "Snakefile").touch()
    (tmp_path / "params" / "experiments").mkdir(parents=True)
    (tmp_path / "params/experiments/cnn.yaml").write_text("name: cnn\nnetwork: cnn7\n")
    (tmp_path / "params/tiny.yaml").write_text(yaml.safe_dump(PROFILE))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def damaged(project, *names):
    for name in names:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{")
    profile = Profile.from_files("params/tiny.yaml")
    experiments, _ = read_each_experiment(profile)
    return repairs.find(profile, experiments)


def test_heads_stores_and_evaluations_are_made_anew_by_their_jobs(project):
    due = damaged(
        project,
        "data/tiny/island/phantom.json",
        "data/tiny/external/island/store/manifest.json",
        "reports/tiny/external/island/cnn/record.json",
    )
    assert set(due.again) == {
        "data/tiny/external/island/heads.done",
        "data/tiny/external/island/store/manifest.json",
        "reports/tiny/external/island/cnn/record.json",
    }
    assert due.left == []


def test_an_evaluation_that_was_made_by_hand_is_named_and_left(project):
    due = damaged(project, "reports/tiny/external/ward7/cnn/record.json")
    assert due.again == []
    [problem] = due.left
    assert "ward7/cnn/record.json" in problem
    assert "Evaluate it again" in problem

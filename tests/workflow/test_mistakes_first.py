"""What is wrong with a profile is said in one line before anything runs."""

import pytest

from ichreport.cli import main
from ichreport.workflow import checked_profile, make_report
from tests.workflow.conftest import content
from tests.workflow.killing import PROFILE


def write_real_data(project, changed):
    """Have a project's profile be of real data, with something changed."""
    values = PROFILE | {"phantom": "null"} | changed
    lines = (f"{name}: {value}" for name, value in values.items())
    (project.root / "params" / "killed.yaml").write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image_sise": 64}, "params/killed.yaml: image_sise is not a known parameter."),
        ({"profile": "other"}, "params/killed.yaml: profile must be the file's name, got 'other'."),
        (
            {"cam_run": "none"},
            "params/killed.yaml: cam_run: 'none' is no experiment. There are cnn",
        ),
        (
            {"learning_curve": "{run: none}"},
            "params/killed.yaml: learning_curve.run: 'none' is no experiment. There are cnn",
        ),
        (
            {"learning_curve": "{run: cnn}"},
            "params/killed.yaml: learning_curve.run: cnn does not train a head on stored features",
        ),
        (
            {"cam_run": "cnm"},
            "cam_run: 'cnm' is no experiment. Did you mean cnn? There are cnn, ",
        ),
        (
            {"experiments": "nowhere"},
            "params/killed.yaml: experiments: there is no folder nowhere; name one, or files that",
        ),
        ({"backbone_size": 96}, "backbone_size must be at most image_size, 32, got 96"),
        ({"store": "data/{x}"}, "store must be a path without { and }, which stand for wildcards"),
        (
            {"kernel": "nowhere"},
            "killed.yaml: kernel: no Jupyter kernel is called 'nowhere'.",
        ),
    ],
)
def test_a_profile_with_a_mistake_is_one_line_before_anything_runs(
    project, monkeypatch, capfd, changed, message
):
    write_real_data(project, changed)
    before = content(project.root)
    monkeypatch.chdir(project.root)
    assert main(["report", "params/killed.yaml", "--", "--cores", "1"]) == 2
    said, told = capfd.readouterr()
    [line] = told.splitlines()
    assert line.startswith("ichreport report: ")
    assert message in line
    assert said == ""
    assert content(project.root) == before


@pytest.mark.parametrize(
    ("weights", "cure"),
    [
        ("ImageNet", " Did you mean imagenet?"),
        ("none", " For random weights, write null."),
        ("mine.weights.h5", ""),
    ],
)
def test_weights_that_are_not_there_are_one_line_before_anything_runs(
    project, monkeypatch, capfd, weights, cure
):
    project.write_experiment("frozen", {"network": "densenet121", "sample": "fullid"})
    write_real_data(project, {"weights": weights})
    monkeypatch.chdir(project.root)
    assert main(["report", "params/killed.yaml", "--", "--cores", "1"]) == 2
    [line] = capfd.readouterr().err.splitlines()
    assert line == (
        f"ichreport report: params/killed.yaml: weights: there is no file {weights!r}, for the "
        f"weights of densenet121.{cure}"
    )


@pytest.mark.parametrize("named", ["w/{network}.weights.h5", "w/densenet121.weights.h5"])
def test_weights_that_are_there_and_a_row_s_own_are_no_mistake_of_the_profile(
    project, monkeypatch, named
):
    project.write_experiment("frozen", {"network": "densenet121"})
    project.write_experiment("own", {"network": "resnet50", "weights": "nowhere.weights.h5"})
    write_real_data(project, {"weights": named, "image_size": 48})
    (project.root / "w").mkdir()
    (project.root / "w" / "densenet121.weights.h5").touch()
    monkeypatch.chdir(project.root)
    if "{" in named:  # EXPERIMENTS has a densenet121, too
        (project.root / "params/experiments/own.yaml").unlink()
    assert checked_profile.read_profile("params/killed.yaml").weights == named


def test_a_row_s_own_weights_that_are_not_there_are_told_before_anything_runs(
    project, monkeypatch, capfd
):
    project.write_experiment("own", {"network": "resnet50", "weights": "w/{network}.h5"})
    write_real_data(project, {"image_size": 48})
    monkeypatch.chdir(project.root)
    make_report.make_report("params/killed.yaml", ["--cores", "1", "--dry-run"])
    assert capfd.readouterr().err.splitlines()[0] == (
        "params/experiments/own.yaml: weights: there is no file 'w/resnet50.h5', for the weights "
        "of resnet50; until it is there, the row fails."
    )


def test_make_says_a_mistake_before_anything_runs_and_fails(project):
    write_real_data(project, {"image_sise": 64})
    before = content(project.root)
    done = project.make_report()
    assert done.returncode != 0
    line, of_make = done.stderr.splitlines()
    assert line.startswith("ichreport report: params/killed.yaml: image_sise is not a known param")
    assert of_make.startswith("make")
    assert done.stdout == ""
    assert content(project.root) == before

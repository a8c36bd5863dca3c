"""The whole report on a tiny profile: synthetic heads to pages, reruns, and failures."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROFILE = {
    "profile": "tiny",
    "source": "data/tiny/rsna",
    "store": "data/tiny/store",
    "phantom": {"patients": 40, "matrix": 96, "slices": 8, "faults": False},
    "image_size": 64,
    "epochs": 2,
    "cam_run": "cnn",
    "cam_per_group": 1,
}
EXPERIMENTS = {
    "cnn": {"network": "cnn7", "sample": "fullid", "question": "Does <b>it</b> learn?"},
    "lstm": {"network": "densenet121", "head": "bilstm", "sample": "sampb", "dense_layers": 1},
    "broken": {"network": "densenet121", "input": "sigmoid", "weights": "none.weights.h5"},
}


class Project:
    """A checkout of its own, with a tiny profile and three experiments, one of which must fail."""

    def __init__(self, root):
        self.root = root
        self.report = root / "reports" / "tiny"
        for name in ("notebooks", "ichreport", "Makefile", "Snakefile"):
            (root / name).symlink_to(ROOT / name)
        (root / "params" / "experiments").mkdir(parents=True)
        (root / "params" / "tiny.yaml").write_text(yaml.safe_dump(PROFILE))
        for name, values in EXPERIMENTS.items():
            self.write_experiment(name, values)

    def write_experiment(self, name, values):
        path = self.root / "params" / "experiments" / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"name": name, **values}))

    def run(self, *words):
        binaries = Path(sys.executable).parent
        environment = os.environ | {
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(self.root / "cache"),
        }
        return subprocess.run(
            words, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )

    def make_report(self):
        """`make report`, with the running Python's environment in place of a new one."""
        binaries = Path(sys.executable).parent
        return self.run("make", "report", "PROFILE=tiny", "READY=", f"BIN={binaries}")

    def jobs(self):
        """The jobs that the runs would need now, as the runner says."""
        done = self.run(
            "snakemake", "--cores", "2", "--dry-run",
            "--config", "profile=params/tiny.yaml", "--", "runs",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return re.findall(r"^rule (\w+):", done.stdout + done.stderr, flags=re.MULTILINE)

    def page(self, name):
        return (self.report / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The tiny project after its first report, in which `broken` has failed."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.first = project.make_report()
    return project


def test_a_failed_experiment_makes_the_report_fail_but_not_vanish(project):
    assert project.first.returncode != 0
    assert "something failed" in project.first.stderr, project.first.stdout + project.first.stderr
    assert (project.report / "index.html").is_file()


def test_every_good_run_has_its_record_and_page(project):
    for name in ("cnn", "lstm"):
        folder = project.report / "runs" / name
        for file in ("record.json", "predictions.parquet", "model.weights.h5", "notebook.ipynb"):
            assert (folder / file).is_file(), (name, file)
        assert f"experiments/{name}.html" in project.page("index.html")
        assert "Operating points" in project.page(f"experiments/{name}.html")


def test_the_failed_run_is_a_row_with_its_reason_and_a_page_with_its_log(project):
    assert not (project.report / "runs" / "broken" / "record.json").exists()
    assert "none.weights.h5 does not exist" in project.page("index.html")
    assert "Traceback" in project.page("experiments/broken.html")


def test_pages_say_that_the_heads_are_synthetic_and_need_no_network(project):
    for path in project.report.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "no clinical result" in text
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text), path


def test_text_from_parameters_is_shown_as_text(project):
    page = project.page("experiments/cnn.html")
    assert "Does &lt;b&gt;it&lt;/b&gt; learn?" in page
    assert "<b>it</b>" not in page


def test_the_maps_show_the_run_that_was_named(project):
    page = project.page("cam.html")
    assert "HiResCAM" in page
    assert "The experiment cnn." in page


def test_with_nothing_changed_only_the_failed_run_is_tried_again(project):
    assert sorted(project.jobs()) == ["experiment", "runs"]


def test_a_changed_parameter_file_runs_that_experiment_alone(project):
    project.write_experiment("lstm", EXPERIMENTS["lstm"] | {"dense_layers": 2})
    project.write_experiment("broken", EXPERIMENTS["broken"] | {"weights": None})
    before = (project.report / "runs" / "cnn" / "record.json").stat().st_mtime_ns
    jobs = project.jobs()
    assert sorted(set(jobs)) == ["experiment", "features", "runs"]
    assert jobs.count("experiment") == 2
    done = project.make_report()
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project.report / "runs" / "cnn" / "record.json").stat().st_mtime_ns == before
    assert "does not exist" not in project.page("index.html")
    assert project.jobs() == []


def test_a_run_by_hand_becomes_an_extra_row_with_a_page_of_its_own(project):
    by_hand = (
        "papermill", "notebooks/2-experiment.ipynb", "out.ipynb",
        "-f", "params/experiments/cnn.yaml", "-f", "params/tiny.yaml",
        "-p", "name", "mine", "-p", "learning_rate", "1e-3", "-k", "python3",
    )  # fmt: skip
    done = project.run(*by_hand)
    assert done.returncode == 0, done.stderr
    assert project.make_report().returncode == 0
    assert "experiments/mine.html" in project.page("index.html")
    assert "made from its record" in project.page("experiments/mine.html")


def test_a_misspelt_parameter_stops_with_its_name_and_the_known_ones(project):
    done = project.run(
        "papermill", "notebooks/2-experiment.ipynb", "out.ipynb", "-k", "python3",
        "-f", "params/tiny.yaml", "-p", "learning_rte", "0.1",
    )  # fmt: skip
    assert done.returncode != 0
    assert "learning_rte is not a known parameter. Did you mean learning_rate?" in done.stderr

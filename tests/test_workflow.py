"""The whole report on a tiny profile: synthetic heads to pages, reruns, and failures."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

pytestmark = pytest.mark.slow

BINARIES = Path(sys.executable).parent
PROFILE = {
    "profile": "tiny",
    "source": "data/tiny/rsna",
    "store": "data/$(touch PWNED)/x 'y'/store",
    "phantom": {"patients": 40, "matrix": 64, "slices": 8, "faults": False},
    "image_size": 32,
    "epochs": 2,
    "cam_run": "cnn",
    "cam_per_group": 1,
}
EXPERIMENTS = {
    "cnn": {"network": "cnn7", "sample": "fullid", "question": "Does <b>it</b> learn?"},
    "lstm": {"network": "densenet121", "head": "bilstm", "sample": "sampb", "dense_layers": 1},
    "broken": {
        **{"network": "densenet121", "sample": "sampb", "baseline": "lstm"},
        "weights": "none.weights.h5",
    },
    "mistaken": {"network": "densnet121"},
}
MISTAKE = "mistaken.yaml: network must be 'cnn7', 'cnn7fast', "


@pytest.fixture(scope="module")
def project(tmp_path_factory, make_project):
    """The tiny project after its first report, in which `broken` has failed."""
    folder = tmp_path_factory.mktemp("a $(touch HERE) project")
    project = make_project(folder, PROFILE, EXPERIMENTS, copied=True)
    project.first = project.make_report(cores=2)
    return project


def test_a_failed_experiment_makes_the_report_fail_but_not_vanish(project):
    assert project.first.returncode != 0
    assert (project.report / "index.html").is_file()


def test_a_job_is_a_line_as_it_starts_and_one_as_it_ends_with_its_time_and_what_is_left(project):
    said = project.first.stdout
    log = "reports/tiny/runs/cnn/log.txt"
    assert re.search(rf"^experiment cnn started; log: {log}$", said, flags=re.MULTILINE)
    assert (project.root / log).is_file()
    ended = re.findall(
        r"^(\d+)/\d+ (?!.*failed)\S.* \d+:\d\d; (\d+) left", said, flags=re.MULTILINE
    )
    failed = re.findall(r"^(\d+)/\d+ \S.* failed after \d+:\d\d; ", said, flags=re.MULTILINE)
    # phantom, ingest, features, four experiments, explore, cam, results, beyond, pages
    assert sorted(map(int, [*failed, *(done for done, _ in ended)])) == list(range(1, 13)), said
    assert len(failed) == 2
    assert ended[-1][1] == "0"
    assert "Execute" not in said + project.first.stderr
    assert "Traceback" not in said + project.first.stderr


def test_a_dry_run_of_a_report_that_is_not_there_names_none(tmp_path, make_project):
    dry = make_project(tmp_path, PROFILE | {"store": "data/x/store"}, EXPERIMENTS)
    asked = ("ichreport", "report", f"params/{PROFILE['profile']}.yaml", "--", "--cores", "1", "-n")
    done = dry.run(*asked)
    assert done.returncode == 0, done.stderr
    *planned, outcome = done.stdout.splitlines()
    assert outcome == "That was a dry run: nothing was made."
    assert "phantom would run" in planned
    assert not any("started" in line for line in planned)
    assert not (dry.report / "index.html").exists()


def test_its_last_lines_are_the_first_errors_own_words_its_log_and_the_outcome(project):
    *_, words, log, outcome, _ = project.first.stderr.splitlines()  # the last is make's own
    assert words.startswith("experiment "), project.first.stdout + project.first.stderr
    name = words.removeprefix("experiment ").partition(":")[0]
    assert name in ("broken", "mistaken")
    assert log == f"Its log: reports/tiny/runs/{name}/log.txt"
    assert outcome == (
        f"make report: experiment {name} and 1 more failed; reports/tiny/index.html shows what "
        "there is."
    )
    last = (project.root / log.removeprefix("Its log: ")).read_text().splitlines()[-1]
    assert words.endswith(last)
    table = project.first.stdout.index("all jobs ")
    assert project.first.stdout.index("12/12 pages") < table


def test_a_mistake_in_an_experiments_file_is_said_before_anything_runs_and_is_a_failed_row(project):
    assert MISTAKE in project.first.stderr.splitlines()[0]
    assert "mistaken.yaml: network must be" in project.page("index.html")
    assert not (project.report / "runs" / "mistaken" / "record.json").exists()


def test_nothing_that_a_parameter_or_a_folder_says_is_run_by_a_shell(project):
    assert not list(project.root.parent.rglob("PWNED"))
    assert not list(project.root.parent.rglob("HERE"))
    assert (project.root / PROFILE["store"] / "manifest.json").is_file()


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


def test_a_step_beyond_the_poster_that_has_failed_stands_on_its_page_with_its_reason(project):
    page = project.page("beyond.html")
    assert "broken has no figures (failed): " in page
    assert "none.weights.h5 does not exist" in page
    assert 'href="beyond.html"' in project.page("index.html")


def test_pages_say_that_the_heads_are_synthetic_and_need_no_network(project):
    for path in project.report.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "no clinical result" in text
        assert f"{project.root}/" not in text, path
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text), path


def test_text_from_parameters_is_shown_as_text(project):
    page = project.page("experiments/cnn.html")
    assert "Does &lt;b&gt;it&lt;/b&gt; learn?" in page
    assert "<b>it</b>" not in page


def test_the_maps_show_the_run_that_was_named(project):
    page = project.page("cam.html")
    assert "Grad-CAM (element-wise)" in page
    assert "The experiment cnn." in page


def test_with_nothing_changed_only_the_failed_runs_are_tried_again(project):
    assert sorted(project.jobs()) == ["experiment", "experiment", "runs"]


EXECUTED_AGAIN = {"experiment", "cam", "results", "beyond", "pages"}
"""What follows when a run is executed again: its record is written anew."""
AGAIN = {
    "ichreport/report/layout/template/style.css": {"pages"},
    "ichreport/data/dicom/header.py": {"ingest", "features", "explore", *EXECUTED_AGAIN},
    "notebooks/2-experiment.ipynb": EXECUTED_AGAIN,
    "ichreport/model/maps/random_layers.py": {"cam", "pages"},
    "params/experiments/cnn.yaml": EXECUTED_AGAIN,
}
"""By file that changes: the rules whose jobs run again; more in tests/test_dependencies.py."""


def change(path):
    """Change what a file says; gives what it said."""
    before = path.read_text()
    if path.suffix == ".ipynb":
        after = before.replace('"# ', '"# Once more: ', 1)
    elif path.suffix == ".yaml":
        after = before.replace("learn?", "learn at all?")
    elif path.suffix == ".py":
        after = f"{before}\n\n_CHANGED = True\n"
    else:
        after = f"{before}\n/**/\n"
    assert after != before
    path.write_text(after)
    return before


@pytest.mark.parametrize(("file", "rules"), AGAIN.items())
def test_a_change_of_a_file_runs_what_depends_on_it_again_and_nothing_else(project, file, rules):
    path = project.root / file
    before = change(path)
    try:
        assert set(project.jobs("report")) - {"report"} == rules
    finally:
        path.write_text(before)


def test_a_changed_parameter_file_runs_that_experiment_alone(project):
    project.write_experiment("lstm", EXPERIMENTS["lstm"] | {"dense_layers": 2})
    project.write_experiment("broken", EXPERIMENTS["broken"] | {"weights": None})
    (project.root / "params" / "experiments" / "mistaken.yaml").unlink()
    assert sorted(project.jobs()) == ["experiment", "experiment", "runs"]


def test_a_page_whose_notebook_old_code_has_executed_leaves_it_out_and_says_so(project):
    tables = project.root / "ichreport" / "report" / "run" / "score_tables.py"
    text = tables.read_text()
    assert '"Youden index"' in text
    tables.write_text(text.replace('"Youden index"', '"Index of Youden"'))
    assert "Youden index: any" in project.page("experiments/cnn.html")
    done = project.run("ichreport", "render", "reports/tiny")
    assert done.returncode == 0, done.stderr
    page = project.page("experiments/cnn.html")
    assert not re.search("Youden index: any|Index of Youden: any", page)
    assert "What reports/tiny/runs/cnn/notebook.ipynb shows is left out" in page


def test_another_backend_computes_all_that_it_depends_on_again(project, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    again = {"features", "experiment", "cam", "results", "beyond", "pages", "report"}
    assert set(project.jobs("report")) == again


def trainings(project):
    """The trainings that are kept, and when each was made."""
    folder = (project.root / PROFILE["store"]).parent / "trainings"
    return {path: path.stat().st_mtime_ns for path in folder.glob("*/training.json")}


@pytest.fixture(scope="module")
def second(project):
    """What was before the second report, with the changes above and a run by hand, and the call."""
    by_hand = (
        "papermill", "notebooks/2-experiment.ipynb", "reports/tiny/mine.ipynb",
        "-f", "params/tiny.yaml", "-f", "params/experiments/cnn.yaml",
        "-p", "learning_rate", "1e-3", "-k", "python3",
    )  # fmt: skip
    kept = (project.report / "runs" / "cnn" / "record.json").read_bytes()
    done = project.run(*by_hand)
    assert done.returncode != 0
    assert "cnn is a row of the report tiny, and this run has learning_rate 0.001" in done.stderr
    assert (project.report / "runs" / "cnn" / "record.json").read_bytes() == kept
    done = project.run(*by_hand, "-p", "name", "mine")
    assert done.returncode == 0, done.stderr
    predictions = project.report / "runs" / "cnn" / "predictions.parquet"
    before = {"trainings": trainings(project), "predictions": predictions.read_bytes()}
    done = project.make_report(cores=2)
    assert done.returncode == 0, done.stdout + done.stderr
    return before


def test_a_new_look_trains_nothing_and_renews_the_page_that_shows_it(project, second):
    page = project.page("experiments/cnn.html")
    assert "Index of Youden: any" in page
    assert "Found: it was trained at" in page
    predictions = project.report / "runs" / "cnn" / "predictions.parquet"
    assert predictions.read_bytes() == second["predictions"]


def test_what_was_changed_is_trained_once_and_what_was_trained_is_kept(project, second):
    after = trainings(project)
    assert second["trainings"].items() <= after.items()
    assert len(after) == len(second["trainings"]) + 2
    for name in ("lstm", "broken"):
        assert "Trained now, in" in project.page(f"experiments/{name}.html")
    assert "does not exist" not in project.page("index.html")


def test_a_run_by_hand_is_shown_as_a_variant_of_its_row_with_a_page_of_its_own(project, second):
    assert "experiments/mine.html" in project.page("index.html")
    page = project.page("experiments/mine.html")
    assert (
        "A run by hand, as cnn; what differs (the row's value): learning rate 0.001 (0.002)."
        in (page.replace("&#x27;", "'").replace("&#39;", "'"))
    )
    assert "Its notebook was executed elsewhere" in page


def test_after_a_report_there_is_nothing_to_do(project, second):
    assert project.jobs("report") == []


def test_another_backend_trains_and_scores_by_notebook_on_the_same_store(
    project, second, monkeypatch
):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")  # compiles quickly
    path = project.root / "params" / "on-jax.yaml"
    path.write_text(yaml.safe_dump(PROFILE | {"profile": "on-jax", "epochs": 1}))
    record = project.root / "reports" / "on-jax" / "runs" / "cnn" / "record.json"
    done = project.run(
        "snakemake", "--cores", "1", "--rerun-triggers", "mtime",
        "--config", "profile=params/on-jax.yaml", "--", record.relative_to(project.root),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(record.read_text())
    assert told["provenance"]["backend"]["backend"] == "jax"
    assert told["assessment"]["learned"]["score"] > 0
    predicted = pd.read_parquet(record.with_name("predictions.parquet"))
    assert predicted["probability_any"].between(0, 1, inclusive="neither").all()
    assert predicted["probability_any"].nunique() > len(predicted) / 2


TWICE = """
import sys
import nbformat, yaml
from nbclient import NotebookClient
_, *paths = sys.argv
values, cells = {}, []
for path in paths:
    if path.endswith(".yaml"):
        values |= yaml.safe_load(open(path))
given = "\\n".join(f"{name} = {value!r}" for name, value in values.items())
for path in paths:
    if path.endswith(".ipynb"):
        code = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        first, *others = [cell.source for cell in code]
        cells += [nbformat.v4.new_code_cell(source) for source in [first, given, *others] * 2]
NotebookClient(nbformat.v4.new_notebook(cells=cells), kernel_name="python3").execute()
"""
"""Runs all cells of notebooks twice in one kernel, with the parameters of YAML files."""


def test_all_cells_of_a_notebook_run_twice_in_one_kernel(project, second):
    names = ("1-explore", "3-cam", "4-results", "7-beyond-the-poster")
    notebooks = (f"notebooks/{name}.ipynb" for name in names)
    done = project.run(sys.executable, "-c", TWICE, *notebooks, "params/tiny.yaml")
    assert done.returncode == 0, done.stderr


def test_an_experiment_whose_cells_run_twice_trains_once_for_changed_code_and_keeps_what_was(
    project, second
):
    before = trainings(project)
    choices = project.root / "ichreport" / "params" / "training" / "open_choices.py"
    text = choices.read_text()
    assert "DROPOUT: Final = 0.3" in text
    choices.write_text(text.replace("DROPOUT: Final = 0.3", "DROPOUT: Final = 0.2"))
    files = ("params/tiny.yaml", "params/experiments/cnn.yaml")
    try:
        done = project.run(sys.executable, "-c", TWICE, "notebooks/2-experiment.ipynb", *files)
    finally:
        choices.write_text(text)
    assert done.returncode == 0, done.stderr
    after = trainings(project)
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1


def test_a_misspelt_parameter_stops_with_its_name_and_the_known_ones(project):
    done = project.run(
        "papermill", "notebooks/2-experiment.ipynb", "out.ipynb", "-k", "python3",
        "-f", "params/tiny.yaml", "-p", "learning_rte", "0.1",
    )  # fmt: skip
    assert done.returncode != 0
    assert "learning_rte is not a known parameter. Did you mean learning_rate?" in done.stderr


def test_a_kernel_that_is_not_there_stops_before_anything_runs(project):
    path = project.root / "params" / "elsewhere.yaml"
    path.write_text(yaml.safe_dump(PROFILE | {"profile": "elsewhere", "kernel": "nowhere"}))
    done = project.run("make", "report", "PROFILE=elsewhere", "READY=", f"BIN={BINARIES}")
    assert done.returncode != 0
    told, _ = done.stderr.splitlines()  # the other is make's own
    assert told.startswith(
        "ichreport report: params/elsewhere.yaml: kernel: no Jupyter kernel is called 'nowhere'"
    )
    assert done.stdout == ""
    assert not (project.root / "data" / "elsewhere").exists()

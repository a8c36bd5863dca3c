"""`make report` as a whole: one call at a time, mistakes first, kills at any time."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from ichreport.cli import main
from ichreport.files import sha256_of_file, write_json, write_sealed_json, write_text
from ichreport.params.profile import Profile
from ichreport.params.rows.read import read_each_experiment
from ichreport.runs.record_format import RECORD_FORMAT, seal_notebook
from ichreport.workflow import checked_profile, make_report, repairs, report_lock
from tests.workflow.killing import EXPERIMENTS, PROFILE, is_running, words_of


@pytest.fixture
def project(tmp_path, make_project):
    """A project in which nothing has been made."""
    return make_project(tmp_path, PROFILE, EXPERIMENTS)


def content(folder):
    """All files below a folder, with their sizes and times."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


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


def test_a_second_call_says_so_at_once_and_touches_nothing(project):
    project.report.mkdir(parents=True)
    with report_lock.hold_report(project.report) as refusal:
        assert refusal is None
        before = content(project.root)
        started = time.monotonic()
        done = project.make_report()
        assert time.monotonic() - started < report_lock.SECONDS_TO_END
        assert content(project.root) == before
    assert done.returncode != 0
    line, _ = done.stderr.splitlines()
    assert line.startswith(
        f"make report: reports/killed is being made by another call (process {os.getpid()}, since "
    )
    assert line.endswith("nothing was touched.")


def test_a_lock_whose_holder_is_gone_is_nobodys(project):
    project.report.mkdir(parents=True)
    hold = (
        "import sys, pathlib, time\nfrom ichreport.workflow import report_lock\n"
        "with report_lock.hold_report(pathlib.Path(sys.argv[1])) as refusal:\n"
        "    print(refusal, flush=True)\n    time.sleep(600)\n"
    )
    words = [sys.executable, "-c", hold, project.report]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "None\n"
        with report_lock.hold_report(project.report) as refusal:
            assert f"process {holder.pid}, since" in refusal
        holder.kill()
    with report_lock.hold_report(project.report) as refusal:
        assert refusal is None


def test_a_call_waits_for_the_jobs_of_a_killed_one(project, capsys):
    project.report.mkdir(parents=True)
    with (project.report / ".jobs").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        letting_go = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(2)"],
                                      pass_fds=[held.fileno()])  # fmt: skip
        held.close()
        started = time.monotonic()
        with report_lock.hold_report(project.report) as refusal:
            assert refusal is None
        assert 1 < time.monotonic() - started < report_lock.SECONDS_TO_END
        letting_go.wait()
    assert "Waiting for the jobs of an earlier call" in capsys.readouterr().out


def test_jobs_that_never_end_are_said_to_hold_the_report(project, monkeypatch):
    monkeypatch.setattr(report_lock, "SECONDS_TO_END", 1)
    project.report.mkdir(parents=True)
    with (project.report / ".jobs").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        with report_lock.hold_report(project.report) as refusal:
            assert "jobs of an earlier call still run after 1 s" in refusal


def test_snakemake_by_hand_does_nothing_beside_a_call(project):
    project.report.mkdir(parents=True)
    words = ("snakemake", "--cores", "1", "--config", "profile=params/killed.yaml", "--", "runs")
    with report_lock.hold_report(project.report):
        done = project.run(*words)
    assert done.returncode != 0
    assert "is being made by another call" in done.stdout + done.stderr
    assert not (project.root / "data").exists()


def test_a_workflow_that_cannot_start_says_why_and_makes_no_pages(project):
    (project.root / "workflow").unlink()
    (project.root / "workflow").mkdir()
    (project.root / "workflow" / "Snakefile").write_text("rule runs:\n    input: 'nothing.txt'\n")
    done = project.make_report()
    assert done.returncode != 0
    assert "nothing.txt" in done.stderr
    assert "make report: the workflow could not start" in done.stderr
    assert not (project.report / "index.html").exists()


@pytest.mark.slow
def test_an_interrupt_ends_all_jobs_and_says_how_to_go_on(project, ends):
    call = project.start_report(stderr=subprocess.PIPE, text=True)
    try:
        top, below = psutil.Process(call.pid), []
        while not any("ichreport.workflow.timed" in words_of(p) for p in below):
            time.sleep(0.1)
            assert call.poll() is None
            below = [p for p in top.children(recursive=True) if is_running(p)]
        os.killpg(call.pid, signal.SIGINT)
        _, said = call.communicate(timeout=120)
    finally:
        call.kill()
        call.communicate()
    assert "make report: interrupted; the same command goes on from here." in said
    assert all(ends(process.pid) for process in below)


def test_snakemake_ends_with_a_killed_call_though_it_has_read_no_workflow(tmp_path, ends):
    starts = (
        "import os, pathlib, sys, time, types\nfrom ichreport.workflow import make_report\n"
        "busy = types.ModuleType('snakemake.cli')\n"
        "busy.main = lambda words: (print(os.getpid(), flush=True), time.sleep(600))\n"
        "sys.modules['snakemake.cli'] = busy\n"
        "words = ([], {}, pathlib.Path(sys.argv[1]), os.getpid())\n"
        "process = make_report._PROCESSES.Process(target=make_report._snakemake, args=words)\n"
        "process.start()\nprocess.join()\n"
    )
    words = [sys.executable, "-c", starts, tmp_path / "log"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as call:
        snakemake = int(call.stdout.readline())
        call.kill()
    assert ends(snakemake)


@pytest.fixture
def calls(project, monkeypatch):
    """The words for Snakemake in each call, none of which runs anything."""
    words = []
    monkeypatch.chdir(project.root)
    monkeypatch.setattr(make_report._Call, "_run", lambda _, *said: words.append(said) or 0)
    return words


def test_what_another_version_has_made_is_said_in_one_line_and_made_anew(project, calls, capsys):
    for name in EXPERIMENTS:
        write_json(project.report / "runs" / name / "record.json", {"format": 1})
    write_json(project.root / "data/killed/store/manifest.json", {"format": 0})
    assert make_report.make_report("params/killed.yaml", []) == 0
    made = [f"reports/killed/runs/{name}/record.json" for name in EXPERIMENTS]
    words = ("--forcerun", "data/killed/store/manifest.json", *made, *make_report.RUNS)
    assert calls[0][-len(words) :] == words
    assert capsys.readouterr().out.splitlines()[0] == (
        "Another version of ichreport has made data/killed/store, reports/killed/runs/cnn, "
        "reports/killed/runs/head; made anew."
    )


def test_of_many_runs_of_another_version_the_first_are_named(project, calls, capsys):
    names = [f"row-{number}" for number in range(9)]
    for name in names:
        project.write_experiment(name, {"network": "cnn7"})
        write_json(project.report / "runs" / name / "record.json", {"format": 1})
    assert make_report.make_report("params/killed.yaml", []) == 0
    assert all(f"reports/killed/runs/{name}/record.json" in calls[0] for name in names)
    first = ", ".join(f"reports/killed/runs/{name}" for name in names[:4])
    assert capsys.readouterr().out.splitlines()[0] == (
        f"Another version of ichreport has made {first} and 5 more; made anew."
    )


def test_what_is_damaged_is_named_and_made_anew_though_it_is_there(project, calls, capsys):
    report = project.report
    (project.root / "data/killed/store").mkdir(parents=True)
    (project.root / "data/killed/store/manifest.json").write_text('{"format": 2, "seal": "0"}')
    write_text(report / "runs" / "cnn" / "record.json", '{"format": ')
    write_text(report / "cam.json", "[]")
    for name in ("explore.ipynb", "results.ipynb"):
        write_text(report / name, "executed")
        seal_notebook(report / name)
        write_text(report / name, "changed")
    write_text(report / "timings" / "ingest.json", "{}")
    assert make_report.make_report("params/killed.yaml", []) == 0
    made = (
        "data/killed/store/manifest.json",
        "reports/killed/runs/cnn/record.json",
        "reports/killed/explore.ipynb",
        "reports/killed/cam.json",
    )
    words = ("--forcerun", *made, *make_report.RUNS)
    assert calls[0][-len(words) :] == words
    assert calls[1][:2] == ("--forcerun", "reports/killed/results.ipynb")
    note, *lines = capsys.readouterr().out.splitlines()[:6]
    assert re.fullmatch(r".*timings/ingest\.json is damaged \('started'\)\. It is removed\.", note)
    assert not (report / "timings" / "ingest.json").exists()
    named = [line.partition(" is made anew: ")[0] for line in lines]
    assert named == [*made[:3], "reports/killed/results.ipynb", made[3]]
    assert all("damaged" in line or "not readable" in line for line in lines)


def test_a_damaged_page_of_steps_is_made_anew_only_where_the_report_has_steps(
    project, calls, capsys
):
    path = project.report / "beyond.ipynb"
    write_text(path, "executed")
    seal_notebook(path)
    write_text(path, "changed")
    assert make_report.make_report("params/killed.yaml", []) == 0
    assert not any("reports/killed/beyond.ipynb" in words for words in calls)
    assert "beyond" not in capsys.readouterr().out
    project.write_experiment("head", EXPERIMENTS["head"] | {"sample": "fullid", "baseline": "cnn"})
    assert make_report.make_report("params/killed.yaml", []) == 0
    assert calls[-1][:2] == ("--forcerun", "reports/killed/beyond.ipynb")
    assert "reports/killed/beyond.ipynb is made anew: " in capsys.readouterr().out


def test_a_row_that_was_made_with_other_parameters_is_made_anew(project, monkeypatch):
    monkeypatch.chdir(project.root)
    profile = Profile.parse(PROFILE, where="test")
    rows, _ = read_each_experiment(profile)
    of_cnn, of_head = rows["cnn"].model_dump(), rows["head"].model_dump()
    for name, parameters in (
        ("cnn", of_cnn | {"epochs": 7}),
        ("head", of_head | {"cam_per_group": 2}),
        ("mine", of_cnn | {"name": "mine", "epochs": 7}),
    ):
        folder = project.report / "runs" / name
        write_text(folder / "predictions.parquet", name)
        known = {"predictions_sha256": sha256_of_file(folder / "predictions.parquet")}
        record = {
            "format": RECORD_FORMAT,
            "name": name,
            "parameters": parameters,
            "provenance": known,
        }
        write_sealed_json(folder / "record.json", record)
    line = "Other parameters than the files say have made reports/killed/runs/cnn; made anew."
    record = "reports/killed/runs/cnn/record.json"
    assert repairs.find(profile, rows) == repairs.Repairs([line], [record], [])


def test_a_damaged_run_by_hand_is_left_to_who_made_it_and_the_call_fails(project, calls, capsys):
    write_text(project.report / "runs" / "mine" / "record.json", "{}")
    assert make_report.make_report("params/killed.yaml", []) == 1
    assert "--forcerun" not in calls[0] + calls[1]
    said = capsys.readouterr().err
    assert said.startswith("make report: ")
    assert "runs/mine/record.json is damaged" in said
    assert "Run it again" in said


def test_words_for_snakemake_come_after_two_dashes(monkeypatch):
    asked = {}

    def record(path, snakemake, *, with_parent):
        asked.update(path=path, snakemake=snakemake, with_parent=with_parent)
        return 7

    monkeypatch.setattr(make_report, "make_report", record)
    words = [
        "report",
        "--with-parent",
        "params/a b.yaml",
        "--",
        "--cores",
        "3",
        "--set-threads",
        "x=2",
    ]
    assert main(words) == 7
    assert asked == {
        "path": "params/a b.yaml",
        "snakemake": ["--cores", "3", "--set-threads", "x=2"],
        "with_parent": True,
    }

"""`make report` as a whole: one call at a time, and kills at any time."""

import fcntl
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from ichreport.cli import main
from ichreport.workflow import make_report, report_lock
from tests.workflow.conftest import content
from tests.workflow.killing import is_running, words_of


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

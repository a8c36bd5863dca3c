"""A job's note says what the kernel counted, whatever the job starts and however it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ichreport.workflow import timed

SPIN = "import time\nwhile time.process_time() < 0.3: pass"
HOLD = "b = bytearray(150 * 2**20); b[::4096] = bytes(len(b[::4096]))"


def note_of(tmp_path, code):
    """The exit status of Python code run as a job, and its note."""
    path = tmp_path / "notes" / "job.json"
    status = timed.main([str(path), "--", sys.executable, "-c", code])
    return status, json.loads(path.read_text())


@pytest.fixture
def fresh_note(tmp_path):
    """As `note_of`, in a process that has had no other children."""

    def run(code):
        path = tmp_path / "job.json"
        words = [
            sys.executable,
            "-m",
            "ichreport.workflow.timed",
            path,
            "--",
            sys.executable,
            "-c",
            code,
        ]
        subprocess.run(words, check=True)
        return json.loads(path.read_text())

    return run


def test_the_time_of_a_process_that_a_job_starts_counts(fresh_note):
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SPIN!r}])"
    note = fresh_note(nested)
    assert note["cpu_seconds"] >= 0.3
    assert note["wall_seconds"] >= 0.3


def test_the_peak_is_that_of_the_largest_process_not_a_sum(fresh_note):
    once = f"subprocess.run([sys.executable, '-c', {HOLD!r}])"
    note = fresh_note(f"import subprocess, sys; {once}; {once}")
    assert 150 <= note["peak_mib"] < 300


def test_a_failing_job_fails_with_its_own_status_and_leaves_a_note(tmp_path):
    status, note = note_of(tmp_path, "raise SystemExit(7)")
    assert status == 7
    assert note["status"] == 7


def test_a_job_killed_by_a_signal_has_the_status_that_a_shell_gives(tmp_path):
    status, _ = note_of(tmp_path, "import os; os.kill(os.getpid(), 9)")
    assert status == 128 + signal.SIGKILL


def test_a_command_that_says_when_it_is_ready_has_that_in_its_note(tmp_path):
    status, note = note_of(tmp_path, "from ichreport.workflow import timed; timed.ready()")
    assert status == 0
    assert 0 < note["ready_seconds"] <= note["wall_seconds"]
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["job.json"]


def test_a_command_that_does_not_say_so_has_none(tmp_path):
    assert note_of(tmp_path, "pass")[1]["ready_seconds"] is None


def test_being_ready_outside_a_job_is_nothing(monkeypatch):
    monkeypatch.delenv(timed.READY, raising=False)
    timed.ready()


def test_a_job_ends_with_the_one_that_watches_it(tmp_path):
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    words = [
        sys.executable,
        "-m",
        "ichreport.workflow.timed",
        tmp_path / "n.json",
        "--",
        sys.executable,
    ]
    with subprocess.Popen([*words, "-c", code], stdout=subprocess.PIPE, text=True) as watching:
        pid = int(watching.stdout.readline())  # empty where both have died
        watching.terminate()
        assert watching.wait(timeout=30) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_job_that_is_stopped_while_it_starts_ends_too(tmp_path, monkeypatch):
    class Slow(subprocess.Popen):
        def __init__(self, *words, **options):
            super().__init__(*words, **options)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", Slow)
    status, _ = note_of(tmp_path, "import time; time.sleep(60)")
    assert status == 128 + signal.SIGTERM


def test_without_a_command_it_says_how_it_is_used(capsys):
    assert timed.main(["note.json"]) == 2
    assert capsys.readouterr().err.startswith("usage: python -m ichreport.workflow.timed")
    assert not Path("note.json").exists()


@pytest.mark.parametrize(("code", "status"), [("pass", 2), ("raise SystemExit(7)", 7)])
def test_a_note_that_cannot_be_written_is_a_line_unless_the_job_has_its_own(
    tmp_path, monkeypatch, capsys, code, status
):
    def full(path, _):
        raise OSError(28, "The disk is full", str(path))

    monkeypatch.setattr(timed, "write_json", full)
    path = tmp_path / "notes" / "job.json"
    assert timed.main([str(path), "--", sys.executable, "-c", code]) == status
    assert ("The disk is full" in capsys.readouterr().err) == (status == 2)

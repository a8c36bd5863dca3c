"""What a person sees of the jobs, from the events that Snakemake gives."""

import io
import logging
from types import SimpleNamespace

import pytest

from ichreport.workflow import progress
from ichreport.workflow.progress import Journal, Progress, as_duration, error_in

HERE = SimpleNamespace(local_exec=True, dryrun=False)
DRY_RUN = SimpleNamespace(local_exec=True, dryrun=True)
STATS = {"phantom": 1, "experiment": 2, "runs": 1, "total": 4}


def event(name, level=logging.INFO, message="", **fields):
    record = logging.LogRecord("snakemake", level, "here", 1, message, None, None)
    record.__dict__.update(event=name, **fields)
    return record


def started(number, rule="experiment", log="", **wildcards):
    logs = [str(log)] if log else []
    return event("job_info", jobid=number, rule_name=rule, wildcards=wildcards, log=logs)


def ended(number):
    return event("job_finished", job_id=number)


def failed(number, log=""):
    return event("job_error", logging.ERROR, jobid=number, log=[str(log)] if log else [])


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "journal.json"


@pytest.fixture
def shown(journal):
    """The lines that some events make."""
    stream = io.StringIO()
    handler = Progress(frozenset({"runs", "report"}), journal, HERE, stream=stream)

    def show(*events):
        for one in events:
            handler.emit(one)
        lines = stream.getvalue().splitlines()
        stream.seek(0)
        stream.truncate()
        return lines

    return show


def test_a_job_is_a_line_as_it_starts_and_one_as_it_ends(shown, clock):
    lines = shown(event("run_info", stats=STATS), started(7, name="13-mine", log="runs/log.txt"))
    assert lines == ["experiment 13-mine started; log: runs/log.txt"]
    clock[0] = 41.2
    assert shown(ended(7)) == ["1/5 experiment 13-mine 0:41; 4 left"]


def test_jobs_that_are_only_named_do_not_start(journal):
    stream = io.StringIO()
    handler = Progress(frozenset({"runs"}), journal, DRY_RUN, stream=stream)
    for one in (event("run_info", stats=STATS), started(7, name="13-mine", log="runs/log.txt")):
        handler.emit(one)
    assert stream.getvalue().splitlines() == ["experiment 13-mine would run"]
    assert Journal.read(journal).dry_run


def test_what_is_left_says_how_many_are_running(shown, clock):
    shown(event("run_info", stats=STATS), started(1, name="a"), started(2, name="b"))
    assert shown(ended(2)) == ["1/5 experiment b 0:00; 4 left, 1 of them running"]


def test_the_two_jobs_of_the_pages_count_from_the_beginning_and_once(shown, journal):
    shown(event("run_info", stats=STATS), started(1, name="a"), ended(1))
    stream = io.StringIO()
    pages = Progress(frozenset({"runs", "report"}), journal, HERE, stream=stream)
    stats = {"results": 1, "pages": 1, "report": 1, "total": 3}
    for one in (event("run_info", stats=stats), started(1, "results"), ended(1)):
        pages.emit(one)
    assert stream.getvalue() == "results started\n2/3 results 0:00; 1 left\n"


def test_who_plans_the_runs_says_how_many_jobs_follow(journal):
    stream = io.StringIO()
    handler = Progress(frozenset({"runs"}), journal, HERE, later_jobs=3, stream=stream)
    for one in (event("run_info", stats=STATS), started(1, name="a"), ended(1)):
        handler.emit(one)
    assert stream.getvalue().endswith("1/6 experiment a 0:00; 5 left\n")


def test_a_failed_job_shows_its_own_words_and_is_kept(shown, journal, tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("epoch 1\nTraceback\n  line\nValueError: the loss is not finite.\n\n")
    shown(event("run_info", stats=STATS), started(3, name="a", log=log))
    lines = shown(failed(3, log))
    assert lines == [
        "1/5 experiment a failed after 0:00; 4 left",
        "    ValueError: the loss is not finite.",
    ]
    assert Journal.read(journal).failed == [
        {"job": "experiment a", "log": str(log), "error": "ValueError: the loss is not finite."}
    ]


def test_a_job_that_left_no_word_is_said_to_have(shown, tmp_path):
    shown(started(3, name="a", log=tmp_path / "none"))
    assert "no word" in shown(failed(3, tmp_path / "none"))[1]


def test_a_job_that_is_tried_again_says_so(shown):
    shown(started(3, name="a"), failed(3))
    assert shown(started(3, name="a")) == ["experiment a started once more"]


@pytest.mark.parametrize(
    "record",
    [
        event(None, message="Select jobs to execute..."),
        event("shellcmd", message="Shell command: None"),
        event("progress", done=1, total=2),
        started(9, "runs"),
        ended(9),
    ],
)
def test_what_says_nothing_of_a_job_is_not_shown(shown, record):
    assert shown(record) == []


@pytest.mark.parametrize(
    "record",
    [
        event("error", logging.ERROR, "CalledProcessError in file", exception="RuleException"),
        event("error", logging.ERROR, "At least one job did not complete successfully."),
        event(None, logging.ERROR, "Exiting because a job execution failed. Look above for error"),
    ],
)
def test_what_a_failed_jobs_own_line_says_is_not_said_again(shown, record):
    shown(started(1, name="a"))
    assert shown(record) == []


def test_an_error_of_the_workflow_itself_is_shown_and_kept(shown, journal):
    words = "MissingInputException in rule ingest:\nMissing input files: phantom.json"
    assert shown(event("error", logging.ERROR, words)) == words.splitlines()
    assert Journal.read(journal).failed[0]["error"] == words.splitlines()[0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (41.4, "0:41"), (59.6, "1:00"), (725, "12:05"), (7397, "2:03:17")],
)
def test_time_is_written_as_on_a_clock(seconds, text):
    assert as_duration(seconds) == text


def test_the_last_line_of_a_log_is_its_error(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"first\nlast \xff word\n  \n")
    assert error_in(log) == "last � word"
    assert error_in(tmp_path / "none") == ""

"""Where the time goes, against times worked out by hand."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ichreport.cli import main
from ichreport.report import timings
from ichreport.runs import job_times

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def write_note(report, name, wall, *, cpu=1.0, peak=100.0, ready=None, status=0):
    note = {
        "started": NOON.isoformat(),
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "peak_mib": peak,
        "ready_seconds": ready,
        "status": status,
    }
    (report / "timings").mkdir(parents=True, exist_ok=True)
    (report / "timings" / f"{name}.json").write_text(json.dumps(note))


def cell(begins, ends, *tags):
    start, end = ((NOON + timedelta(seconds=s)).isoformat() for s in (begins, ends))
    return {"metadata": {"tags": list(tags), "papermill": {"start_time": start, "end_time": end}}}


def write_notebook(path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells}))


def test_a_notebook_is_its_start_its_imports_and_its_work(tmp_path):
    write_note(tmp_path, "experiment-a", wall=20.0)
    # 3 s before the first cell, 1 + 4 s of imports, 10 s of work, 2 s after the last cell
    cells = [cell(3, 4, "imports"), cell(4, 8, "imports"), cell(8, 18)]
    write_notebook(tmp_path / "runs" / "a" / "notebook.ipynb", *cells)
    [job] = job_times.read(tmp_path)
    assert (job.starting, job.importing, job.working) == pytest.approx((5, 5, 10))


def test_a_command_imports_until_it_is_ready(tmp_path):
    write_note(tmp_path, "features-raw-densenet121", wall=10.0, ready=4.0)
    [job] = job_times.read(tmp_path)
    assert (job.rule, job.starting, job.importing, job.working) == ("features", 0, 4, 6)


def test_a_notebook_left_from_an_earlier_try_says_nothing_of_this_one(tmp_path):
    write_note(tmp_path, "cam", wall=5.0, status=1)
    write_notebook(tmp_path / "cam.ipynb", cell(-60, -50, "imports"))
    [job] = job_times.read(tmp_path)
    assert job.failed
    assert (job.starting, job.working) == (5.0, 0.0)


def test_a_cell_that_never_ended_does_not_count(tmp_path):
    write_note(tmp_path, "cam", wall=5.0)
    broken = cell(2, 3)
    broken["metadata"]["papermill"]["end_time"] = None
    write_notebook(tmp_path / "cam.ipynb", cell(1, 2), broken, {"metadata": {}})
    [job] = job_times.read(tmp_path)
    assert job.starting == pytest.approx(1 + 3)


def test_an_experiment_that_is_no_more_is_left_out(tmp_path):
    write_note(tmp_path, "experiment-gone", wall=5.0)
    assert job_times.read(tmp_path) == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", '"3"', "null", "[1]"])
@pytest.mark.parametrize("name", ["wall_seconds", "cpu_seconds", "peak_mib"])
def test_a_note_without_numbers_is_damaged_and_not_shown(tmp_path, name, number):
    write_note(tmp_path, "cam", wall=5.0)
    path = tmp_path / "timings" / "cam.json"
    note = json.loads(path.read_text()) | {name: "HERE"}
    path.write_text(json.dumps(note).replace('"HERE"', number))
    assert job_times.read(tmp_path) == []
    assert "no &lt;figure" in timings.content(JOBS, ["no <figure"])
    assert job_times.damaged_notes(tmp_path) == {path: f"{path} is damaged ({name})."}


def test_jobs_stand_in_the_order_of_the_workflow(tmp_path):
    for name in ("results", "cam", "features-b", "features-a", "ingest", "phantom"):
        write_note(tmp_path, name, wall=1.0)
    names = [job.name for job in job_times.read(tmp_path)]
    assert names == ["phantom", "ingest", "features-a", "features-b", "cam", "results"]


JOBS = [
    job_times.Job("ingest", wall=10, cpu=18, peak=200, importing=1),
    job_times.Job("experiment-a", wall=30, cpu=30, peak=900, starting=3, importing=6),
    job_times.Job("cam", wall=10, cpu=12, peak=700, starting=2, importing=3, failed=True),
]


def test_the_last_row_adds_up_time_and_takes_the_largest_memory():
    *rows, last = timings.table(JOBS).rows
    # of 50 s, 5 start and 10 import: 35 of 50 are work
    assert last.kind == "marked"
    assert last.cells == ["all jobs", "50.0", "60.0", "900", "5.0", "10.0", "70"]
    assert [row[0] for row in rows] == ["ingest", "experiment-a", "cam (failed)"]


def test_the_parts_add_up_to_the_wall_time_of_all_jobs():
    rows = {name: float(seconds) for name, seconds, _ in timings.parts(JOBS).rows}
    assert rows == {
        "ingest": 9,
        "training, prediction and scores": 21,
        "data, maps, results and pages": 5,
        "starting processes and kernels": 5,
        "imports": 10,
    }


def test_data_of_other_hospitals_are_made_and_read_as_ones_own_are():
    names = ("phantom", "external_phantom-east", "ingest", "external_ingest-east", "external")
    jobs = [job_times.Job(name, wall=2**n, cpu=1, peak=1) for n, name in enumerate(names)]
    assert timings.seconds_by_part(jobs) == {
        "making the synthetic heads": 1 + 2,
        "ingest": 4 + 8,
        "data, maps, results and pages": 16,
    }


def test_the_sentences_say_the_share_that_is_no_work():
    said = timings.sentences(JOBS).sentences
    assert said[0] == "Jobs: 3, with 50 seconds by their clocks and 60 seconds of CPU."
    assert said[1] == "Starting processes and kernels and importing is 30 % of it."
    assert said[2] == "The longest job is experiment-a, with 30 seconds."


def test_jobs_without_a_length_have_no_share_of_it():
    said = str(timings.sentences([job_times.Job("cam", wall=0, cpu=0, peak=1)]))
    assert said.startswith("Jobs: 1, with 0 seconds")
    assert "importing" not in said


def test_the_command_prints_aligned_columns(tmp_path, capsys):
    write_note(tmp_path, "ingest", wall=123.4)
    write_note(tmp_path, "pages", wall=5.6)
    assert main(["timings", str(tmp_path)]) == 0
    head, ingest, pages, *_ = capsys.readouterr().out.splitlines()
    assert ingest.index("123.4") + 5 == pages.index("5.6") + 3 == head.index("wall s") + 6


def test_a_report_without_notes_says_so(tmp_path, capsys):
    assert main(["timings", str(tmp_path)]) == 0
    assert "No job has left a note of its time." in capsys.readouterr().out


def test_a_name_of_a_job_is_shown_as_text():
    job = job_times.Job("experiment-<b>", wall=1, cpu=1, peak=1)
    assert "experiment-&lt;b&gt;" in timings.content([job])

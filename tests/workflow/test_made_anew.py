"""What is damaged, of another version or of other parameters is named and made anew."""

import re

import pytest

from ichreport.files import sha256_of_file, write_json, write_sealed_json, write_text
from ichreport.params.profile import Profile
from ichreport.params.rows.read import read_each_experiment
from ichreport.runs.record_format import RECORD_FORMAT, seal_notebook
from ichreport.workflow import make_report, repairs
from tests.workflow.killing import EXPERIMENTS, PROFILE


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

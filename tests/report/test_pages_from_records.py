"""Pages are made of records alone; a record that cannot be read spoils no page but its own."""

import json
import shutil

import pandas as pd
import pytest

from ichreport.cli import main
from ichreport.report import site
from ichreport.report.papers import pages as papers
from ichreport.runs.recording import RECORD_FORMAT
from ichreport.runs.results import read


@pytest.fixture
def copied(report, tmp_path):
    """A copy of the report, to change."""
    shutil.copytree(report.folder, tmp_path / "tiny")
    return tmp_path / "tiny"


def content(folder):
    """The bytes of every page and document of a report."""
    paths = [path for suffix in ("html", "md") for path in folder.rglob(f"*.{suffix}")]
    return {path.relative_to(folder): path.read_bytes() for path in paths}


def test_the_pages_and_papers_are_made_without_reading_predictions(copied, report, monkeypatch):
    monkeypatch.setattr(pd, "read_parquet", lambda *_: pytest.fail("predictions were read"))
    site.render(copied, report.profile)
    assert content(copied) == content(report.folder)
    made = papers.make(copied, report.profile, read(report.profile, copied))
    assert made == papers.make(report.folder, report.profile, report.results)


def spoil_format(path):
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 1}))
    return f"{path} has format 1, expected {RECORD_FORMAT}: another version made it."


def spoil_text(path):
    path.write_text('{"format": ')
    return str(path)


def spoil_figure(path):
    record = json.loads(path.read_text())
    record["assessment"]["scores"]["value"][0] = 0.999
    path.write_text(json.dumps(record))
    return f"{path} is damaged"


def spoil_predictions(path):
    predictions = path.with_name("predictions.parquet")
    content = bytearray(predictions.read_bytes())
    content[len(content) // 2] ^= 1
    predictions.write_bytes(content)
    return f"{predictions} is damaged"


@pytest.mark.parametrize("spoil", [spoil_format, spoil_text, spoil_figure, spoil_predictions])
def test_a_record_that_cannot_be_read_is_a_failed_row_with_file_and_cure(copied, report, spoil):
    problem = spoil(copied / "runs" / "02-large" / "record.json")
    site.render(copied, report.profile)
    compared = (copied / "compare.html").read_text(encoding="utf-8")
    page = (copied / "experiments" / "02-large.html").read_text(encoding="utf-8")
    for html in (compared, page):
        assert problem.partition("/tiny/")[2] in html
        assert str(copied.parent) not in html
        assert "Run it again (make report does where params/experiments has its file)." in html
    assert set(content(copied)) == set(content(report.folder))
    other = (copied / "experiments" / "by-hand.html").read_text(encoding="utf-8")
    assert "Where it comes from" in other
    assert "01-small" in compared


def test_what_is_damaged_is_named_by_who_renders_by_hand(copied, report, capsys, monkeypatch):
    monkeypatch.chdir(copied.parents[1])
    (copied / "cam.json").write_text("[]")
    (copied / "timings").mkdir(exist_ok=True)
    (copied / "timings" / "cam.json").write_text("{}")
    profile = report.folder.parents[1] / "params" / "tiny.yaml"
    assert main(["render", str(copied), "--profile", str(profile)]) == 0
    told = [line.partition("left out: ")[2] for line in capsys.readouterr().err.splitlines()]
    assert told == [
        f"{copied / 'cam.json'} is damaged: it is no JSON object.",
        f"{copied / 'timings' / 'cam.json'} is damaged ('started').",
    ]

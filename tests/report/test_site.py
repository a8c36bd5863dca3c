"""Pages from notebooks and records: what is written, removed and refused."""

import contextlib
import re
import shutil
import subprocess
import sys

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from ichreport.files import read_json, write_sealed_json
from ichreport.report import site
from tests.report.made_up import PICTURE, ROOT, SCRIPT, write_executed


@pytest.fixture
def copied(report, tmp_path):
    """A report of one's own, to change."""
    shutil.copytree(report.folder.parents[1], tmp_path / "project", ignore=_without_heads)
    return tmp_path / "project" / "reports" / "tiny"


def _without_heads(folder, names):
    return {"rsna"} & set(names)


def test_rendering_imports_no_framework(copied):
    script = (
        "import sys; from ichreport.cli import main; status = main(sys.argv[1:]);"
        "print(sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)));"
        "sys.exit(status)"
    )
    words = [sys.executable, "-c", script, "render", "reports/tiny", "--zip"]
    done = subprocess.run(
        words,
        cwd=copied.parents[1],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(copied.with_name("tiny.zip").resolve()), "[]"]


def test_rendering_again_writes_the_same_bytes(copied, report):
    before = {path.name: path.read_bytes() for path in report.pages}
    with contextlib.chdir(copied.parents[1]):
        site.render(copied, report.profile)
    assert {path.name: path.read_bytes() for path in copied.rglob("*.html")} == before


def test_pages_of_runs_and_notebooks_that_are_gone_go_too(copied, report):
    shutil.rmtree(copied / "runs" / "by-hand")
    (copied / "cam.log").unlink()
    (copied / "notes.html").write_text("somebody's own")
    site.render(copied, report.profile)
    names = {path.name for path in copied.rglob("*.html")}
    assert names & {"by-hand.html", "cam.html"} == set()
    assert "notes.html" in names
    assert "by-hand.html" not in (copied / "compare.html").read_text(encoding="utf-8")


def test_what_was_planted_stands_nowhere_as_it_is(report):
    for path in report.pages:
        text = path.read_text(encoding="utf-8")
        assert SCRIPT not in text, path
        assert PICTURE not in text, path


def test_a_report_without_results_says_what_to_run(copied, report):
    (copied / "results.ipynb").unlink()
    with pytest.raises(FileNotFoundError, match="run notebooks/4-results"):
        site.render(copied, report.profile)


@pytest.mark.parametrize(
    ("kept", "problem"),
    [
        ({"image/png": "iVBORw0KGgo="}, "a picture has no alternative text"),
        ({"text/html": "<svg role='img'></svg>"}, "a drawing has no alternative text"),
        ({"text/html": "<figure><img alt='x' src=''></figure>"}, "a figure has no caption"),
    ],
)
def test_a_picture_without_words_stops_the_render_and_is_named(copied, report, kept, problem):
    cell = new_code_cell("show()", outputs=[new_output("display_data", kept)])
    write_executed(new_notebook(cells=[cell]), copied / "explore.ipynb")
    with pytest.raises(ValueError, match=rf"explore\.html: {problem}\. Show it as one of"):
        site.render(copied, report.profile)


def test_a_notebook_that_never_ran_has_no_page_and_no_link(copied, report):
    (copied / "explore.ipynb").unlink()
    site.render(copied, report.profile)
    assert not (copied / "explore.html").exists()
    assert "explore.html" not in (copied / "index.html").read_text(encoding="utf-8")


def linked(page):
    """The pages that a page's navigation leads to, in its order."""
    text = page.read_text(encoding="utf-8").partition("<main")[0]
    return re.findall(r'href="([a-z-]+\.html)"', text)


def test_the_steps_beyond_the_poster_have_a_page_after_that_of_comparisons(copied, report):
    found = linked(copied / "index.html")
    assert found.index("beyond.html") == found.index("compare.html") + 1
    assert found.index("beyond.html") < found.index("papers.html")
    page = (copied / "beyond.html").read_text(encoding="utf-8")
    assert "by more than chance: 01-small (" in page


def test_a_report_without_steps_has_no_such_page_though_its_notebook_is_still_there(copied, report):
    path = copied.parents[1] / "params" / "experiments" / "01-small.yaml"
    path.write_text(path.read_text().replace("baseline: 02-large\n", ""))
    for record in copied.glob("runs/01-small/record.json"):
        kept = read_json(record)
        kept.pop("seal")
        kept["parameters"]["baseline"] = None
        write_sealed_json(record, kept)
    assert (copied / "beyond.ipynb").is_file()
    site.render(copied, report.profile)
    assert not (copied / "beyond.html").exists()
    assert "beyond.html" not in linked(copied / "index.html")


def test_real_data_have_no_banner(copied, report):
    assert "Synthetic heads." in (copied / "index.html").read_text(encoding="utf-8")
    for path in copied.glob("runs/*/record.json"):
        kept = read_json(path)
        kept.pop("seal")
        kept["provenance"]["synthetic"] = False
        write_sealed_json(path, kept)
    site.render(copied, report.profile)  # the profile still has a recipe: the data are asked
    for path in (copied / "index.html", copied / "experiments" / "01-small.html"):
        assert "no clinical result" not in path.read_text(encoding="utf-8")

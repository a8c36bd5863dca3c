"""A page shows a notebook's outputs only where today's code has made them."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from ichreport import dependencies
from ichreport.report import site
from ichreport.runs import markup, record_format

IMPORTS = "from ichreport.report.viewer import viewer"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "reports" / "mine").mkdir(parents=True)
    return tmp_path / "reports" / "mine"


@pytest.fixture
def write(folder):
    """Writes an executed notebook that shows `kept outputs`, with some metadata."""

    def written(metadata=None):
        shown = new_output("display_data", {"text/html": "<p>kept outputs</p>"})
        cells = [new_code_cell(IMPORTS, outputs=[shown])]
        path = folder / "explore.ipynb"
        nbformat.write(new_notebook(cells=cells, metadata=metadata or {}), path)
        return path

    return written


def page(folder):
    [page] = site._page_of_notebook(site._Converter(), folder, "explore", "Data", "")
    return page.content


def test_a_page_of_todays_code_shows_what_its_notebook_kept(folder, write):
    version = markup.markup_version(write())
    write({"ichreport": {"markup": version}})
    assert "kept outputs" in page(folder)


@pytest.mark.parametrize("metadata", [{}, {"ichreport": {}}, {"ichreport": {"markup": "0123"}}])
def test_a_page_of_other_code_names_the_notebook_and_the_cure(folder, write, metadata):
    write(metadata)
    content = page(folder)
    assert "kept outputs" not in content
    assert "What reports/mine/explore.ipynb shows is left out" in content
    assert "make report executes it anew" in content
    by_hand = "ichreport execute notebooks/1-explore.ipynb reports/mine/explore.ipynb"
    assert f"{by_hand} -f params/mine.yaml" in content
    assert str(folder) not in content


def test_a_version_changes_with_the_report_s_code_and_with_no_other(write, monkeypatch):
    path, read = write(), dependencies._meaning

    def version(changed):
        dependencies._fingerprint.cache_clear()
        monkeypatch.setattr(
            dependencies, "_meaning", lambda p: b"x" if p.name == changed else read(p)
        )
        return markup.markup_version(path)

    today = version("nothing")
    assert version("viewer.js") != today
    assert version("blocks.py") != today
    assert version("store.py") == today  # imported, and no part of the report
    assert version("style.css") == today  # of the frame, which is always today's
    dependencies._fingerprint.cache_clear()


@pytest.mark.parametrize("cell", ["from ichreport.gone import what", "from ichreport import ("])
def test_a_notebook_that_imports_what_is_gone_is_of_other_code(folder, write, cell):
    path = write({"ichreport": {"markup": "0123"}})
    executed = nbformat.read(path, as_version=4)
    executed.cells.insert(0, new_code_cell(cell))
    nbformat.write(executed, path)
    assert "What reports/mine/explore.ipynb shows is left out" in page(folder)


def spoiled(path, what):
    text = path.read_text()
    path.write_text({
        "cut": text[: len(text) // 2], "other": text.replace("kept outputs", "other outputs"),
        "list": "[]", "text": "no JSON", "cells": '{"cells": 3, "metadata": {}, "nbformat": 4}',
    }[what])  # fmt: skip


@pytest.mark.parametrize("what", ["cut", "other", "list", "text", "cells"])
def test_a_notebook_that_is_not_what_was_executed_is_left_out_and_named(folder, write, what):
    path = write()
    write({"ichreport": {"markup": markup.markup_version(path)}})
    record_format.seal_notebook(path)
    assert "kept outputs" in page(folder)
    spoiled(path, what)
    content = page(folder)
    assert "outputs</p>" not in content
    assert "What reports/mine/explore.ipynb shows is left out: the file is damaged" in content


@pytest.mark.parametrize("what", ["cut", "list", "text", "cells"])
def test_one_that_is_not_readable_is_left_out_without_a_seal_too(folder, write, what):
    spoiled(write(), what)
    assert "is left out: the file is damaged" in page(folder)


def test_cells_that_changed_are_read_anew(write):
    path = write()
    before = markup.markup_version(path)
    nbformat.write(new_notebook(cells=[new_code_cell("import os")]), path)
    assert markup.markup_version(path) != before

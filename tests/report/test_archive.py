"""The one file to send: whole, the same each time, and nothing but pages."""

import os
import shutil
from zipfile import ZipFile

import pytest

from ichreport.report import archive


@pytest.fixture
def copied(report, tmp_path):
    """A report of one's own, to change."""
    folder = tmp_path / "reports" / "tiny"
    shutil.copytree(report.folder, folder)
    return folder


def test_it_holds_every_page_and_nothing_that_pages_do_not_show(copied):
    path = archive.write(copied)
    assert path == copied.with_name("tiny.zip")
    with ZipFile(path) as opened:
        assert opened.testzip() is None
        names = set(opened.namelist())
    pages = {path.relative_to(copied.parent).as_posix() for path in copied.rglob("*.html")}
    assert names >= pages
    assert {name.rpartition(".")[2] for name in names} == {"html", "md"}
    assert list(copied.rglob("predictions.parquet"))  # they are there, but stay behind


@pytest.mark.browser
def test_unpacked_it_opens_and_its_links_lead_on(copied, open_page, tmp_path):
    with ZipFile(archive.write(copied)) as opened:
        opened.extractall(tmp_path / "sent")
    shown = open_page(tmp_path / "sent" / "tiny" / "index.html")
    assert shown.page.locator("h1").inner_text().startswith("Detecting")
    with shown.page.expect_navigation():
        shown.page.locator(".cards a").last.click()
    assert shown.page.locator("h1").inner_text() == "by-hand"
    assert shown.errors == []


def test_the_same_pages_give_the_same_bytes_whenever_they_were_written(copied):
    first = archive.write(copied).read_bytes()
    for path in copied.rglob("*.html"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o600)
    assert archive.write(copied).read_bytes() == first


def test_other_pages_give_other_bytes(copied):
    first = archive.write(copied).read_bytes()
    with (copied / "index.html").open("a") as page:
        page.write(" ")
    assert archive.write(copied).read_bytes() != first


def test_a_report_that_is_not_rendered_cannot_be_packed(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"index\.html does not exist; render the report"):
        archive.write(tmp_path)
    assert not tmp_path.with_name(f"{tmp_path.name}.zip").exists()


def test_what_breaks_while_packing_leaves_the_earlier_file_whole(copied, monkeypatch):
    path = archive.write(copied)
    before = path.read_bytes()

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(archive.ZipFile, "writestr", fail)
    with pytest.raises(OSError, match="disk full"):
        archive.write(copied)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == [copied, path]

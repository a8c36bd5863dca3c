"""The frame around every page: what its policy lets run, and what it never lets in."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from ichreport.dependencies import closure
from ichreport.labels import LABELS
from ichreport.report.html import palette
from ichreport.report.layout.page import Page, framed
from tests.report.made_up import ROOT


class _Read(HTMLParser):
    """A page's policy, scripts, styles and attributes."""

    def __init__(self, text):
        super().__init__()
        self.policy, self.held, self.attributes, self._open = "", [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.attributes += [(tag, *pair) for pair in attrs]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        if tag in ("script", "style"):
            self._open = (tag, given.get("type", ""))
            self.held.append([*self._open, ""])

    def handle_data(self, data):
        if self._open:
            self.held[-1][2] += data

    def handle_endtag(self, tag):
        self._open = None


def digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.fixture(params=["index.html", "compare.html", "experiments/01-small.html", "cam.html"])
def read(report, request):
    return _Read((report.folder / request.param).read_text(encoding="utf-8"))


def directive(read, name):
    parts = dict(part.strip().split(" ", 1) for part in read.policy.split(";"))
    return parts[name].replace("'", "").split()


def test_the_policy_names_exactly_the_scripts_and_styles_that_stand_there(read):
    scripts = {digest(text) for tag, kind, text in read.held if tag == "script" and not kind}
    styles = {digest(text) for tag, _, text in read.held if tag == "style"}
    assert set(directive(read, "script-src")) == scripts
    assert set(directive(read, "style-src")) == styles


def test_the_policy_lets_nothing_be_fetched(read):
    assert directive(read, "default-src") == ["none"]
    assert directive(read, "img-src") == ["data:"]
    assert "unsafe" not in read.policy


def test_no_element_has_inline_style_or_a_handler(read):
    wrong = [a for a in read.attributes if a[1] == "style" or a[1].startswith("on")]
    assert wrong == []


def test_every_page_says_whose_the_poster_is(report):
    for path in report.pages:
        footer = path.read_text(encoding="utf-8").split("<footer>")[1]
        assert "Amit Bhatia" in footer, path
        assert "Application of Computer Vision in Intracranial Hemorrhage" in footer, path


def test_titles_and_names_are_escaped():
    page = Page("a.html", "<b>T</b>", '"><i>', "<p>x</p>", contents=[("a", "<u>")] * 3)
    html = framed(page, [page], synthetic=False)
    assert not re.search(r"<b>|<i>|<u>", html)
    assert "&lt;b&gt;T&lt;/b&gt;" in html


@pytest.mark.parametrize(
    "notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem
)
def test_a_new_frame_executes_no_notebook(notebook):
    needed = {path.relative_to(ROOT / "ichreport").as_posix() for path in closure(notebook)}
    assert "report/html/blocks.py" in needed
    assert not [path for path in needed if path.startswith("report/layout/")]


def luminance(color):
    """Relative luminance, WCAG 2.1."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colors", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    "name", [*(f"label-{label}" for label in LABELS), "accent", "second", "third", "ink"]
)
def test_every_line_stands_out_from_the_paper(colors, name):
    first, second = sorted([luminance(colors[name]), luminance(colors["paper"])], reverse=True)
    assert (first + 0.05) / (second + 0.05) >= 3  # WCAG 2.1, 1.4.11

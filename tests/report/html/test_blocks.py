"""Tables and figures: whole, escaped, and never without their words."""

import io
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ichreport.report.html import blocks
from ichreport.report.html.blocks import (
    Column,
    Drawing,
    Fact,
    Facts,
    Link,
    Marked,
    Picture,
    Row,
    Sentences,
    Sheet,
    Table,
    Tile,
    numbers,
)


class _Cells(HTMLParser):
    """The texts of a table's cells, row by row."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags, self._cell = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self._cell:
            self.rows[-1][-1] += data


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(st.lists(st.lists(texts, min_size=3, max_size=3), max_size=4), texts.filter(bool))
def test_whatever_the_cells_hold_a_browser_reads_them_back(rows, caption):
    table = Table(caption, ["a<b", Column("c", numeric=True), '"d"'], rows, sortable=True)
    assert _Cells(table._repr_html_()).rows == [["a<b", "c", '"d"'], *rows]


def test_links_and_marks_are_escaped_too():
    table = Table("T", ["a", "b"], [[Link('"><b>', "<i>"), Marked("<u>", '"x')]])
    read = _Cells(table._repr_html_())
    assert read.rows[-1] == ["<i>", "<u>"]
    assert ("a", {"href": '"><b>'}) in read.tags
    assert ("span", {"class": '"x'}) in read.tags
    assert "<i>" in repr(table)


def test_rows_are_headed_and_columns_scoped():
    tags = _Cells(
        Table("T", ["a", *numbers("b", "c", group="g")], [["1", "2", "3"]])._repr_html_()
    ).tags
    scopes = [given["scope"] for tag, given in tags if tag == "th"]
    assert scopes == ["colgroup", "col", "col", "col", "row"]


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Table("", ["a"], []), "needs a caption"),
        (lambda: Table("T", ["a"], [["1", "2"]]), "2 cells under 1 columns"),
        (lambda: Drawing(" ", "x"), "text for its caption"),
        (lambda: Drawing("x", ""), "text for its alternative"),
        (lambda: Picture("x", "\n"), "text for its alternative"),
        (lambda: Sheet("", "x"), "text for its caption"),
    ],
)
def test_without_its_words_nothing_is_made(make, problem):
    with pytest.raises(ValueError, match=problem):
        make()


def test_a_figure_says_its_words_to_who_cannot_see_it():
    html = Drawing('a "caption" <b>', 'what "is" <seen>', ["<svg></svg>"])._repr_html_()
    assert 'role="img" aria-label="what &quot;is&quot; &lt;seen&gt;"' in html
    assert "<figcaption>a &quot;caption&quot; &lt;b&gt;</figcaption>" in html


def test_the_texts_of_tiles_facts_and_sentences_are_escaped():
    sheet = Sheet("c", "a", [("<n>", [Tile([b"x", b"y"], ['"a<', '"b<'], "<t>")])])
    facts = Facts([Fact("<n>", "<v>", "<t>", '"><h')])
    for html in (sheet._repr_html_(), facts._repr_html_(), Sentences(["<s>"])._repr_html_()):
        assert not any(f"<{letter}>" in html for letter in "nvths")
    assert sheet._repr_html_().count(' alt="') == 2


def test_a_bitmap_comes_back_as_it_was_within_compression():
    gray = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
    kept = np.asarray(Image.open(io.BytesIO(blocks.webp(gray, quality=100))).convert("L"))
    assert np.abs(kept.astype(int) - gray).mean() < 3


def test_an_interval_may_go_to_a_line_of_its_own_and_stays_text():
    caption, rows = "What <it> is.", [["any <b>", "0.9 (0.8–1.0) *"], ["x (y)", "1,234"]]
    shown = Table(caption, ["label", *numbers("here")], rows)._repr_html_()
    assert '>0.9 <span class="interval">(0.8–1.0) *</span><' in shown
    assert ">x (y)<" in shown
    assert ">1,234<" in shown
    assert "any &lt;b&gt;" in shown


def test_a_heading_over_columns_spans_those_beside_each_other():
    html = Table(
        "T", ["a", *numbers("b", "c", group="g"), *numbers("d"), *numbers("e", group="h")], []
    )._repr_html_()
    spans = [(tag, given.get("colspan")) for tag, given in _Cells(html).tags if "colspan" in given]
    assert spans == [("td", "1"), ("th", "2"), ("td", "1"), ("th", "1")]


def test_a_row_that_is_set_apart_says_how_and_others_do_not():
    rows = [Row(["1"], "marked"), Row(["2"], "quiet"), Row(["3"]), ["4"]]
    tags = _Cells(Table("T", ["a"], rows)._repr_html_()).tags
    assert [given for tag, given in tags if tag == "tr"][1:] == [
        {"class": "marked"},
        {"class": "quiet"},
        {},
        {},
    ]

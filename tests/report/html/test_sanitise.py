"""What gets onto a page: known elements only, whatever a notebook's output holds."""

import contextlib
import json
import math
import re
import string
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ichreport.report.html.sanitise import clean, data_element

RUNS = ("script", "style", "iframe", "object", "embed", "form", "base", "meta", "link", "template")


class _Read(HTMLParser):
    """Elements and attributes as an HTML parser sees them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("img", "br", "hr", "wbr"):
            self.open.append(tag)

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def assert_harmless(html):
    read = _Read(html)
    assert read.open == []  # whole: every element is closed, in order
    for tag, attributes in read.elements:
        assert tag not in RUNS
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in ("style", "srcdoc", "srcset", "formaction", "action", "xlink:href")
            if name in ("href", "src"):
                start = "".join((value or "").split()).lower()
                assert not start.startswith(("javascript:", "vbscript:", "data:text", "file:"))
            if name == "src":
                assert value.startswith("data:image/")
            assert "url(" not in (value or "") or value.startswith("url(#") or name in FREE


FREE = ("alt", "title", "aria-label", "id", "class", "data-x", "datetime", "lang")
"""Attributes whose value is text and nothing else."""

tags = st.sampled_from(
    ["p", "a", "img", "svg", "path", "use", "table", "td", "h2", "details", "b", "x-y", "button",
     "input", "video", "textarea", "title", "noscript", "math", "a/href", *RUNS]
)  # fmt: skip
names = st.sampled_from(
    ["href", "src", "onerror", "ONCLICK", "onload", "style", "class", "id", "fill", "d", "srcset",
     "xlink:href", "alt", "data-x", "aria-label", "formaction", "type", "http-equiv", "role"]
)  # fmt: skip
values = st.sampled_from(
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", " java\nscript:alert(1)", "\x01javascript:x",
     "data:text/html,<script>alert(1)</script>", "data:image/png;base64,AA", "https://a.b/", "#x",
     "//evil.example/x", "url(https://a.b/)", "url(#a)", "vbscript:x", "text/javascript",
     "application/json", "&#106;avascript:alert(1)", "x\" onerror=\"alert(1)", "refresh", "http://[",
     "j\tavascript:alert(1)"]
) | st.text(string.printable, max_size=12)  # fmt: skip
attribute = st.builds(
    lambda n, v, q: f"{n}={q}{v}{q}", names, values, st.sampled_from(['"', "'", ""])
)
start = st.builds(
    lambda t, a, e: f"<{t} {' '.join(a)}{e}>",
    tags,
    st.lists(attribute, max_size=3),
    st.sampled_from(["", "/"]),
)
piece = (
    start
    | st.builds("</{}>".format, tags)
    | st.sampled_from(
        ["text", "<!--", "-->", "<![CDATA[", "]]>", "<", "&lt;script&gt;", "<?php", "]]", "</"]
    )
    | st.text(string.printable, max_size=8)
)


@given(st.lists(piece, max_size=14).map("".join))
@settings(max_examples=400)
def test_whatever_comes_nothing_that_runs_is_left(html):
    with contextlib.suppress(ValueError):  # a picture without words, data that are no JSON
        assert_harmless(clean(html, where="page").html)


@given(st.lists(piece, max_size=10).map("".join))
@settings(max_examples=150)
def test_cleaning_what_is_clean_drops_nothing(html):
    html = f"<p>{html}</p>"
    try:
        once = clean(html, where="page").html
    except ValueError:
        return
    assert [e for e, _ in _Read(clean(once, where="page").html).elements if e != "a"] == [
        e for e, _ in _Read(once).elements if e != "a"
    ]


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("<p onclick='x()'>a</p>", "<p>a</p>"),
        ("<p style='color:red'>a</p>", "<p>a</p>"),
        ("<script>alert(1)</script>b", "b"),
        ("<style>p{}</style>b", "b"),
        ("<iframe src='https://a'>x</iframe>b", "b"),
        ("<blink>b</blink>", "b"),
        ("<a href='javascript:x'>b</a>", "<a>b</a>"),
        ("<a href='../a.html#b'>b</a>", '<a href="../a.html#b">b</a>'),
        ("<p title='&quot;><b>'>a</p>", '<p title="&quot;&gt;&lt;b&gt;">a</p>'),
        ("1 < 2 & 3", "1 &lt; 2 &amp; 3"),
        ("<b>a", "<b>a</b>"),
        ("a</b>", "a"),
        ("<b><i>a</b>", "<b><i>a</i></b>"),
        ("<pre class='c'>a</pre>", '<pre class="c" tabindex="0">a</pre>'),
        ("<pre tabindex='-1'>a</pre>", '<pre tabindex="0">a</pre>'),
    ],
)
def test_what_is_kept_of(given_, kept):
    assert clean(given_, where="page").html == kept


def test_data_for_our_own_script_come_through_whatever_they_hold():
    value = {"a": "</pre></script><img src=x onerror=alert(1)>&amp;", "b": [1.5, None, "\u2212"]}
    read = _Read(clean(data_element("x", value), where="page").html)
    assert read.elements == [("pre", {"class": "x-data", "hidden": "", "tabindex": "0"})]
    assert json.loads(read.text) == value


def test_data_that_no_script_could_read_are_refused():
    with pytest.raises(ValueError, match=r"^page: data for a script are no JSON"):
        clean('<pre class="x-data" hidden>{"a": </pre>', where="page")
    with pytest.raises(ValueError, match="not JSON compliant"):
        data_element("x", math.nan)


def test_a_drawing_stays_as_it_was_and_refers_to_itself_only():
    drawing = (
        '<svg viewBox="0 0 9 9" width="9" height="9"><defs><clipPath id="c"><path d="M0 0h9v9z">'
        '</path></clipPath></defs><g clip-path="url(#c)"><use href="#c" x="1"></use></g></svg>'
    )
    assert clean(drawing, where="page").html == drawing
    for foreign in ("url(https://a.b/c.svg#d)", "URL(//a.b)", "u\\72l(//a.b)"):
        html = clean(f'<svg><path d="M0" fill="{foreign}"></path></svg>', where="page").html
        assert html == '<svg><path d="M0"></path></svg>'
    html = clean('<svg><use href="https://a.b/c.svg#d"></use></svg>', where="page").html
    assert html == "<svg><use></use></svg>"


def test_headings_get_anchors_of_their_words_that_differ():
    fragment = clean("<h1>T</h1><h2>Is it so?</h2><h3>Why</h3><h2>Is it so?</h2>", where="page")
    assert fragment.title == "T"
    assert fragment.contents == [("is-it-so", "Is it so?"), ("is-it-so-2", "Is it so?")]
    ids = [
        attributes["id"] for tag, attributes in _Read(fragment.html).elements if "id" in attributes
    ]
    assert ids == ["is-it-so", "why", "is-it-so-2"]


def test_figures_and_tables_are_numbered_in_their_captions():
    figure = "<figure><img alt='a' src='data:image/png,'><figcaption>F</figcaption></figure>"
    table = "<table><caption>T</caption></table>"
    html = clean(figure + table + figure, where="page").html
    assert re.findall(r"(Figure|Table) (\d)\.</a>", html) == [
        ("Figure", "1"),
        ("Table", "1"),
        ("Figure", "2"),
    ]


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("<img src='data:image/png,'>", "a picture has no alternative text"),
        ("<img alt=' ' src='data:image/png,'>", "a picture has no alternative text"),
        ("<svg role='img'></svg>", "a drawing has no alternative text"),
        ("<figure></figure>", "a figure has no caption"),
    ],
)
def test_a_picture_without_words_is_refused_by_the_page_s_name(html, problem):
    with pytest.raises(ValueError, match=f"^here: {problem}"):
        clean(html, where="here")

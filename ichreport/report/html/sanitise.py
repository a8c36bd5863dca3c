"""The content of a page made safe and whole: nothing that runs, headings with anchors, numbers.

Outputs of notebooks are HTML that others wrote. What goes onto a page is written anew from a list
of known elements and attributes; a policy in the page's head stands behind that.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

from ichreport.report.html.blocks import slug


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VOID: Final = frozenset({"img", "br", "hr", "wbr"})
_HEADINGS: Final = frozenset({"h2", "h3", "h4"})
_HTML: Final = _VOID | _HEADINGS | _words(
    "a abbr article aside b blockquote button caption cite code col colgroup dd del details div dl "
    "dt em figcaption figure h1 h5 h6 i kbd li mark nav ol p pre q s samp section small span "
    "strong sub summary sup table tbody td tfoot th thead time tr tt u ul var"
)  # fmt: skip
_SVG: Final = _words(
    "svg g path text tspan rect line circle ellipse polyline polygon use defs clippath"
)
_SILENT: Final = _words(
    "script style iframe object embed template noscript form textarea select title math "
    "foreignobject audio video link meta base head"
)
"""Elements that go with all they hold."""
_EVERYWHERE: Final = _words(
    "class id title role lang dir tabindex hidden scope colspan rowspan headers open type alt "
    "width height datetime start"
)
_DRAWN: Final = _words(
    "viewbox x y x1 x2 y1 y2 cx cy r rx ry d points transform fill stroke stroke-width "
    "stroke-dasharray stroke-dashoffset opacity fill-opacity stroke-opacity text-anchor "
    "font-weight font-size stroke-linecap clip-path"
)
_DATA: Final = "application/json"


@dataclass(frozen=True)
class Fragment:
    """A part of a page that is safe to put there.

    Attributes:
        html: Its content, without its title.
        title: The text of its first first-level heading; empty without one.
        contents: Anchor and text of each second-level heading.
    """

    html: str
    title: str = ""
    contents: list[tuple[str, str]] = field(default_factory=list)


def clean(html: str, *, where: str) -> Fragment:
    """Write a page's content anew from known elements only, with anchors and numbers.

    Scripts, styles, event handlers, inline style and foreign addresses go; data for our own script
    (`application/json`) stay. Second- to fourth-level headings get an anchor; figures and tables a
    number; what may scroll, the focus of a keyboard.

    Args:
        html: The content of a page's main part.
        where: The page, named in errors.

    Raises:
        ValueError: If a picture has no alternative text, a figure no caption, or data are no JSON.
    """
    cleaner = _Cleaner()
    cleaner.feed(html)
    cleaner.close()
    cleaner.finish()
    if cleaner.problems:
        raise ValueError(
            f"{where}: {'; '.join(sorted(set(cleaner.problems)))}. Show it as one of the figures "
            "of ichreport.report, which ask for both texts."
        )
    return Fragment("".join(cleaner.out), cleaner.title.strip(), cleaner.contents)


class _Cleaner(HTMLParser):
    """Parses, and writes what is known."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.problems: list[str] = []
        self.title = ""
        self.contents: list[tuple[str, str]] = []
        self._open: list[str] = []
        self._silent: list[str] = []
        self._data: list[str] | None = None
        self._anchors: dict[str, int] = {}
        self._heading: tuple[int, list[str]] | None = None
        self._in_title = False
        self._numbers = {"figure": 0, "table": 0}
        self._captions: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.append(tag)
            return
        if tag == "script" and given.get("type") == _DATA:
            self._data = []
            self.out.append(f'<script type="{_DATA}"{_attributes(tag, given, {"class"})}>')
            return
        if tag in _SILENT or "anchor-link" in given.get("class", ""):
            if tag not in ("link", "meta", "base", "embed"):
                self._silent.append(tag)
            return
        if tag == "h1" and not self.title:
            self._in_title = True
            return
        if tag in _HTML or tag in _SVG:
            self._write_start(tag, given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._data is not None and tag == "script":
            self._write_data("".join(self._data))
            self._data = None
        elif self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
        elif tag == "h1" and self._in_title:
            self._in_title = False
        elif tag in self._open:
            while self._open:
                last = self._open.pop()
                self._write_end(last)
                if last == tag:
                    break

    def handle_data(self, data: str) -> None:
        if self._data is not None:
            self._data.append(data)
        elif self._silent:
            return
        elif self._in_title:
            self.title += data
        else:
            if self._heading is not None:
                self._heading[1].append(data)
            self.out.append(escape(data, quote=False))

    def finish(self) -> None:
        """Close what was left open."""
        while self._open:
            self._write_end(self._open.pop())

    def _write_start(self, tag: str, given: dict[str, str]) -> None:
        self._check(tag, given)
        if tag in ("figure", "table"):
            self._numbers[tag] += 1
            given["id"] = f"{tag}-{self._numbers[tag]}"
        if tag == "figure":
            self._captions.append(False)
        if tag == "pre":
            given["tabindex"] = "0"  # it may scroll, which a keyboard can do only from within
        self.out.append(f"<{tag}{_attributes(tag, given)}>")
        if tag in _VOID:
            return
        self._open.append(tag)
        if tag in _HEADINGS:
            self._heading = (len(self.out) - 1, [])
        elif tag == "figcaption" and self._captions:
            self._captions[-1] = True
            self._write_number("figure", "Figure")
        elif tag == "caption":
            self._write_number("table", "Table")

    def _write_end(self, tag: str) -> None:
        if tag in _HEADINGS and self._heading is not None:
            self._write_anchor(tag, *self._heading)
            self._heading = None
        if tag == "figure" and not self._captions.pop():
            self.problems.append("a figure has no caption")
        self.out.append(f"</{tag}>")

    def _write_number(self, kind: str, name: str) -> None:
        number = self._numbers[kind]
        self.out.append(f'<a class="numbered" href="#{kind}-{number}">{name} {number}.</a> ')

    def _write_anchor(self, tag: str, place: int, words: list[str]) -> None:
        text = " ".join("".join(words).split())
        anchor = slug(text) or "section"
        seen = self._anchors[anchor] = self._anchors.get(anchor, 0) + 1
        if seen > 1:
            anchor = f"{anchor}-{seen}"
        self.out[place] = f'<{tag} id="{anchor}">'
        self.out.append(
            f'<a class="anchor" href="#{anchor}" aria-label="Link to: {escape(text)}">#</a>'
        )
        if tag == "h2":
            self.contents.append((anchor, text))

    def _write_data(self, text: str) -> None:
        try:
            held = json.loads(text)
        except ValueError:
            held = None
            self.problems.append("data for a script are no JSON")
        self.out.append(json.dumps(held, separators=(",", ":")).replace("<", "\\u003c"))
        self.out.append("</script>")

    def _check(self, tag: str, given: dict[str, str]) -> None:
        if tag == "img" and not given.get("alt", "").strip():
            self.problems.append("a picture has no alternative text")
        if given.get("role") == "img" and not given.get("aria-label", "").strip():
            self.problems.append("a drawing has no alternative text")


def _attributes(tag: str, given: dict[str, str], only: Iterable[str] | None = None) -> str:
    written = ""
    for name, value in given.items():
        if only is not None and name not in only:
            continue
        if _is_safe(tag, name, value):
            written += f' {name}="{escape(value)}"'
    return written


def _is_safe(tag: str, name: str, value: str) -> bool:
    if name == "href":
        return _leads_somewhere(value) if tag == "a" else tag == "use" and value.startswith("#")
    if name == "src":
        return tag == "img" and value.startswith("data:image/")
    if tag in _SVG and name in _DRAWN:
        return "url(" not in value or value.startswith("url(#")
    return name in _EVERYWHERE or name.startswith(("aria-", "data-"))


def _leads_somewhere(address: str) -> bool:
    """Whether a link is relative or to a page; `javascript:` and the like run."""
    try:
        return urlsplit(address).scheme in ("", "http", "https", "mailto")
    except ValueError:
        return False

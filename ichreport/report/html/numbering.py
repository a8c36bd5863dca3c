"""Numbers of figures and tables, anchors of headings, and what a page lacks.

All of this reads HTML as nh3 writes it: every element closed, every value in double quotes, and
`<` and `>` nowhere but around tags.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from html import escape, unescape
from typing import Final

from ichreport.report.html.blocks import slug

_TAG: Final = re.compile(r"<[^<>]+>")
_HEADING: Final = re.compile(r"<(h[234])\b[^<>]*>(.*?)</\1>", re.DOTALL)
_NUMBERED: Final = re.compile(r"<(figure|table|figcaption|caption)\b([^<>]*)>")


def problems_of(html: str) -> set[str]:
    """What a page lacks: words for its pictures and figures, data that a script can read."""
    return set(_problems(html))


def split_title(html: str) -> tuple[str, str]:
    """The text of the first first-level heading, empty without one; and the rest."""
    title = re.search(r"<h1\b[^<>]*>(.*?)</h1>", html, re.DOTALL)
    return (_text(title[1]), html[: title.start()] + html[title.end() :]) if title else ("", html)


def with_numbers(html: str) -> str:
    """Figures and tables with their numbers as anchors, and in their captions."""
    counts = {"figure": 0, "table": 0}

    def numbered(match: re.Match[str]) -> str:
        tag, attributes = match[1], match[2]
        if tag in counts:
            counts[tag] += 1
            attributes = re.sub(r' id="[^"]*"', "", attributes)
            return f'<{tag}{attributes} id="{tag}-{counts[tag]}">'
        kind = "figure" if tag == "figcaption" else "table"
        link = f'<a class="numbered" href="#{kind}-{counts[kind]}">'
        return f"{match[0]}{link}{kind.capitalize()} {counts[kind]}.</a> "

    return _NUMBERED.sub(numbered, html)


def with_anchors(html: str) -> tuple[str, list[tuple[str, str]]]:
    """Headings with anchors made of their words; anchor and text of those of the second level."""
    counts: Counter[str] = Counter()
    contents = []

    def anchored(match: re.Match[str]) -> str:
        tag, inside = match[1], match[2]
        text = _text(inside)
        anchor = slug(text) or "section"
        counts[anchor] += 1
        if counts[anchor] > 1:
            anchor = f"{anchor}-{counts[anchor]}"
        if tag == "h2":
            contents.append((anchor, text))
        label = escape(f"Link to: {text}")
        link = f'<a class="anchor" href="#{anchor}" aria-label="{label}">#</a>'
        return f'<{tag} id="{anchor}">{inside}{link}</{tag}>'

    return _HEADING.sub(anchored, html), contents


def _problems(html: str) -> Iterator[str]:
    for tag in (part.partition(">")[0] for part in html.split("<")):
        if re.match(r"img\b", tag) and not _has_words(tag, "alt"):
            yield "a picture has no alternative text"
        if ' role="img"' in tag and not _has_words(tag, "aria-label"):
            yield "a drawing has no alternative text"
    for figure in re.findall(r"<figure\b.*?</figure>", html, re.DOTALL):
        if "<figcaption" not in figure:
            yield "a figure has no caption"
    for data in re.findall(r'<pre\b[^<>]* class="[\w-]+-data"[^<>]*>([^<]*)', html):
        try:
            json.loads(unescape(data))
        except ValueError:
            yield "data for a script are no JSON"


def _has_words(tag: str, name: str) -> bool:
    return re.search(rf' {name}="[^"]*[^\s"]', tag) is not None


def _text(html: str) -> str:
    """The words of some HTML."""
    return " ".join(unescape(_TAG.sub("", html)).split())

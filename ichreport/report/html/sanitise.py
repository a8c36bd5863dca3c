"""The content of a page, made safe.

Outputs of notebooks are HTML that others wrote. nh3 parses it as a browser does and keeps known
elements and attributes only; a policy in the page's head stands behind that.
"""

import json
import re
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

import nh3

from ichreport.report.html.numbering import problems_of, split_title, with_anchors, with_numbers

_HTML: Final = (
    "a abbr article aside b blockquote br button caption cite code col colgroup dd del details div "
    "dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img kbd li mark nav ol p pre q s samp "
    "section small span strong sub summary sup table tbody td tfoot th thead time tr tt u ul var "
    "wbr"
)
_SVG: Final = "svg g path text tspan rect line circle ellipse polyline polygon use defs clipPath"
_DROPPED_WITH_CONTENT: Final = (
    "script style iframe object template noscript form textarea select title math foreignObject "
    "audio video head"
)
_EVERYWHERE: Final = (
    "class id title role lang dir tabindex hidden scope colspan rowspan headers open type alt "
    "width height datetime start"
)
_DRAWN: Final = (
    "viewBox x y x1 x2 y1 y2 cx cy r rx ry d points transform fill stroke stroke-width "
    "stroke-dasharray stroke-dashoffset opacity fill-opacity stroke-opacity text-anchor "
    "font-weight font-size stroke-linecap clip-path"
)
_LINK: Final = re.compile(r"(?:https?|mailto):|[^:/?#]*(?:[/?#]|\Z)", re.IGNORECASE)
"""An address that is relative or leads to a page; `javascript:` and the like run."""


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
    """Keep a page's known elements and attributes, and add anchors and numbers.

    Scripts, styles, event handlers, inline style and foreign addresses go. Second- to fourth-level
    headings get an anchor; figures and tables a number; what may scroll, the focus of a keyboard.

    Args:
        html: The content of a page's main part.
        where: The page, named in errors.

    Raises:
        ValueError: If a picture has no alternative text, a figure no caption, or the data that a
            script of ours reads (`<pre class="…-data" hidden>`) are not JSON.
    """
    html = nh3.clean(html, **_policy())
    problems = sorted(problems_of(html))
    if problems:
        raise ValueError(
            f"{where}: {'; '.join(problems)}. Show it as one of the figures of ichreport.report, "
            "which ask for both texts."
        )
    title, html = split_title(html)
    html, contents = with_anchors(with_numbers(html))
    return Fragment(html, title, contents)


def data_element(name: str, value: Any) -> str:
    """Data for a script of ours, as an element that shows and runs nothing.

    Args:
        name: Of the script; the element's class is `<name>-data`, its text the JSON.
        value: What JSON can hold.

    Raises:
        ValueError: If `value` holds NaN or infinity.
    """
    data = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return f'<pre class="{name}-data" hidden>{escape(data, quote=False)}</pre>'


def _policy() -> dict[str, Any]:
    drawn = set(_DRAWN.split())
    return {
        "tags": {*_HTML.split(), *_SVG.split()},
        "clean_content_tags": set(_DROPPED_WITH_CONTENT.split()),
        "attributes": {
            "*": set(_EVERYWHERE.split()),
            "a": {"href"},
            "img": {"src"},
            **dict.fromkeys(_SVG.split(), drawn),
            "use": drawn | {"href"},
        },
        "generic_attribute_prefixes": {"aria-", "data-"},
        "attribute_filter": _kept_value,
        "set_tag_attribute_values": {"pre": {"tabindex": "0"}},  # it may scroll
        "url_schemes": {"http", "https", "mailto", "data"},
        "link_rel": None,
    }


def _kept_value(tag: str, name: str, value: str) -> str | None:
    """An attribute's value; None to drop the attribute."""
    if name == "href":
        keeps = value.startswith("#") if tag == "use" else _LINK.match(value)
    elif name == "src":
        keeps = value.startswith("data:image/")
    elif name in ("alt", "title") or name.startswith(("aria-", "data-")):
        keeps = re.fullmatch(r"[a-z-]+", name)
    else:  # CSS in a drawing's attributes refers to the drawing's own parts only
        keeps = not re.search(r"url\((?!#)|\\", value, re.IGNORECASE)
    return value if keeps else None

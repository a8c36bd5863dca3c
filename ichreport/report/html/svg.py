"""Drawings as SVG that stands inside a page: small, themed by the page, and without inline style.

matplotlib writes style attributes, which a strict Content-Security-Policy forbids, and colours that
would stay as they are on a dark page. Both become attributes here.
"""

import hashlib
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Final
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.figure import Figure

from ichreport.report.html.palette import themed

_SVG: Final = "{http://www.w3.org/2000/svg}"
_LINK: Final = "{http://www.w3.org/1999/xlink}href"
_DROPPED: Final = ("metadata", "style")
_KEPT_STYLE: Final = frozenset(
    {
        "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-dashoffset", "opacity",
        "fill-opacity", "stroke-opacity", "text-anchor", "font-weight", "stroke-linecap",
    }
)  # fmt: skip
_LONG_NUMBER: Final = re.compile(r"-?\d+\.\d{2,}")
_POINTS_TO_PIXELS: Final = 4 / 3


def inline_svg(figure: Figure) -> str:
    """A figure as an SVG element to put into a page.

    Text stays text, in the page's own typeface. Coordinates keep one decimal of a point.
    """
    buffer = BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "ichreport"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    content = buffer.getvalue()
    # matplotlib's own output, not a stranger's
    root = ElementTree.fromstring(content)  # noqa: S314
    left, top, width, height = (float(part) for part in root.attrib["viewBox"].split())
    prefix = f"f{hashlib.sha256(content).hexdigest()[:8]}-"
    _clean(root, prefix, _referenced(content.decode()))
    attributes = {
        "class": "plot",
        "viewBox": f"{left:g} {top:g} {width:g} {height:g}",
        "width": f"{width * _POINTS_TO_PIXELS:.0f}",
        "height": f"{height * _POINTS_TO_PIXELS:.0f}",
        "aria-hidden": "true",
    }
    root.attrib.clear()
    root.attrib.update(attributes)
    text = ElementTree.tostring(root, encoding="unicode")
    text = re.sub(r"<(/?)ns\d+:", r"<\1", text)
    text = re.sub(r' xmlns:ns\d+="[^"]*"', "", text)
    return re.sub(r">\s+<", "><", text)


def _referenced(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"#([\w.-]+)", text))


def _clean(element: ElementTree.Element, prefix: str, referenced: frozenset[str]) -> None:
    for child in list(element):
        tag = child.tag.removeprefix(_SVG) if isinstance(child.tag, str) else "comment"
        if tag in _DROPPED or tag == "comment":
            element.remove(child)
            continue
        _clean(child, prefix, referenced)
        if tag in ("g", "defs") and not len(child):
            element.remove(child)
    _clean_attributes(element, prefix, referenced)


def _clean_attributes(
    element: ElementTree.Element, prefix: str, referenced: frozenset[str]
) -> None:
    attributes = dict(element.attrib)
    style = _style(attributes.pop("style", ""))
    element.attrib.clear()
    for name, value in attributes.items():
        if name == "id":
            if value in referenced:
                element.set("id", prefix + value)
        elif name == _LINK:
            element.set("href", "#" + prefix + value.removeprefix("#"))
        elif name == "clip-path":
            element.set("clip-path", value.replace("#", "#" + prefix))
        elif name == "transform" and value.startswith("rotate(-0 "):
            continue
        elif name in ("d", "points", "transform", "x", "y", "width", "height"):
            element.set(name, _shorter(value))
    for name, value in style.items():
        element.set(name, themed(value) if name in ("fill", "stroke") else value)


def _style(text: str) -> Mapping[str, str]:
    """The declarations of a style attribute that are kept, as attributes."""
    pairs = (part.split(":", 1) for part in text.split(";") if ":" in part)
    style = {name.strip(): value.strip() for name, value in pairs}
    kept = {name: value for name, value in style.items() if name in _KEPT_STYLE}
    font = style.get("font", "")
    if size := re.search(r"([\d.]+)px", font or style.get("font-size", "")):
        kept["font-size"] = size[1]
    if re.search(r"\b(bold|600|700)\b", font):
        kept["font-weight"] = "600"
    return kept


def _shorter(value: str) -> str:
    rounded = _LONG_NUMBER.sub(lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), value)
    return " ".join(rounded.split())

"""Drawings inside a page: the same lines, the page's colours, and no inline style."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from ichreport.report.html import palette
from ichreport.report.html.svg import inline_svg


def draw(*, x=(0, 1, 2), y=(0.0, 0.25, 1.0), color=palette.ACCENT, title="A & B <c>"):
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot(x, y, color=color, gid="line")
    axes.set_title(title)
    return figure


def strip_variables(text):
    """XML cannot tell, a browser can: `var()` is a value like any other."""
    return ElementTree.fromstring(text)


def test_it_is_one_element_without_style_ids_or_foreign_names():
    text = inline_svg(draw())
    root = strip_variables(text)
    assert root.tag == "svg"
    for element in root.iter():
        assert ":" not in element.tag
        assert not {"style", "class"} & set(element.attrib) or element is root
        assert not any(name.startswith("on") for name in element.attrib)
    assert "xmlns" not in text
    assert "<style" not in text
    assert "<metadata" not in text


def test_the_colours_of_the_palette_become_the_page_s_and_others_stay():
    assert f'stroke="var(--plot-accent,{palette.ACCENT})"' in inline_svg(draw())
    assert 'stroke="#123456"' in inline_svg(draw(color="#123456"))


def test_texts_stay_texts():
    texts = [element.text for element in strip_variables(inline_svg(draw())).iter("text")]
    assert "A & B <c>" in texts


def test_lines_keep_their_shape_to_a_tenth_of_a_point():
    x, y = np.linspace(0, 1, 40), np.linspace(0, 1, 40) ** 2
    text = inline_svg(draw(x=x, y=y))
    path = max(re.findall(r' d="(M[^"]*)"', text), key=len)
    points = np.array(re.findall(r"[ML] ?(-?[\d.]+) (-?[\d.]+)", path), dtype=float)
    assert not re.search(r"\.\d\d", path)
    across = (points[:, 0] - points[0, 0]) / np.ptp(points[:, 0])
    up = (points[0, 1] - points[:, 1]) / np.ptp(points[:, 1])
    np.testing.assert_allclose(up, across**2, atol=0.003)


def test_every_reference_leads_to_an_element_of_the_same_drawing():
    text = inline_svg(draw())
    ids = set(re.findall(r' id="([^"]+)"', text))
    asked = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    assert {one or other for one, other in asked} == ids


def test_two_drawings_on_a_page_share_no_name():
    first, second = (
        set(re.findall(r' id="([^"]+)"', inline_svg(draw(title=title)))) for title in "ab"
    )
    assert first
    assert second
    assert not first & second


def test_the_same_figure_gives_the_same_text():
    assert inline_svg(draw()) == inline_svg(draw())


@pytest.mark.parametrize("name", sorted(palette.LIGHT))
def test_every_colour_has_one_for_the_dark(name):
    assert re.fullmatch(r"#[0-9a-f]{6}", palette.LIGHT[name])
    assert re.fullmatch(r"#[0-9a-f]{6}", palette.DARK[name])
    assert palette.themed(palette.LIGHT[name]).startswith("var(--plot-")

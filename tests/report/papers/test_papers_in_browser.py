"""The checklists can be read on a phone, and what scrolls sideways says so."""

from io import BytesIO

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from ichreport.report.html.sanitise import clean
from ichreport.report.layout import page as page_layout
from ichreport.report.papers import pages

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 400, "height": 800}}
SIDEWAYS = "all => all.filter(one => one.scrollWidth > one.clientWidth).length"
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


@pytest.fixture
def path(report, tmp_path):
    """The page of the papers in its frame."""
    fragment = clean(pages.write(report.folder, report.profile, report.results()), where="papers")
    page = page_layout.Page("papers.html", pages.TITLE, "Papers", fragment.html)
    path = tmp_path / page.path
    path.write_text(page_layout.framed(page, [page], synthetic=True), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [400, 1240])
def test_no_checklist_scrolls_sideways(open_page, path, width):
    page = open_page(path, viewport={"width": width, "height": 800}).page
    assert page.locator(".items .table").count() > 8
    assert page.locator(".items .table").evaluate_all(SIDEWAYS) == 0
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_on_a_phone_an_answer_stands_below_its_question_and_stays_a_table(open_page, path):
    page = open_page(path, **PHONE).page
    row = page.get_by_role("table").filter(has_text="Named as a study of AI").get_by_role("row")
    number, asks, status, text = (
        row.nth(1).locator("th, td").nth(place).bounding_box() for place in range(4)
    )
    assert number["width"] < 40
    assert asks["y"] == status["y"] == number["y"]
    assert text["y"] >= asks["y"] + asks["height"]
    assert text["width"] > 300
    assert row.nth(1).get_by_role("cell").count() == 3
    assert row.nth(1).get_by_role("rowheader").count() == 1


def edges(table):
    """How far a table's outermost pixels on the left and on the right are from those within."""
    pixels = np.asarray(Image.open(BytesIO(table.screenshot())).convert("L"), dtype=float)
    bottom = pixels[-4:-2]  # between the last line of text and the edge of the box
    return [abs(bottom[:, place].mean() - np.median(bottom)) > 8 for place in (1, -2)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_edge_beyond_which_a_table_goes_on_has_a_shadow(open_page, path, scheme):
    page = open_page(path, color_scheme=scheme, **PHONE).page
    table = page.locator(".table", has_text="area under the ROC curve").first
    end = table.evaluate("one => one.scrollWidth - one.clientWidth")
    assert end > 60
    for place, shadows in ((0, [False, True]), (end / 2, [True, True]), (end, [True, False])):
        table.evaluate("(one, place) => { one.scrollLeft = place; }", place)
        assert edges(table) == shadows


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_no_rule_of_accessibility_is_broken(open_page, path, scheme):
    page = open_page(path, color_scheme=scheme, **PHONE).page
    found = Axe().run(page, options=WCAG).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []

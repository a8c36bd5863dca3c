"""The pages of new studies in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from ichreport.report.study import site, study_page

pytestmark = pytest.mark.browser

WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


@pytest.fixture
def paths(found, tmp_path):
    """The list, and a study's page beside it."""
    findings = found.findings("study-0001", 0.99, warnings=("Thick slices.",), left_out={"x": 1})
    page = study_page.page(
        findings, found.run, found.store, found.heat, rule="recall-85", prevalence=0.02,
        path=site.path_of(findings),
    )  # fmt: skip
    site.write_study(tmp_path, page)
    site.write_list(tmp_path, [findings], found.run, rule="recall-85", prevalence=0.02)
    return [tmp_path / "index.html", tmp_path / page.path]


def test_no_page_complains_scrolls_sideways_or_breaks_a_rule(paths, open_page):
    for path in paths:
        shown = open_page(path, viewport={"width": 400, "height": 900})
        shown.page.wait_for_load_state("networkidle")
        assert (shown.errors, shown.requests) == ([], [])
        wide = shown.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 400, path.name
        assert Axe().run(shown.page, options=WCAG).response["violations"] == []


def test_the_list_leads_to_a_study_and_back(paths, open_page):
    shown = open_page(paths[0])
    shown.page.get_by_role("link", name="study-0001").click()
    assert shown.page.get_by_role("heading", level=1).inner_text().startswith("study-0001")
    shown.page.get_by_role("link", name="Studies").first.click()
    assert shown.page.get_by_role("heading", level=1).inner_text().startswith("New studies")


def test_the_viewer_opens_on_the_most_suspicious_slice_and_knows_no_truth(paths, open_page):
    shown = open_page(paths[1])
    slider = shown.page.get_by_role("slider", name="Slice")
    assert slider.input_value() == "3"
    assert not shown.page.get_by_label("Truth outline").is_visible()
    label = shown.page.locator(".viewer canvas").get_attribute("aria-label")
    assert label.startswith("study-0001. Slice 3 of")
    assert "Truth" not in label
    shown.page.get_by_label("Heat of").select_option("any")

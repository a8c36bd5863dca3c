"""Every page of a report, opened from a disk in a real browser."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.report.made_up import PICTURE, PLANTED, SCRIPT, TEMPLATE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
"""What can differ between light and dark."""
BROKEN_ALONE = {"resultTypes": ["violations"]}
"""Not each element that is as it should be, too."""

MEGABYTE = 1_000_000
UNFOLD = "for (const fold of document.querySelectorAll('details')) fold.open = true"


@pytest.fixture
def each_page(report, open_page):
    """Opens every page, one after the other, with these context options; or one of each kind.

    All in one tab, on the screen at first.
    """

    def opened(*, of_each_kind=False, **options):
        kinds = {
            path if path.parent == report.folder else path.parent: path for path in report.pages
        }
        first, *others = kinds.values() if of_each_kind else report.pages
        shown = open_page(first, **options)
        yield first.relative_to(report.folder).as_posix(), shown
        for path in others:
            shown.page.emulate_media(media="screen")
            shown.page.goto(path.as_uri())
            yield path.relative_to(report.folder).as_posix(), shown

    return opened


def test_the_report_has_a_page_for_everything(report):
    names = {path.relative_to(report.folder).as_posix() for path in report.pages}
    runs = {f"experiments/{run.name}.html" for run in report.results.all_runs}
    pages = {"index.html", "compare.html", "explore.html", "cam.html", "external.html"}
    assert names >= pages | runs
    assert len(runs) == 6


def test_no_page_complains_asks_for_anything_or_runs_what_was_planted(report, open_page):
    """All stay open: half a second without a request is waited for on all of them at once."""
    dialogs, all_shown = [], {}
    for path in report.pages:
        all_shown[path.relative_to(report.folder)] = shown = open_page(path)
        shown.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        shown.page.mouse.wheel(0, 3000)
    for name, shown in all_shown.items():
        shown.page.wait_for_load_state("networkidle")
        assert (name, shown.errors, shown.requests) == (name, [], [])
        assert shown.page.locator("[onerror]").count() == 0
        assert shown.page.locator("img[src=x]").count() == 0
    assert dialogs == []


def test_a_script_that_gets_onto_a_page_after_all_does_not_run(report, open_page, tmp_path):
    text = (report.folder / "index.html").read_text(encoding="utf-8")
    planted = f"{SCRIPT}<p id='it' onclick='document.title=1'>x</p>"
    path = tmp_path / "index.html"
    path.write_text(text.replace("</main>", f"{planted}</main>"), encoding="utf-8")
    shown = open_page(path)
    shown.page.locator("#it").click()
    assert "Detecting" in shown.page.title()
    assert len(shown.errors) == 2
    assert all("Content Security Policy" in error for error in shown.errors)


@pytest.mark.parametrize(("scheme", "rules"), [("light", WCAG), ("dark", CONTRAST)])
def test_no_page_breaks_a_rule_of_accessibility(each_page, scheme, rules):
    broken = []
    for name, shown in each_page(of_each_kind=scheme == "dark", color_scheme=scheme):
        shown.page.evaluate(UNFOLD)
        for rule in Axe().run(shown.page, options=rules | BROKEN_ALONE).response["violations"]:
            places = [node["html"][:160] for node in rule["nodes"]]
            broken.append((name, rule["id"], places))
    assert broken == []


def test_on_a_phone_no_page_scrolls_sideways(each_page):
    widths = {}
    for name, shown in each_page(viewport={"width": 360, "height": 740}):
        shown.page.evaluate(UNFOLD)
        widths[name] = shown.page.evaluate("document.documentElement.scrollWidth")
    assert {name: width for name, width in widths.items() if width > 360} == {}


def test_what_folds_away_opens_by_a_click_by_a_link_and_for_print(report, open_page):
    shown = open_page(report.folder / "index.html").page
    folds = shown.locator("details.more")
    count = folds.count()
    assert count > 3
    is_open = "all => all.filter(fold => fold.open).length"
    assert folds.evaluate_all(is_open) == 0
    table = folds.first.locator("table").first
    assert not table.is_visible()
    folds.first.locator("summary").first.click()
    assert table.is_visible()
    shown.get_by_role("button", name="Unfold all details").click()
    assert folds.evaluate_all(is_open) == count
    shown.get_by_role("button", name="Fold details").click()
    assert folds.evaluate_all(is_open) == 0
    shown.evaluate("location.hash = document.querySelectorAll('details.more table')[0].id")
    shown.wait_for_function("document.querySelectorAll('details.more[open]').length === 1")
    assert table.is_visible()
    shown.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert folds.evaluate_all(is_open) == count
    shown.evaluate("dispatchEvent(new Event('afterprint'))")
    assert folds.evaluate_all(is_open) == 1


VISIBLE = "all => all.filter(element => element.checkVisibility()).length"


class _Parts(HTMLParser):
    """The tags, links and names that a page's HTML holds."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.ids = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.append(tag)
        self.ids.add(named.get("id"))
        if tag == "a" and named.get("href"):
            self.links.append(named["href"])


def test_without_javascript_all_tables_figures_and_captions_are_there(report, each_page):
    for name, shown in each_page(java_script_enabled=False):
        written = _Parts((report.folder / name).read_text(encoding="utf-8")).tags
        shown.page.evaluate(UNFOLD)
        for tag in ("table", "figure", "figcaption", "caption", "td"):
            visible = shown.page.locator(tag).evaluate_all(VISIBLE)
            assert (name, tag, visible) == (name, tag, written.count(tag))
        assert shown.page.locator("button:visible").count() == 0


def test_the_comparison_without_javascript_holds_all_runs(report, open_page):
    page = open_page(report.folder / "compare.html", java_script_enabled=False).page
    names = page.locator(".runs tbody th").all_inner_texts()
    assert names == [run.name for run in report.results.all_runs]
    assert page.locator("figure.drawing").count() == 2
    alternative = page.locator("figure [role=img]").first.get_attribute("aria-label")
    for name, own in report.results.scored.items():
        assert f"{name} {own.learned.auc_any:.3f}" in alternative


def test_what_was_planted_is_shown_as_text(report, open_page):
    def text(name):
        page = open_page(report.folder / name).page
        page.evaluate(UNFOLD)
        return page.locator("body").inner_text()

    assert f"Does {PLANTED} learn?" in text("experiments/01-small.html")
    assert f"ValueError: {PLANTED}" in text("experiments/04-broken.html")
    assert f"{PICTURE}.weights.h5" in text("experiments/by-hand.html")
    assert f"ValueError: {PLANTED}" in text("cam.html")
    assert f"{PICTURE}.weights.h5" in text("compare.html")
    assert f"Does {PLANTED} learn?" in text("compare.html")
    rejects = text("explore.html")
    assert f"{TEMPLATE}.dcm" in rejects or f"{PICTURE}.dcm" in rejects


def test_the_table_of_losses_marks_the_best_and_keeps_those_without_a_result(report, open_page):
    page = open_page(report.folder / "index.html").page
    table = page.locator("table.sortable").first
    best = table.locator("tr.marked")
    assert best.locator("th").all_inner_texts() == [report.results.best.name]
    area = report.results.best.learned.auc_any
    cells = best.locator("td").all_inner_texts()
    assert [cell for cell in cells if cell.startswith(f"{area:.3f} (")]
    failed = table.locator("tr.quiet", has_text="04-broken").locator("td").all_inner_texts()
    assert failed[-1] == f"failed: ValueError: {PLANTED}"
    assert failed[:3] == ["–"] * 3
    missing = table.locator("tr.quiet", has_text="05-later").locator("td").all_inner_texts()
    assert missing[-1] == "missing: not run yet"


def test_a_failed_run_s_page_says_why_and_how_to_try_again(report, open_page):
    page = open_page(report.folder / "experiments" / "04-broken.html").page
    assert page.locator(".lead").inner_text().startswith("This experiment failed: ValueError")
    assert page.locator("pre").first.inner_text().startswith("Starting\nValueError")
    assert "04-broken.yaml" in page.locator(".copyable pre").inner_text()


def test_the_switch_turns_light_to_dark_and_is_remembered(report, open_page):
    page = open_page(report.folder / "index.html", color_scheme="light").page
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    assert page.evaluate(paper) == dark
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(paper) == light


def test_the_switch_s_dark_is_the_system_s(report, open_page):
    script = """() => { const style = getComputedStyle(document.documentElement);
        return Object.fromEntries([...style].filter(name => name.startsWith("--")).map(name =>
            [name, style.getPropertyValue(name)])); }"""
    by_system = open_page(report.folder / "index.html", color_scheme="dark").page
    by_switch = open_page(report.folder / "index.html", color_scheme="light").page
    by_switch.get_by_role("button", name="Dark").click()
    assert by_switch.evaluate(script) == by_system.evaluate(script)


def test_the_command_to_run_it_again_is_copied(report, open_page):
    options = {"permissions": ["clipboard-read", "clipboard-write"]}
    page = open_page(report.folder / "experiments" / "by-hand.html", **options).page
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    command = page.locator(".copyable pre").inner_text()
    assert page.evaluate("navigator.clipboard.readText()") == command.strip()


def test_previous_and_next_lead_through_all_pages(report, open_page):
    page = open_page(report.folder / "index.html").page
    seen = [page.url]
    while (link := page.locator("a[rel=next]")).count():
        with page.expect_navigation():
            link.click()
        seen.append(page.url)
    assert sorted(seen) == sorted(path.as_uri() for path in report.pages)
    while (link := page.locator("a[rel=prev]")).count():
        with page.expect_navigation():
            link.click()
        assert page.url == seen[-2]
        seen.pop()


def test_every_link_within_the_report_leads_somewhere(report):
    files = {path.as_uri() for path in report.folder.rglob("*") if path.suffix in (".html", ".md")}
    for path in report.pages:
        parts = _Parts(path.read_text(encoding="utf-8"))
        assert len(parts.links) > 10
        for address in (urljoin(path.as_uri(), link) for link in parts.links):
            file, _, anchor = address.partition("#")
            assert file.startswith("https:") or file in files, (path, address)
            if anchor and file == path.as_uri():
                assert unquote(anchor) in parts.ids, (path, anchor)


def test_the_contents_list_is_the_page_s_headings(report, open_page):
    page = open_page(report.folder / "index.html", viewport={"width": 1400, "height": 900}).page
    headings = [text.removesuffix("#") for text in page.locator("main h2").all_inner_texts()]
    assert page.locator(".contents li").all_inner_texts() == headings


def test_figures_and_tables_are_numbered_in_order(report, open_page):
    page = open_page(report.folder / "explore.html").page
    page.evaluate(UNFOLD)
    for name, caption in (("Figure", "figcaption"), ("Table", "caption")):
        texts = page.locator(f"main {caption}").all_inner_texts()
        numbers = [int(re.match(rf"{name} (\d+)\.", text)[1]) for text in texts]
        assert numbers == list(range(1, len(texts) + 1))


def test_pages_are_small_enough_to_send(report):
    sizes = {path.name: path.stat().st_size for path in report.pages}
    assert sizes["index.html"] < MEGABYTE
    assert sizes["compare.html"] < MEGABYTE
    assert max(sizes.values()) < 2 * MEGABYTE


def test_what_folds_away_is_printed_where_no_script_unfolds_it(report, open_page):
    shown = open_page(report.folder / "index.html", java_script_enabled=False).page
    tables = shown.locator("details.more table")
    assert tables.count() > 3
    assert tables.evaluate_all(VISIBLE) == 0
    shown.emulate_media(media="print")
    assert tables.evaluate_all(VISIBLE) == tables.count()


def test_on_paper_there_is_no_navigation_and_no_code(each_page):
    parts = ".top, .contents, .code, .steps, .controls, .copyable button"
    for name, shown in each_page(viewport={"width": 688, "height": 980}):
        shown.page.emulate_media(media="print")
        shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert (name, shown.page.locator(parts).evaluate_all(VISIBLE)) == (name, 0)
        heads = shown.page.locator("thead th:not([hidden])")
        assert [(name, text) for text in heads.all_inner_texts() if not text.strip()] == []
        assert shown.page.pdf().startswith(b"%PDF")

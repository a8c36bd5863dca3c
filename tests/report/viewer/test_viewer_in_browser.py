"""What the viewer shows, read from its canvas and compared with the store."""

import base64
import math
import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from scipy import ndimage

from ichreport.data.series_choice import clearest_slice, representative_series, series_rows
from ichreport.data.store import Store
from ichreport.data.windowing import BRAIN, WINDOWS, Window, linear_window
from ichreport.labels import LABELS
from ichreport.report import site
from ichreport.report.html.sanitise import clean
from ichreport.report.layout import page as page_layout
from ichreport.report.viewer import viewer
from tests.report.conftest import draw_predictions

pytestmark = pytest.mark.browser

FACTOR = 5  # 96 pixels a side become 480: each has one in its center that shows its own HU
HEATED = 3  # the slice of the first series that has a heat map; its upper left quarter is hot


@pytest.fixture(scope="module")
def path(tmp_path_factory, store_folder):
    """A page as the report frames it, with everything that a viewer can show."""
    store = Store.open(store_folder)
    names = representative_series(store.slices)[:2]
    heat = np.zeros((1, 48, 48), np.float32)
    heat[0, :24, :24] = 1
    shown = viewer.show(
        store,
        names,
        predictions=draw_predictions(store),
        thresholds=dict.fromkeys(LABELS, 0.3),
        heat={"any": viewer.Heat(series_rows(store, names[0])[[HEATED]], heat)},
    )
    filler = "<h2>Afterwards</h2><p>More.</p>" * 30
    return write_page(tmp_path_factory.mktemp("viewer"), f"{shown._repr_html_()}{filler}")


def write_page(folder, html):
    """A page as the report frames it."""
    fragment = clean(html, where="test.html")
    scripts = site._scripts(fragment.html)
    page = page_layout.Page("test.html", "A viewer", "Test", fragment.html, scripts=scripts)
    path = folder / page.path
    path.write_text(page_layout.framed(page, [page], synthetic=True), encoding="utf-8")
    return path


def scrolled(page, past):
    """Whether the page has scrolled down by more than `past` pixels within five seconds.

    Playwright's wait_for_function evaluates strings in the page, which the page's policy refuses.
    """
    return page.evaluate(
        """async past => {
            const end = performance.now() + 5000;
            while (scrollY <= past && performance.now() < end)
                await new Promise(requestAnimationFrame);
            return scrollY > past;
        }""",
        past,
    )


class Shown:
    """A viewer on an opened page."""

    def __init__(self, opened, store):
        self.page, self.errors, self.requests = opened.page, opened.errors, opened.requests
        self.root = self.page.locator(".viewer")
        expect(self.root).to_have_attribute("data-state", "ready")
        self.canvas = self.page.locator("canvas")
        self.slider = self.page.get_by_role("slider", name="Slice", exact=True)
        names = representative_series(store.slices)[:2]
        self.series = [store.hu(series_rows(store, name)) for name in names]

    def colors(self):
        """The whole canvas, uint8 of (size, size, 3)."""
        read = """canvas => {
            const picture = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return btoa(picture.data.reduce((text, byte) => text + String.fromCharCode(byte), ""));
        }"""
        flat = np.frombuffer(base64.b64decode(self.canvas.evaluate(read)), np.uint8)
        size = int(np.sqrt(len(flat) / 4))
        assert (flat[3::4] == 255).all()
        return flat.reshape(size, size, 4)[..., :3]

    def grays(self):
        """What the canvas shows of the store's own pixels."""
        centers = self.colors()[FACTOR // 2 :: FACTOR, FACTOR // 2 :: FACTOR]
        assert (centers == centers[..., :1]).all()
        return centers[..., 0].astype(float)

    def number(self):
        """The number of the slice, from 1."""
        return int(self.slider.input_value())

    def window(self):
        """The window that the viewer says it shows."""
        values = [self.page.get_by_label(name).input_value() for name in ("Center", "Width")]
        return Window(*map(float, values))

    def assert_shows(self, number, window=BRAIN, series=0):
        """The canvas shows this slice, and in this window."""
        assert self.number() == number
        expected = linear_window(self.series[series][number - 1], window) * 255.0
        assert np.abs(self.grays() - expected).max() <= 0.51

    def drag(self, right, down):
        """Press the mouse in the middle of the image, move it and let go."""
        box = self.canvas.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + right, y + down, steps=4)
        self.page.mouse.up()


def test_the_patients_right_is_marked_on_the_left_of_the_image(shown):
    image = shown.canvas.bounding_box()
    for mark, expected in (("R", 0.0), ("L", 1.0)):
        box = shown.page.locator(f".stage > span:text-is('{mark}')").bounding_box()
        place = (box["x"] + box["width"] / 2 - image["x"]) / image["width"]
        assert abs(place - expected) < 0.1
        assert abs(box["y"] + box["height"] / 2 - image["y"] - image["height"] / 2) < 10


def test_sides_that_are_not_known_are_not_marked(tmp_path, open_page, store, monkeypatch):
    monkeypatch.setattr(store, "slices", store.slices.assign(orientation="unknown"))
    names = representative_series(store.slices)[:2]
    shown = Shown(open_page(write_page(tmp_path, viewer.show(store, names)._repr_html_())), store)
    for mark in "RL":
        expect(shown.page.locator(f".stage > span:text-is('{mark}')")).to_be_hidden()


@pytest.fixture
def shown(open_page, path, store):
    """The viewer without outline and heat."""
    shown = Shown(open_page(path, viewport={"width": 1200, "height": 800}), store)
    shown.page.get_by_label("Truth outline").uncheck()
    shown.page.get_by_label("Opacity").fill("0")
    return shown


@pytest.fixture
def last(shown):
    """The number of the last slice."""
    return len(shown.series[0])


def test_it_opens_on_the_slice_that_shows_most(shown, store):
    rows = series_rows(store, representative_series(store.slices)[0])
    subtypes = (store.slices[list(LABELS[:-1])].iloc[rows] == 1).sum(axis=1).to_numpy()
    assert subtypes[shown.number() - 1] == subtypes.max()
    shown.assert_shows(shown.number())


def test_keys_scroll_through_the_series(shown, last):
    shown.canvas.focus()
    for key, number in (
        ("Home", 1),
        ("ArrowUp", 1),
        ("ArrowDown", 2),
        ("ArrowRight", 3),
        ("PageDown", 8),
        ("ArrowLeft", 7),
        ("PageUp", 2),
        ("End", last),
        ("PageDown", last),
    ):
        shown.page.keyboard.press(key)
        shown.assert_shows(number)


def test_keys_scroll_no_page(shown):
    shown.canvas.focus()
    before = shown.page.evaluate("scrollY")
    for key in ("Home", "PageUp", "ArrowUp"):
        shown.page.keyboard.press(key)
    assert shown.page.evaluate("scrollY") == before


def test_the_slider_scrolls_through_the_series(shown):
    shown.slider.fill("5")
    shown.assert_shows(5)
    shown.slider.press("ArrowRight")
    shown.assert_shows(6)


def test_the_wheel_scrolls_the_page_until_the_image_is_clicked(shown):
    shown.slider.fill("3")
    shown.slider.blur()
    shown.canvas.hover()
    shown.page.mouse.wheel(0, 120)
    assert scrolled(shown.page, past=0)
    assert shown.number() == 3
    shown.canvas.click()
    before = shown.page.evaluate("scrollY")
    shown.page.mouse.wheel(0, 60)
    expect(shown.slider).to_have_value("4")
    shown.assert_shows(4)
    assert shown.page.evaluate("scrollY") == before


def test_a_notch_of_a_mouse_wheel_is_one_slice(shown):
    shown.canvas.click()
    shown.page.keyboard.press("Home")
    for number in (2, 3, 4):
        shown.page.mouse.wheel(0, 120)
        expect(shown.slider).to_have_value(str(number))
    shown.page.mouse.wheel(0, -120)
    expect(shown.slider).to_have_value("3")
    for mode in ("DOM_DELTA_LINE", "DOM_DELTA_PAGE"):
        shown.canvas.evaluate(
            """(canvas, mode) => canvas.dispatchEvent(new WheelEvent("wheel",
                {deltaY: -1, deltaMode: WheelEvent[mode], bubbles: true, cancelable: true}))""",
            mode,
        )
    assert shown.number() == 1


def test_small_steps_of_a_trackpad_add_up_to_a_slice(shown):
    shown.canvas.click()
    shown.page.keyboard.press("Home")
    roll = """(canvas, steps) => { for (const deltaY of steps) canvas.dispatchEvent(
        new WheelEvent("wheel", {deltaY, bubbles: true, cancelable: true})); }"""
    shown.canvas.evaluate(roll, [13, 13, 13])
    assert shown.number() == 1
    shown.canvas.evaluate(roll, [13])
    assert shown.number() == 2
    shown.canvas.evaluate(roll, [30, -30, 30])  # back and forth goes nowhere
    assert shown.number() == 2


def test_at_the_end_of_a_series_the_wheel_scrolls_the_page(shown, last):
    shown.canvas.click()
    shown.page.keyboard.press("End")
    shown.page.mouse.wheel(0, 200)
    assert scrolled(shown.page, past=0)
    assert shown.number() == last


@pytest.mark.parametrize("name", WINDOWS)
def test_a_button_sets_a_window(shown, name):
    button = shown.page.get_by_role("button", name=name.capitalize(), exact=True)
    button.click()
    shown.assert_shows(shown.number(), WINDOWS[name])
    expect(button).to_have_attribute("aria-pressed", "true")
    assert shown.page.locator(".presets [aria-pressed=true]").count() == 1


def test_numbers_set_any_window(shown):
    shown.page.get_by_label("Center").fill("-20")
    shown.page.get_by_label("Width").fill("333")
    shown.page.get_by_label("Width").blur()
    shown.assert_shows(shown.number(), Window(-20, 333))


@pytest.mark.parametrize(
    ("drag", "wider", "higher"), [((90, 0), 1, 0), ((-90, 0), -1, 0), ((0, 60), 0, 1)]
)
def test_a_drag_sets_the_width_across_and_the_center_along(shown, drag, wider, higher):
    number = shown.number()
    shown.drag(*drag)
    window = shown.window()
    assert np.sign(window.width - BRAIN.width) == wider
    assert np.sign(window.center - BRAIN.center) == higher
    shown.assert_shows(number, window)
    assert f"C {window.center:g}" in shown.page.locator(".at-window").inner_text()


def test_the_pointer_reads_the_hu_of_the_store(shown):
    box = shown.canvas.bounding_box()
    hu = shown.series[0][shown.number() - 1]
    for row, column in ((48, 50), (30, 60), (2, 2)):
        x, y = ((place + 0.5) / 96 * box["width"] for place in (column, row))
        shown.page.mouse.move(box["x"] + x, box["y"] + y)
        said = shown.page.locator(".at-pointer").inner_text().replace("\u2212", "-")
        assert said == f"{hu[row, column]} HU"


def test_a_click_on_a_strip_goes_to_its_slice(shown, last):
    box = shown.page.locator(".tracks").bounding_box()
    for number in (2, 6, last):
        x = box["x"] + (number - 0.5) / last * box["width"]
        shown.page.mouse.click(x, box["y"] + box["height"] * 0.4)
        shown.assert_shows(number)


def test_a_label_s_name_goes_to_its_most_probable_slice(shown, store, predictions):
    rows = series_rows(store, representative_series(store.slices)[0])
    for label in ("any", "subdural"):
        best = int(predictions[f"probability_{label}"].to_numpy()[rows].argmax()) + 1
        button = shown.page.locator(".strips").get_by_role("button", name=label, exact=True)
        button.press("Enter")
        shown.assert_shows(best)


def test_strips_are_as_high_as_the_probabilities(shown, store, predictions):
    rows = series_rows(store, representative_series(store.slices)[0])
    label = LABELS.index("subdural")
    heights = (
        shown.page.locator(".tracks svg")
        .nth(label)
        .evaluate(
            """svg => Array.from(svg.querySelectorAll('rect[fill^="var(--plot-label"]'),
            rect => Number(rect.getAttribute("height")))"""
        )
    )
    expected = 20 * predictions["probability_subdural"].to_numpy()[rows]
    np.testing.assert_allclose(heights, np.maximum(expected, 0.6), atol=2e-3)


def test_heat_covers_what_is_hot_and_nothing_else(shown):
    shown.slider.fill(str(HEATED + 1))
    plain = shown.colors().astype(int)
    opacity = shown.page.get_by_label("Opacity")
    opacity.fill("50")
    half = shown.colors()
    opacity.fill("100")
    full = shown.colors()
    hottest = [252, 255, 164]  # the end of the inferno colours
    assert (full[:200, :200] == hottest).all()
    expected = (plain[:200, :200] + np.array(hottest)) / 2
    assert np.abs(half[:200, :200] - expected).max() <= 0.51
    cold = np.s_[260:, 260:]
    np.testing.assert_array_equal(full[cold], plain[cold])
    shown.slider.fill(str(HEATED + 2))
    shown.assert_shows(HEATED + 2)


def test_the_outline_follows_the_edge_of_each_bleeding(shown, store):
    rows = series_rows(store, representative_series(store.slices)[0])
    [truth] = store.truth([rows[shown.number() - 1]])
    bleeds = [truth >> bit & 1 for bit in range(5) if (truth >> bit & 1).any()]
    assert bleeds
    plain = shown.colors()
    shown.page.get_by_label("Truth outline").check()
    drawn = (shown.colors() != plain).any(axis=-1)
    edges = np.zeros_like(drawn)
    for bleed in bleeds:
        large = bleed.repeat(FACTOR, axis=0).repeat(FACTOR, axis=1)
        inner = ndimage.binary_erosion(large, iterations=FACTOR)
        edges |= ndimage.binary_dilation(large, iterations=FACTOR) & ~inner
        parts, count = ndimage.label(large)
        assert all((drawn & (parts == part + 1)).any() for part in range(count))
    assert not (drawn & ~edges).any()
    shown.page.get_by_label("Truth outline").uncheck()
    np.testing.assert_array_equal(shown.colors(), plain)


def test_another_series_can_be_chosen(shown, store):
    name = representative_series(store.slices)[1]
    shown.page.get_by_role("combobox", name="Series").select_option(index=1)
    rows = series_rows(store, name)
    expect(shown.slider).to_have_attribute("max", str(len(rows)))
    expect(shown.canvas).to_have_attribute("aria-label", re.compile("^Series 2"))
    shown.assert_shows(int(np.searchsorted(rows, clearest_slice(store, rows))) + 1, series=1)


def test_slice_truth_and_probability_are_said(shown, store, predictions):
    rows = series_rows(store, representative_series(store.slices)[0])
    shown.slider.fill("4")
    value = predictions["probability_any"].to_numpy()[rows[3]]
    said = shown.page.locator("[aria-live=polite]").inner_text()
    assert said.startswith(f"Slice 4 of {len(rows)}")
    assert f"any {value:.2f}" in said
    assert said in shown.canvas.get_attribute("aria-label")


def test_labels_at_or_above_their_own_thresholds_are_said(open_page, tmp_path, store, predictions):
    [name] = representative_series(store.slices)[:1]
    rows = series_rows(store, name)
    known = predictions[[f"probability_{label}" for label in LABELS]].to_numpy()[rows[3]]
    given = dict(zip(LABELS, known, strict=True))  # exactly at the threshold is called
    given |= {"subdural": given["subdural"] + 1e-5, "epidural": math.nan}
    for thresholds, said in (
        (given, ", ".join(label for label in LABELS if label not in ("subdural", "epidural"))),
        (dict.fromkeys(LABELS, 1.0), "none"),
    ):
        view = viewer.show(store, name, predictions=predictions, thresholds=thresholds)
        shown = Shown(open_page(write_page(tmp_path, view._repr_html_())), store)
        shown.slider.fill("4")
        text = shown.page.locator("[aria-live=polite]").inner_text()
        assert text.endswith(
            f"Probability: any {known[-1]:.2f}. Labels at or above their thresholds: {said}."
        )


def test_without_thresholds_every_probability_is_said(open_page, tmp_path, store, predictions):
    [name] = representative_series(store.slices)[:1]
    view = viewer.show(store, name, predictions=predictions)
    shown = Shown(open_page(write_page(tmp_path, view._repr_html_())), store)
    shown.slider.fill("4")
    text = shown.page.locator("[aria-live=polite]").inner_text()
    for label in LABELS:
        value = predictions[f"probability_{label}"].to_numpy()[series_rows(store, name)[3]]
        assert f"{label} {value:.2f}" in text
    assert "threshold" not in text


def test_a_finger_scrolls_slices_across_and_the_page_along(open_page, path, store):
    options = {"viewport": {"width": 400, "height": 800}, "has_touch": True, "is_mobile": True}
    shown = Shown(open_page(path, **options), store)
    shown.slider.fill("2")
    box = shown.canvas.bounding_box()
    touch = shown.page.context.new_cdp_session(shown.page)

    def swipe(right, down):
        x, y = box["x"] + 100, box["y"] + 200
        for step in range(9):
            point = {"x": x + right * step / 8, "y": y + down * step / 8}
            kind = "touchMove" if step else "touchStart"
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    swipe(140, 0)
    assert shown.number() > 2
    assert shown.window() == BRAIN
    number = shown.number()
    swipe(0, -150)
    assert scrolled(shown.page, past=50)
    assert shown.number() == number


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_broken(open_page, path, store, scheme):
    shown = Shown(open_page(path, color_scheme=scheme), store)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    found = Axe().run(shown.page, options=rules).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


def test_on_a_narrow_page_nothing_scrolls_sideways(open_page, path, store):
    shown = Shown(open_page(path, viewport={"width": 360, "height": 740}), store)
    assert shown.page.evaluate("document.documentElement.scrollWidth") == 360


def test_it_asks_for_nothing_and_complains_of_nothing(shown):
    shown.page.get_by_role("combobox", name="Series").select_option(index=1)
    shown.canvas.click()
    assert shown.errors == []
    assert shown.requests == []


def test_text_from_data_shows_up_as_text(open_page, tmp_path, planted):
    store, name = planted
    opened = open_page(write_page(tmp_path, viewer.show(store, name)._repr_html_()))
    expect(opened.page.locator(".uid")).to_have_text(name)
    assert opened.page.locator("main img").count() == 1
    assert opened.errors == []


def test_without_javascript_the_picture_and_its_caption_are_there(open_page, path):
    page = open_page(path, java_script_enabled=False).page
    picture = page.locator(".viewer > img")
    expect(picture).to_be_visible()
    assert "brain window" in picture.get_attribute("alt")
    expect(page.locator("figcaption")).to_be_visible()
    assert page.locator("canvas").count() == 0


def test_on_paper_the_picture_takes_the_viewer_s_place(shown):
    picture = shown.page.locator(".viewer > img")
    expect(picture).to_be_hidden()
    shown.page.emulate_media(media="print")
    expect(picture).to_be_visible()
    expect(shown.canvas).to_be_hidden()


def test_in_a_notebook_each_viewer_brings_what_it_needs(open_page, tmp_path, store):
    outputs = [viewer.show(store, name) for name in representative_series(store.slices)[:2]]
    path = tmp_path / "notebook.html"
    path.write_text("".join(output._repr_html_() for output in outputs), encoding="utf-8")
    opened = open_page(path)
    for place in range(2):
        expect(opened.page.locator(".viewer").nth(place)).to_have_attribute("data-state", "ready")
    assert opened.page.locator("canvas").count() == 2
    controls = opened.page.locator(".viewer").locator("canvas, button, input, select")
    kept = controls.and_(opened.page.locator("[data-lm-suppress-shortcuts=true]"))
    assert kept.count() == controls.count() > 20  # JupyterLab leaves their keys to them
    assert opened.errors == []


def test_a_browser_that_cannot_inflate_keeps_the_picture(chromium, path):
    with chromium.new_context() as context:
        context.add_init_script("delete window.DecompressionStream")
        page = context.new_page()
        page.goto(path.as_uri())
        expect(page.locator(".viewer > img")).to_be_visible()
        assert page.locator("canvas").count() == 0

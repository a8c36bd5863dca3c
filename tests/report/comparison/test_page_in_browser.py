"""What the page of comparisons shows, against values computed by other means."""

import re

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from ichreport.labels import LABELS
from tests.report.made_up import EXPERIMENTS, SKILL

pytestmark = pytest.mark.browser


@pytest.fixture
def compare(open_page, report):
    """Opens the page at an address' hash."""

    def opened(hash_=""):
        shown = open_page(report.folder / "compare.html", viewport={"width": 1300, "height": 900})
        if hash_:
            shown.page.goto(f"{shown.page.url}{hash_}")
            shown.page.reload()
        return shown.page

    return opened


def cells(page, selector):
    """The shown cells of a table, head first."""
    script = """table => [...table.rows].filter(row => row.checkVisibility()).map(row =>
        [...row.cells].filter(cell => cell.checkVisibility()).map(cell => cell.innerText.trim()))"""
    return page.locator(selector).evaluate(script)


def runs_table(page):
    head, *rows = cells(page, ".runs table")
    return pd.DataFrame(rows, columns=head)


def test_the_best_run_and_the_next_on_the_same_slices_are_shown_at_first(compare):
    page = compare()
    names = page.locator(".key a").all_inner_texts()
    assert names == ["01-small", "02-large"]


def test_the_runs_of_the_address_are_shown_and_the_choice_is_kept_there(compare):
    page = compare("#runs=03-windowed,by-hand,01-small&label=subdural")
    assert page.locator(".key a").all_inner_texts() == ["03-windowed", "by-hand", "01-small"]
    expect(page.get_by_label("Label of the curves")).to_have_value("subdural")
    page.get_by_label("Run 2").select_option("02-large")
    page.get_by_label("Run 3").select_option("")
    assert page.url.endswith("#runs=03-windowed,02-large&label=subdural")
    page.reload()
    assert page.locator(".key a").all_inner_texts() == ["03-windowed", "02-large"]


def test_an_address_with_unknown_runs_falls_back_to_known_ones(compare):
    page = compare("#runs=nobody,<script>,02-large&label=nothing")
    assert page.locator(".key a").all_inner_texts() == ["02-large", "01-small"]
    expect(page.get_by_label("Label of the curves")).to_have_value("any")


def test_only_parameters_that_differ_are_listed(compare, report):
    page = compare("#runs=01-small,03-windowed")
    head, *rows = cells(page, ".shown table >> nth=0")
    assert head == ["parameter", "01-small", "03-windowed"]
    first, second = (report.results.all_scored[n].run_record.parameters for n in head[1:])
    differing = {n for n in first if first[n] != second[n]} - {"name", "question"}
    # neither names a split: the samples decide
    assert {row[0].replace(" ", "_") for row in rows} == differing | {"split_by"}
    assert ["sample", "fullid", "sampa"] in rows
    assert ["split by", "group", "slice"] in rows


def test_scores_by_label_are_scikit_learns(compare, report):
    page = compare("#runs=01-small,by-hand")
    _, *rows = cells(page, ".shown table >> nth=1")
    shown = {row[0]: row[1:] for row in rows}
    for place, name in enumerate(("01-small", "by-hand")):
        table = report.results.all_scored[name].predictions.query("split == 'test'")
        for label in LABELS:
            truth, score = table[f"truth_{label}"], table[f"probability_{label}"].astype(float)
            for title, value in (
                ("AUC", roc_auc_score(truth, score)),
                ("average precision", average_precision_score(truth, score)),
                ("log loss", log_loss(truth, score)),
            ):
                said, low, high = map(
                    float, re.findall(r"[\d.]+", shown[f"{title}, {label}"][place])
                )
                assert said == pytest.approx(value, abs=0.0006), (name, title, label)
                assert low <= said <= high


def points_of(page, panel, line):
    """The corners of a drawn line, in the units of its panel's unit square."""
    d = page.locator(".shown .chart").nth(panel).locator(".line").nth(line).get_attribute("d")
    corners = np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", d), dtype=float)
    return (corners - [44, 250]) / [316 - 10 - 44, -(250 - 12)]


def test_the_roc_curves_drawn_enclose_the_areas_that_are_told(compare, report):
    page = compare("#runs=02-large,03-windowed&label=epidural")
    for line, name in enumerate(("02-large", "03-windowed")):
        points = points_of(page, 1, line)
        assert points[0] == pytest.approx([0, 0], abs=1e-3)
        assert points[-1] == pytest.approx([1, 1], abs=1e-3)
        area = float(np.trapezoid(points[:, 1], points[:, 0]))
        auc = report.results.all_scored[name].assessment.score("auc", "epidural")["value"]
        assert area == pytest.approx(auc, abs=0.01)


def test_different_test_slices_and_losses_are_told(compare):
    page = compare("#runs=01-small,by-hand")
    overlap = re.compile("^Each interval is of one run.* although their intervals overlap")
    expect(page.locator(".shown .note")).to_have_text([overlap])
    page = compare("#runs=01-small,02-large")
    losses = re.compile("^They train different losses")
    expect(page.locator(".shown .note")).to_have_text([overlap, losses])
    page = compare("#runs=01-small,03-windowed")
    expect(page.locator(".shown .note")).to_have_text([re.compile("tested on different slices")])


def test_all_runs_are_in_the_table_with_those_that_failed(compare):
    table = runs_table(compare()).set_index("experiment")
    assert list(table.index) == [*EXPERIMENTS, "by-hand"]
    assert table.loc["04-broken", "verdict"].startswith("failed: ValueError: <script>alert(1)")
    assert table.loc["05-later", "verdict"] == "missing: not run yet"
    assert table.loc["05-later", "loss"] == "weighted-bce"  # what it would be
    assert table.loc["05-later", "AUC any"] == "–"


def test_columns_that_agree_start_hidden_and_can_be_shown(compare):
    page = compare()
    shown = runs_table(page)
    assert all(len(set(shown[name])) > 1 for name in shown.columns)
    assert "batch size" not in shown.columns
    page.get_by_text(re.compile(r"^Columns: \d+ of \d+")).click()
    page.get_by_label("batch size").check()
    assert set(runs_table(page)["batch size"]) == {"32"}
    page.get_by_role("button", name="Show all").click()
    everything = runs_table(page)
    assert len(everything.columns) > len(shown.columns) + 1
    page.get_by_role("button", name="Show those that differ").click()
    pd.testing.assert_frame_equal(runs_table(page), shown)
    page.get_by_role("checkbox", name="network", exact=True).uncheck()
    pd.testing.assert_frame_equal(runs_table(page), shown.drop(columns="network"))


def test_rows_are_those_that_hold_every_word(compare):
    page = compare()
    everything = runs_table(page)
    page.get_by_label("Rows with").fill("CNN7 fullid")
    shown = runs_table(page)
    wanted = everything[(everything["network"] == "cnn7") & (everything["sample"] == "fullid")]
    pd.testing.assert_frame_equal(shown, wanted.reset_index(drop=True))
    expect(page.locator(".runs [role=status]")).to_have_text(
        f"{len(wanted)} of {len(everything)} runs"
    )
    page.get_by_label("Rows with").fill("")
    pd.testing.assert_frame_equal(runs_table(page), everything)


def figures(column):
    """The figures of a column of texts, without their intervals; NaN for a dash."""
    return pd.to_numeric(column.str.split().str[0], errors="coerce")


@pytest.mark.parametrize("column", ["AUC any", "log loss, test", "network"])
def test_sorting_is_pandas_order_with_the_missing_last(compare, column):
    page = compare()
    before = runs_table(page).set_index("experiment")[column]
    values = before if column == "network" else figures(before)
    head = page.locator(".runs thead th").filter(has_text=re.compile(f"^{column}"))
    for ascending in (True, False):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == ("ascending" if ascending else "descending")
        expected = values.sort_values(ascending=ascending, kind="stable")
        shown = runs_table(page).set_index("experiment")[column]
        assert shown.tolist() == before[expected.index].tolist()


def test_the_best_skill_has_the_best_area(compare):
    areas = figures(runs_table(compare()).set_index("experiment")["AUC any"])
    assert areas.dropna().sort_values().index.tolist() == sorted(SKILL, key=SKILL.get)

"""Runs by hand on the page of results: as variants, and nowhere else."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ichreport.report.comparison import poster_findings, poster_tables, runs_by_hand
from ichreport.runs.record import RunRecord
from ichreport.runs.results import Results, Variant
from tests.report.comparison.made_runs import BASELINE, gathered, run


@pytest.fixture(scope="module")
def rows():
    return gathered(
        run(BASELINE, 1.0, poster_row=5), run("13-all", 2.0, seed=2, sample="fullid", poster_row=13)
    )


def with_by_hand(rows, *variants):
    """The same rows, and runs by hand beside them."""
    runs = [variant.scored.run_record for variant in variants]
    by_name = {variant.scored.name: variant for variant in variants}
    return Results(rows.runs, rows.scored, rows.expected, runs, by_name)


@pytest.fixture(scope="module")
def both(rows):
    mine = run("mine", 9.0, seed=4, poster_row=5)
    differences = {"epochs": (3, 12), "loss": ("bce", "focal")}
    return with_by_hand(rows, Variant(mine, BASELINE, differences))


def test_it_stands_beside_its_row_with_what_differs_and_what_that_changes(both):
    [[link, row, differs, _, area, _, gain]] = runs_by_hand.table(both).rows
    assert (link.text, link.href) == ("mine", "experiments/mine.html")
    assert (row.text, row.href) == (BASELINE, f"experiments/{BASELINE}.html")
    assert differs == "epochs 3 (12); loss bce (focal)"
    areas = []
    for scored in (both.variants["mine"].scored, both.scored[BASELINE]):
        test = scored.predictions.query("split == 'test'")
        areas.append(roc_auc_score(test["truth_any"], test["probability_any"].astype(float)))
    np.testing.assert_allclose(float(area.split()[0]), areas[0], atol=6e-4)
    np.testing.assert_allclose(float(gain.split()[0]), areas[0] - areas[1], atol=6e-4)
    assert area.endswith(" *")  # its sample is split by slice


def test_on_other_slices_or_without_its_row_there_is_no_difference(rows):
    elsewhere = run("mine", 1.0, seed=3, study_slices=8)
    elsewhere.record["assessment"]["test_set"] = "another"
    alone = run("yours", 1.0, seed=3)
    table = runs_by_hand.table(
        with_by_hand(rows, Variant(elsewhere, BASELINE, {}), Variant(alone, "", {}))
    )
    assert [cells[2] for cells in table.rows] == ["nothing", "–"]
    assert [cells[5:] for cells in table.rows] == [["–", "–"]] * 2


def test_an_area_that_is_not_defined_bears_no_mark(rows):
    mine = run("mine", 1.0, seed=4)
    scores = mine.record["assessment"]["scores"]
    names = zip(scores["split"], scores["score"], scores["label"], strict=True)
    at = list(names).index(("test", "auc", "any"))
    for column in ("value", "low", "high"):
        scores[column][at] = None
    [cells] = runs_by_hand.table(with_by_hand(rows, Variant(mine, "", {}))).rows
    assert cells[4] == "–"


def test_without_any_that_is_said(rows):
    assert "There is none." in str(runs_by_hand.table(rows))


def test_nothing_that_is_said_of_the_rows_changes_with_it(rows, both):
    assert str(poster_tables.sentences(both)) == str(poster_tables.sentences(rows))
    assert str(poster_tables.losses(both)) == str(poster_tables.losses(rows))
    assert str(poster_findings.table(poster_findings.judge(both))) == str(
        poster_findings.table(poster_findings.judge(rows))
    )
    assert both.best is rows.best


def test_one_that_failed_is_named(rows):
    failed = RunRecord("mine", None, "failed", {}, "record.json is damaged.")
    with_failed = Results(rows.runs, rows.scored, {}, [failed])
    said = "mine has no figures (failed): record.json is damaged."
    assert said in poster_tables.sentences(with_failed).sentences
    assert said not in poster_tables.sentences(rows).sentences


def test_a_row_with_several_seeds_is_there_with_the_first_as_the_caption_says(rows):
    again = run(f"{BASELINE}--seed-2", 0.5, seed=3)
    several = gathered(*rows.scored.values(), again)
    variant = Variant(run("mine", 1.5, seed=1), BASELINE, {})
    [[*cells], [*once]] = (
        runs_by_hand.table(with_by_hand(each, variant)).rows[0] for each in (several, rows)
    )
    assert cells == once
    assert "–" not in cells[5:]
    caption = runs_by_hand.table(with_by_hand(several, variant)).caption
    assert "of a row with several seeds the first" in caption

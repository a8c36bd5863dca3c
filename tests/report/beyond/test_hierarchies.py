"""Hierarchical rows beside the flat ones that they build on."""

import pytest

from ichreport.report.beyond import each_label, hierarchies, ladder
from ichreport.report.html.blocks import Sentences
from tests.report.beyond.made_ladder import TUNED, frozen, gathered, run, tuned

FLAT_FIRST, BOTH, TWICE = "21-together", "22-conditional", "23-again"


@pytest.fixture(scope="module")
def climbed():
    return ladder.climb(
        gathered(
            frozen(),
            tuned(),
            run(FLAT_FIRST, 3.1, seed=5, baseline=TUNED, hierarchy="together"),
            run(TWICE, 3.2, seed=6, baseline=FLAT_FIRST, hierarchy="conditional"),
        )
    )


def test_only_rows_that_leave_a_flat_one_are_compared(climbed):
    assert hierarchies.hierarchical(climbed) == [FLAT_FIRST]


def test_its_figures_are_those_of_the_ladder_and_of_each_label(climbed):
    by_label = each_label.compare(climbed)
    table = hierarchies.table(climbed, by_label)
    measures = [row[1] for row in table.rows]
    assert measures[:3] == ["weighted log loss", "AUC, any", "AUC, epidural"]
    assert len(measures) == 7
    [loss] = [row for row in ladder.table(climbed).rows if row[0].text == FLAT_FIRST]
    assert list(table.rows[0][2:]) == list(loss[2:5])
    epidural = next(
        row
        for row in each_label.table(by_label).rows
        if (row[0].text, row[1]) == (FLAT_FIRST, "epidural")
    )
    assert list(table.rows[2][2:]) == list(epidural[3:6])


def test_without_such_a_row_a_sentence_stands_in_its_place():
    flat = ladder.climb(gathered(frozen(), tuned()))
    shown = hierarchies.table(flat, each_label.compare(flat))
    assert isinstance(shown, Sentences)
    assert "nothing to compare" in str(shown)
    assert "No row is hierarchical" in str(hierarchies.verdict(flat))


def test_the_verdict_counts_the_outcomes_of_the_ladder(climbed):
    [loss] = [row for row in ladder.table(climbed).rows if row[0].text == FLAT_FIRST]
    said = str(hierarchies.verdict(climbed))
    assert said.startswith(
        "Hierarchical rows beside their flat baselines, by the weighted log loss"
    )
    assert f": 1 {loss[4].text}" in said
    assert "No row is hierarchical" not in said

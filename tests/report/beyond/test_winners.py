"""The challenge's winners, and ours beside them only where that means something."""

import pytest
from sklearn.metrics import log_loss

from ichreport.labels import LABELS
from ichreport.report.beyond import ladder, winners
from ichreport.report.html.blocks import Row
from tests.report.beyond.made_ladder import FROZEN, TUNED, assessed, frozen, gathered, run, tuned

CHALLENGE = {"challenge": True, "synthetic": False}
SYNTHETIC = {"challenge": True, "synthetic": True}
HOSPITAL = {"challenge": False, "synthetic": False}


@pytest.fixture(scope="module")
def climbed():
    return ladder.climb(gathered(assessed(frozen()), assessed(tuned())))


def ours(table):
    return [row for row in table.rows if isinstance(row, Row) and row.kind == "marked"]


def test_on_the_challenge_s_slices_ours_stand_beside_as_its_mean(climbed):
    table = winners.table(climbed, CHALLENGE)
    rows = ours(table)
    assert [row.cells[0].text for row in rows] == [FROZEN, TUNED]
    test = climbed.results.scored[TUNED].predictions.query("split == 'test'")
    losses = {
        label: log_loss(test[f"truth_{label}"], test[f"probability_{label}"].astype(float))
        for label in LABELS
    }
    mean = (sum(losses.values()) + losses["any"]) / 7
    assert rows[1].cells[2].split()[0] == f"{mean:.4f}"
    assert "The bold rows are ours" in table.caption


def test_ours_on_seen_patients_bear_a_mark():
    leaking = {"sample": "sampa", "split_by": "slice"}
    start, step = run(FROZEN, 1.0, **leaking), tuned(**leaking)
    table = winners.table(ladder.climb(gathered(assessed(start), assessed(step))), CHALLENGE)
    assert [row.cells[0].text for row in ours(table)] == [f"{FROZEN} *", f"{TUNED} *"]
    assert "A * marks one whose test patients are in train too" in table.caption


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (SYNTHETIC, "A comparison with the winners would mean nothing"),
        (HOSPITAL, "The slices of this report are not the challenge's"),
    ],
)
def test_on_other_slices_ours_are_left_out_and_it_is_said_why(climbed, manifest, why):
    table = winners.table(climbed, manifest)
    assert ours(table) == []
    assert why in table.caption
    assert "The bold rows" not in table.caption


def test_a_run_on_synthetic_heads_is_left_out_whatever_the_store_at_hand_says():
    run = assessed(tuned(), provenance={"synthetic": True, "backend": {}})
    table = winners.table(ladder.climb(gathered(run)), CHALLENGE)
    assert ours(table) == []
    assert "would mean nothing" in table.caption


def test_the_printed_figures_stand_as_their_authors_give_them(climbed):
    cells = {row[0]: row[2:4] for row in winners.table(climbed, SYNTHETIC).rows[:7]}
    assert cells["1st place (SeuTao)"] == ["0.0438", "–"]
    assert cells["2nd place (darraghdog)"] == ["0.044–0.045", "–"]
    assert cells["12th place (appian42)"] == ["–", "–"]
    assert cells["i-pan (2026)"] == ["–", "0.981"]


def test_the_poster_and_the_constant_stand_there_as_the_challenge_s_means(climbed):
    poster, constant = winners.table(climbed, SYNTHETIC).rows[-2:]
    assert poster.cells[2] == "0.125"  # 0.874 / 7
    assert constant.cells[2] == "0.231"


def test_what_machines_took_stands_with_its_units():
    figures = [row[3] for row in winners.computing().rows]
    assert figures == ["20 h", "15 h", "2 h", "2,632 slices/s"]

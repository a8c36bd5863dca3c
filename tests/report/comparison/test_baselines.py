"""Comparisons, findings, leak and seeds over made-up runs."""

import numpy as np
import pandas as pd
import pytest

from ichreport.evaluation.assessment import assess
from ichreport.evaluation.scores import weighted_log_loss_sum
from ichreport.report.comparison import baselines, leakage
from ichreport.report.html.blocks import Sentences
from ichreport.runs.record import RunRecord
from ichreport.runs.results import Results, Scored
from tests.report.made_up import predictions

BASELINE = "05-sampa-raw-densenet-bce"


class MadeUp(Scored):
    """A run whose predictions are in memory."""

    @property
    def predictions(self):
        return self.run.record["predictions"]


def run(name, skill, *, seed=1, study_slices=8, **parameters):
    table = predictions("sampa", seed, skill).assign(study_slices=study_slices)
    record = {
        "predictions": table,
        "parameters": {
            "sample": "sampa",
            "poster_row": None,
            "network": "densenet121",
            "weights": "imagenet",
            "baseline": None,
            **parameters,
        },
        "assessment": assess(table, replicates=30).record(),
        "leak": [
            {"first": "train", "second": "test", "kind": "patients", "slices_in_second": 40},
            {"first": "train", "second": "test", "kind": "series", "slices_in_second": 0},
        ],
    }
    return MadeUp(RunRecord(name, None, "ok", record))


def results(*runs):
    return Results([own.run for own in runs], {own.run.name: own for own in runs})


@pytest.fixture(scope="module")
def found():
    return results(
        run(BASELINE, 1.5, poster_row=5),
        run("06-better", 4.0, poster_row=6, loss="focal", baseline=BASELINE),
        run("07-same", 1.5, seed=2, poster_row=7, input="linear", baseline=BASELINE),
        run("16-bygroup", 1.0, poster_row=None, split_by="group"),
        run(f"{BASELINE}--seed-2", 1.6, seed=3, poster_row=5),
    )


@pytest.fixture(scope="module")
def compared(found):
    return baselines.against_baselines(found)


def test_a_better_run_is_told_apart_and_an_equal_one_is_not(found, compared):
    said = str(baselines.outcomes(compared))
    assert "Better than the baseline: 06-better." in said
    assert "Not distinguishable from the baseline: 07-same" in said
    own = compared[compared["score"] == "weighted_log_loss_sum"].set_index("run")
    test = {n: r.predictions.query("split == 'test'") for n, r in found.rows.items()}
    losses = {
        n: weighted_log_loss_sum(t.filter(like="truth_"), t.filter(like="probability_"))
        for n, t in test.items()
    }
    difference = losses["06-better"] - losses[BASELINE]
    assert own.loc["06-better", "difference"] == pytest.approx(difference)


def test_the_outcomes_are_told_by_log_loss_each_under_its_own_name():
    told = {"a": "better", "b": "worse", "c": "not distinguishable", "d": "undefined"}
    losses = pd.DataFrame({"run": told.keys(), "outcome": told.values()})
    areas = losses.assign(outcome=list(told.values())[::-1], score="auc")
    compared = pd.concat([losses.assign(score="weighted_log_loss_sum"), areas])
    assert baselines.outcomes(compared).sentences == [
        "Better than the baseline: a.",
        "Worse than the baseline: b.",
        "Not distinguishable from the baseline: c.",
        "Not compared, since a run is missing or its score undefined: d.",
    ]


def test_the_comparison_says_whether_the_slices_are_the_same(found, compared):
    assert "tested on the slices of its baseline" in baselines.comparisons(found, compared).caption
    own = run("06-better", 4.0, poster_row=6, baseline=BASELINE)
    fewer = own.run.record["predictions"]
    own.run.record["predictions"] = fewer.drop(fewer.index[fewer["split"] == "test"][:40])
    other = results(run(BASELINE, 1.5, poster_row=5), own)
    caption = baselines.comparisons(other, baselines.against_baselines(other)).caption
    assert "at least 75 % are shared" in caption  # 120 of 160


def test_runs_with_further_seeds_are_no_rows_of_their_own(found, compared):
    assert f"{BASELINE}--seed-2" not in set(compared["run"])
    table = baselines.comparisons(found, compared)
    assert [row[0].text for row in table.rows] == ["06-better", "07-same"]


def test_the_forest_has_a_panel_for_each_score_and_names_who_is_apart(compared):
    drawn = baselines.forest(compared)
    assert len(drawn.panels) == 2
    assert "06-better better" in drawn.alternative


def test_without_a_baseline_nothing_is_compared():
    alone = results(run("01-alone", 1.0, baseline=BASELINE))
    compared = baselines.against_baselines(alone)
    assert isinstance(baselines.forest(compared), Sentences)
    assert "–" in baselines.comparisons(alone, compared).rows[0]


def test_every_finding_has_a_verdict_and_says_which_rows_it_lacks(found):
    table = baselines.poster_findings(found)
    claims = [row.cells for row in table.lines if row.kind == "marked"]
    assert [row[0].split(".")[0] for row in claims] == ["1", "2", "3", "4", "5"]
    assert {row[1].text for row in claims} <= {"supported", "contradicted", "undecided"}
    # of the poster's rows, 5, 6 and 7 have run
    assert table.lines[-1].cells[0] == "no run of row 13"
    parts = [row.cells for row in table.lines if row.cells[5]]
    assert {row[1].text for row in parts if row[2] == "–"} == {"undecided"}
    assert any(row[2].startswith(("−", "0.")) for row in parts)


def test_what_each_part_needs_stands_beside_it(found):
    table = baselines.poster_findings(found)
    rows = [row.cells for row in table.lines]
    parts = {row[0]: row for row in rows if row[5]}
    assert parts["better than constant prevalence"][3:5] == ["below 0", "above 0"]
    assert parts["any bleeding"][3:5] == ["0.913 to 0.953", "below 0.913 or above 0.953"]
    assert parts["epidural fails"][3:5] == ["below 0.100", "above 0.100"]
    assert parts["LSTM"][3] == "–"
    base = found.scored[BASELINE].test_loss
    gains = [row for row in rows if row[0] == "focal loss"]
    assert gains[1][3] == f"below {0.05 * base:.3f}"


def test_backbones_of_random_weights_leave_the_poster_s_findings_open():
    taught, random = (
        results(run(BASELINE, 1.5, poster_row=5, weights=weights)) for weights in ("imagenet", None)
    )
    taught_said, random_said = (
        [row.cells[0] for row in baselines.poster_findings(of).lines] for of in (taught, random)
    )
    assert not any("random weights" in said for said in taught_said)
    assert random_said[random_said.index("no run of row 2") + 1] == "random weights in row 5"
    cells = [row.cells[1] for row in baselines.poster_findings(random).lines]
    verdicts = [cell for cell in cells if cell]
    assert {verdict.text for verdict in verdicts} == {"undecided"}


def test_a_run_by_hand_takes_no_row_s_place_in_the_findings(found):
    mine = run("mine", 9.0, seed=4, poster_row=6, loss="focal")
    with_mine = results(*found.scored.values(), mine)
    assert str(baselines.poster_findings(with_mine)) == str(baselines.poster_findings(found))


def test_the_leak_is_a_share_of_the_test_slices(found):
    by_slice, by_group = leakage.table(found).rows
    assert by_slice[0] == "sampa, split by slice"
    names = [column.name for column in leakage.table(found).head]
    assert names[1:4] == ["same patient", "same group", "same study"]
    assert by_slice[1] == "25.0"  # 40 of 160
    assert by_slice[4] == "0.0"
    assert by_slice[2] == "–"  # not audited
    assert by_group[0] == "sampa, split by group"


def test_the_price_is_the_difference_of_the_twins(found):
    table = leakage.price(found)
    [area, loss] = table.rows
    assert area[0] == f"{BASELINE}: AUC, any"
    assert loss[0] == f"{BASELINE}: log loss above the constant's"
    assert area[4] == "16-bygroup"
    for row in (area, loss):
        one, other, difference = (float(cell.split()[0].replace("−", "-")) for cell in row[1:4])
        assert difference == pytest.approx(one - other, abs=2e-3)
    for name, cell in zip((BASELINE, "16-bygroup"), loss[1:3], strict=True):
        learned = found.scored[name].learned
        above = learned.score - learned.floor
        assert float(cell.replace("−", "-")) == pytest.approx(above, abs=6e-4)


def test_without_a_twin_the_leak_has_no_price():
    assert "no price" in str(leakage.price(results(run(BASELINE, 1.0, poster_row=5))))


def test_seeds_give_mean_and_spread_and_a_single_run_says_that_it_is_one(found):
    [loss, area] = baselines.seeds(found).rows
    values = [own.test_loss for own in found.by_row[BASELINE]]
    assert loss[0] == f"{BASELINE}: weighted log loss"
    assert loss[1] == f"{np.mean(values):.3f}"
    assert loss[2] == f"{pd.Series(values).std():.3f}"
    assert area[4] == "2"
    assert "run once" in str(baselines.seeds(results(run(BASELINE, 1.0))))
    assert "run once" not in str(baselines.seeds(results()))


def test_a_row_without_whole_studies_has_dashes_for_scores():
    torn = run(BASELINE, 2.0, study_slices=1000)
    whole = run("16-bygroup", 2.0, split_by="group")
    rows = {row[0].text: row for row in baselines.whole_studies(results(torn, whole)).rows}
    assert rows[BASELINE][1:] == ["–", "–", "–", "–", "0", "0"]
    assert rows["16-bygroup"][5:] == ["20", "20"]
    assert not any("*" in cell for row in rows.values() for cell in row[1:])

"""Rows against their baselines, over made-up runs."""

import pandas as pd
import pytest

from ichreport.evaluation.scores import weighted_log_loss_sum
from ichreport.report.comparison import baselines
from ichreport.report.html.blocks import Sentences
from tests.report.comparison.made_runs import BASELINE, gathered, run


@pytest.fixture(scope="module")
def compared(results):
    return baselines.against_baselines(results)


def test_a_better_run_is_told_apart_and_an_equal_one_is_not(results, compared):
    said = str(baselines.outcomes(results, compared))
    assert "Better than the baseline: 06-better *." in said
    assert "Its test patients have other slices in train" in said
    assert "Not distinguishable from the baseline: 07-same" in said
    rows = compared[compared["score"] == "weighted_log_loss_sum"].set_index("run")
    test = {n: r.predictions.query("split == 'test'") for n, r in results.scored.items()}
    losses = {
        n: weighted_log_loss_sum(t.filter(like="truth_"), t.filter(like="probability_"))
        for n, t in test.items()
    }
    of_baseline = (losses[BASELINE] + losses[f"{BASELINE}--seed-2"]) / 2
    difference = losses["06-better"] - of_baseline
    assert rows.loc["06-better", "difference"] == pytest.approx(difference)


def test_the_outcomes_are_told_by_log_loss_each_under_its_own_name(results):
    told = {"a": "better", "b": "worse", "c": "not distinguishable", "d": "undefined"}
    losses = pd.DataFrame({"run": told.keys(), "outcome": told.values()})
    areas = losses.assign(outcome=list(told.values())[::-1], score="auc")
    compared = pd.concat([losses.assign(score="weighted_log_loss_sum"), areas])
    assert baselines.outcomes(results, compared).sentences == [
        "Better than the baseline: a.",
        "Worse than the baseline: b.",
        "Not distinguishable from the baseline: c.",
        "Not compared, since a run is missing or its score undefined: d.",
    ]


def test_the_comparison_says_whether_the_slices_are_the_same(results, compared):
    caption = baselines.comparisons(results, compared).caption
    assert "Each run that is compared was tested on the slices of its baseline" in caption
    better = run("06-better", 4.0, poster_row=6, baseline=BASELINE)
    fewer = better.record["predictions"]
    better.record["predictions"] = fewer.drop(fewer.index[fewer["split"] == "test"][:40])
    other = gathered(run(BASELINE, 1.5, poster_row=5), better)
    caption = baselines.comparisons(other, baselines.against_baselines(other)).caption
    assert "at least 75 % of the slices" in caption  # 120 of 160
    nearly = compared.assign(shared_slices=0.997)
    assert "at least 99 % of the slices" in baselines.comparisons(results, nearly).caption


def test_runs_with_further_seeds_are_no_rows_of_their_own(results, compared):
    assert f"{BASELINE}--seed-2" not in set(compared["run"])
    table = baselines.comparisons(results, compared)
    assert [row[0].text for row in table.rows] == ["06-better *", "07-same *"]


def test_the_forest_has_a_panel_for_each_score_and_names_who_is_apart(compared):
    drawn = baselines.forest(compared)
    assert len(drawn.panels) == 2
    assert "06-better better" in drawn.alternative


def test_without_a_baseline_nothing_is_compared():
    alone = gathered(run("01-alone", 1.0, baseline=BASELINE))
    compared = baselines.against_baselines(alone)
    assert isinstance(baselines.forest(compared), Sentences)
    table = baselines.comparisons(alone, compared)
    assert "–" in table.rows[0]
    assert "tested on the slices" not in table.caption


def test_the_caption_names_the_baselines_that_the_files_name(results, compared):
    caption = baselines.comparisons(results, compared).caption
    assert "The baseline is row 5 of SampA split by slice." in caption
    ours = run("99-ours", 1.0, split_by="group")
    other = run("17-other", 2.0, split_by="group", baseline="99-ours")
    more = gathered(*results.scored.values(), ours, other)
    caption = baselines.comparisons(more, baselines.against_baselines(more)).caption
    assert (
        "The baselines are row 5 of SampA split by slice, 99-ours of SampA split by group."
    ) in caption
    alone = gathered(run(BASELINE, 1.0, poster_row=5))
    caption = baselines.comparisons(alone, baselines.against_baselines(alone)).caption
    assert "baseline is" not in caption

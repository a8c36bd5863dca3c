"""The steps beyond the poster, over made-up runs; differences by scikit-learn."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from ichreport.labels import LABELS
from ichreport.report.beyond import each_label, ladder
from ichreport.report.html.blocks import Sentences
from tests.report.beyond.made_ladder import (
    FROZEN,
    SERIES,
    TUNED,
    experiment,
    frozen,
    gathered,
    run,
    tuned,
    without_figures,
)

WEIGHTS = dict.fromkeys(LABELS, 1) | {"any": 2}


def on_test(results, name):
    table = results.scored[name].predictions
    return table[table["split"] == "test"]


def loss_of(table):
    """The weighted log loss as a sum over labels, label by label."""
    return sum(
        weight * log_loss(table[f"truth_{label}"], table[f"probability_{label}"].astype(float))
        for label, weight in WEIGHTS.items()
    )


def difference(climbed, run, score):
    return climbed.compared.set_index(["run", "score"]).loc[(run, score)]


@pytest.mark.parametrize(("step", "baseline"), [(TUNED, FROZEN), (SERIES, TUNED)])
def test_the_differences_of_a_step_are_those_of_two_tables_by_hand(
    results, climbed, step, baseline
):
    mine, others = on_test(results, step), on_test(results, baseline)
    loss = difference(climbed, step, "weighted_log_loss_sum")
    assert loss["difference"] == pytest.approx(loss_of(mine) - loss_of(others))
    areas = [
        roc_auc_score(table["truth_any"], table["probability_any"]) for table in (mine, others)
    ]
    area = difference(climbed, step, "auc")
    assert (area["value"], area["baseline_value"]) == pytest.approx(areas)
    assert area["low"] <= area["difference"] <= area["high"]


def test_the_p_values_are_adjusted_over_the_steps_of_each_score(climbed):
    for _, of_score in climbed.compared.groupby("score"):
        small, large = np.sort(of_score["p"].to_numpy())
        adjusted = [min(2 * small, 1), min(max(2 * small, large), 1)]
        assert np.sort(of_score["p_holm"].to_numpy()) == pytest.approx(adjusted)


def test_what_was_chosen_on_test_patients_is_said_once_of_the_ladder(climbed):
    chosen = tuned(hindsight="its epochs.")
    above = run(SERIES, 3.0, baseline=TUNED, features_from=TUNED, head="sequence", epochs=20)
    said = str(ladder.sentences(ladder.climb(gathered(frozen(), chosen, above))))
    assert said.count("is not free of hindsight: its epochs.") == 1
    assert "hindsight" not in str(ladder.sentences(climbed))


def test_a_step_on_seen_patients_is_marked_wherever_it_is_named_and_no_other_is(climbed):
    told = "* Its test patients have other slices in train: this says nothing of new patients."
    start = run(FROZEN, 1.0, sample="sampa", split_by="slice")
    leaking = tuned(sample="sampa", split_by="slice")
    seen = ladder.climb(gathered(start, leaking))
    said = str(ladder.sentences(seen))
    assert f"{TUNED} * (" in said
    assert told in said
    assert ladder.table(seen).rows[0][0].text == f"{TUNED} *"
    by_label = each_label.compare(seen)
    assert each_label.table(by_label).rows[0][0].text == f"{TUNED} *"
    assert f"In {TUNED} *, any gains" in str(each_label.sentences(by_label))
    said = str(ladder.sentences(climbed))
    assert told not in said
    assert "*" not in said
    assert ladder.table(climbed).rows[0][0].text == TUNED


def test_rows_of_the_poster_rows_without_a_baseline_and_further_seeds_are_no_steps():
    poster = run("06-poster", 2.0, poster_row=6, baseline=FROZEN)
    again = run(f"{TUNED}--seed-2", 2.0, baseline=FROZEN)
    results = gathered(frozen(), tuned(), poster, again, run("16-alone", 1.0))
    assert list(ladder.climb(results).steps) == [TUNED]
    assert ladder.climb(results).runs == [FROZEN, TUNED]


def made_up_outcomes(climbed, losses, areas):
    """A ladder of the same steps with these outcomes, by log loss and by AUC."""
    names = list(climbed.steps)
    table = pd.DataFrame(
        {
            "run": [*names, *names],
            "score": ["weighted_log_loss_sum"] * len(names) + ["auc"] * len(names),
            "label": ["all"] * len(names) + ["any"] * len(names),
            "outcome": [*losses, *areas],
            "difference": [-0.1, 0.2, 0.03, 0.04],
        }
    )
    values = {name: getattr(climbed, name) for name in ("results", "steps", "baselines", "runs")}
    return ladder.Ladder(**values, comparison=climbed.comparison, compared=table)


def told(climbed, losses, areas=("better", "better")):
    return ladder.sentences(made_up_outcomes(climbed, losses, areas)).sentences


def test_each_outcome_has_a_sentence_that_names_its_steps_and_no_other_one(climbed):
    assert told(climbed, ["better", "worse"], ["not distinguishable", "undefined"]) == [
        "By the weighted log loss, better than the run that each builds on, and by more than "
        f"chance: {TUNED} (−0.100).",
        "By the weighted log loss, worse than the run that each builds on, and by more than "
        f"chance: {SERIES} (0.200).",
        f"By the AUC of any bleeding, no step is more than chance: {TUNED} (0.030).",
        "By the AUC of any bleeding, not compared, since a run has no figures or its score is "
        f"undefined: {SERIES}.",
    ]


def test_a_step_that_is_clear_is_not_printed_as_none(climbed):
    made = made_up_outcomes(climbed, ["better", "not distinguishable"], ["better", "better"])
    small = made.compared.assign(difference=[-0.0002, 0.0002, 0.03, 0.04], value=0.5, p_holm=0.01)
    made = replace(made, compared=small.assign(low=[-0.0003] * 4, high=[-0.00004] * 4))
    [better, undecided, _] = ladder.sentences(made).sentences
    assert better.endswith(f"{TUNED} (−0.0002).")
    assert undecided.endswith(f"{SERIES} (0.0002).")
    [tuned_row, series_row] = ladder.table(made).lines
    assert tuned_row.cells[2] == "−0.00020 (−0.00030 to −0.00004)"
    assert series_row.cells[2] == "0.000 (0.000–0.000)"


def test_no_step_is_more_than_chance_only_where_none_is(climbed):
    [none, _] = told(climbed, ["not distinguishable"] * 2)
    assert none == (
        "By the weighted log loss, no step is more than chance: "
        f"{TUNED} (−0.100), {SERIES} (0.200)."
    )
    [better, open_, _] = told(climbed, ["better", "not distinguishable"])
    assert "better" in better
    assert open_ == (
        "By the weighted log loss, not distinguishable from the run that each builds on: "
        f"{SERIES} (0.200)."
    )
    [undefined, _] = told(climbed, ["undefined"] * 2)
    assert "not compared" in undefined


def test_the_sentences_of_these_runs_follow_from_their_figures(climbed):
    sentences = ladder.sentences(climbed).sentences
    assert any("log loss, better" in one and TUNED in one for one in sentences)
    assert any("AUC of any bleeding, better" in one and TUNED in one for one in sentences)
    assert not any("no figures" in one or "mistakes" in one for one in sentences)


def test_rows_of_the_ladder_without_figures_are_named_with_their_reason_and_listed():
    step = experiment(TUNED, baseline=FROZEN, trainable_layers="all")
    results = gathered(
        frozen(),
        missing=[
            without_figures(TUNED),
            without_figures("30-mistaken", reason="network must be …"),
            without_figures("05-poster", "missing", "not run yet"),
        ],
        asked=[step, experiment("05-poster", poster_row=5)],
    )
    climbed = ladder.climb(results)
    sentences = ladder.sentences(climbed).sentences
    assert f"{TUNED} has no figures (failed): ValueError: no memory" in sentences
    assert (
        "Whether these are steps is not known, since their files have mistakes: 30-mistaken."
        in sentences
    )
    assert not any("05-poster" in one for one in sentences)
    assert sum("not compared" in one for one in sentences) == 2
    [row] = ladder.table(climbed).rows
    assert (row[0].text, row[1], row[4].text) == (TUNED, "–", "undefined")
    [change] = ladder.what_changes(climbed).rows
    assert change[2] == "frozen → fine-tuned; slices flipped at random"


def test_a_baseline_without_figures_is_named_too():
    results = gathered(tuned(), missing=[without_figures(FROZEN, "missing", "not run yet")])
    climbed = ladder.climb(results)
    assert f"{FROZEN} has no figures (missing): not run yet" in str(ladder.sentences(climbed))
    [row] = ladder.what_changes(climbed).rows
    assert row[2] == "–"


def test_the_tables_show_a_step_a_line_with_its_outcome(climbed):
    first, second = ladder.table(climbed).rows
    assert [first[0].text, second[0].text] == [TUNED, SERIES]
    assert (first[4].text, first[4].kind) == ("better", "good")
    changes = [row[2] for row in ladder.what_changes(climbed).rows]
    assert changes == [
        "frozen → fine-tuned; slices flipped at random",
        "slices → series; also epochs",
    ]


def test_a_report_without_steps_says_so_in_place_of_each_table():
    climbed = ladder.climb(gathered(frozen()))
    for shown in (ladder.sentences, ladder.what_changes, ladder.table):
        assert isinstance(shown(climbed), Sentences)
        assert "No row goes beyond the poster" in str(shown(climbed))


def test_a_step_of_a_row_with_several_seeds_is_that_of_their_mean():
    again = run(f"{FROZEN}--seed-2", 1.5, seed=3)
    results = gathered(frozen(), again, tuned())
    climbed = ladder.climb(results)
    losses = [loss_of(on_test(results, name)) for name in (FROZEN, again.name)]
    loss = difference(climbed, TUNED, "weighted_log_loss_sum")
    assert loss["baseline_value"] == pytest.approx(sum(losses) / 2)
    assert f"Trained once: {TUNED}." in ladder.table(climbed).caption
    once = ladder.table(ladder.climb(gathered(frozen(), tuned())))
    assert "Each row is a single training" in once.caption

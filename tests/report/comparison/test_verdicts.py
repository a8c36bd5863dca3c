"""Every verdict has a colour and an explanation, and those on all runs are true of few and none."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from ichreport.evaluation.constant_prevalence import Verdict
from ichreport.report.comparison import verdicts
from tests.report.comparison.made_runs import BASELINE, gathered, run


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_every_verdict_has_its_colour_and_is_explained(verdict):
    assert verdict in verdicts.KINDS
    assert f'"{verdict}"' in verdicts.explanation()
    assert set(verdicts.KINDS) == set(get_args(Verdict))


def test_the_rows_that_learned_are_counted_without_further_seeds():
    runs = (
        run(BASELINE, 4.0),
        run(f"{BASELINE}--seed-2", 4.0, seed=3),
        run("06-better", 4.0),
        run("07-useless", 0.0),
        run("16-bygroup", 4.0, split_by="group"),
    )
    said = str(verdicts.experiments(gathered(*runs)))
    assert said == (
        "On test, 3 of 4 experiments with figures are better than the constant prevalence by their "
        "own intervals, 2 of them on patients who are in train too. With Holm's adjustment over "
        "all 5 runs, 3 are. 16-bygroup alone could be chosen: no other run has "
        "the primary endpoint on unseen patients."
    )


@pytest.mark.parametrize(("p", "said"), [(0.02, "none is."), (1e-6, "1 is.")])
def test_of_the_rows_that_learned_those_beyond_chance_among_all_are_counted(p, said):
    runs = [run("16-a", 4.0, split_by="group"), run("16-b", 0.0), run("16-c", 0.0)]
    learned = replace(runs[0].learned, verdict="learned", p=p)
    runs[0].__dict__["assessment"] = replace(runs[0].assessment, learned=learned)
    told = str(verdicts.experiments(gathered(*runs)))
    assert "1 of 3 experiments with figures is better" in told
    assert f"With Holm's adjustment over all 3 runs, {said}" in told
    assert "Holm" not in str(verdicts.experiments(gathered(runs[0])))  # one run is no family


def test_the_best_row_is_named_beside_others_that_could_be_chosen():
    better, worse = run("16-a", 4.0, split_by="group"), run("17-b", 1.0, split_by="group")
    said = str(verdicts.experiments(gathered(worse, better)))
    assert (
        "16-a is best on validation, among those that have the primary endpoint on unseen" in said
    )
    assert "in train too" not in said
    assert "alone" not in said
    twin = run("18-c", 4.0, split_by="group")
    said = str(verdicts.experiments(gathered(worse, better, twin)))
    assert "16-a and 18-c are best on validation" in said


def test_without_a_row_that_learned_or_could_be_chosen_that_is_said():
    said = str(verdicts.experiments(gathered(run(BASELINE, 0.0))))
    assert said == (
        "On test, none of 1 experiment with figures is better than the constant prevalence by its "
        "own interval. No run that is split by patient has the primary endpoint, so none is the "
        "best."
    )
    assert str(verdicts.experiments(gathered())) == "No experiment has figures."


def changed_rates(made, **values):
    """A run with other values of rates of any bleeding on test."""
    rates = made.assessment.rates.copy()
    for rate, value in values.items():
        rates.loc[(rates["rate"] == rate) & (rates["label"] == "any"), "value"] = value
    made.__dict__["assessment"] = replace(made.assessment, rates=rates)
    return made


def test_what_the_threshold_does_in_practice_is_said_with_the_prevalence():
    made = run("13-all", 2.0, sample="fullid", poster_row=13)
    said = str(verdicts.in_practice(gathered(made)))
    recall, precision = (made.assessment.rate(rate, "any") for rate in ("recall", "precision"))
    share = 100 * recall["positives"] / made.assessment.split("test")["slices"]
    at = "At its threshold of 85 % recall, frozen on validation,"
    assert f"{at} 13-all finds {recall['value']:.2f} (" in said
    assert f"; {precision['value']:.2f} (" in said
    assert f"of its alarms are right, where {share:.0f} % of slices bleed." in said


def test_a_threshold_without_alarms_or_positives_is_told_from_one_that_decides():
    made = run("13-all", 2.0, sample="fullid", poster_row=13)
    silent = changed_rates(made, recall=0.0, precision=np.nan)
    said = str(verdicts.in_practice(gathered(silent)))
    assert said.endswith("it raises no alarm there.")
    assert "right" not in said
    said = str(verdicts.in_practice(gathered(changed_rates(made, recall=np.nan))))
    assert said.startswith("Test lacks slices with or without any bleeding")
    assert "alarm" not in said


def test_without_row_13_the_best_run_stands_for_it_or_none():
    ours = run("16-a", 2.0, split_by="group")
    assert "frozen on validation, 16-a finds" in str(verdicts.in_practice(gathered(ours)))
    said = (
        "Row 13 has no figures, and no run that is split by patient has the primary endpoint, so "
        "that none stands for it."
    )
    assert str(verdicts.in_practice(gathered(run(BASELINE, 2.0)))) == said
    assert str(verdicts.in_practice(gathered())) == said

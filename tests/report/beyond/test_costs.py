"""What runs cost, from records whose figures are worked by hand."""

import pytest

from ichreport.report.beyond import costs, ladder
from ichreport.report.html.blocks import Sentences
from tests.report.beyond.made_ladder import FROZEN, TUNED, assessed, frozen, gathered, run, tuned

ON_GPU = {"synthetic": False, "backend": {"devices": ["H200", "H200"], "gpu": True}}


@pytest.fixture(scope="module")
def base():
    return assessed(frozen())


@pytest.fixture(scope="module")
def step():
    return assessed(tuned())


def table_of(*runs):
    return costs.table(ladder.climb(gathered(*runs)))


def test_the_rate_is_the_slices_of_train_times_epochs_over_the_seconds(step):
    train = (step.predictions["split"] == "train").sum()
    assert costs.training_rate(step) == pytest.approx(train * 2 / 8.0)


def test_each_run_of_the_ladder_is_a_row_the_baseline_s_too(base, step):
    rows = table_of(base, step, assessed(run("16-alone", 1.0))).rows
    assert [row[0].text for row in rows] == [FROZEN, TUNED]
    assert rows[1][1:4] == ["CPU, 2 threads", "2", "8.0"]
    assert rows[1][5:] == ["12.5", "–", "–", "1,234", "56"]


def test_minutes_are_of_cards_and_only_where_a_card_computed(step):
    assert costs.gpu_minutes(step) is None
    one = assessed(tuned(devices=1), provenance=ON_GPU)
    assert costs.gpu_minutes(one) == pytest.approx((8 + 4) / 60)
    every = assessed(tuned(devices="all"), provenance=ON_GPU)
    assert costs.gpu_minutes(every) == pytest.approx(2 * (8 + 4) / 60)
    [row] = [row for row in table_of(every).rows if row[0].text == TUNED]
    assert row[6] == "0.4"


def test_a_row_that_trains_nothing_has_the_time_of_its_parts_and_no_other_figure(base):
    empty = {"history": {}, "model": None, "timings": {"scoring": 3.0}}
    combined = assessed(tuned(), provenance=ON_GPU, **empty)
    assert costs.training_rate(combined) is None
    assert costs.gpu_minutes(combined) is None
    [_, row] = table_of(base, combined).rows
    assert row[2:] == ["–", "–", "–", "3.0", "–", "–", "–", "–"]


def test_energy_is_what_the_record_says_of_the_cards_and_a_dash_where_nobody_told(base):
    told = assessed(tuned(), provenance=ON_GPU, joules=56_789.0)
    [without, row] = table_of(base, told).rows
    assert (without[7], row[7]) == ("–", "56.8")
    assert costs.kilojoules(told) == pytest.approx(56.789)
    assert "kJ are what the cards used" in table_of(base, told).caption


def test_without_figures_a_sentence_stands_in_its_place():
    assert isinstance(table_of(), Sentences)
    assert "no cost is known" in str(costs.verdict(ladder.climb(gathered())))


def test_the_verdict_adds_the_trainings_up_and_names_the_longest(base, step):
    timings = {"training": 200.0, "prediction": 1.0}
    longer = assessed(tuned(), timings=timings)
    seconds = base.record["timings"]["training"] + 200
    said = str(costs.verdict(ladder.climb(gathered(base, longer))))
    assert said == (
        f"Together the trainings took {seconds / 60:.0f} min; the longest, {TUNED}, took 3 min."
    )
    nothing = assessed(tuned(), history={}, model=None, timings={"scoring": 3.0})
    said = str(costs.verdict(ladder.climb(gathered(base, nothing))))
    assert said.startswith(f"The only training here, {FROZEN}, took")
    said = str(costs.verdict(ladder.climb(gathered(nothing))))
    assert said == "No run of a step has trained anything; they combine others."

"""The leak and what it seems to gain, over made-up runs."""

import pytest

from ichreport.evaluation.comparisons import Difference
from ichreport.evaluation.uncertainty.intervals import Interval
from ichreport.report.comparison import leakage
from ichreport.report.comparison.leakage import Gain
from tests.report.comparison.made_runs import BASELINE, gathered, run


def test_the_leak_is_a_share_of_the_test_slices(results):
    by_slice, by_group = leakage.table(results).rows
    assert by_slice[0] == "sampa, split by slice"
    names = [column.name for column in leakage.table(results).head]
    assert names[1:6] == [
        *("same patient", "same group", "same study", "same series"),
        "neighbouring slice",
    ]
    assert by_slice[1] == "25.0"  # 40 of 160
    assert by_slice[4] == "0.0"
    assert by_slice[5] == "10.0"  # 16 of 160
    assert by_slice[2] == "–"  # not audited
    assert by_group[0] == "sampa, split by group"


def test_the_gain_is_the_difference_of_the_twins(results):
    table = leakage.gain(leakage.gains(results), results)
    [area, loss] = table.rows
    assert area[0] == f"{BASELINE}: AUC, any"
    assert loss[0] == f"{BASELINE}: log loss above the constant's"
    assert area[4] == "16-bygroup"
    for row in (area, loss):
        one, other, difference = (float(cell.split()[0].replace("−", "-")) for cell in row[1:4])
        assert difference == pytest.approx(one - other, abs=2e-3)
    trainings = ((BASELINE, f"{BASELINE}--seed-2"), ("16-bygroup",))
    for names, cell in zip(trainings, loss[1:3], strict=True):
        learned = [results.scored[name].learned for name in names]
        above = sum(each.score - each.floor for each in learned) / len(names)
        assert float(cell.replace("−", "-")) == pytest.approx(above, abs=6e-4)
    assert "the mean over them" in table.caption
    assert "of both test sets, which is not adjusted." in table.caption
    assert "Trained once: 16-bygroup." in table.caption


def test_without_a_twin_the_gain_is_not_known():
    alone = gathered(run(BASELINE, 1.0, poster_row=5))
    none = leakage.gains(alone)
    for said in (leakage.gain(none, alone), leakage.verdict(none)):
        assert "is not known" in str(said)


def gained(*areas):
    loss = Difference(1.0, 1.0, 0.0, Interval(-0.1, 0.1, 20), 1.0, 0.5)
    return [
        Gain("a", "b", Difference(0.9, 0.8, value, Interval(low, high, 20), 0.01, 0.5), loss)
        for value, low, high in areas
    ]


def test_the_verdict_counts_rows_that_gain_and_that_lose_each_by_its_own_interval():
    said = str(leakage.verdict(gained((0.1, 0.05, 0.5), (0.02, -0.1, 0.5), (-0.2, -0.3, -0.1))))
    assert "Of 3 rows run with both splits, 1 has a larger AUC" in said
    assert "and 1 has a smaller one, each by its own interval, which is not adjusted" in said
    assert "chance" not in said
    assert said.endswith("With seen patients, less without, it is −0.200 to 0.100.")
    said = str(leakage.verdict(gained((0.02, -0.1, 0.5))))
    assert "Of 1 row run with both splits, none has a larger AUC" in said
    assert "and none has a smaller one" in said
    assert said.endswith("less without, it is 0.020.")
    assert "2 have a larger" in str(leakage.verdict(gained((0.1, 0.05, 0.5), (0.2, 0.1, 0.3))))


def test_a_gain_that_is_clear_is_not_printed_as_none():
    said = str(leakage.verdict(gained((0.0004, 0.0001, 0.0007))))
    assert "1 has a larger AUC" in said
    assert said.endswith("it is 0.0004.")


def test_gains_that_are_undefined_are_counted_apart():
    nan = float("nan")
    some = str(leakage.verdict(gained((0.1, 0.05, 0.5), (nan, nan, nan), (0.3, 0.1, 0.5))))
    assert "Of 2 rows run with both splits, 2 have a larger AUC" in some
    assert "0.100 to 0.300. Of 1 row the difference has no interval." in some
    undefined = str(leakage.verdict(gained((nan, nan, nan))))
    assert undefined == "Of 1 row the difference has no interval."


def test_twins_are_found_though_each_has_a_baseline_of_its_own_split():
    by_slice = run("06-focal", 1.5, loss="focal", baseline=BASELINE)
    by_group = run("17-focal", 1.0, loss="focal", baseline="16-bygroup", split_by="group")
    both = gathered(by_slice, by_group)
    table = leakage.gain(leakage.gains(both), both)
    assert "Each row is a single training" in table.caption
    assert {row[4] for row in table.rows} == {"17-focal"}


@pytest.mark.parametrize(
    ("slices", "said"),
    [(0, "0.0"), (1, "less than 0.1"), (4999, "more than 99.9"), (5000, "100.0")],
)
def test_a_few_leaked_slices_are_not_printed_as_none_nor_nearly_all_as_all(slices, said):
    of_pair = {"first": "train", "second": "test", "kind": "patients", "slices_in_second": slices}
    assert leakage._leak_shares([of_pair], 5000)[0] == said

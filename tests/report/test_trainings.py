"""What is said of the luck of training where rows are compared."""

from ichreport.report import trainings
from tests.report.comparison.made_runs import BASELINE, gathered, run

RESULTS = gathered(
    *(run(name, 1.0) for name in (BASELINE, f"{BASELINE}--seed-2", "06-better", "07-same"))
)


def test_rows_that_were_trained_once_and_with_seeds_are_told_apart():
    once = "Each row is a single training, whose luck is in its differences"
    assert once in trainings.luck_of(["06-better", "07-same"], RESULTS)
    mixed = trainings.luck_of([BASELINE, "06-better", "07-same"], RESULTS)
    assert "the mean over them" in mixed
    assert "Trained once: 06-better and 07-same." in mixed
    assert once not in mixed
    repeated = trainings.luck_of([BASELINE, "08-missing"], RESULTS)
    assert "the mean over them" in repeated
    assert "rained once" not in repeated

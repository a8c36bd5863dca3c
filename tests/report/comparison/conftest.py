"""A baseline, two rows that it is compared with, a twin and a further seed."""

import pytest

from tests.report.comparison.made_runs import BASELINE, gathered, run


@pytest.fixture(scope="package")
def results():
    return gathered(
        run(BASELINE, 1.5, poster_row=5),
        run("06-better", 4.0, poster_row=6, loss="focal", baseline=BASELINE),
        run("07-same", 1.5, seed=2, poster_row=7, input="linear", baseline=BASELINE),
        run("16-bygroup", 1.0, poster_row=None, split_by="group"),
        run(f"{BASELINE}--seed-2", 1.6, seed=3, poster_row=5),
    )

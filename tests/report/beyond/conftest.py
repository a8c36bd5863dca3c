"""A ladder of two steps: the first helps, and the second hurts one label and leaves the others."""

import numpy as np
import pytest

from ichreport.report.beyond import ladder
from tests.report.beyond.made_ladder import FROZEN, SERIES, TUNED, frozen, gathered, run, tuned
from tests.report.made_up import predictions


@pytest.fixture(scope="package")
def results():
    table = predictions("fullid", 2, 3.0)
    table["probability_epidural"] = np.random.default_rng(3).random(len(table)).astype(np.float32)
    series = run(
        SERIES, 3.0, table=table, baseline=TUNED, features_from=TUNED, head="sequence", epochs=20
    )
    return gathered(frozen(), tuned(), series)


@pytest.fixture(scope="package")
def climbed(results):
    climbed = ladder.climb(results)
    assert climbed.baselines == {TUNED: FROZEN, SERIES: TUNED}
    return climbed

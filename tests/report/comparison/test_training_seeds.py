"""The spread over training seeds, over made-up runs."""

import numpy as np
import pandas as pd

from ichreport.evaluation.predictions import TRUTHS
from ichreport.report.comparison import training_seeds
from tests.report.comparison.made_runs import BASELINE, gathered, run
from tests.report.measured import measured


def test_seeds_give_mean_and_spread_and_a_single_run_says_that_it_is_one(results):
    [loss, area, primary] = training_seeds.table(results).rows
    values = [scored.test_loss for scored in results.by_row[BASELINE]]
    assert loss[0] == f"{BASELINE}: weighted log loss"
    assert loss[1] == f"{np.mean(values):.3f}"
    assert loss[2] == f"{pd.Series(values).std():.3f}"
    assert area[4] == "2"
    assert primary[0] == f"{BASELINE}: AUC of any bleeding in whole studies"
    spreads = [
        f"{pd.Series([of_run(scored) for scored in results.by_row[BASELINE]]).std():.3f}"
        for of_run in (lambda scored: scored.test_loss, lambda scored: scored.learned.auc_any)
    ]
    said = str(training_seeds.verdict(results))
    assert f"the weighted log loss has a standard deviation of {spreads[0]} in the row" in said
    assert said.endswith(f"the AUC of any bleeding one of {spreads[1]} where that does.")
    single = gathered(run(BASELINE, 1.0))
    assert "run once" in str(training_seeds.verdict(single))
    assert "run once" not in said
    assert "no spread" in str(training_seeds.table(single))
    none = gathered()
    assert str(training_seeds.verdict(none)) == "No row has a run."
    assert "no spread" not in str(training_seeds.table(none))


def without_bleeding_on_test(one):
    """A run whose test has a single class."""
    table = one.predictions
    one.record["predictions"] = table.assign(
        **{name: table[name].where(table["split"] != "test", 0) for name in TRUTHS}
    )
    one.record["assessment"] = measured(one.predictions)
    return one


def test_a_test_of_one_class_has_no_spread_of_areas():
    names = (BASELINE, f"{BASELINE}--seed-2")
    runs = [without_bleeding_on_test(run(name, 1.0, seed=seed)) for seed, name in enumerate(names)]
    one_class = gathered(*runs)
    said = str(training_seeds.verdict(one_class))
    assert said.endswith(" in the row where it spreads most.")
    assert training_seeds.mean_and_spread(runs, one_class)[1] == "–"
    assert "±" in training_seeds.mean_and_spread(runs, one_class)[0]

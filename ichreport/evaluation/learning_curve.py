"""How test scores change with the number of patients that were trained on."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from ichreport.evaluation.predictions import select_split
from ichreport.evaluation.scores import ALL_LABELS
from ichreport.evaluation.uncertainty.area_differences import difference_of_areas
from ichreport.evaluation.uncertainty.closed_differences import (
    difference_interval,
    difference_p_value,
)
from ichreport.evaluation.uncertainty.closed_intervals import (
    area_interval,
    loss_interval,
)
from ichreport.evaluation.uncertainty.intervals import holm
from ichreport.evaluation.uncertainty.jackknife import LeftOut
from ichreport.evaluation.uncertainty.score_table import score_left_out
from ichreport.labels import ANY

SCORES: Final = {"auc": ANY, "weighted_log_loss_sum": ALL_LABELS}
"""The scores of a curve, each with its label."""


def scores_by_share(predictions: Mapping[float, pd.DataFrame]) -> pd.DataFrame:
    """Scores on test by the share of training patients, and the steps from one to the next.

    Args:
        predictions: By share of the training groups, a run's predictions with the same test split.

    Returns:
        A row for each share, ascending, and score: `share`, `groups` and `slices` of train,
        `score`, `value`, `low`, `high`; and the `step` from the share before, `step_low`,
        `step_high` and `p`, paired over the test groups (NaN for the first share).
        `p_adjusted` is for the last step alone: by Holm's method over the scores. No rows without
        predictions.

    Raises:
        ValueError: If the test splits differ.
    """
    if not predictions:
        return pd.DataFrame()
    by_share = dict(sorted(predictions.items()))
    _check_test(by_share)
    rows: list[dict[str, Any]] = []
    before: dict[str, LeftOut] = {}
    for share, table in by_share.items():
        train, now = select_split(table, "train"), _scores_left_out(table)
        size = {"share": share, "groups": train["group"].nunique(), "slices": len(train)}
        rows += [size | _described(name, now[name], before.get(name)) for name in SCORES]
        before = now
    curve = pd.DataFrame(rows)
    last = curve["share"] == max(by_share)
    adjusted = pd.Series(holm(curve.loc[last, "p"]), index=curve.index[last])
    return curve.assign(p_adjusted=adjusted)


def _scores_left_out(table: pd.DataFrame) -> dict[str, LeftOut]:
    """Each score on test, and without each group, in the order of the groups' names."""
    test = select_split(table, "test")
    group_codes = pd.factorize(test["group"], sort=True)[0].astype(np.intp)
    return {name: score_left_out(test, group_codes, name, label) for name, label in SCORES.items()}


def _described(name: str, left_out: LeftOut, before: LeftOut | None) -> dict[str, Any]:
    """A score with its interval, and its step from the share before, if there is one."""
    interval = (area_interval if name == "auc" else loss_interval)(left_out)
    row = {"score": name, "value": left_out.value, "low": interval.low, "high": interval.high}
    if before is None:
        return row | dict.fromkeys(("step", "step_low", "step_high", "p"), np.nan)
    step = left_out.minus(before)
    if name == "auc":
        ends, p = difference_of_areas(left_out, before)
    else:
        ends, p = difference_interval(step), difference_p_value(step)
    return row | {"step": step.value, "step_low": ends.low, "step_high": ends.high, "p": p}


def _check_test(by_share: Mapping[float, pd.DataFrame]) -> None:
    tests = [set(select_split(table, "test")["sop_instance_uid"]) for table in by_share.values()]
    for share, test in zip(by_share, tests, strict=True):
        if test != tests[0]:
            raise ValueError(
                f"a learning curve needs one test split, got {len(tests[0]):,} slices and, at "
                f"share {share:g}, {len(test):,} that are not the same."
            )

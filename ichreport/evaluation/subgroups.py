"""Where a run does well and where it fails: scores within subgroups of slices."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.predictions import (
    PROBABILITIES,
    TRUTHS,
    checked_probability,
    checked_truth,
    select_split,
)
from ichreport.evaluation.scores import log_loss_terms
from ichreport.evaluation.thresholds import rates_with_intervals
from ichreport.evaluation.uncertainty.closed_intervals import area_interval, loss_interval
from ichreport.evaluation.uncertainty.jackknife import auc_left_out, mean_left_out
from ichreport.labels import ANY, LABELS
from ichreport.splits import Split

Negatives = Literal["own", "all"]


def subgroup_scores(
    predictions: pd.DataFrame,
    by: pd.Series,
    *,
    labels: Sequence[str] = LABELS,
    negatives: Negatives = "own",
    thresholds: Mapping[str, float] | None = None,
    split: Split = "test",
) -> pd.DataFrame:
    """Scores of each label within each subgroup of slices.

    Args:
        predictions: A run's predictions.
        by: The subgroup of each slice, on the index of `predictions`; slices where it is missing
            belong to none. Numbers are to be cut into classes first (`pandas.cut`).
        labels: The labels to score.
        negatives: `own`: a subgroup's positives against its own negatives, for what every slice has
            (header family, tilt, position). `all`: against all negatives of the split, for what
            only bleeding has (size, contrast, number of subtypes).
        thresholds: The frozen threshold of each label; without one its rates are missing.
        split: Where to measure.

    Returns:
        One row for each label, subgroup (in the order of a categorical `by`, else sorted) and
        score (`auc`, `log_loss`, then the rates at the threshold): `label`, `subgroup`, `score`,
        `value`, `low`, `high`, `groups` (that contribute), `undefined` (always 0), `slices`,
        `positives`. NaN where undefined.

    Raises:
        ValueError: If `by` does not have the index of `predictions`.
    """
    if not by.index.equals(predictions.index):
        raise ValueError(
            f"by must have the index of predictions ({len(predictions)} rows), "
            f"got another one of {len(by)} rows."
        )
    rows = select_split(predictions, split)
    member = by.loc[rows.index]
    group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
    table: list[dict[str, Any]] = []
    for label in labels:
        column = LABELS.index(label)
        truth = checked_truth(rows[TRUTHS[column]])
        score = checked_probability(rows[PROBABILITIES[column]])
        threshold = (thresholds or {}).get(label, math.nan)
        for subgroup in _subgroups(by):
            inside = (member == subgroup).to_numpy(dtype=bool, na_value=False)
            chosen = inside if negatives == "own" else (inside & (truth == 1)) | (truth == 0)
            keys = {"label": label, "subgroup": subgroup}
            counts = {"slices": int(chosen.sum()), "positives": int(truth[chosen].sum())}
            scores = _scores(truth[chosen], score[chosen], threshold, group_codes[chosen])
            table += [keys | row | counts for row in scores]
    columns = ["label", "subgroup", "score", "value", "low", "high", "groups", "undefined"]
    return pd.DataFrame(table, columns=[*columns, "slices", "positives"])


def strata_scores(
    predictions: pd.DataFrame,
    strata: Iterable[tuple[str, pd.Series, bool]],
    *,
    threshold: float | None,
) -> pd.DataFrame:
    """Scores of any bleeding on test within the classes of slices by each of some properties.

    Args:
        predictions: A run's predictions.
        strata: For each property its name, the class of each slice by `sop_instance_uid`, and
            whether only slices with bleeding are in a class, as `data.strata.stratify` gives them.
            Such classes are scored against all negatives of the split.
        threshold: The frozen threshold of `any`; without one the rates are missing.

    Returns:
        The columns of `subgroup_scores`, with the property, `kind`, before them.

    Raises:
        ValueError: If a slice of the test split is not in the strata.
    """
    test = select_split(predictions, "test").reset_index(drop=True)
    thresholds = {ANY: math.nan if threshold is None else threshold}
    tables = []
    for name, classes, bleeding_only in strata:
        missing = ~test["sop_instance_uid"].isin(classes.index)
        if missing.any():
            raise ValueError(f"{name}: {missing.sum():,} slices of the test split have no class.")
        table = subgroup_scores(
            test,
            classes.loc[test["sop_instance_uid"]].set_axis(test.index),
            labels=[ANY],
            negatives="all" if bleeding_only else "own",
            thresholds=thresholds,
        )
        table.insert(0, "kind", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _subgroups(by: pd.Series) -> list[Any]:
    if isinstance(by.dtype, pd.CategoricalDtype):
        return list(by.cat.categories)
    return sorted(by.dropna().unique())


def _scores(
    truth: NDArray[np.int64],
    score: NDArray[np.float64],
    threshold: float,
    group_codes: NDArray[np.intp],
) -> list[dict[str, Any]]:
    """The area, the log loss and the rates of one label in one subgroup."""
    area = auc_left_out(truth, score, group_codes)
    loss = mean_left_out(log_loss_terms(truth, score), group_codes)
    rates = rates_with_intervals(truth, score, threshold, group_codes)
    return [
        {"score": "auc", "value": area.value, **vars(area_interval(area))},
        {"score": "log_loss", "value": loss.value, **vars(loss_interval(loss))},
        *({"score": rate.pop("rate"), **rate} for rate in rates),
    ]

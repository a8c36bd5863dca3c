"""Where a run does well and where it fails: scores within subgroups of slices."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.operating.operating_points import rates_with_intervals
from ichreport.evaluation.predictions import (
    PROBABILITIES,
    TRUTHS,
    checked_probability,
    checked_truth,
    select_split,
)
from ichreport.evaluation.scores import log_loss_terms
from ichreport.evaluation.uncertainty.closed_intervals import (
    area_interval,
    loss_interval,
    rate_interval,
)
from ichreport.evaluation.uncertainty.intervals import LEVEL, Interval, holm
from ichreport.evaluation.uncertainty.jackknife import LeftOut, auc_left_out, mean_left_out
from ichreport.evaluation.uncertainty.two_shares import (
    Estimate,
    correlation_of,
    difference_of,
    p_value_of,
)
from ichreport.labels import ANY, LABELS
from ichreport.splits import Split

Negatives = Literal["own", "all"]

_Measured = tuple[LeftOut, Callable[..., Interval]]
"""A score without each group, and its interval at a level."""

_DIFFERENCE: Final = ("difference", "difference_low", "difference_high", "p")
"""Columns of a subgroup's difference from the rest."""

_COLUMNS: Final = (
    *("label", "subgroup", "score", "value", "low", "high", "groups", "slices", "positives"),
    *_DIFFERENCE,
)

_ROUNDING: Final = 1e-9
"""Two differences that add up to less are each other's opposite."""


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
        `value`, `low`, `high`, `groups` (that contribute), `slices`,
        `positives`; and for `auc`, `recall` and `specificity` the `difference` from the other
        subgroups together, `difference_low`, `difference_high` and `p`, not adjusted. NaN where
        undefined, as the difference in specificity of what is scored against all negatives.

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
            rest = member.notna().to_numpy() & ~inside
            if negatives == "all":
                inside, rest = ((part & (truth == 1)) | (truth == 0) for part in (inside, rest))
            chosen = inside
            keys = {"label": label, "subgroup": subgroup}
            counts = {"slices": int(chosen.sum()), "positives": int(truth[chosen].sum())}
            scores = _scores(truth[chosen], score[chosen], threshold, group_codes[chosen])
            compared = _from_the_rest(truth, score, threshold, group_codes, parts=(chosen, rest))
            table += [keys | row | counts | compared.get(row["score"], {}) for row in scores]
    return pd.DataFrame(table, columns=list(_COLUMNS))


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
            whether only slices with bleeding are in a class, as `data.measures.strata.stratify`
            gives them. Such classes are scored against all negatives of the split.
        threshold: The frozen threshold of `any`; without one the rates are missing.

    Returns:
        The columns of `subgroup_scores`, with the property, `kind`, before them, and `p_adjusted`
        after them: by Holm's method over all comparisons of the table. Of two subgroups, each of
        which is the other's rest, the comparison counts once.

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
    if not tables:
        return pd.DataFrame(columns=["kind", *_COLUMNS, "p_adjusted"])
    together = pd.concat(tables, ignore_index=True)
    return together.assign(p_adjusted=_adjusted(together))


def is_mirrored(table: pd.DataFrame) -> pd.Series:
    """Which rows of `strata_scores` say once more what the row of another subgroup says.

    Of two subgroups, each of which is the other's rest, that is the second. Where a third has
    slices that a score counts, neither is.

    Args:
        table: Columns `kind`, `score` and `difference` at least.

    Returns:
        (n,), on the index of the table.
    """
    tested = table.dropna(subset="difference")
    differences = tested.groupby(["kind", "score"])["difference"]
    of_two = (differences.transform("size") == 2) & (differences.cumcount() == 1)
    opposite = of_two & (differences.transform("sum").abs() < _ROUNDING)
    return opposite.reindex(table.index, fill_value=False)


def _adjusted(table: pd.DataFrame) -> NDArray[np.float64]:
    """Each row's p-value after Holm's adjustment; NaN where nothing was compared."""
    mirrored = is_mirrored(table)
    adjusted = pd.Series(holm(table["p"].where(~mirrored)), index=table.index)
    first = adjusted.groupby([table["kind"], table["score"]]).transform("first")
    values: NDArray[np.float64] = np.where(mirrored, first, adjusted)
    return values


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


def _from_the_rest(
    truth: NDArray[np.int64],
    score: NDArray[np.float64],
    threshold: float,
    group_codes: NDArray[np.intp],
    *,
    parts: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> dict[str, dict[str, float]]:
    """The differences of a subgroup's area and rates from those of the rest.

    A group may have slices in both, so both are without the same group at a time. What the two
    score on the same slices, as specificity on negatives that both have, is not compared.

    Args:
        truth: (n,), 0 or 1, of all slices.
        score: (n,), probabilities.
        threshold: The frozen threshold; NaN leaves the rates undefined.
        group_codes: (n,) the group of each slice, from 0.
        parts: (n,) masks of the subgroup and of the rest.
    """
    total = int(group_codes.max(initial=-1)) + 1
    areas = [auc_left_out(truth[p], score[p], group_codes[p], total) for p in parts]
    differences = {"auc": _difference(*((area, partial(area_interval, area)) for area in areas))}
    is_right = (score >= threshold) == (truth == 1)
    for rate, of_class in (("recall", 1), ("specificity", 0)):
        counted = (truth == of_class) & (not math.isnan(threshold))
        first, second = (part & counted for part in parts)
        if not (first & second).any():
            measured = (_rate(is_right, group_codes, p, total) for p in (first, second))
            differences[rate] = _difference(*measured)
    return differences


def _rate(
    is_right: NDArray[np.bool_], group_codes: NDArray[np.intp], part: NDArray[np.bool_], total: int
) -> _Measured:
    """The share of the slices of a part that are judged right."""
    rate = mean_left_out(is_right[part].astype(np.float64), group_codes[part], total)
    return rate, partial(rate_interval, rate, units=int(part.sum()))


def _difference(first: _Measured, second: _Measured) -> dict[str, float]:
    """One score less another, with the interval and p-value that the intervals of both make.

    So a part whose handful of slices are all ranked or found is no surer known than its own
    interval says, and no difference lies beyond -1 and 1.
    """
    correlation = correlation_of(first[0], second[0])

    def at_level(level: float) -> Estimate:
        one, other = (
            Estimate(left_out.value, ci.low, ci.high)
            for left_out, interval in (first, second)
            for ci in [interval(level=level)]
        )
        return difference_of(one, other, correlation)

    found = at_level(LEVEL)
    figures = (found.value, found.low, found.high, p_value_of(at_level))
    return dict(zip(_DIFFERENCE, figures, strict=True))

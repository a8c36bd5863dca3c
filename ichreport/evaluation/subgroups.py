"""Where a run does well and where it fails: scores within subgroups of slices."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.operating_points import rates_with_intervals
from ichreport.evaluation.predictions import (
    PROBABILITIES,
    TRUTHS,
    checked_probability,
    checked_truth,
    select_split,
)
from ichreport.evaluation.rates import rates_at_threshold
from ichreport.evaluation.scores import auc_score, log_loss_terms
from ichreport.evaluation.uncertainty.bootstrap import (
    REPLICATES,
    Resamples,
    auc_replicates,
    draw_resamples,
    mean_replicates,
    rate_replicates,
)
from ichreport.evaluation.uncertainty.intervals import (
    area_interval,
    count_groups,
    holm,
    interval,
    p_value,
)
from ichreport.labels import ANY, LABELS
from ichreport.splits import Split

Negatives = Literal["own", "all"]

_DIFFERENCE: Final = ("difference", "difference_low", "difference_high", "p")
"""Columns of a subgroup's difference from the rest."""


def subgroup_scores(
    predictions: pd.DataFrame,
    by: pd.Series,
    *,
    labels: Sequence[str] = LABELS,
    negatives: Negatives = "own",
    thresholds: Mapping[str, float] | None = None,
    split: Split = "test",
    replicates: int = REPLICATES,
    seed: int = 0,
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
        replicates: Resamples of linked patient groups behind each interval; one set serves all
            subgroups.
        seed: Seed of the resamples.

    Returns:
        One row for each label, subgroup (in the order of a categorical `by`, else sorted) and
        score (`auc`, `log_loss`, then the rates at the threshold): `label`, `subgroup`, `score`,
        `value`, `low`, `high`, `groups` (that contribute), `undefined` (replicates), `slices`,
        `positives`; and for `auc` and `recall` the `difference` from the other subgroups together,
        `difference_low`, `difference_high` and `p`, not adjusted. NaN where undefined.

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
    resamples = draw_resamples(rows["group"], replicates=replicates, seed=seed)
    group_codes = resamples.group_codes(rows["group"])
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
            scores = _scores(
                truth[chosen], score[chosen], threshold, group_codes[chosen], resamples
            )
            compared = _from_the_rest(
                truth, score, threshold, group_codes, resamples, parts=(chosen, rest)
            )
            table += [keys | row | counts | compared.get(row["score"], {}) for row in scores]
    columns = ["label", "subgroup", "score", "value", "low", "high", "groups", "undefined"]
    return pd.DataFrame(table, columns=[*columns, "slices", "positives", *_DIFFERENCE])


def strata_scores(
    predictions: pd.DataFrame,
    strata: Iterable[tuple[str, pd.Series, bool]],
    *,
    threshold: float | None,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Scores of any bleeding on test within the classes of slices by each of some properties.

    Args:
        predictions: A run's predictions.
        strata: For each property its name, the class of each slice by `sop_instance_uid`, and
            whether only slices with bleeding are in a class, as `data.strata.stratify` gives them.
            Such classes are scored against all negatives of the split.
        threshold: The frozen threshold of `any`; without one the rates are missing.
        replicates: Resamples of linked patient groups behind each interval.

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
            replicates=replicates,
        )
        table.insert(0, "kind", name)
        tables.append(table)
    together = pd.concat(tables, ignore_index=True)
    return together.assign(p_adjusted=_adjusted(together))


def _adjusted(table: pd.DataFrame) -> NDArray[np.float64]:
    """Each row's p-value after Holm's adjustment; NaN where nothing was compared."""
    tested = table.dropna(subset="p")
    by_property = tested.groupby(["kind", "score"])["p"]
    mirrored = (by_property.transform("size") == 2) & (by_property.cumcount() == 1)
    p_values = table["p"].astype(np.float64).copy()
    p_values[mirrored.index[mirrored]] = math.nan
    adjusted = pd.Series(holm(p_values), index=table.index)
    first = adjusted.groupby([table["kind"], table["score"]]).transform("first")
    adjusted[mirrored.index[mirrored]] = first[mirrored.index[mirrored]]
    values: NDArray[np.float64] = np.asarray(adjusted, dtype=np.float64)
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
    resamples: Resamples,
) -> list[dict[str, Any]]:
    """The area, the log loss and the rates of one label in one subgroup."""
    areas = auc_replicates(truth, score, group_codes, resamples.counts)
    area = auc_score(truth, score)
    area_ci = area_interval(area, areas, truth == 1, group_codes)
    terms = log_loss_terms(truth, score)
    losses = mean_replicates(terms, group_codes, resamples.counts)
    loss = float(terms.mean()) if len(terms) else math.nan
    loss_ci = interval(losses, groups=len(np.unique(group_codes)))
    rates = rates_with_intervals(truth, score, threshold, group_codes, resamples)
    return [
        {"score": "auc", "value": area, **vars(area_ci)},
        {"score": "log_loss", "value": loss, **vars(loss_ci)},
        *({"score": rate.pop("rate"), **rate} for rate in rates),
    ]


def _from_the_rest(
    truth: NDArray[np.int64],
    score: NDArray[np.float64],
    threshold: float,
    group_codes: NDArray[np.intp],
    resamples: Resamples,
    *,
    parts: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> dict[str, dict[str, float]]:
    """The difference of a subgroup's area and recall from those of the rest, on shared resamples.

    Args:
        truth: (n,), 0 or 1, of all slices.
        score: (n,), probabilities.
        threshold: The frozen threshold.
        group_codes: (n,) the group of each slice.
        resamples: The resamples.
        parts: (n,) masks of the subgroup and of the rest.
    """
    positive = truth == 1
    values: dict[str, list[float]] = {"auc": [], "recall": []}
    replicates: dict[str, list[NDArray[np.float64]]] = {"auc": [], "recall": []}
    groups = {"auc": len(resamples.groups), "recall": len(resamples.groups)}
    for part in parts:
        own = truth[part], score[part]
        values["auc"].append(auc_score(*own))
        replicates["auc"].append(auc_replicates(*own, group_codes[part], resamples.counts))
        values["recall"].append(rates_at_threshold(*own, threshold)["recall"])
        rates = rate_replicates(*own, threshold, group_codes[part], resamples.counts)
        replicates["recall"].append(rates["recall"])
        of_positives = count_groups(group_codes, part & positive)
        of_both = count_groups(group_codes, part & positive, part & ~positive)
        groups = {
            "auc": min(groups["auc"], of_both),
            "recall": min(groups["recall"], of_positives),
        }
    compared = {}
    for name, (inside, rest) in replicates.items():
        ci = interval(inside - rest, groups=groups[name])
        figures = (
            values[name][0] - values[name][1],
            ci.low,
            ci.high,
            p_value(inside - rest, groups=groups[name]),
        )
        compared[name] = dict(zip(_DIFFERENCE, figures, strict=True))
    return compared

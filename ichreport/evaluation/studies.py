"""From slices to studies: is there bleeding anywhere in this scan?

A study is positive for a label if any of its slices is. The scores of its slices are pooled. Only
whole studies are scored: a sample of single slices may leave out the slice with the bleed, and the
rest would count as a study without bleeding.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.store import OF_A_STUDY
from ichreport.evaluation.calibration.recalibration import (
    fit_logistic,
    mean_log_loss,
    to_logit,
    to_probability,
)
from ichreport.evaluation.operating.operating_points import operating_point
from ichreport.evaluation.operating.thresholds import (
    POSTER_RECALL,
    frozen_thresholds,
    rate_table,
    threshold_at_recall,
)
from ichreport.evaluation.predictions import (
    PROBABILITIES,
    TRUTHS,
    probabilities,
    select_split,
    truths,
)
from ichreport.evaluation.uncertainty.closed_intervals import area_interval
from ichreport.evaluation.uncertainty.intervals import Interval
from ichreport.evaluation.uncertainty.jackknife import auc_left_out
from ichreport.labels import LABELS
from ichreport.splits import Split

SHARPNESS: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, math.inf)
"""Candidates of `fit_poolings`: 0 is the mean of the logits, infinity the largest."""

RIDGE: Final = 1.0
"""Ridge of the learned slope towards 1, since validation may hold only a handful of studies."""


@dataclass(frozen=True)
class Pooling:
    """How the logits of a study's slices are pooled.

    slope · LSE_r + intercept, with LSE_r = ln(mean(exp(r · logit))) / r, which runs from the mean
    (r = 0) to the maximum (r infinite); Pinheiro and Collobert, CVPR 2015.

    Attributes:
        sharpness: r, at least 0.
        slope: Factor of the pooled logit.
        intercept: Added to the product.
    """

    sharpness: float
    slope: float = 1.0
    intercept: float = 0.0


MAXIMUM: Final = Pooling(math.inf)
"""The study's probability is that of its most suspicious slice."""


@dataclass(frozen=True)
class PooledStudies:
    """A run's whole studies, pooled once for everything that is measured of them.

    Attributes:
        slices: `whole_studies` of the run's predictions.
        poolings: By label, as `fit_poolings` learns them.
    """

    slices: pd.DataFrame
    poolings: Mapping[str, Pooling | None]

    @classmethod
    def of(
        cls, predictions: pd.DataFrame, poolings: Mapping[str, Pooling | None] | None = None
    ) -> Self:
        """The whole studies of a run.

        Args:
            predictions: A run's predictions, one row a slice.
            poolings: By label; learned on validation if left out.
        """
        slices = whole_studies(predictions)
        return cls(slices, fit_poolings(slices) if poolings is None else poolings)

    @cached_property
    def maximum(self) -> pd.DataFrame:
        """`pool_studies` by the maximum."""
        return pool_studies(self.slices)

    @cached_property
    def decided(self) -> pd.DataFrame:
        """`pool_studies` as learned, or by the maximum where nothing could be learned."""
        decided = {label: pooling or MAXIMUM for label, pooling in self.poolings.items()}
        return pool_studies(self.slices, decided)

    def by_pooling(self) -> dict[str, pd.DataFrame]:
        """The studies by the `maximum`, and as `learned`: NaN where nothing could be learned."""
        unknown = [f"probability_{label}" for label in LABELS if self.poolings[label] is None]
        learned = self.decided.assign(**dict.fromkeys(unknown, math.nan))
        return {"maximum": self.maximum, "learned": learned}


def pool_logits(
    logit: NDArray[np.float64], study: NDArray[np.intp], sharpness: float
) -> NDArray[np.float64]:
    """Pool the logits of each study's slices.

    Args:
        logit: (n,), finite.
        study: (n,), the study of each slice, numbered from 0 without gaps.
        sharpness: r of `Pooling`.

    Returns:
        (studies,) pooled logits.
    """
    if not len(logit):
        return np.empty(0)
    slices = np.bincount(study)
    if sharpness == 0:
        return np.bincount(study, weights=logit) / slices
    largest = np.full(len(slices), -math.inf)
    np.maximum.at(largest, study, logit)
    if math.isinf(sharpness):
        return largest
    # subtracting the largest before exp avoids an overflow
    sums = np.bincount(study, weights=np.exp(sharpness * (logit - largest[study])))
    return largest + np.log(sums / slices) / sharpness


def fit_poolings(slices: pd.DataFrame) -> dict[str, Pooling | None]:
    """Learn how to pool each label: the sharpness, slope and intercept with the least log loss.

    Args:
        slices: Of `whole_studies`. Only those of validation are used.

    Returns:
        By label; `None` where all studies of validation are of one class, or where studies with the
        label score lower than those without.
    """
    rows = select_split(slices, "validation")
    study = _study_codes(rows)
    y_true, y_score = truths(rows), probabilities(rows)
    poolings: dict[str, Pooling | None] = {}
    for column, label in enumerate(LABELS):
        truth = np.zeros(study.max(initial=-1) + 1, dtype=np.int64)
        np.maximum.at(truth, study, y_true[:, column])
        poolings[label] = _fit_pooling(truth, to_logit(y_score[:, column]), study)
    return poolings


def _fit_pooling(
    truth: NDArray[np.int64], logit: NDArray[np.float64], study: NDArray[np.intp]
) -> Pooling | None:
    candidates: list[tuple[float, Pooling]] = []
    for sharpness in SHARPNESS:
        pooled = pool_logits(logit, study, sharpness)
        slope, intercept = fit_logistic(truth, pooled, ridge=RIDGE)
        if slope > 0:  # also refuses NaN; a slice that scores higher must not lower its study
            loss = mean_log_loss(truth, slope * pooled + intercept)
            candidates.append((loss, Pooling(sharpness, slope, intercept)))
    return min(candidates, key=lambda candidate: candidate[0])[1] if candidates else None


def pooling_table(studies: PooledStudies) -> pd.DataFrame:
    """How the studies of each label are pooled.

    Args:
        studies: A run's whole studies.

    Returns:
        One row a label: `label`, `learned` (whether there is a pooling), its `sharpness`, `slope`
        and `intercept` (those of `MAXIMUM` where there is none), and `studies` and `positives`,
        the whole studies of validation and those of them with the label.
    """
    validation = select_split(studies.decided, "validation")
    table = []
    for label, truth_column in zip(LABELS, TRUTHS, strict=True):
        pooling = studies.poolings[label]
        positives = int(validation[truth_column].sum())
        counts = {"studies": len(validation), "positives": positives}
        table.append(
            {"label": label, "learned": pooling is not None, **vars(pooling or MAXIMUM), **counts}
        )
    return pd.DataFrame(table)


def poolings_in(table: pd.DataFrame) -> dict[str, Pooling | None]:
    """The poolings that a `pooling_table` says, as `fit_poolings` gave them.

    Args:
        table: The table; in one of a record, where nothing is endless, NaN stands for the sharpness
            of the maximum.
    """
    return {
        str(label): Pooling(
            math.inf if math.isnan(row["sharpness"]) else row["sharpness"],
            row["slope"],
            row["intercept"],
        )
        if row["learned"]
        else None
        for label, row in table.set_index("label").iterrows()
    }


def study_thresholds(studies: pd.DataFrame) -> pd.DataFrame:
    """Each rule's threshold for each label of whole studies, chosen on validation.

    Args:
        studies: `PooledStudies.decided`.

    Returns:
        As `thresholds.frozen_thresholds`, with studies for slices.
    """
    return frozen_thresholds(studies).rename(columns={"slices": "studies"})


def study_rates(studies: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """The rates of whole studies of test at frozen thresholds, with intervals.

    Args:
        studies: `PooledStudies.decided`.
        thresholds: Of `study_thresholds`.

    Returns:
        As `thresholds.rate_table`, with studies for slices.
    """
    return rate_table(studies, thresholds).rename(columns={"slices": "studies"})


def whole_studies(predictions: pd.DataFrame) -> pd.DataFrame:
    """The slices of those studies of which all slices are in one split.

    Args:
        predictions: A run's predictions, one row a slice; its column `study_slices` is the number
            of slices of the study in the store. Without this column, studies count as complete.
    """
    studies = predictions.groupby(OF_A_STUDY)["split"]
    size = studies.transform("size")
    complete = size == predictions.get("study_slices", size)
    return predictions[complete & (studies.transform("nunique") == 1)]


def pool_studies(
    predictions: pd.DataFrame, poolings: Mapping[str, Pooling] | None = None
) -> pd.DataFrame:
    """One row a study, in the format of predictions, so that studies are scored as slices are.

    In a sample that is split by slice, a study may be in several splits. It counts in each split as
    a study of its own, with its slices and their truth there.

    Args:
        predictions: A run's predictions, one row a slice.
        poolings: By label; `MAXIMUM` for every label if left out.

    Returns:
        The columns of predictions but `sop_instance_uid` and `series_instance_uid`, and `slices`.
    """
    chosen = poolings if poolings is not None else dict.fromkeys(LABELS, MAXIMUM)
    study = _study_codes(predictions)
    by_study = predictions.groupby(study, sort=True)
    columns = ["study_instance_uid", "patient_id", "group", "split"]
    studies = by_study[columns].first()
    studies["slices"] = by_study.size()
    studies[list(TRUTHS)] = by_study[list(TRUTHS)].max()
    logit = to_logit(probabilities(predictions))
    for column, label in enumerate(LABELS):
        studies[PROBABILITIES[column]] = _pooled(logit[:, column], study, chosen[label])
    return studies.reset_index(drop=True)


def _pooled(
    logit: NDArray[np.float64], study: NDArray[np.intp], pooling: Pooling
) -> NDArray[np.float64]:
    pooled = pool_logits(logit, study, pooling.sharpness)
    return to_probability(pooling.slope * pooled + pooling.intercept)


def _study_codes(rows: pd.DataFrame) -> NDArray[np.intp]:
    """The study of each slice, numbered from 0, (n,); a study has one number in each split."""
    codes = rows.groupby(["split", "study_instance_uid", "patient_id"], sort=True).ngroup()
    return codes.to_numpy().astype(np.intp)


def study_table(studies: PooledStudies, *, split: Split = "test") -> pd.DataFrame:
    """Areas and rates of whole studies, pooled by the maximum and as learned on validation.

    Pooling and thresholds (those of the poster's recall) are chosen on the whole studies of
    validation and then frozen.

    Args:
        studies: A run's whole studies.
        split: Where to measure.

    Returns:
        One row for each pooling (`maximum`, `learned`), label and score (`auc`, then the rates and
        their summaries at the operating point): `pooling`, `label`, `score`, `value`, `low`,
        `high`, `groups`, `threshold`, `sharpness` (of the pooling), `studies` and
        `positives`. NaN where undefined, and throughout where a pooling could not be learned.
    """
    table: list[dict[str, Any]] = []
    for name, pooled in studies.by_pooling().items():
        validation, rows = select_split(pooled, "validation"), select_split(pooled, split)
        group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
        for label, truth_column, score_column in zip(LABELS, TRUTHS, PROBABILITIES, strict=True):
            pooling = studies.poolings[label] if name == "learned" else MAXIMUM
            threshold = math.nan
            if pooling:
                threshold = threshold_at_recall(
                    validation[truth_column], validation[score_column], POSTER_RECALL
                )
            truth = rows[truth_column].to_numpy(np.int64)
            score = rows[score_column].to_numpy(np.float64)
            keys = {
                "pooling": name,
                "label": label,
                "threshold": threshold,
                "sharpness": pooling.sharpness if pooling else math.nan,
                "studies": len(rows),
                "positives": int(truth.sum()),
            }
            scores = _scores(truth, score, threshold, group_codes)
            table += [keys | row for row in scores]
    columns = ["pooling", "label", "score", "value", "low", "high", "groups"]
    return pd.DataFrame(table)[[*columns, "threshold", "sharpness", "studies", "positives"]]


def _scores(
    truth: NDArray[np.int64],
    score: NDArray[np.float64],
    threshold: float,
    group_codes: NDArray[np.intp],
) -> list[dict[str, Any]]:
    """The area and the rates of one label; all NaN where the scores are."""
    defined = not np.isnan(score).any()
    score = np.nan_to_num(score)
    area, ci = math.nan, Interval(math.nan, math.nan, 0)
    if defined:
        left_out = auc_left_out(truth, score, group_codes)
        area, ci = left_out.value, area_interval(left_out)
    point = operating_point(truth, score, threshold, group_codes)
    rows = [{"score": rate["rate"], **rate} for rate in point.rows()]
    return [{"score": "auc", "value": area, **vars(ci)}, *rows]

"""Everything that is measured of one run, computed once and kept in its record."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from ichreport.evaluation import curves
from ichreport.evaluation.average_precision import average_precision_table
from ichreport.evaluation.calibration.errors import calibration_table
from ichreport.evaluation.calibration.net_benefit import PROBABILITY_THRESHOLDS, decision_curve
from ichreport.evaluation.calibration.reliability import make_bins, reliability_curve
from ichreport.evaluation.constant_prevalence import FloorComparison, compare_with_floor
from ichreport.evaluation.endpoints import endpoint_table
from ichreport.evaluation.extra_axial import derived_levels, extra_axial_table
from ichreport.evaluation.operating.alarms import alarm_table
from ichreport.evaluation.operating.thresholds import (
    AT_POSTER_RECALL,
    frozen_thresholds,
    rate_table,
)
from ichreport.evaluation.predictions import TRUTHS, probabilities, select_split, truths
from ichreport.evaluation.scatter import scatter_table
from ichreport.evaluation.studies import (
    PooledStudies,
    pooling_table,
    study_rates,
    study_table,
    study_thresholds,
)
from ichreport.evaluation.uncertainty.bootstrap import REPLICATES
from ichreport.evaluation.uncertainty.clustered_auc import auc_table
from ichreport.evaluation.uncertainty.intervals import Interval
from ichreport.evaluation.uncertainty.score_table import score_table
from ichreport.files import without_nan
from ichreport.labels import LABELS
from ichreport.params.endpoint import Endpoint
from ichreport.splits import SPLITS, Split

POSTER_RULE: Final = AT_POSTER_RECALL.name
"""The name of the rule that the poster's operating points follow."""

CURVE_POINTS: Final = 200
"""Points that are kept of a ROC or precision-recall curve at most."""

_LARGEST_DRAWN: Final = 0.5
"""Decision curves end at 50 %: nobody asks for more than one hit for one false alarm."""


@dataclass(frozen=True)
class Assessment:
    """The measures of a run: tables with intervals over linked patient groups, and curves.

    Attributes:
        scores: `uncertainty.score_table.score_table`, of every split.
        areas: `uncertainty.clustered_auc.auc_table` on test: Obuchowski's closed form.
        precisions: `average_precision.average_precision_table` on test.
        endpoints: `endpoints.endpoint_table`: what a report may be about, on validation and test.
        thresholds: `thresholds.frozen_thresholds`, chosen on validation.
        scatter: `scatter.scatter_table`: how far these thresholds, and those of studies and of
            the derived label, scatter.
        rates: `thresholds.rate_table` of these thresholds, with `split`: all rules on test, the
            poster's on train too.
        calibration: `calibration.errors.calibration_table` on test.
        studies: `studies.study_table` on test.
        alarms: `alarms.alarm_table` of studies, at the data's own prevalence and at stated ones.
        extra_axial: `extra_axial.extra_axial_table` on test: a label derived from two of the six.
        poolings: `studies.pooling_table`, learned on validation.
        study_thresholds: `studies.study_thresholds`, chosen on validation.
        study_rates: `studies.study_rates` of these thresholds, on test.
        subgroups: `subgroups.subgroup_scores` of any bleeding on test, with `kind`; empty if no
            subgroups were asked for.
        splits: `split`, `slices`, `groups`, and positive slices by label.
        roc: `curves.roc` on test, with `label`.
        precision_recall: `curves.precision_recall` on test, with `label`.
        reliability: `calibration.reliability.reliability_curve` on test, with `label`.
        net_benefit: `calibration.net_benefit.decision_curve` on test, with `label`.
        learned: The run against the constant prevalence of its training slices, on test.
        test_set: A name for the slices of test: the same slices, the same name.
    """

    scores: pd.DataFrame
    areas: pd.DataFrame
    precisions: pd.DataFrame
    endpoints: pd.DataFrame
    thresholds: pd.DataFrame
    scatter: pd.DataFrame
    rates: pd.DataFrame
    calibration: pd.DataFrame
    studies: pd.DataFrame
    alarms: pd.DataFrame
    extra_axial: pd.DataFrame
    poolings: pd.DataFrame
    study_thresholds: pd.DataFrame
    study_rates: pd.DataFrame
    subgroups: pd.DataFrame
    splits: pd.DataFrame
    roc: pd.DataFrame
    precision_recall: pd.DataFrame
    reliability: pd.DataFrame
    net_benefit: pd.DataFrame
    learned: FloorComparison
    test_set: str

    def with_subgroups(self, subgroups: pd.DataFrame) -> Self:
        """The same with scores within subgroups."""
        return replace(self, subgroups=subgroups)

    def threshold(self, label: str, rule: str = POSTER_RULE) -> float:
        """A label's frozen threshold; NaN where validation defines none.

        Args:
            label: One of `LABELS`.
            rule: The name of one of `thresholds.RULES`.
        """
        return float(self._row("thresholds", rule=rule, label=label)["threshold"])

    def achieved(self, label: str, rule: str = POSTER_RULE) -> float:
        """What a label's frozen threshold achieves of its rule on validation; NaN without one.

        Args:
            label: One of `LABELS`.
            rule: The name of one of `thresholds.RULES`.
        """
        return float(self._row("thresholds", rule=rule, label=label)["achieved"])

    def score(self, score: str, label: str, split: Split = "test") -> dict[str, Any]:
        """A score with its interval and its floor: a row of `scores`."""
        return self._row("scores", score=score, label=label, split=split)

    def rate(self, rate: str, label: str, rule: str = POSTER_RULE) -> dict[str, Any]:
        """A rate on test at a frozen threshold: a row of `rates`."""
        return self._row("rates", rate=rate, label=label, rule=rule, split="test")

    def average_precision(self, label: str) -> dict[str, Any]:
        """A label's average precision on test: a row of `precisions`."""
        return self._row("precisions", label=label)

    def endpoint(self, endpoint: Endpoint, split: Split = "test") -> dict[str, Any]:
        """What a report is about, on validation or test: a row of `endpoints`."""
        return self._row("endpoints", **endpoint.model_dump(), split=split)

    def calibration_measure(self, measure: str, label: str) -> dict[str, Any]:
        """A measure of calibration: a row of `calibration`."""
        return self._row("calibration", measure=measure, label=label)

    def split(self, split: Split) -> dict[str, Any]:
        """What a split holds: a row of `splits`."""
        return self._row("splits", split=split)

    def curve(self, kind: str, label: str) -> pd.DataFrame:
        """A label's curve on test: `roc`, `precision_recall`, `reliability` or `net_benefit`."""
        table: pd.DataFrame = getattr(self, kind)
        return table[table["label"] == label].drop(columns="label").reset_index(drop=True)

    def _row(self, table: str, **where: str) -> dict[str, Any]:
        """The only row of a table with these values."""
        if table not in self._rows:
            self._rows[table] = getattr(self, table).to_dict("records")
        return dict(next(row for row in self._rows[table] if where.items() <= row.items()))

    @cached_property
    def _rows(self) -> dict[str, list[dict[str, Any]]]:
        """By table, its rows: pages ask for one at a time, for hundreds in all."""
        return {}

    def record(self) -> dict[str, Any]:
        """Everything as `record.json` keeps it: of a table, a list a column.

        `None` where undefined, and for endless numbers: the sharpness of the maximum, the threshold
        at a ROC curve's origin.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: _columns(value)
            if isinstance(value, pd.DataFrame)
            else without_nan(asdict(value) if isinstance(value, FloorComparison) else value)
            for name, value in values.items()
        }

    @classmethod
    def from_record(cls, recorded: Mapping[str, Any]) -> Self:
        """The assessment that a record keeps; NaN where undefined."""
        values: dict[str, Any] = {
            name: _table(value) if isinstance(value, dict) else value
            for name, value in recorded.items()
            if name != "learned"
        }
        return cls(**values, learned=_learned(recorded["learned"]))


def assess(
    predictions: pd.DataFrame,
    *,
    prevalences: Mapping[str, Sequence[float]] | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Assessment:
    """Measure a run.

    Thresholds, scalings and poolings are chosen on validation, frozen, and applied to test once.

    Args:
        predictions: A run's predictions.
        prevalences: By label, shares of studies with it, in (0, 1), at which alarms are foretold.
        replicates: Resamples of linked patient groups behind the calibration error and the scatter
            of thresholds; other intervals are in closed form.
        seed: Seed of the resamples.
    """
    options: dict[str, Any] = {"replicates": replicates, "seed": seed}
    scores, precisions = score_table(predictions), average_precision_table(predictions)
    thresholds = frozen_thresholds(predictions)
    poster_thresholds = thresholds[thresholds["rule"] == POSTER_RULE]
    studies = PooledStudies.of(predictions)
    of_studies = study_thresholds(studies.decided)
    derived = derived_levels(predictions, studies.slices)
    rates = [
        rate_table(predictions, thresholds).assign(split="test"),
        rate_table(predictions, poster_thresholds, split="train").assign(split="train"),
    ]
    return Assessment(
        scores=scores,
        areas=auc_table(predictions),
        precisions=precisions,
        endpoints=endpoint_table(predictions, scores, precisions, studies.maximum),
        thresholds=thresholds,
        scatter=scatter_table(predictions, studies, derived, **options),
        rates=pd.concat(rates, ignore_index=True),
        calibration=calibration_table(predictions, **options),
        studies=study_table(studies),
        alarms=alarm_table(studies.decided, prevalences or {}),
        extra_axial=extra_axial_table(derived),
        poolings=pooling_table(studies),
        study_thresholds=of_studies,
        study_rates=study_rates(studies.decided, of_studies),
        subgroups=pd.DataFrame(),
        splits=split_table(predictions),
        **_curves(predictions),
        learned=compare_with_floor(predictions),
        test_set=_test_set(predictions),
    )


def split_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """What each split holds: `split`, `slices`, `groups`, and positive slices by label."""
    rows = []
    for split in SPLITS:
        inside = select_split(predictions, split)
        positives = dict(zip(LABELS, inside[list(TRUTHS)].sum().tolist(), strict=True))
        counts = {"slices": len(inside), "groups": inside["group"].nunique()}
        rows.append({"split": split, **counts, **positives})
    return pd.DataFrame(rows)


def _curves(predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The curves of every label on test."""
    test = select_split(predictions, "test")
    y_true, y_score = truths(test), probabilities(test)
    group_codes = pd.factorize(test["group"])[0].astype(np.intp)
    drawn = [p for p in PROBABILITY_THRESHOLDS if p <= _LARGEST_DRAWN]
    tables: dict[str, list[pd.DataFrame]] = {}
    for column, label in enumerate(LABELS):
        truth, score = y_true[:, column], y_score[:, column]
        bins = make_bins(score)
        of_label = {
            "roc": curves.roc(truth, score, max_points=CURVE_POINTS),
            "precision_recall": curves.precision_recall(truth, score, max_points=CURVE_POINTS),
            "reliability": reliability_curve(truth, score, bins, group_codes=group_codes),
            "net_benefit": decision_curve(truth, score, thresholds=drawn, group_codes=group_codes),
        }
        for kind, table in of_label.items():
            tables.setdefault(kind, []).append(table.assign(label=label))
    return {kind: pd.concat(parts, ignore_index=True) for kind, parts in tables.items()}


def _test_set(predictions: pd.DataFrame) -> str:
    names = sorted(select_split(predictions, "test")["sop_instance_uid"])
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]


def _columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): without_nan(values) for name, values in table.to_dict("list").items()}


def _table(columns: Mapping[str, list[Any]]) -> pd.DataFrame:
    """A recorded table; NaN where it has None."""
    return pd.DataFrame(columns).fillna(np.nan).infer_objects()


def _learned(recorded: Mapping[str, Any]) -> FloorComparison:
    values: dict[str, Any] = _with_nan(recorded)
    for name in ("difference_interval", "auc_interval"):
        values[name] = Interval(**_with_nan(recorded[name]))
    return FloorComparison(**values)


def _with_nan(recorded: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in recorded.items()}

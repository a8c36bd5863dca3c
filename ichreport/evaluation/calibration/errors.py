"""Measures of calibration of each label, and what recalibration fitted on validation gains."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.calibration.corrected_error import corrected_calibration_error
from ichreport.evaluation.calibration.recalibration import (
    fit_logistic,
    fit_shift,
    fit_temperature,
    line_standard_errors,
    shift_standard_error,
    temperature_standard_error,
    to_logit,
    to_probability,
)
from ichreport.evaluation.calibration.reliability import Bins, make_bins
from ichreport.evaluation.predictions import (
    TRUTHS,
    probabilities,
    select_split,
    truths,
)
from ichreport.evaluation.scores import gains, log_loss_terms
from ichreport.evaluation.uncertainty.bootstrap import (
    REPLICATES,
    Resamples,
    draw_resamples,
)
from ichreport.evaluation.uncertainty.closed_differences import cautious_interval
from ichreport.evaluation.uncertainty.closed_intervals import loss_interval
from ichreport.evaluation.uncertainty.intervals import (
    Interval,
    count_groups,
)
from ichreport.evaluation.uncertainty.jackknife import mean_left_out
from ichreport.labels import LABELS
from ichreport.splits import Split


@dataclass(frozen=True)
class Recalibration:
    """The recalibration of one label, fitted on validation.

    Attributes:
        temperature: From `fit_temperature`; NaN if undefined.
        slope: From `fit_logistic`; NaN if undefined.
        intercept: From `fit_logistic`; NaN if undefined. It corrects what a temperature cannot,
            such as the shift that weighting the positives leaves.
    """

    temperature: float
    slope: float
    intercept: float

    def with_temperature(self, y_score: ArrayLike) -> NDArray[np.float64]:
        """Probabilities after temperature scaling, (n,); NaN if undefined."""
        return to_probability(to_logit(y_score) / self.temperature)

    def with_line(self, y_score: ArrayLike) -> NDArray[np.float64]:
        """Probabilities after slope and intercept, (n,); NaN if undefined."""
        return to_probability(to_logit(y_score) * self.slope + self.intercept)


def fit_recalibrations(predictions: pd.DataFrame) -> dict[str, Recalibration]:
    """Each label's temperature, slope and intercept, fitted on validation.

    Args:
        predictions: A run's predictions.

    Returns:
        By label.
    """
    rows = select_split(predictions, "validation")
    y_true, y_score = truths(rows), probabilities(rows)
    recalibrations = {}
    for column, label in enumerate(LABELS):
        truth, score = y_true[:, column], y_score[:, column]
        line = fit_logistic(truth, to_logit(score))
        recalibrations[label] = Recalibration(fit_temperature(truth, score), *line)
    return recalibrations


def calibration_table(
    predictions: pd.DataFrame,
    *,
    split: Split = "test",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """How calibrated each label is, and what recalibration fitted on validation gains.

    Args:
        predictions: A run's predictions.
        split: Where to measure.
        replicates: Resamples of linked patient groups behind the calibration error.
        seed: Seed of the resamples.

    Returns:
        One row for each label and measure: `label`, `measure`, `value`, `low`, `high`, `groups`,
        `slices`, `positives`, `bins` and `binning` (of the calibration error). The
        measures: `brier`, `expected_calibration_error`, `log_loss`, `log_loss_temperature`,
        `log_loss_line`, `gain_temperature` and `gain_line` (the log loss before less the log loss
        after recalibration; above 0 it helped), with intervals for which the
        recalibration is fixed; `slope` and `in_the_large` (the intercept at slope 1, `fit_shift`)
        of this split, and `temperature`, `validation_slope` and `validation_intercept` of
        validation, with intervals in closed form. Slices, positives and groups are those of the
        split that a measure was taken on. The calibration error is corrected for chance
        (`corrected_error`).
    """
    recalibrations = fit_recalibrations(predictions)
    validation = select_split(predictions, "validation")
    rows = select_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    resamples = draw_resamples(rows["group"], replicates=replicates, seed=seed)
    group_codes = resamples.group_codes(rows["group"])
    table: list[dict[str, Any]] = []
    for column, label in enumerate(LABELS):
        truth, score = y_true[:, column], y_score[:, column]
        bins = make_bins(score)
        keys = {"label": label, "bins": len(bins), "binning": bins.binning}
        recalibration = recalibrations[label]
        measured = _errors(truth, score, recalibration, bins, group_codes, resamples)
        measured |= _calibration_line(rows, label)
        fitted = _recalibration_intervals(validation, label, recalibration)
        for part, measures in ((rows, measured), (validation, fitted)):
            counts = {"slices": len(part), "positives": int(part[TRUTHS[column]].sum())}
            for measure, values in measures.items():
                table.append(keys | counts | {"measure": measure} | values)
    columns = ["label", "measure", "value", "low", "high", "groups"]
    return pd.DataFrame(table)[[*columns, "slices", "positives", "bins", "binning"]]


def _errors(
    truth: NDArray[np.int64],
    score: NDArray[np.float64],
    recalibration: Recalibration,
    bins: Bins,
    group_codes: NDArray[np.intp],
    resamples: Resamples,
) -> dict[str, dict[str, Any]]:
    """The measures that are means over slices, and the calibration error."""
    before = log_loss_terms(truth, score)
    after = [
        _terms_or_nan(truth, scaled)
        for scaled in (recalibration.with_temperature(score), recalibration.with_line(score))
    ]
    terms = {
        "brier": (score - truth) ** 2,
        "log_loss": before,
        "log_loss_temperature": after[0],
        "log_loss_line": after[1],
        "gain_temperature": gains(before, after[0]),
        "gain_line": gains(before, after[1]),
    }
    measured: dict[str, dict[str, Any]] = {}
    for measure, values in terms.items():
        mean = mean_left_out(values, group_codes)
        if measure.startswith("gain"):
            ci = cautious_interval(mean)
        else:
            ci = loss_interval(mean, most=1.0 if measure == "brier" else math.inf)
        measured[measure] = {"value": mean.value, **vars(ci)}
    error, ci = corrected_calibration_error(truth, score, bins, group_codes, resamples)
    measured["expected_calibration_error"] = {"value": error, **vars(ci)}
    return measured


def _calibration_line(rows: pd.DataFrame, label: str) -> dict[str, dict[str, Any]]:
    """A label's calibration slope and calibration in the large."""
    truth, score, group_codes, groups = _label_arrays(rows, label)
    logit = to_logit(score)
    line, shift = fit_logistic(truth, logit), fit_shift(truth, logit)
    fits = {
        "slope": (line[0], line_standard_errors(truth, logit, line, group_codes)[0]),
        "in_the_large": (shift, shift_standard_error(truth, logit, shift, group_codes)),
    }
    return {
        name: {"value": value, **vars(error.interval_around(value, groups=groups))}
        for name, (value, error) in fits.items()
    }


def _recalibration_intervals(
    rows: pd.DataFrame, label: str, recalibration: Recalibration
) -> dict[str, dict[str, Any]]:
    """The fits of a recalibration to these rows; the temperature's interval is made on ln T."""
    truth, score, group_codes, groups = _label_arrays(rows, label)
    temperature = recalibration.temperature
    error = temperature_standard_error(truth, score, temperature, group_codes)
    log_interval = error.interval_around(math.log(temperature), groups=groups)
    ci = Interval(_exp_or_nan(log_interval.low), _exp_or_nan(log_interval.high), groups)
    line = recalibration.slope, recalibration.intercept
    errors = line_standard_errors(truth, to_logit(score), line, group_codes)
    fits = {"temperature": {"value": temperature, **vars(ci)}}
    names = ("validation_slope", "validation_intercept")
    for name, value, error in zip(names, line, errors, strict=True):
        fits[name] = {"value": value, **vars(error.interval_around(value, groups=groups))}
    return fits


def _exp_or_nan(exponent: float) -> float:
    """The exponential; NaN where it overflows, since an interval of two groups may be endless."""
    try:
        return math.exp(exponent)
    except OverflowError:
        return math.nan


def _label_arrays(
    rows: pd.DataFrame, label: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.intp], int]:
    """Truth, probability and group of each slice, and the number of groups behind a fit."""
    column = LABELS.index(label)
    truth, score = truths(rows)[:, column], probabilities(rows)[:, column]
    group_codes = pd.factorize(rows["group"])[0].astype(np.intp)
    return truth, score, group_codes, count_groups(group_codes, truth == 1, truth == 0)


def _terms_or_nan(truth: NDArray[np.int64], scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isnan(scaled).any():
        return np.full(len(truth), math.nan)
    return log_loss_terms(truth, scaled)

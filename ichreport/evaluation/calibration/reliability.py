"""Whether probabilities mean what they say: reliability, Brier score, calibration error."""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.calibration.recalibration import (
    fit_logistic,
    fit_shift,
    fit_temperature,
    line_errors,
    shift_error,
    temperature_error,
    to_logit,
    to_probability,
)
from ichreport.evaluation.inference.bootstrap import (
    REPLICATES,
    Resamples,
    draw_resamples,
    group_sums,
    mean_replicates,
)
from ichreport.evaluation.inference.intervals import (
    Interval,
    contributing,
    estimate_interval,
    interval,
    share_interval,
)
from ichreport.evaluation.predictions import (
    TRUTHS,
    checked_probability,
    checked_truth,
    of_split,
    probabilities,
    truths,
)
from ichreport.evaluation.scores import log_loss_terms
from ichreport.labels import LABELS
from ichreport.splits import Split

Binning = Literal["mass", "width"]

NUM_BINS: Final = 10


def brier_score(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """The mean squared difference of probability and truth (Brier 1950).

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), probabilities.

    Returns:
        In [0, 1]; NaN without slices.
    """
    squared = (checked_probability(y_score) - checked_truth(y_true)) ** 2
    return float(squared.mean()) if len(squared) else math.nan


@dataclass(frozen=True)
class Bins:
    """Bins of probabilities; each takes its lower edge, the last one both.

    Attributes:
        edges: (bins + 1,) rising.
        binning: `mass`: as many slices in each, as far as ties allow. `width`: equally wide.
    """

    edges: NDArray[np.float64]
    binning: Binning

    def of(self, y_score: NDArray[np.float64]) -> NDArray[np.intp]:
        """The bin of each probability."""
        return np.searchsorted(self.edges[1:-1], y_score, side="right")

    def __len__(self) -> int:
        return len(self.edges) - 1


def make_bins(y_score: ArrayLike, *, num_bins: int = NUM_BINS, binning: Binning = "mass") -> Bins:
    """Bins for a set of probabilities.

    Bins of equal width over [0, 1] are the usual ones (Guo et al. 2017), but nearly all slices of a
    rare label fall into the first; bins of equal mass (Nixon et al. 2019) resolve those.

    Args:
        y_score: (n,), probabilities; only bins of equal mass depend on them.
        num_bins: Bins to make; of equal mass fewer where many probabilities are equal.
        binning: `mass` or `width`.

    Raises:
        ValueError: If `num_bins` is not positive.
    """
    if num_bins < 1:
        raise ValueError(f"num_bins must be at least 1, got {num_bins!r}.")
    shares = np.linspace(0, 1, num_bins + 1)
    score = checked_probability(y_score)
    if binning == "width" or not len(score):
        return Bins(shares, "width")
    lower = np.unique(np.quantile(score, shares[:-1], method="inverted_cdf"))
    return Bins(np.append(lower, score.max()), "mass")


def reliability_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    bins: Bins,
    *,
    place: NDArray[np.intp],
    resamples: Resamples,
) -> pd.DataFrame:
    """Observed against predicted shares of positives, bin by bin, with intervals.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), probabilities.
        bins: The bins.
        place: (n,) the group of each slice, as `Resamples.places` gives it.
        resamples: Resamples of the groups.

    Returns:
        Columns `bin_low`, `bin_high`, `slices`, `positives`, `groups`, `predicted` (mean
        probability), `observed` (share of positives), `low`, `high`, `undefined` (replicates
        without a slice in the bin); NaN where a bin is empty.
    """
    truth, score = checked_truth(y_true), checked_probability(y_score)
    bin_of = bins.of(score)
    counts = resamples.counts
    rows: list[dict[str, Any]] = []
    for number in range(len(bins)):
        inside = bin_of == number
        sums = counts @ group_sums(
            np.stack([inside, inside & (truth == 1)], axis=1), place, counts.shape[1]
        )
        filled = sums[:, 0] > 0
        shares = np.where(filled, sums[:, 1] / np.where(filled, sums[:, 0], 1), math.nan)
        observed = float(truth[inside].mean()) if inside.any() else math.nan
        units, groups = int(inside.sum()), contributing(place, inside)
        found = share_interval(observed, shares, units=units, groups=groups)
        rows.append(
            {
                "bin_low": bins.edges[number],
                "bin_high": bins.edges[number + 1],
                "slices": units,
                "positives": int(truth[inside].sum()),
                "predicted": score[inside].mean() if inside.any() else math.nan,
                "observed": observed,
                **vars(found),
            }
        )
    return pd.DataFrame(rows)


def expected_calibration_error(y_true: ArrayLike, y_score: ArrayLike, bins: Bins) -> float:
    """The mean over slices of |observed - predicted| of their bin (Naeini et al. 2015).

    Biased upwards where bins hold few slices: chance alone keeps a bin's shares apart.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), probabilities.
        bins: The bins; a value says nothing without them.

    Returns:
        In [0, 1]; NaN without slices.
    """
    truth, score = checked_truth(y_true), checked_probability(y_score)
    if not len(truth):
        return math.nan
    gaps = np.bincount(bins.of(score), weights=score - truth, minlength=len(bins))
    return float(np.abs(gaps).sum() / len(truth))


def _calibration_error_replicates(
    truth: NDArray[np.int64],
    score: NDArray[np.float64],
    bins: Bins,
    place: NDArray[np.intp],
    counts: NDArray[np.int64],
) -> NDArray[np.float64]:
    """`expected_calibration_error` in each resample, in the same bins."""
    inside = bins.of(score)[:, None] == np.arange(len(bins))
    gaps = counts @ group_sums(inside * (score - truth)[:, None], place, counts.shape[1])
    sizes = counts @ np.bincount(place, minlength=counts.shape[1])
    filled = sizes > 0
    return np.where(filled, np.abs(gaps).sum(axis=1) / np.where(filled, sizes, 1), math.nan)


@dataclass(frozen=True)
class Scaling:
    """What validation says of one label's probabilities.

    Attributes:
        temperature: Of `fit_temperature`; NaN if undefined.
        slope: Of `fit_logistic`; NaN if undefined.
        intercept: Of `fit_logistic`: what a temperature cannot mend, such as the shift that
            weighting the positives leaves.
    """

    temperature: float
    slope: float
    intercept: float

    def with_temperature(self, y_score: ArrayLike) -> NDArray[np.float64]:
        """Probabilities after temperature scaling; NaN if undefined."""
        return to_probability(to_logit(y_score) / self.temperature)

    def with_line(self, y_score: ArrayLike) -> NDArray[np.float64]:
        """Probabilities after slope and intercept; NaN if undefined."""
        return to_probability(to_logit(y_score) * self.slope + self.intercept)


def fit_scalings(predictions: pd.DataFrame, *, split: Split = "validation") -> dict[str, Scaling]:
    """Each label's temperature, slope and intercept, fitted on one split.

    Args:
        predictions: A run's predictions.
        split: Where to fit.
    """
    rows = of_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    scalings = {}
    for column, label in enumerate(LABELS):
        truth, score = y_true[:, column], y_score[:, column]
        line = fit_logistic(truth, to_logit(score))
        scalings[label] = Scaling(fit_temperature(truth, score), *line)
    return scalings


def calibration_table(
    predictions: pd.DataFrame,
    *,
    split: Split = "test",
    num_bins: int = NUM_BINS,
    binning: Binning = "mass",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """How calibrated each label is, and what scaling fitted on validation brings.

    Args:
        predictions: A run's predictions.
        split: Where to measure.
        num_bins: Bins of the calibration error.
        binning: Their kind.
        replicates: Resamples of linked patient groups behind each interval.
        seed: Seed of the resamples.

    Returns:
        One row for each label and measure: `label`, `measure`, `value`, `low`, `high`, `groups`,
        `undefined`, `slices`, `positives`, `bins` and `binning` (of the calibration error). The
        measures: `brier`, `expected_calibration_error`, `log_loss`, `log_loss_temperature`,
        `log_loss_line`, `gain_temperature` and `gain_line` (the log loss less what scaling leaves,
        on the same resamples; above 0 it helped) with intervals by bootstrap, which take the
        scaling as given (replicates of the calibration error are moved to have the error itself as
        their mean); `slope` and `in_the_large` (the intercept at slope 1, `fit_shift`) of this
        split, and `temperature`, `validation_slope` and `validation_intercept` of validation, whose
        slices, positives and groups they name, with intervals in closed form.
    """
    scalings = fit_scalings(predictions)
    fitted_on = of_split(predictions, "validation")
    rows = of_split(predictions, split)
    y_true, y_score = truths(rows), probabilities(rows)
    resamples = draw_resamples(rows["group"], replicates=replicates, seed=seed)
    place = resamples.places(rows["group"])
    table: list[dict[str, Any]] = []
    for column, label in enumerate(LABELS):
        truth, score = y_true[:, column], y_score[:, column]
        bins = make_bins(score, num_bins=num_bins, binning=binning)
        stated = {"label": label, "bins": len(bins), "binning": bins.binning}
        here = _measured(truth, score, scalings[label], bins, place, resamples)
        here |= _fitted(rows, label)
        of_validation = _of_scaling(fitted_on, label, scalings[label])
        for of, measures in ((rows, here), (fitted_on, of_validation)):
            counts = {"slices": len(of), "positives": int(of[TRUTHS[column]].sum())}
            for measure, values in measures.items():
                table.append(stated | counts | {"measure": measure} | values)
    columns = ["label", "measure", "value", "low", "high", "groups", "undefined"]
    return pd.DataFrame(table)[[*columns, "slices", "positives", "bins", "binning"]]


def _measured(
    truth: NDArray[np.int64],
    score: NDArray[np.float64],
    scaling: Scaling,
    bins: Bins,
    place: NDArray[np.intp],
    resamples: Resamples,
) -> dict[str, dict[str, Any]]:
    """The measures that have intervals."""
    before = log_loss_terms(truth, score)
    after = [
        _terms_or_nan(truth, scaled)
        for scaled in (scaling.with_temperature(score), scaling.with_line(score))
    ]
    terms = {
        "brier": (score - truth) ** 2,
        "log_loss": before,
        "log_loss_temperature": after[0],
        "log_loss_line": after[1],
        "gain_temperature": before - after[0],
        "gain_line": before - after[1],
    }
    means = mean_replicates(np.stack(list(terms.values()), axis=1), place, resamples.counts)
    groups = len(np.unique(place))
    measured = {
        measure: {
            "value": float(values.mean()) if len(values) else math.nan,
            **vars(interval(means[:, column], groups=groups)),
        }
        for column, (measure, values) in enumerate(terms.items())
    }
    error = expected_calibration_error(truth, score, bins)
    errors = _calibration_error_replicates(truth, score, bins, place, resamples.counts)
    measured["expected_calibration_error"] = {
        "value": error,
        **vars(interval(_around(error, errors), groups=groups)),
    }
    return measured


def _around(value: float, replicates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replicates of an error of at least 0, moved so that their mean is the error itself.

    Distances grow by noise, and each resample adds its own: the mean of the replicates lies above
    the error, and often all of the interval would. Their spread is what it is.
    """
    defined = ~np.isnan(replicates)
    if not defined.any() or math.isnan(value):
        return replicates
    moved: NDArray[np.float64] = np.maximum(replicates - replicates[defined].mean() + value, 0)
    return moved


def _fitted(rows: pd.DataFrame, label: str) -> dict[str, dict[str, Any]]:
    """A label's calibration slope and calibration in the large."""
    truth, score, place, groups = _of_label(rows, label)
    logit = to_logit(score)
    line, shift = fit_logistic(truth, logit), fit_shift(truth, logit)
    found = {
        "slope": (line[0], line_errors(truth, logit, line, place)[0]),
        "in_the_large": (shift, shift_error(truth, logit, shift, place)),
    }
    return {
        name: {"value": value, **vars(estimate_interval(value, error, groups=groups))}
        for name, (value, error) in found.items()
    }


def _of_scaling(rows: pd.DataFrame, label: str, scaling: Scaling) -> dict[str, dict[str, Any]]:
    """A label's scalings, fitted on these rows; of a temperature, the interval is one of ln T."""
    truth, score, place, groups = _of_label(rows, label)
    error = temperature_error(truth, score, scaling.temperature, place)
    of_log = estimate_interval(math.log(scaling.temperature), error, groups=groups)
    around = Interval(_exp_or_nan(of_log.low), _exp_or_nan(of_log.high), groups, 0)
    line = scaling.slope, scaling.intercept
    errors = line_errors(truth, to_logit(score), line, place)
    found = {"temperature": {"value": scaling.temperature, **vars(around)}}
    names = ("validation_slope", "validation_intercept")
    for name, value, error in zip(names, line, errors, strict=True):
        found[name] = {"value": value, **vars(estimate_interval(value, error, groups=groups))}
    return found


def _exp_or_nan(exponent: float) -> float:
    """NaN also where it is too large for a number: with two groups, an interval may have no end."""
    try:
        return math.exp(exponent)
    except OverflowError:
        return math.nan


def _of_label(
    rows: pd.DataFrame, label: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.intp], int]:
    """Truth, probability and group of each slice, and the groups behind a fit to them."""
    column = LABELS.index(label)
    truth, score = truths(rows)[:, column], probabilities(rows)[:, column]
    place = pd.factorize(rows["group"])[0].astype(np.intp)
    return truth, score, place, contributing(place, truth == 1, truth == 0)


def _terms_or_nan(truth: NDArray[np.int64], scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isnan(scaled).any():
        return np.full(len(truth), math.nan)
    return log_loss_terms(truth, scaled)

"""Recalibration on the logit scale: by a temperature, or by a slope and an intercept.

Standard errors are cluster-robust, since slices of a group depend on each other: to first order
what each group's leaving out would change (Bell and McCaffrey, Survey Methodology 28 (2002) 169),
with the degrees of freedom of the groups that carry them. The sandwich alone is too small where
groups differ in size. Where all slices are sure and right, either is next to nothing, and a slice
of which a calibrated network would be wrong may be missing by chance; so two slices more, as much
in doubt as the mean, count in it.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import stdtrit

from ichreport.evaluation.predictions import checked_probability, checked_truth
from ichreport.evaluation.uncertainty.bootstrap import group_sums
from ichreport.evaluation.uncertainty.ends import degrees_of_freedom
from ichreport.evaluation.uncertainty.intervals import LEVEL, Interval
from ichreport.evaluation.uncertainty.jackknife import effective_groups

_LOGIT_CLIP: Final = 2.0**-24
"""Probabilities are kept this far from 0 and 1 before the logit.

This is half the step of float32 below 1. Predictions are stored in float32, so a stored 1 means
only that the logit was above 16.6. The same limit holds at 0, so that both classes are treated
alike.
"""

MAX_TEMPERATURE: Final = 100.0
"""The largest temperature that is fitted; the smallest is its inverse."""

_LEAST_DOUBT: Final = 0.01
"""Slices in doubt, Σ p (1 - p), with fewer of which many fits change next to nothing."""

_MISSING: Final = 2
"""Slices in doubt that the sample may have missed. Of sure and calibrated networks, with 2 to 16
slices in doubt of 800, 2 to 4 % are then said to be off in the large; with none, 6 to 29 %."""

_STEPS: Final = 100


class StandardError(NamedTuple):
    """A standard error, and the degrees of freedom of its square; NaN and 1 if undefined."""

    error: float
    freedom: float

    def interval_around(self, value: float, *, groups: int, level: float = LEVEL) -> Interval:
        """The t interval of an estimate.

        Args:
            value: The estimate; NaN if undefined.
            groups: Groups that contribute, with fewer than two of which there is none.
            level: Confidence, in (0, 1).
        """
        if groups < 2:
            return Interval(math.nan, math.nan, groups)
        half_width = float(stdtrit(self.freedom, (1 + level) / 2)) * self.error
        return Interval(value - half_width, value + half_width, groups)


def to_logit(probability: ArrayLike) -> NDArray[np.float64]:
    """ln(p / (1 - p)), any shape, within ±16.6.

    Raises:
        ValueError: If a value is missing or outside [0, 1].
    """
    p = np.clip(checked_probability(probability), _LOGIT_CLIP, 1 - _LOGIT_CLIP)
    return np.log(p) - np.log1p(-p)


def to_probability(logit: ArrayLike) -> NDArray[np.float64]:
    """1 / (1 + exp(-logit)), any shape, without overflow."""
    z = np.asarray(logit, dtype=np.float64)
    small = np.exp(-np.abs(z))
    probability: NDArray[np.float64] = np.where(z >= 0, 1, small) / (1 + small)
    return probability


def mean_log_loss(y_true: NDArray[np.int64], logit: NDArray[np.float64]) -> float:
    """Mean of ln(1 + exp(z)) - y z, in nats: the log loss of logits, without clipping."""
    return float(np.mean(np.logaddexp(0, logit) - y_true * logit))


def fit_temperature(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """The temperature T > 0 that minimises the log loss of logits divided by T.

    Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017. A
    temperature above 1 means that the predictions were too sure. The order of slices, and so every
    area, stays the same.

    Args:
        y_true: (n,), 0 or 1, of slices used neither for training nor for testing.
        y_score: (n,), probabilities.

    Returns:
        The temperature. NaN with one class, where every slice is on its right side of one half or
        every one on its wrong side, so that none is best, and where the best one lies beyond
        `MAX_TEMPERATURE` or its inverse.
    """
    truth, logit = checked_truth(y_true), to_logit(y_score)
    right = np.where(truth == 1, logit, -logit)
    if len(np.unique(truth)) < 2 or (right >= 0).all() or (right <= 0).all():
        return math.nan
    limit = math.log(MAX_TEMPERATURE)
    optimum = minimize_scalar(
        lambda log_t: mean_log_loss(truth, logit * math.exp(-log_t)),
        bounds=(-limit, limit),
        method="bounded",
        options={"xatol": 1e-7},
    )
    at_end = abs(float(optimum.x)) > limit - 1e-3
    return math.nan if at_end else math.exp(float(optimum.x))


def temperature_standard_error(
    y_true: ArrayLike, y_score: ArrayLike, temperature: float, group_codes: NDArray[np.intp]
) -> StandardError:
    """The standard error of ln T of `fit_temperature`, over groups.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), probabilities.
        temperature: From `fit_temperature`.
        group_codes: (n,) the group of each slice.

    Returns:
        The standard error; NaN where the temperature is, with one group, and where hardly a part of
        a slice is in doubt.
    """
    truth, z = checked_truth(y_true), to_logit(y_score)
    (of_slope,) = _standard_errors(z[:, None], truth, to_probability(z / temperature), group_codes)
    return of_slope._replace(error=of_slope.error * temperature)


def line_standard_errors(
    y_true: ArrayLike, logit: ArrayLike, line: tuple[float, float], group_codes: NDArray[np.intp]
) -> tuple[StandardError, StandardError]:
    """The standard errors of slope and intercept of `fit_logistic` without ridge, over groups.

    Args:
        y_true: (n,), 0 or 1.
        logit: (n,), finite numbers.
        line: Slope and intercept from `fit_logistic`.
        group_codes: (n,) the group of each slice.

    Returns:
        Both standard errors; NaN where the line is, with one or two groups, and where hardly a part
        of a slice is in doubt.
    """
    truth, z = checked_truth(y_true), np.asarray(logit, dtype=np.float64)
    design = np.stack([z, np.ones_like(z)], axis=1)
    p = to_probability(design @ np.array(line))
    slope, intercept = _standard_errors(design, truth, p, group_codes)
    return slope, intercept


def shift_standard_error(
    y_true: ArrayLike, logit: ArrayLike, shift: float, group_codes: NDArray[np.intp]
) -> StandardError:
    """The standard error of `fit_shift`, over groups.

    Args:
        y_true: (n,), 0 or 1.
        logit: (n,), finite numbers.
        shift: From `fit_shift`.
        group_codes: (n,) the group of each slice.

    Returns:
        The standard error; NaN where the shift is, with one group, and where hardly a part of
        a slice is in doubt.
    """
    truth, z = checked_truth(y_true), np.asarray(logit, dtype=np.float64)
    p = to_probability(z + shift)
    (of_shift,) = _standard_errors(np.ones((len(z), 1)), truth, p, group_codes)
    return of_shift


def _standard_errors(
    design: NDArray[np.float64],
    truth: NDArray[np.int64],
    p: NDArray[np.float64],
    group_codes: NDArray[np.intp],
) -> list[StandardError]:
    """The standard errors of logistic coefficients, k of them.

    Args:
        design: (n, k), one column a coefficient.
        truth: (n,), 0 or 1.
        p: (n,), the fitted probabilities; NaN without a fit.
        group_codes: (n,) the group of each slice.
    """
    groups, coefficients = len(np.unique(group_codes)), design.shape[1]
    undefined = [StandardError(math.nan, 1.0)] * coefficients
    doubt = p * (1 - p)
    if groups <= coefficients or not doubt.sum() >= _LEAST_DOUBT:
        return undefined
    of_slices = doubt[:, None, None] * design[:, :, None] * design[:, None, :]
    total = int(group_codes.max()) + 1
    curvatures = group_sums(of_slices.reshape(len(design), -1), group_codes, total)
    curvatures = curvatures.reshape(total, coefficients, coefficients)
    curvature = curvatures.sum(axis=0)
    gradients = group_sums(design * (truth - p)[:, None], group_codes, total)
    try:
        steps = np.linalg.solve(curvature - curvatures, gradients[:, :, None])[:, :, 0]
        missing = _MISSING * np.diag(np.linalg.inv(curvature)) / doubt.sum()
    except np.linalg.LinAlgError:  # without one of the groups no coefficient is known
        return undefined
    effective = min(effective_groups(np.bincount(group_codes[truth == kind])) for kind in (0, 1))
    return [
        StandardError(
            math.sqrt(float(np.square(of).sum()) + more), degrees_of_freedom(of, effective)
        )
        for of, more in zip(steps.T, missing.tolist(), strict=True)
    ]


def fit_shift(y_true: ArrayLike, logit: ArrayLike) -> float:
    """The shift that, added to logits, makes the mean probability the share of positives.

    Calibration in the large (Steyerberg et al., Epidemiology 21 (2010) 128): the intercept of a
    logistic regression whose slope is fixed at 1. Above 0, positives are more frequent than
    predicted.

    Args:
        y_true: (n,), 0 or 1.
        logit: (n,), finite numbers.

    Returns:
        The shift; NaN with one class, and where it leaves hardly a part of a slice in doubt, as of
        probabilities that are 0 and 1.
    """
    truth, z = checked_truth(y_true), np.asarray(logit, dtype=np.float64)
    if len(np.unique(truth)) < 2:
        return math.nan
    share = float(truth.mean())
    odds = math.log(share / (1 - share))
    lowest, highest = odds - float(z.max()), odds - float(z.min())
    if lowest == highest:
        return lowest
    best = float(brentq(lambda shift: to_probability(z + shift).mean() - share, lowest, highest))
    p = to_probability(z + best)
    return best if float((p * (1 - p)).sum()) >= _LEAST_DOUBT else math.nan


def fit_logistic(y_true: ArrayLike, logit: ArrayLike, *, ridge: float = 0.0) -> tuple[float, float]:
    """The slope and intercept that minimise the log loss of slope · logit + intercept.

    On test slices the slope is the calibration slope of Cox (1958): 1 for calibrated predictions,
    below 1 for predictions that are too sure. The intercept is the shift at a probability of one
    half; for the mean probability see `fit_shift`. Fitted on validation, they are Platt's scaling
    (1999). The method is Newton's.

    Args:
        y_true: (n,), 0 or 1.
        logit: (n,), finite numbers.
        ridge: Nats of the penalty ridge / 2 · (slope - 1)². It pulls the slope towards 1 and keeps
            it finite where the classes are separate.

    Returns:
        Slope and intercept; NaN with one class, and where no finite optimum exists.
    """
    truth, z = checked_truth(y_true), np.asarray(logit, dtype=np.float64)
    undefined = (math.nan, math.nan)
    if len(np.unique(truth)) < 2:
        return undefined
    if np.ptp(z) == 0 and not ridge:
        return undefined
    design = np.stack([z, np.ones_like(z)], axis=1)
    penalty = np.diag([ridge, 0.0])
    start = math.log(truth.mean() / (1 - truth.mean())) - float(z.mean())
    beta = np.array([1.0, start])
    for _ in range(_STEPS):
        p = to_probability(design @ beta)
        gradient = design.T @ (p - truth) + penalty @ (beta - (1, 0))
        curvature = (design * (p * (1 - p))[:, None]).T @ design + penalty
        if np.linalg.cond(curvature) > 1e12:
            return undefined
        step = np.linalg.solve(curvature, gradient)
        beta = beta - step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        if float(np.abs(step).max()) < 1e-9:
            return float(beta[0]), float(beta[1])
    return undefined

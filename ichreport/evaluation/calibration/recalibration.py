"""Maps that mend probabilities: a temperature, or a slope and an intercept, on the logit scale.

Their standard errors are those of a maximum of likelihood whose slices depend on each other within
groups: the sandwich of Liang and Zeger (Biometrika 73 (1986) 13), times G / (G - 1).
"""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize_scalar

from ichreport.evaluation.inference.bootstrap import group_sums
from ichreport.evaluation.predictions import checked_probability, checked_truth

LOGIT_CLIP: Final = 2.0**-24
"""Probabilities are kept this far from 0 and 1 before the logit.

It is half the step of float32 below 1, in which predictions are stored: a stored 1 only says that
the logit was above 16.6. The same bound holds below, so that both classes are treated alike.
"""

MOST_TEMPERATURE: Final = 100.0
"""A best temperature beyond this, or below its inverse, counts as none."""

_STEPS: Final = 100


def to_logit(probability: ArrayLike) -> NDArray[np.float64]:
    """ln(p / (1 - p)), any shape, within ±16.6.

    Raises:
        ValueError: If a value is missing or outside [0, 1].
    """
    p = np.clip(checked_probability(probability), LOGIT_CLIP, 1 - LOGIT_CLIP)
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

    Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017. Above 1
    the predictions were too sure. The order of slices, and so every area, stays as it is.

    Args:
        y_true: (n,), 0 or 1, of slices that neither trained nor test the network.
        y_score: (n,), probabilities.

    Returns:
        The temperature; NaN with one class, and where no temperature between 1 /
        `MOST_TEMPERATURE` and `MOST_TEMPERATURE` is best: the scores separate the classes
        perfectly, or do not tell them apart at all.
    """
    truth, logit = checked_truth(y_true), to_logit(y_score)
    if len(np.unique(truth)) < 2:
        return math.nan
    reach = math.log(MOST_TEMPERATURE)
    found = minimize_scalar(
        lambda log_t: mean_log_loss(truth, logit * math.exp(-log_t)),
        bounds=(-reach, reach),
        method="bounded",
        options={"xatol": 1e-7},
    )
    at_end = abs(float(found.x)) > reach - 1e-3
    return math.nan if at_end else math.exp(float(found.x))


def temperature_error(
    y_true: ArrayLike, y_score: ArrayLike, temperature: float, place: NDArray[np.intp]
) -> float:
    """The standard error of ln T of `fit_temperature`, over groups.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), probabilities.
        temperature: What `fit_temperature` found.
        place: (n,) the group of each slice.

    Returns:
        NaN where the temperature is, and with one group.
    """
    truth, z = checked_truth(y_true), to_logit(y_score)
    covariance = _sandwich(z[:, None], truth, to_probability(z / temperature), place)
    return math.sqrt(covariance[0, 0]) * temperature


def line_errors(
    y_true: ArrayLike, logit: ArrayLike, line: tuple[float, float], place: NDArray[np.intp]
) -> tuple[float, float]:
    """The standard errors of slope and intercept of `fit_logistic` without ridge, over groups.

    Args:
        y_true: (n,), 0 or 1.
        logit: (n,), finite numbers.
        line: Slope and intercept that `fit_logistic` found.
        place: (n,) the group of each slice.

    Returns:
        NaN where the line is, and with one group.
    """
    truth, z = checked_truth(y_true), np.asarray(logit, dtype=np.float64)
    design = np.stack([z, np.ones_like(z)], axis=1)
    covariance = _sandwich(design, truth, to_probability(design @ np.array(line)), place)
    slope, intercept = np.sqrt(np.diag(covariance)).tolist()
    return slope, intercept


def shift_error(
    y_true: ArrayLike, logit: ArrayLike, shift: float, place: NDArray[np.intp]
) -> float:
    """The standard error of `fit_shift`, over groups.

    Args:
        y_true: (n,), 0 or 1.
        logit: (n,), finite numbers.
        shift: What `fit_shift` found.
        place: (n,) the group of each slice.

    Returns:
        NaN where the shift is, and with one group.
    """
    truth, z = checked_truth(y_true), np.asarray(logit, dtype=np.float64)
    covariance = _sandwich(np.ones((len(z), 1)), truth, to_probability(z + shift), place)
    return math.sqrt(covariance[0, 0])


def _sandwich(
    design: NDArray[np.float64],
    truth: NDArray[np.int64],
    p: NDArray[np.float64],
    place: NDArray[np.intp],
) -> NDArray[np.float64]:
    """The covariance of logistic coefficients, (k, k), of slices that depend within groups.

    Args:
        design: (n, k), what the coefficients multiply.
        truth: (n,), 0 or 1.
        p: (n,), the fitted probabilities; NaN without a fit.
        place: (n,) the group of each slice.
    """
    groups, coefficients = len(np.unique(place)), design.shape[1]
    if np.isnan(p).any() or groups < 2:
        return np.full((coefficients, coefficients), math.nan)
    curvature = (design * (p * (1 - p))[:, None]).T @ design
    pulls = group_sums(design * (truth - p)[:, None], place, int(place.max()) + 1)
    inverse = np.linalg.inv(curvature)
    covariance: NDArray[np.float64] = inverse @ (pulls.T @ pulls) @ inverse
    return covariance * groups / (groups - 1)


def fit_shift(y_true: ArrayLike, logit: ArrayLike) -> float:
    """The shift that, added to logits, makes the mean probability the share of positives.

    Calibration in the large (Steyerberg et al., Epidemiology 21 (2010) 128): the intercept of a
    logistic regression whose slope is fixed at 1. Above 0, positives are more frequent than was
    predicted.

    Args:
        y_true: (n,), 0 or 1.
        logit: (n,), finite numbers.

    Returns:
        NaN with one class.
    """
    truth, z = checked_truth(y_true), np.asarray(logit, dtype=np.float64)
    if len(np.unique(truth)) < 2:
        return math.nan
    share = float(truth.mean())
    odds = math.log(share / (1 - share))
    lowest, highest = odds - float(z.max()), odds - float(z.min())
    if lowest == highest:
        return lowest
    return float(brentq(lambda shift: to_probability(z + shift).mean() - share, lowest, highest))


def fit_logistic(y_true: ArrayLike, logit: ArrayLike, *, ridge: float = 0.0) -> tuple[float, float]:
    """The slope and intercept that minimise the log loss of slope · logit + intercept.

    On test slices the slope is the calibration slope of Cox (1958): 1 for calibrated predictions,
    below 1 for ones that are too sure; the intercept is the shift at a probability of one half, and
    `fit_shift` is what tells of the mean. Fitted on validation they are Platt's scaling (1999). By
    Newton's method.

    Args:
        y_true: (n,), 0 or 1.
        logit: (n,), finite numbers.
        ridge: Nats that a slope off by 1 costs, half of it squared: pulls the slope towards 1,
            which keeps it finite where the classes are separate.

    Returns:
        Slope and intercept; NaN with one class, and where no finite ones are best.
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

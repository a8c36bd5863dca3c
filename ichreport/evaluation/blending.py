"""Logits of several runs combined: their mean, or for each label a weighted mean of two.

Logits add up where probabilities do not: the mean of two logits is the logit of the geometric mean
of the odds, and a constant shift of one run stays a constant shift.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.calibration.recalibration import mean_log_loss
from ichreport.evaluation.predictions import checked_truth
from ichreport.labels import LABELS

WEIGHTS: Final = tuple(step / 10 for step in range(11))
"""The weights of a blend's second run from which one is chosen."""

EQUAL: Final = 0.5
"""The weight where validation cannot choose one: both runs alike."""


def counting_members(trained: ArrayLike) -> NDArray[np.bool_]:
    """Which runs count at each slice: those that have not trained on it, or all if all have.

    Args:
        trained: (runs, n), whether a run has trained on a slice.

    Returns:
        (runs, n); at least one run counts at each slice.
    """
    has_trained = np.asarray(trained, dtype=bool)
    return ~has_trained | has_trained.all(axis=0)


def mean_logits(logits: ArrayLike, counting: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The mean over the runs that count.

    Args:
        logits: (runs, n, labels), finite numbers.
        counting: (runs, n), at least one at each slice.

    Returns:
        (n, labels).

    Raises:
        ValueError: If at some slice no run counts.
    """
    runs = counting.sum(axis=0)
    if not runs.all():
        raise ValueError(f"At {int((runs == 0).sum())} of {len(runs)} slices no run counts.")
    values = np.asarray(logits, dtype=np.float64)
    mean: NDArray[np.float64] = (values * counting[..., None]).sum(axis=0) / runs[:, None]
    return mean


def blended(first: ArrayLike, second: ArrayLike, weight: ArrayLike) -> NDArray[np.float64]:
    """(1 - weight) · first + weight · second.

    Args:
        first: Logits of one run, (n, labels) or (n,).
        second: Those of the other, of that shape.
        weight: Of the second run, from 0 to 1: one a label, or one for all.

    Returns:
        Logits of that shape. Where both runs agree, they are theirs to the bit.
    """
    one = np.asarray(first, dtype=np.float64)
    return one + np.asarray(weight) * (np.asarray(second, dtype=np.float64) - one)


def choose_weights(y_true: ArrayLike, first: ArrayLike, second: ArrayLike) -> pd.DataFrame:
    """For each label, the weight of the second run with the least log loss.

    Of weights with the same loss, as where both runs agree, the one nearest to a half is taken.
    Slices of one class choose no weight, since they would take the run that is nearer to that class
    everywhere: both runs count alike then.

    Args:
        y_true: (n, 6), 0 or 1, in the order of `LABELS`: of slices used neither for training nor
            for testing.
        first: (n, 6), logits of one run.
        second: (n, 6), logits of the other.

    Returns:
        A row a label: `label`, `weight` (of the second run), `chosen` (whether the slices have both
        classes), `slices`, `positives`, and in nats `log_loss`, `first_log_loss` (weight 0) and
        `second_log_loss` (weight 1); NaN without slices.
    """
    truth = checked_truth(y_true)
    both = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    columns = zip(LABELS, truth.T, both[0].T, both[1].T, strict=True)
    return pd.DataFrame([{"label": label, **_choice(*column)} for label, *column in columns])


def _choice(
    truth: NDArray[np.int64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> dict[str, float | bool | int]:
    """The weight of one label, and what it gains."""
    losses = {
        weight: mean_log_loss(truth, blended(first, second, weight)) if len(truth) else np.nan
        for weight in WEIGHTS
    }
    has_both = len(np.unique(truth)) == 2
    weight = min(WEIGHTS, key=lambda w: (losses[w], abs(w - EQUAL))) if has_both else EQUAL
    return {
        "weight": weight,
        "chosen": has_both,
        "slices": len(truth),
        "positives": int(truth.sum()),
        "log_loss": losses[weight],
        "first_log_loss": losses[0.0],
        "second_log_loss": losses[1.0],
    }

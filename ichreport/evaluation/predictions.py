"""The predictions of a run as arrays, checked so that every score can rely on them."""

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.labels import LABELS
from ichreport.splits import Split

TRUTHS: Final = tuple(f"truth_{label}" for label in LABELS)
"""Columns of the truth (0 or 1), in the order of `LABELS`."""

PROBABILITIES: Final = tuple(f"probability_{label}" for label in LABELS)
"""Columns of the predicted probabilities, in the order of `LABELS`."""


def select_split(predictions: pd.DataFrame, split: Split) -> pd.DataFrame:
    """The rows of one split; no rows if the sample has no such split."""
    return predictions[predictions["split"] == split]


def truths(predictions: pd.DataFrame) -> NDArray[np.int64]:
    """The truth of every row, (n, 6), each 0 or 1.

    Raises:
        ValueError: If a value is neither 0 nor 1; unlabelled slices cannot be scored.
    """
    return checked_truth(predictions[list(TRUTHS)].to_numpy())


def probabilities(predictions: pd.DataFrame) -> NDArray[np.float64]:
    """The predicted probability of every row and label, (n, 6), in [0, 1].

    Raises:
        ValueError: If a value is missing or outside [0, 1].
    """
    return checked_probability(predictions[list(PROBABILITIES)].to_numpy())


def checked_truth(y_true: ArrayLike) -> NDArray[np.int64]:
    """`y_true` as integers.

    Raises:
        ValueError: If a value is neither 0 nor 1.
    """
    values: NDArray[Any] = np.asarray(y_true)
    wrong = ~((values == 0) | (values == 1))
    if wrong.any():
        raise ValueError(
            f"y_true must be 0 or 1, got {values[wrong][0]!r} "
            f"among {int(wrong.sum())} such values of {values.size}."
        )
    return values.astype(np.int64)


def checked_probability(y_score: ArrayLike) -> NDArray[np.float64]:
    """`y_score` as float64.

    Raises:
        ValueError: If a value is missing or outside [0, 1].
    """
    values = np.asarray(y_score, dtype=np.float64)
    wrong = ~((values >= 0) & (values <= 1))  # also finds NaN
    if wrong.any():
        raise ValueError(
            f"y_score must be a probability in [0, 1], got {float(values[wrong][0])!r} "
            f"among {int(wrong.sum())} such values of {values.size}."
        )
    return values


def checked_score(y_score: ArrayLike) -> NDArray[np.float64]:
    """`y_score` as float64, for measures that need only an order: any numbers but NaN.

    Raises:
        ValueError: If a value is NaN.
    """
    values = np.asarray(y_score, dtype=np.float64)
    if np.isnan(values).any():
        missing = int(np.isnan(values).sum())
        raise ValueError(f"y_score must be numbers, got NaN in {missing} of {values.size} values.")
    return values

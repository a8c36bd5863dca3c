"""ROC and precision-recall curves, with as many points as a figure can show."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from ichreport.evaluation.predictions import checked_score, checked_truth

MAX_POINTS: Final = 500
"""Most points of a thinned curve."""


def roc(y_true: ArrayLike, y_score: ArrayLike, *, max_points: int = MAX_POINTS) -> pd.DataFrame:
    """The ROC curve of one label.

    Thinned evenly along the curve: no dropped point is further from a kept one than
    2 / (max_points - 1) in either rate, plus one step of the curve itself.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        max_points: Points to keep at most, at least 2.

    Returns:
        Columns `false_positive_rate`, `recall` and `threshold` (infinite at the origin), from
        (0, 0) to (1, 1); no rows if a class is missing.
    """
    truth, score = checked_truth(y_true), checked_score(y_score)
    columns = ["false_positive_rate", "recall", "threshold"]
    if len(np.unique(truth)) < 2:
        return pd.DataFrame({name: np.empty(0) for name in columns})
    false_positive_rate, recall, threshold = roc_curve(truth, score)
    values = (false_positive_rate, recall, threshold)
    return thin_roc(pd.DataFrame(dict(zip(columns, values, strict=True))), max_points)


def precision_recall(
    y_true: ArrayLike, y_score: ArrayLike, *, max_points: int = MAX_POINTS
) -> pd.DataFrame:
    """The precision-recall curve of one label.

    Thinned within even steps of recall, each of which keeps its first, last, lowest and
    highest point. No dip or peak is lost.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), any numbers.
        max_points: Points to keep at most, at least 4.

    Returns:
        Columns `recall` (rising), `precision` and `threshold`; no rows without positives.
    """
    truth, score = checked_truth(y_true), checked_score(y_score)
    columns = ["recall", "precision", "threshold"]
    if not truth.any():
        return pd.DataFrame({name: np.empty(0) for name in columns})
    precision, recall, threshold = precision_recall_curve(truth, score)
    # scikit-learn closes the curve with a made-up point (recall 0, precision 1): left out here.
    precision, recall, threshold = precision[-2::-1], recall[-2::-1], threshold[::-1]
    curve = pd.DataFrame(dict(zip(columns, (recall, precision, threshold), strict=True)))
    return thin_precision_recall(curve, max_points)


def thin_roc(curve: pd.DataFrame, max_points: int) -> pd.DataFrame:
    """A ROC curve with fewer points, as `roc` thins it."""
    if curve.empty:
        return curve
    along = (curve["false_positive_rate"] + curve["recall"]).to_numpy()
    return curve.iloc[_spread(along, max_points)].reset_index(drop=True)


def thin_precision_recall(curve: pd.DataFrame, max_points: int) -> pd.DataFrame:
    """A precision-recall curve with fewer points, as `precision_recall` thins it."""
    if curve.empty:
        return curve
    kept = _extremes(curve["recall"].to_numpy(), curve["precision"].to_numpy(), max_points)
    return curve.iloc[kept].reset_index(drop=True)


def _spread(along: NDArray[np.float64], max_points: int) -> NDArray[np.intp]:
    """Indices of about evenly spaced values of a rising array, both ends among them."""
    if len(along) <= max_points:
        return np.arange(len(along))
    wanted = np.linspace(along[0], along[-1], max_points)
    return np.unique(np.searchsorted(along, wanted).clip(0, len(along) - 1))


def _extremes(
    across: NDArray[np.float64], height: NDArray[np.float64], max_points: int
) -> NDArray[np.intp]:
    """Indices of the first, last, lowest and highest point in each of max_points / 4 steps."""
    if len(across) <= max_points:
        return np.arange(len(across))
    steps = max_points // 4
    step = np.minimum((across * steps).astype(np.intp), steps - 1)
    points = pd.DataFrame({"step": step, "height": height})
    within = points.groupby("step")["height"]
    ends = points.reset_index().groupby("step")["index"].agg(["first", "last"])
    kept = np.concatenate([ends.to_numpy().ravel(), within.idxmin(), within.idxmax()])
    return np.unique(kept).astype(np.intp)

"""Reliability: observed against predicted shares of positives, and the calibration error."""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ichreport.evaluation.predictions import (
    checked_probability,
    checked_truth,
)
from ichreport.evaluation.uncertainty.closed_intervals import rate_interval
from ichreport.evaluation.uncertainty.jackknife import mean_left_out

Binning = Literal["mass", "width"]

NUM_BINS: Final = 10
"""Bins of a reliability curve and of the calibration error."""


@dataclass(frozen=True)
class Bins:
    """Bins of probabilities. Each includes its lower edge, the last one both edges.

    Attributes:
        edges: (bins + 1,) ascending.
        binning: `mass`: equally many slices in each bin, as far as ties allow. `width`: bins of
            equal width.
    """

    edges: NDArray[np.float64]
    binning: Binning

    def index(self, y_score: NDArray[np.float64]) -> NDArray[np.intp]:
        """The bin of each probability, numbered from 0: (n,) to (n,)."""
        return np.searchsorted(self.edges[1:-1], y_score, side="right")

    def __len__(self) -> int:
        return len(self.edges) - 1


def make_bins(y_score: ArrayLike, *, num_bins: int = NUM_BINS, binning: Binning = "mass") -> Bins:
    """Bins for a set of probabilities.

    Bins of equal width over [0, 1] are usual (Guo et al. 2017), but nearly all slices of a rare
    label fall into the first. Bins of equal mass (Nixon et al. 2019) resolve these slices.

    Args:
        y_score: (n,), probabilities. Only bins of equal mass depend on them.
        num_bins: Bins to make; there are fewer bins of equal mass where many probabilities tie.
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
    group_codes: NDArray[np.intp],
) -> pd.DataFrame:
    """Observed against predicted shares of positives in each bin, with intervals.

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), probabilities.
        bins: The bins.
        group_codes: (n,) the group of each slice, from 0.

    Returns:
        Columns `bin_low`, `bin_high`, `slices`, `positives`, `groups`, `predicted` (mean
        probability), `observed` (share of positives), `low`, `high`; NaN where a bin is empty.
        Intervals are pointwise: each holds for its own bin.
    """
    truth, score = checked_truth(y_true), checked_probability(y_score)
    bin_index = bins.index(score)
    rows: list[dict[str, Any]] = []
    for number in range(len(bins)):
        inside = bin_index == number
        left_out = mean_left_out((truth[inside] == 1).astype(np.float64), group_codes[inside])
        units = int(inside.sum())
        rows.append(
            {
                "bin_low": bins.edges[number],
                "bin_high": bins.edges[number + 1],
                "slices": units,
                "positives": int(truth[inside].sum()),
                "predicted": score[inside].mean() if inside.any() else math.nan,
                "observed": left_out.value,
                **vars(rate_interval(left_out, units=units)),
            }
        )
    return pd.DataFrame(rows)


def expected_calibration_error(y_true: ArrayLike, y_score: ArrayLike, bins: Bins) -> float:
    """The mean over slices of |observed - predicted| of their bin (Naeini et al. 2015).

    Biased upwards where bins hold a small number of slices: their shares differ by chance
    (`corrected_error` corrects that).

    Args:
        y_true: (n,), 0 or 1.
        y_score: (n,), probabilities.
        bins: The bins. The error depends on them.

    Returns:
        In [0, 1]; NaN without slices.
    """
    truth, score = checked_truth(y_true), checked_probability(y_score)
    if not len(truth):
        return math.nan
    gaps = np.bincount(bins.index(score), weights=score - truth, minlength=len(bins))
    return float(np.abs(gaps).sum() / len(truth))

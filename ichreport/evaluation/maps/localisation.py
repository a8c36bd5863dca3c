"""Whether a heat map points at the bleeding: scores against a truth mask, and three baselines."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_dilation
from scipy.stats import rankdata

from ichreport.evaluation.average_precision import average_precision
from ichreport.evaluation.maps.skull_edge import skull_edge_heatmaps
from ichreport.evaluation.uncertainty.closed_differences import bounded_interval
from ichreport.evaluation.uncertainty.closed_intervals import loss_interval, rate_interval
from ichreport.evaluation.uncertainty.jackknife import LeftOut, mean_left_out
from ichreport.evaluation.uncertainty.two_shares import Estimate, correlation_of, difference_of

MEASURES: Final = ("pointing", "share_inside", "iou", "average_precision")

BASELINES: Final = ("center", "skull_edge", "random")
"""Heat that has seen no blood, beside which maps are measured."""


def heatmap_scores(
    heatmap: ArrayLike,
    truth: ArrayLike,
    *,
    tolerance: int = 0,
    measures: Sequence[str] = MEASURES,
) -> dict[str, float]:
    """Measures of one heat map.

    Args:
        heatmap: (rows, columns), finite; only what is above 0 counts as heat.
        truth: (rows, columns), true where there is bleeding.
        tolerance: Pixels by which the hottest spot may miss.
        measures: Which of `MEASURES`.

    Returns:
        By name; all NaN if the mask is empty or there is no heat, which is a failed explanation
        and not one that scores 0.

    Raises:
        ValueError: If the shapes differ or heat is not finite.
    """
    heat, mask = checked_heatmap(heatmap, truth)
    if not mask.any() or not (heat > 0).any():
        return dict.fromkeys(measures, math.nan)
    by_name: dict[str, Callable[[], float]] = {
        "pointing": lambda: pointing_game(heat, mask, tolerance=tolerance),
        "share_inside": lambda: share_inside(heat, mask),
        "iou": lambda: iou_at_true_area(heat, mask),
        "average_precision": lambda: average_precision(mask.ravel(), heat.ravel()),
    }
    return {name: by_name[name]() for name in measures}


def checked_heatmap(
    heatmap: ArrayLike, truth: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A heat map without its negative part, and its mask.

    Raises:
        ValueError: If the shapes differ or heat is not finite.
    """
    heat, mask = np.asarray(heatmap, dtype=np.float64), np.asarray(truth, dtype=np.bool_)
    if heat.shape != mask.shape or heat.ndim != 2:
        raise ValueError(
            f"heatmap and truth must be images of one shape, got {heat.shape} and {mask.shape}."
        )
    if not np.isfinite(heat).all():
        raise ValueError(f"heatmap must be finite, got {int((~np.isfinite(heat)).sum())} others.")
    return np.maximum(heat, 0), mask


def pointing_game(
    heat: NDArray[np.float64], mask: NDArray[np.bool_], *, tolerance: int = 0
) -> float:
    """Whether the hottest pixel lies in the mask (Zhang et al., ECCV 2016): 1 or 0.

    Of several hottest pixels the share that does: what picking one of them at random gives.
    `tolerance` widens the mask by so many pixels (in steps to the four neighbours).
    """
    widened = binary_dilation(mask, iterations=tolerance) if tolerance > 0 else mask
    return float(widened[heat == heat.max()].mean())


def share_inside(heat: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """The share of all heat that lies in the mask (Wang et al., Score-CAM, CVPR-W 2020)."""
    return float(heat[mask].sum() / heat.sum())


def iou_at_true_area(heat: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """Intersection over union of the mask and as many of the hottest pixels.

    Pixels that tie for the last places count by the expected intersection of a random choice among
    them.
    """
    area = int(mask.sum())
    last = np.partition(heat.ravel(), heat.size - area)[heat.size - area]
    surely, tied = heat > last, heat == last
    left = area - int(surely.sum())
    intersection = int(mask[surely].sum()) + left * float(mask[tied].mean())
    return intersection / (2 * area - intersection)


def center_heatmap(shape: tuple[int, int]) -> NDArray[np.float64]:
    """A baseline that always points at the middle: 1 there, falling to 0 in the corners."""
    rows, columns = np.indices(shape, dtype=np.float64)
    middle = ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
    distance = np.hypot(rows - middle[0], columns - middle[1])
    return 1 - distance / max(float(distance.max()), 1.0)


def random_heatmap(shape: tuple[int, int], generator: np.random.Generator) -> NDArray[np.float64]:
    """A baseline that knows nothing: uniform noise in [0, 1), independent in every pixel."""
    return generator.random(shape)


def heatmap_agreement(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's rank correlation of two heat maps' pixels.

    For the sanity checks of Adebayo et al. (NeurIPS 2018): a map that stays the same after the
    network's layers are randomised does not show what the network learned.

    Returns:
        In [-1, 1]; NaN if one of them is constant.

    Raises:
        ValueError: If the shapes differ.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"heat maps must be of one shape, got {a.shape} and {b.shape}.")
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    ranks = rankdata(np.stack([a.ravel(), b.ravel()]), axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    return float((ranks[0] @ ranks[1]) / np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1])))


def heatmap_agreements(heatmaps: ArrayLike) -> NDArray[np.float64]:
    """Spearman's rank correlation of each pair of heat maps, as `heatmap_agreement` gives it.

    Args:
        heatmaps: (n, rows, columns).

    Returns:
        (n, n) in [-1, 1]; NaN beside a constant map.
    """
    heats = np.asarray(heatmaps)
    if not len(heats):
        return np.empty((0, 0))
    ranks = rankdata(heats.reshape(len(heats), -1), axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    length = np.sqrt((ranks**2).sum(axis=1, keepdims=True))
    ranks /= np.where(length > 0, length, math.nan)
    agreements: NDArray[np.float64] = ranks @ ranks.T
    return agreements


def heatmap_table(
    methods: Mapping[str, ArrayLike],
    truths: ArrayLike,
    hu: ArrayLike,
    group: ArrayLike,
    *,
    tolerance: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """The scores of several methods on the same slices, beside the baselines.

    Args:
        methods: By name (such as `cam`), (n, rows, columns) heat maps.
        truths: (n, rows, columns) masks.
        hu: (n, rows, columns), the slices in HU, for the skull's inner edge.
        group: (n,) the linked patient group of each slice.
        tolerance: Pixels by which the hottest spot may miss.
        seed: Seed of the random baseline.

    Returns:
        One row for each method (`BASELINES` after those given) and measure: `method`, `measure`,
        `value` (mean over slices where it is defined), `low`, `high`, `above_center` (mean
        difference to that baseline on the slices where both are defined), `above_center_low`,
        `above_center_high`, the same three for `above_skull_edge` and `above_random`, `slices`
        (with a value), `without` (slices with none: an empty mask, no heat, or for the skull's edge
        no closed skull) and `groups`.
    """
    masks = np.asarray(truths, dtype=np.bool_)
    maps = {name: np.asarray(heatmaps) for name, heatmaps in methods.items()}
    maps |= _baseline_heatmaps(np.asarray(hu), seed)
    codes = pd.factorize(np.asarray(group))[0].astype(np.intp)
    scored = {name: _scored(heatmaps, masks, tolerance) for name, heatmaps in maps.items()}

    table: list[dict[str, Any]] = []
    for name, scores in scored.items():
        for column, measure in enumerate(MEASURES):
            values = scores[:, column]
            row: dict[str, Any] = {"method": name, "measure": measure}
            known = ~np.isnan(values)
            row |= vars(_mean(values[known], codes[known], hits=measure == "pointing")[1])
            for baseline in BASELINES:
                other = scored[baseline][:, column]
                above = _above(values, other, codes, hits=measure == "pointing")
                row |= {
                    f"above_{baseline}": above.value,
                    f"above_{baseline}_low": above.low,
                    f"above_{baseline}_high": above.high,
                }
            counts = {"slices": int(known.sum()), "without": int((~known).sum())}
            table.append(row | counts | {"groups": len(np.unique(codes[known]))})
    return pd.DataFrame(table)


def _mean(
    values: NDArray[np.float64], codes: NDArray[np.intp], *, hits: bool
) -> tuple[LeftOut, Estimate]:
    """The mean of a score in [0, 1], and its interval: of hits a share's, else as of a loss.

    Shares of heat are skewed: little in most maps, and much in a few.
    """
    mean = mean_left_out(values, codes)
    ends = rate_interval(mean, units=len(values)) if hits else loss_interval(mean, most=1)
    return mean, Estimate(mean.value, ends.low, ends.high)


def _above(
    values: NDArray[np.float64],
    baseline: NDArray[np.float64],
    codes: NDArray[np.intp],
    *,
    hits: bool,
) -> Estimate:
    """The mean difference to a baseline where both are known, with its interval.

    Of hits it comes from the intervals of both shares: a map that never hits does not scatter, and
    how often it may hit is uncertain all the same.
    """
    known = ~np.isnan(values - baseline)
    differences = mean_left_out((values - baseline)[known], codes[known])
    if not hits or not differences.deviations.any():
        ends = bounded_interval(differences, -1, 1)
        return Estimate(differences.value, ends.low, ends.high)
    (ours, mean), (theirs, other) = (
        _mean(of[known], codes[known], hits=True) for of in (values, baseline)
    )
    return difference_of(mean, other, correlation_of(ours, theirs))


def _baseline_heatmaps(hu: NDArray[Any], seed: int) -> dict[str, NDArray[np.float64]]:
    """The heat of each of `BASELINES` in some slices: (n, rows, columns)."""
    shape, generator = hu.shape[1:], np.random.default_rng(seed)
    return {
        "center": np.broadcast_to(center_heatmap(shape), hu.shape),
        "skull_edge": skull_edge_heatmaps(hu),
        "random": np.array([random_heatmap(shape, generator) for _ in hu]),
    }


def _scored(
    heatmaps: NDArray[Any], masks: NDArray[np.bool_], tolerance: int
) -> NDArray[np.float64]:
    """(n, measures) of one method."""
    rows = [
        list(heatmap_scores(heat, mask, tolerance=tolerance).values())
        for heat, mask in zip(heatmaps, masks, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(MEASURES))

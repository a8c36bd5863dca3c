"""How alike heat maps are, beside those of other patients: means with intervals."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.maps.localisation import heatmap_agreement, heatmap_agreements
from ichreport.evaluation.uncertainty.closed_differences import bounded_interval
from ichreport.evaluation.uncertainty.closed_intervals import rate_interval
from ichreport.evaluation.uncertainty.intervals import LEVEL
from ichreport.evaluation.uncertainty.jackknife import LeftOut, effective_groups


@dataclass(frozen=True)
class Mean:
    """A mean over heat maps.

    Attributes:
        value: The mean; NaN over none.
        low: Lower end of its 95 % interval over linked patient groups.
        high: Upper end.
        maps: Maps that it is a mean of.
        without: Maps left out, since they or their counterparts are empty.
    """

    value: float
    low: float
    high: float
    maps: int
    without: int

    @property
    def negative(self) -> "Mean":
        """The mean with its sign turned: a difference the other way round."""
        return Mean(-self.value, -self.high, -self.low, self.maps, self.without)


@dataclass(frozen=True)
class OtherPatients:
    """How alike each map is to those of other patient groups, for the same label.

    Attributes:
        sums: (maps, groups), sums of its rank correlations with the maps of each other group.
        counts: (maps, groups), how many maps these are.
    """

    sums: NDArray[np.float64]
    counts: NDArray[np.int64]

    def means(self, drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        """The mean over other groups' maps where each group counts so often.

        Args:
            drawn: (rows, groups).

        Returns:
            (rows, maps); NaN where no other group counts.
        """
        count = drawn @ self.counts.T
        mean: NDArray[np.float64] = np.where(
            count > 0, drawn @ self.sums.T / np.maximum(count, 1), np.nan
        )
        return mean

    def mean(self, group: NDArray[Any]) -> Mean:
        """The mean over all maps; `group` has the group of each."""
        return _summary(self.means, group, most=1.0)


def mean_over_maps(
    values: NDArray[np.float64],
    group: NDArray[Any],
    *,
    hits: bool = False,
    most: float = 1.0,
    level: float = LEVEL,
) -> Mean:
    """The mean of a value for each map.

    Args:
        values: (maps,); NaN where there is none.
        group: (maps,), the group of each map.
        hits: Whether they are hits and misses, whose mean has the interval of a share.
        most: What a value is at most, either way from 0: 2 for differences of correlations.
        level: Confidence, in (0, 1).
    """

    def of_maps(drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.broadcast_to(values, (len(drawn), len(values)))

    return _summary(of_maps, group, most, hits=hits, level=level)


def above_other_patients(
    values: NDArray[np.float64],
    others: OtherPatients,
    group: NDArray[Any],
    level: float = LEVEL,
) -> Mean:
    """The mean difference to what the maps of other groups give, over both."""
    return _summary(lambda drawn: values - others.means(drawn), group, most=2.0, level=level)


def _summary(
    values: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    group: NDArray[Any],
    most: float,
    *,
    hits: bool = False,
    level: float = LEVEL,
) -> Mean:
    """A mean over maps with its interval, from leaving out one group at a time.

    A pair of maps goes with either of its groups, so that the interval holds the chance in both.
    There is no interval where all rests on one group: without it nothing would be left.

    Args:
        values: Gives (rows, maps) for how often each group counts (rows, groups).
        group: (maps,), the group of each map; `values` takes groups in sorted order.
        most: What a value is at most, either way from 0.
        hits: Whether values are a share's hits and misses.
        level: Confidence, in (0, 1).
    """
    codes, names = pd.factorize(group, sort=True)
    everyone = np.ones((1, len(names)), dtype=np.int64)
    observed = values(everyone)[0]
    known = ~np.isnan(observed)
    count = int(known.sum())
    if not count:
        return Mean(np.nan, np.nan, np.nan, 0, len(observed))
    mean = float(observed[known].mean())
    without = _mean_of_rows(values, everyone - np.eye(len(names), dtype=np.int64), codes)
    sizes = np.bincount(codes[known], minlength=len(names))
    if np.isnan(without[sizes > 0]).any():
        return Mean(mean, np.nan, np.nan, count, len(observed) - count)
    left_out = LeftOut(mean, without, int((sizes > 0).sum()), effective_groups(sizes))
    ends = (
        rate_interval(left_out, units=count, level=level)
        if hits
        else bounded_interval(left_out, -most, most, level)
    )
    return Mean(mean, ends.low, ends.high, count, len(observed) - count)


def _mean_of_rows(
    values: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    drawn: NDArray[np.int64],
    codes: NDArray[np.intp],
) -> NDArray[np.float64]:
    """(rows,) the mean over the maps of each row's groups; NaN where there is none."""
    of_maps = values(drawn)
    weight = np.where(np.isnan(of_maps), 0, drawn[:, codes])
    total = weight.sum(axis=1)
    sums = (weight * np.nan_to_num(of_maps)).sum(axis=1)
    means: NDArray[np.float64] = np.where(total > 0, sums / np.maximum(total, 1), np.nan)
    return means


def agreement(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """The rank correlation of each map with its counterpart; NaN where one of them is empty."""
    return np.array([heatmap_agreement(a, b) for a, b in zip(first, second, strict=True)])


def compare_with_other_patients(
    heats: Iterable[NDArray[Any]], groups: Iterable[NDArray[Any]]
) -> OtherPatients:
    """Compare each map with those of other groups for the same label.

    Args:
        heats: Label by label, (maps, rows, columns).
        groups: Label by label, the patient group of each map.
    """
    groups_by_label = list(groups)
    names = pd.Index(joined(groups_by_label)).unique().sort_values()
    sums, counts = [], []
    for heat, group in zip(heats, groups_by_label, strict=True):
        correlation = heatmap_agreements(heat)
        pairs = (group[:, None] != group[None, :]) & ~np.isnan(correlation)
        member = (group[:, None] == names.to_numpy()[None, :]).astype(np.int64)
        sums.append(np.where(pairs, correlation, 0) @ member)
        counts.append(pairs.astype(np.int64) @ member)
    if not groups_by_label:
        return OtherPatients(np.empty((0, 0)), np.empty((0, 0), dtype=np.int64))
    return OtherPatients(np.concatenate(sums), np.concatenate(counts))


def joined(values: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """The labels' values in one array; empty where no test slice holds a label."""
    arrays = list(values)
    return np.concatenate(arrays) if arrays else np.empty(0)

"""How alike heat maps are: means over maps, those of other patients beside them, with intervals."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.inference.bootstrap import draw_resamples
from ichreport.evaluation.inference.intervals import interval, share_interval
from ichreport.evaluation.maps.localisation import heatmap_agreement, heatmap_agreements
from ichreport.report.html.formats import number


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

    def __str__(self) -> str:
        return f"{number(self.value)} ({number(self.low)} to {number(self.high)})"

    @property
    def negative(self) -> "Mean":
        """The same with its sign turned: a difference the other way round."""
        return Mean(-self.value, -self.high, -self.low, self.maps, self.without)


@dataclass(frozen=True)
class Others:
    """How alike each map is to those of other patient groups, for the same label.

    Attributes:
        sums: (maps, groups), sums of its rank correlations with the maps of each other group.
        counts: (maps, groups), how many maps these are.
    """

    sums: NDArray[np.float64]
    counts: NDArray[np.int64]

    def means(self, drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        """The mean over other groups' maps where each group counts as often as it was drawn.

        Args:
            drawn: (replicates, groups).

        Returns:
            (replicates, maps); NaN where no other group was drawn.
        """
        count = drawn @ self.counts.T
        mean: NDArray[np.float64] = np.where(
            count > 0, drawn @ self.sums.T / np.maximum(count, 1), np.nan
        )
        return mean

    def mean(self, group: NDArray[Any]) -> Mean:
        """The mean over all maps; `group` has the group of each."""
        return _summary(self.means, group)


def mean_of(values: NDArray[np.float64], group: NDArray[Any], *, hits: bool = False) -> Mean:
    """The mean of a value for each map; of hits and misses with the interval of a share."""
    return _summary(lambda drawn: np.broadcast_to(values, (len(drawn), len(values))), group, hits)


def above_others(values: NDArray[np.float64], others: Others, group: NDArray[Any]) -> Mean:
    """The mean difference to what the maps of other groups give, both resampled together."""
    return _summary(lambda drawn: values - others.means(drawn), group)


def _summary(
    values: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    group: NDArray[Any],
    hits: bool = False,
) -> Mean:
    """A mean over maps with its interval.

    A pair of maps counts as often as both of its groups were drawn, so that the interval holds the
    chance in either of them.

    Args:
        values: Gives (replicates, maps) for how often each group was drawn (replicates, groups).
        group: (maps,), the group of each map; `values` takes groups in sorted order.
        hits: Whether values are a share's hits and misses.
    """
    names = pd.Index(group)
    resamples = draw_resamples(names)
    place = resamples.group_codes(names)
    own = values(np.ones((1, len(resamples.groups)), dtype=np.int64))[0]
    known = ~np.isnan(own)
    count, groups = int(known.sum()), len(np.unique(place[known]))
    if not count:
        return Mean(np.nan, np.nan, np.nan, 0, len(own))
    drawn = values(resamples.counts)
    weight = np.where(np.isnan(drawn), 0, resamples.counts[:, place])
    total = weight.sum(axis=1)
    sums = (weight * np.nan_to_num(drawn)).sum(axis=1)
    replicates = np.where(total > 0, sums / np.maximum(total, 1), np.nan)
    mean = float(own[known].mean())
    found = (
        share_interval(mean, replicates, units=count, groups=groups)
        if hits
        else interval(replicates, groups=groups)
    )
    return Mean(mean, found.low, found.high, count, len(own) - count)


def agreement(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """The rank correlation of each map with its counterpart; NaN where one of them is empty."""
    return np.array([heatmap_agreement(a, b) for a, b in zip(first, second, strict=True)])


def other_patients(heats: Iterable[NDArray[Any]], groups: Iterable[NDArray[Any]]) -> Others:
    """Compare each map with those of other groups for the same label.

    Args:
        heats: Label by label, (maps, rows, columns).
        groups: Label by label, the patient group of each map.
    """
    listed = list(groups)
    names = pd.Index(joined(listed)).unique().sort_values()
    sums, counts = [], []
    for heat, own in zip(heats, listed, strict=True):
        alike = heatmap_agreements(heat)
        pairs = (own[:, None] != own[None, :]) & ~np.isnan(alike)
        member = (own[:, None] == names.to_numpy()[None, :]).astype(np.int64)
        sums.append(np.where(pairs, alike, 0) @ member)
        counts.append(pairs.astype(np.int64) @ member)
    if not listed:
        return Others(np.empty((0, 0)), np.empty((0, 0), dtype=np.int64))
    return Others(np.concatenate(sums), np.concatenate(counts))


def joined(parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """The labels' values in one array; empty where no test slice holds a label."""
    listed = list(parts)
    return np.concatenate(listed) if listed else np.empty(0)

"""The bootstrap over linked patient groups, for figures that have no interval in closed form.

These are how far thresholds scatter and what chance adds to a calibration error. Slices of one
patient resemble each other. So groups are drawn with replacement, each with all its slices. A
resample is then a weight for each group.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

REPLICATES: Final = 1000
"""Resamples behind each interval that comes from some."""


@dataclass(frozen=True)
class Resamples:
    """Bootstrap resamples of groups. Scores are comparable if they share one set of resamples.

    Attributes:
        groups: The G distinct groups, sorted.
        counts: (replicates, G), how often each replicate draws each group.
    """

    groups: pd.Index
    counts: NDArray[np.int64]

    @property
    def replicates(self) -> int:
        """The number of resamples."""
        return len(self.counts)

    def group_codes(self, groups: Iterable[str]) -> NDArray[np.intp]:
        """The group of each slice, as its index in `Resamples.groups`.

        Args:
            groups: (n,) the group's name of each slice.

        Returns:
            (n,) indices from 0.

        Raises:
            ValueError: If a group is not among the resampled ones.
        """
        names = pd.Index(groups)
        codes = self.groups.get_indexer(names)
        if (codes < 0).any():
            unknown = names[codes < 0][0]
            raise ValueError(f"group {unknown!r} is not among the {len(self.groups)} resampled.")
        return codes


def draw_resamples(
    groups: Iterable[str], *, replicates: int = REPLICATES, seed: int = 0
) -> Resamples:
    """Draw as many groups as there are, with replacement, many times.

    Args:
        groups: Group names; repeats are ignored. For a comparison, those of all runs together.
        replicates: Resamples to draw.
        seed: Seed of the draws.

    Raises:
        ValueError: If `replicates` is not positive.
    """
    if replicates < 1:
        raise ValueError(f"replicates must be at least 1, got {replicates!r}.")
    names = pd.Index(groups).unique().sort_values()
    generator = np.random.default_rng(seed)
    total = len(names)
    counts = np.zeros((replicates, total), dtype=np.int64)
    if total:
        for row in counts:
            row[:] = np.bincount(generator.integers(total, size=total), minlength=total)
    return Resamples(names, counts)


def group_sums(
    values: NDArray[Any], group_codes: NDArray[np.intp], num_groups: int
) -> NDArray[np.float64]:
    """Sums over the slices of each group.

    Args:
        values: (n,) or (n, k), one value or k values a slice.
        group_codes: (n,) the group of each slice.
        num_groups: The number of groups.

    Returns:
        (groups,) or (groups, k).
    """
    sums = np.zeros((num_groups, *values.shape[1:]))
    if values.ndim == 1:
        sums += np.bincount(group_codes, weights=values, minlength=num_groups)
        return sums
    for column in range(values.shape[1]):
        sums[:, column] = np.bincount(group_codes, weights=values[:, column], minlength=num_groups)
    return sums

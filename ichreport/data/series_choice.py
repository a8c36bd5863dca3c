"""The choice of series to show: together they have each label and a head without bleeding."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.store import Store, series_numbers
from ichreport.labels import ANY, SUBTYPES


def series_rows(store: Store, series: str | int) -> NDArray[np.int64]:
    """The row numbers of a series' slices, from the lowest to the highest.

    Args:
        store: Where the slices are.
        series: Its SeriesInstanceUID, or the row number of one of its slices.

    Raises:
        ValueError: If the store has no such series, or several of this UID.
    """
    numbers = series_numbers(store.slices)
    if not isinstance(series, str):
        return np.flatnonzero(numbers == numbers[series])
    rows = np.flatnonzero((store.slices["series_instance_uid"] == series).to_numpy())
    if not len(rows):
        raise ValueError(
            f"{store.folder} has no series {series!r}; its series are the values of "
            "store.slices['series_instance_uid']."
        )
    found = len(np.unique(numbers[rows]))
    if found > 1:
        raise ValueError(
            f"{store.folder}: {found} series of several patients or studies are called {series!r}; "
            "give the row number of a slice of the one that is meant."
        )
    return rows


def representative_series(slices: pd.DataFrame, *, most: int = 6) -> list[int]:
    """Choose series that together show each subtype that occurs, and a series without bleeding.

    Each step takes the series that adds the most subtypes not shown so far; among equals that with
    the most bleeding slices, then the first. The last series is the longest without bleeding.

    Args:
        slices: Slices of a store to choose from, sorted as they are there; their index holds their
            row numbers.
        most: The largest number of series, that without bleeding included.

    Returns:
        The row number of the first slice of each. Where no slice has a label, the longest series.
    """
    labels = [*SUBTYPES, ANY]
    numbers = pd.Series(series_numbers(slices))
    series = numbers.map(pd.Series(slices.index).groupby(numbers).first()).set_axis(slices.index)
    length = series.value_counts(sort=False)
    positive = (slices[labels] == 1).groupby(series, sort=False).sum()
    labelled = (slices[ANY] >= 0).groupby(series, sort=False).all()
    bleeding = positive[ANY]
    without = length[(bleeding == 0) & labelled]
    chosen: list[int] = []
    not_shown = {label for label in SUBTYPES if (positive[label] > 0).any()}
    while not_shown and len(chosen) < most - bool(len(without)):
        adds = (positive[sorted(not_shown)] > 0).sum(axis=1)
        best = pd.DataFrame({"adds": adds, "slices": bleeding}).sort_values(
            ["adds", "slices"], ascending=False, kind="stable"
        )
        name = best.index[0]
        chosen.append(int(name))
        not_shown -= {label for label in SUBTYPES if positive.loc[name, label] > 0}
    chosen += [_longest(without)] if len(without) else []
    return chosen or [_longest(length)]


def subtypes_shown(store: Store, series: Sequence[int]) -> list[str]:
    """The subtypes that occur in some series.

    Args:
        store: Where the slices are.
        series: The row number of a slice of each.
    """
    rows = np.concatenate([series_rows(store, one) for one in series])
    return [label for label in SUBTYPES if (store.slices[label].iloc[rows] == 1).any()]


def shows_no_bleeding(store: Store, series: Sequence[int]) -> bool:
    """Whether one of some series is without bleeding in all of its slices, as labels say.

    Args:
        store: Where the slices are.
        series: The row number of a slice of each.
    """
    truth = (store.slices[ANY].iloc[series_rows(store, one)] for one in series)
    return any((of_one == 0).all() for of_one in truth)


def _longest(length: "pd.Series[int]") -> int:
    """The first series of the largest length."""
    return int(length.index[int(length.to_numpy().argmax())])


def clearest_slice(store: Store, rows: NDArray[np.int64]) -> int:
    """The slice with most subtypes; among equals that with the largest bleed, then the middle one.

    Args:
        store: Where the slices are.
        rows: The row numbers of a series, in order.

    Returns:
        Its row number.
    """
    subtypes = (store.slices[[*SUBTYPES]].iloc[rows] == 1).sum(axis=1).to_numpy()
    area = (store.truth(rows) > 0).sum(axis=(1, 2)) if store.has_truth else np.zeros(len(rows))
    to_middle = np.abs(np.arange(len(rows)) - (len(rows) - 1) / 2)
    return int(rows[np.lexsort((to_middle, -area, -subtypes))[0]])

"""Which series are shown: few, and together each label and a head without bleeding."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.store import Store
from ichreport.labels import ANY, SUBTYPES


def series_rows(store: Store, series_uid: str) -> NDArray[np.int64]:
    """The row numbers of a series' slices, from the lowest to the highest.

    Raises:
        ValueError: If the store has no such series.
    """
    rows = np.flatnonzero((store.slices["series_instance_uid"] == series_uid).to_numpy())
    if not len(rows):
        raise ValueError(
            f"{store.folder} has no series {series_uid!r}; its series are the values of "
            "store.slices['series_instance_uid']."
        )
    return rows.astype(np.int64)


def telling_series(slices: pd.DataFrame, *, most: int = 6) -> list[str]:
    """Series that together show each subtype that there is, and one without bleeding.

    Each next series is the one that adds most subtypes not seen so far; among equals the one with
    most bleeding slices, then the first. The last one has no bleeding and, of those, most slices.

    Args:
        slices: Slices to choose from, sorted as a store's are.
        most: Series to choose at most, the one without bleeding among them.

    Returns:
        Their UIDs. Where no slice has a label, the longest series.
    """
    labels = [*SUBTYPES, ANY]
    name_of = slices["series_instance_uid"]
    length = name_of.value_counts(sort=False)
    positive = (slices[labels] == 1).groupby(name_of, sort=False).sum()
    known = (slices[ANY] >= 0).groupby(name_of, sort=False).all()
    bleeding = positive[ANY]
    clear = length[(bleeding == 0) & known]
    chosen: list[str] = []
    unseen = {label for label in SUBTYPES if (positive[label] > 0).any()}
    while unseen and len(chosen) < most - bool(len(clear)):
        adds = (positive[sorted(unseen)] > 0).sum(axis=1)
        best = pd.DataFrame({"adds": adds, "slices": bleeding}).sort_values(
            ["adds", "slices"], ascending=False, kind="stable"
        )
        name = best.index[0]
        chosen.append(str(name))
        unseen -= {label for label in SUBTYPES if positive.loc[name, label] > 0}
    chosen += [str(clear.idxmax())] if len(clear) else []
    return chosen or [str(length.idxmax())]


def telling_row(store: Store, rows: NDArray[np.int64]) -> int:
    """The slice of a series that shows most: most subtypes, then most bleeding, then the middle.

    Args:
        store: Where the slices are.
        rows: The row numbers of a series, in order.
    """
    subtypes = (store.slices[[*SUBTYPES]].iloc[rows] == 1).sum(axis=1).to_numpy()
    area = (store.truth(rows) > 0).sum(axis=(1, 2)) if store.has_truth else np.zeros(len(rows))
    to_middle = np.abs(np.arange(len(rows)) - (len(rows) - 1) / 2)
    return int(rows[np.lexsort((to_middle, -area, -subtypes))[0]])

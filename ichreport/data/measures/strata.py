"""Strata of slices: where a slice lies, how it was scanned, and what the bleed in it is like."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.measures.bleeds import measure_bleeds
from ichreport.data.store import OF_A_SERIES, Store
from ichreport.data.summary import relative_z
from ichreport.labels import ANY, SUBTYPES


class Strata(NamedTuple):
    """The classes of slices by one property.

    Attributes:
        name: The property, such as `position`.
        classes: The class of each slice, by `sop_instance_uid`; missing where a slice is in none.
        bleeding_only: Whether only slices with bleeding are in a class.
    """

    name: str
    classes: "pd.Series[Any]"
    bleeding_only: bool


def stratify(store: Store, rows: NDArray[np.int64]) -> Iterator[Strata]:
    """Sort slices into classes, by one property after the other.

    Args:
        store: The store.
        rows: Row numbers of its slices.

    Yields:
        `position`: thirds of the way from the lowest to the highest slice of the series.
        `tilt`: of the gantry, below 1°, 1 to 10°, 10° and more.
        `header`: bits stored and sign, such as `12-bit unsigned`.
        `scanner`: maker and model, where the headers name any. Synthetic heads do.
        `subtypes`: how many subtypes a bleeding slice has: one, two, three or more. In none of them
        where a subtype is not labelled.
        `area of the bleed`: below 1 cm², 1 to 4 cm², 4 cm² and more. Where the store has masks.
        `contrast of the bleed`: below 20 HU, 20 to 35 HU, 35 HU and more, of the brain around it.
        Where the store has masks. Both are those of `data.measures.bleeds`.
    """
    slices = store.slices.iloc[rows]
    bleeds = slices[ANY].to_numpy() == 1
    position = relative_z(store.slices)[rows]
    thirds = ("lower third", "middle third", "upper third")
    yield Strata("position", _cut(slices, position, (1 / 3, 2 / 3), thirds), bleeding_only=False)
    tilt = np.abs(slices["tilt"].to_numpy(dtype=float))
    tilts = ("below 1°", "1 to 10°", "10° and more")
    yield Strata("tilt", _cut(slices, tilt, (1.0, 10.0), tilts), bleeding_only=False)
    families = slices.set_index("sop_instance_uid")["family"].astype(str)
    yield Strata("header", families, bleeding_only=False)
    scanners = _scanners(store, rows)
    if scanners is not None:
        yield Strata("scanner", scanners, bleeding_only=False)
    labels = slices[list(SUBTYPES)].to_numpy()
    known = bleeds & (labels >= 0).all(axis=1)
    subtypes = np.where(known, (labels == 1).sum(axis=1), np.nan)
    counts = ("one", "two", "three or more")
    yield Strata("subtypes", _cut(slices, subtypes, (1.5, 2.5), counts), bleeding_only=True)
    if store.has_truth:
        measures = measure_bleeds(store, rows[bleeds], ANY)
        for name, edges, classes in (
            ("area", (1.0, 4.0), ("below 1 cm²", "1 to 4 cm²", "4 cm² and more")),
            ("contrast", (20.0, 35.0), ("below 20 HU", "20 to 35 HU", "35 HU and more")),
        ):
            measured = np.full(len(rows), np.nan)
            measured[bleeds] = measures[name].to_numpy()
            cut = _cut(slices, measured, edges, classes)
            yield Strata(f"{name} of the bleed", cut, bleeding_only=True)


def _scanners(store: Store, rows: NDArray[np.int64]) -> "pd.Series[Any] | None":
    """The scanner of each slice, `unknown` where nothing names it; None if nothing names any."""
    kept = store.series[store.series["kept"]]
    names = (kept["manufacturer"] + " " + kept["model"]).str.strip()
    if not names.any():
        return None
    slices = store.slices.iloc[rows]
    series = pd.MultiIndex.from_frame(kept[OF_A_SERIES])
    number = series.get_indexer(pd.MultiIndex.from_frame(slices[OF_A_SERIES]))
    known = np.append(names.where(names != "", "unknown").to_numpy(), "unknown")
    classes = known[number]  # the last for a slice of a series that no row is of
    return pd.Series(classes, index=pd.Index(slices["sop_instance_uid"]))


def _cut(
    slices: pd.DataFrame, values: NDArray[Any], edges: tuple[float, ...], names: tuple[str, ...]
) -> "pd.Series[Any]":
    """Classes of numbers, each from its edge up to below the next; missing where they are."""
    cut = pd.cut(values, [-np.inf, *edges, np.inf], right=False, labels=list(names))
    return pd.Series(cut, index=pd.Index(slices["sop_instance_uid"]))

"""Subgroups of a run's slices, from what the store knows of them, and any bleeding within each."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data import summary
from ichreport.data.store import Store
from ichreport.evaluation.inference.bootstrap import REPLICATES
from ichreport.evaluation.predictions import select_split
from ichreport.evaluation.subgroups import Negatives, subgroup_scores
from ichreport.labels import ANY, SUBTYPES

AREAS: Final = ("below 1 cm²", "1 to 4 cm²", "4 cm² and more")
CONTRASTS: Final = ("below 20 HU", "20 to 35 HU", "35 HU and more")
_SLICES_AT_ONCE: Final = 512
_BRAIN: Final = (0, 100)
"""HU of tissue inside the skull, against which a bleed stands out."""


def scores_within(
    predictions: pd.DataFrame,
    store: Store,
    points: Mapping[str, Any],
    *,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Scores of any bleeding on test within subgroups of slices.

    By position along the head, tilt, header family and number of subtypes; by size and contrast of
    the bleed where the store has truth.

    Args:
        predictions: A run's predictions.
        store: The store that they are of.
        points: The run's operating points by label, of which the threshold of `any` is used.
        replicates: Resamples behind each interval.

    Returns:
        The columns of `evaluation.subgroups.subgroup_scores`, with `kind` before them.
    """
    test = select_split(predictions, "test").reset_index(drop=True)
    row_of = pd.Series(np.arange(len(store)), index=store.slices["sop_instance_uid"])
    rows = row_of.loc[test["sop_instance_uid"]].to_numpy(dtype=np.int64)
    threshold = points[ANY]["threshold"]
    tables = []
    for kind, by, negatives in _kinds(store, rows):
        found = subgroup_scores(
            test,
            by.set_axis(test.index),
            labels=[ANY],
            negatives=negatives,
            thresholds={ANY: np.nan if threshold is None else threshold},
            replicates=replicates,
        )
        tables.append(found.assign(kind=kind))
    table = pd.concat(tables, ignore_index=True)
    return table[["kind", *(name for name in table.columns if name != "kind")]]


def _kinds(
    store: Store, rows: NDArray[np.int64]
) -> Iterator[tuple[str, "pd.Series[Any]", Negatives]]:
    slices = store.slices
    position = summary.relative_z(slices)[rows]
    thirds = ("lower third", "middle third", "upper third")
    yield "position", _cut(position, (1 / 3, 2 / 3), thirds), "own"
    tilt = np.abs(slices["tilt"].to_numpy(dtype=float)[rows])
    yield "tilt", _cut(tilt, (1.0, 10.0), ("below 1°", "1 to 10°", "10° and more")), "own"
    yield "header", slices["family"].iloc[rows].astype(str), "own"
    subtypes = slices[list(SUBTYPES)].to_numpy()[rows].clip(min=0).sum(axis=1)
    bleeds = slices[ANY].to_numpy()[rows] == 1
    counted = np.where(bleeds, subtypes, np.nan)
    yield "subtypes", _cut(counted, (1.5, 2.5), ("one", "two", "three or more")), "all"
    if store.has_truth:
        area, contrast = _size_and_contrast(store, rows, bleeds)
        yield "area of the bleed", _cut(area, (1.0, 4.0), AREAS), "all"
        yield "contrast of the bleed", _cut(contrast, (20.0, 35.0), CONTRASTS), "all"


def _cut(values: NDArray[Any], edges: tuple[float, ...], names: tuple[str, ...]) -> Any:
    """Classes of numbers, each from its edge up to below the next; missing where they are."""
    return pd.Series(pd.cut(values, [-np.inf, *edges, np.inf], right=False, labels=list(names)))


def _size_and_contrast(
    store: Store, rows: NDArray[np.int64], bleeds: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area (cm²) of the bleed of each slice, and how far its mean is above the brain's (HU)."""
    area, contrast = (np.full(len(rows), np.nan) for _ in range(2))
    places = np.flatnonzero(bleeds)
    slices = store.slices.iloc[rows]
    # a pixel of the store covers this many of the file's, along each side
    scale = slices[["rows", "columns"]].max(axis=1).to_numpy() / store.image_size
    pixel = (slices["spacing"].to_numpy(dtype=float) * scale) ** 2 / 100
    for start in range(0, len(places), _SLICES_AT_ONCE):
        some = places[start : start + _SLICES_AT_ONCE]
        hu, masks = store.hu(rows[some]), store.truth(rows[some]) > 0
        for place, one, mask in zip(some, hu, masks, strict=True):
            brain = one[(one > _BRAIN[0]) & (one < _BRAIN[1]) & ~mask]
            if mask.any() and brain.size:
                area[place] = mask.sum() * pixel[place]
                contrast[place] = one[mask].mean() - np.median(brain)
    return area, contrast

"""What viewer.js reads of whole series: pixels, positions, truth, probabilities and heat maps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.dicom.orientation import UNKNOWN
from ichreport.data.resample import resample_hu, resample_mask
from ichreport.data.store import Store
from ichreport.data.windowing import WINDOWS
from ichreport.evaluation.predictions import PROBABILITIES
from ichreport.labels import LABELS, SUBTYPES
from ichreport.report.html import palette
from ichreport.report.viewer.encode_pixels import pack_bytes, pack_heat, pack_hu

_SMALLEST_SIDE: Final = 64
_HEAT_SIDE: Final = 48


@dataclass(frozen=True)
class Heat:
    """Heat maps of some slices for one label.

    Attributes:
        rows: Row numbers of the slices in the store, shape (n,).
        maps: Values in [0, 1], shape (n, size, size) with any size.
    """

    rows: NDArray[np.int64]
    maps: NDArray[np.float32]


def make_payload(
    store: Store,
    series: Sequence[NDArray[np.int64]],
    *,
    first_rows: Sequence[int],
    predictions: pd.DataFrame | None,
    thresholds: Mapping[str, float] | None,
    heat: Mapping[str, Heat],
    outlined: bool,
    names: Sequence[str] | None,
    budget: int,
) -> dict[str, Any]:
    """Everything that viewer.js shows, as values that JSON can hold.

    Args:
        store: Where the slices are.
        series: The row numbers of each series, in order.
        first_rows: The row number of each series' slice to open on.
        predictions: A run's predictions; without `split` those of new studies; none if None.
        thresholds: The run's threshold of each label, NaN where undefined; none if None.
        heat: By label, heat maps of some of the slices.
        outlined: Whether to give the masks of bleeds.
        names: What to call the series in place of their labels and identifiers.
        budget: Characters that the HU may take. Where they take more, slices are resampled by area
            to fewer pixels a side.
    """
    side, packed = _pack_within_budget(store, series, budget)
    by_uid = None if predictions is None else predictions.set_index("sop_instance_uid")
    return {
        "windows": [[name, window.center, window.width] for name, window in WINDOWS.items()],
        "labels": list(LABELS),
        "colors": [palette.DARK[f"label-{label}"] for label in LABELS],
        "thresholds": [_rounded(thresholds[label]) for label in LABELS] if thresholds else None,
        "series": [
            {
                **_names(store, number, rows, None if names is None else names[number - 1]),
                **_geometry(store, rows, side),
                "first": int(np.searchsorted(rows, first)),
                "hu": hu,
                "truth": _masks(store, rows, side) if outlined else None,
                **_probabilities(store, rows, by_uid),
                "heat": _heat(rows, heat),
            }
            for number, (rows, first, hu) in enumerate(
                zip(series, first_rows, packed, strict=True), 1
            )
        ],
    }


def _pack_within_budget(
    store: Store, series: Sequence[NDArray[np.int64]], budget: int
) -> tuple[int, Sequence[str]]:
    """The pixels a side that the budget allows, and the HU of each series as text."""
    side = store.image_size
    while True:
        packed = [
            pack_hu(np.stack([resample_hu(hu, side) for hu in store.hu(rows)])) for rows in series
        ]
        total = sum(map(len, packed))
        if total <= budget or side <= _SMALLEST_SIDE:
            return side, packed
        side = max(_SMALLEST_SIDE, int(side * min(0.95, math.sqrt(budget / total))))


def _names(store: Store, number: int, rows: NDArray[np.int64], name: str | None) -> dict[str, Any]:
    if name is not None:
        return {"name": name, "uid": "", "truths": None}
    table = store.slices.iloc[rows]
    labelled = (table[[*LABELS]] >= 0).all(axis=None)
    subtypes = [label for label in SUBTYPES if (table[label] == 1).any()]
    words = (", ".join(subtypes) or "no bleeding") if labelled else "not all slices labelled"
    return {
        "name": f"Series {number}: {words}",
        "uid": str(table["series_instance_uid"].iloc[0]),
        "truths": [[int(value) for value in table[label]] for label in LABELS],
    }


def _geometry(store: Store, rows: NDArray[np.int64], side: int) -> dict[str, Any]:
    table = store.slices.iloc[rows]
    first = table.iloc[0]
    millimetres = float(first["spacing"]) * max(first["rows"], first["columns"]) / side
    return {
        "side": side,
        "positions": [round(float(z), 1) if math.isfinite(z) else None for z in table["z"]],
        "millimetres": round(millimetres, 4) if math.isfinite(millimetres) else None,
        "sides": _has_sides(store, rows),
    }


def _has_sides(store: Store, rows: NDArray[np.int64]) -> bool:
    """Whether it is known which side of slices is the patient's right: the left of a picture."""
    return bool((store.slices["orientation"].iloc[rows] != UNKNOWN).all())


def _masks(store: Store, rows: NDArray[np.int64], side: int) -> str:
    return pack_bytes(np.stack([resample_mask(mask, side) for mask in store.truth(rows)]))


def _probabilities(
    store: Store, rows: NDArray[np.int64], by_uid: pd.DataFrame | None
) -> dict[str, Any]:
    """Probabilities by label and slice, and each slice's split; None where there are none.

    A new study's slices are in no split.
    """
    if by_uid is None:
        return {"probabilities": None, "splits": None}
    table = by_uid.reindex(store.slices["sop_instance_uid"].iloc[rows])
    probabilities = [[_rounded(value) for value in table[name]] for name in PROBABILITIES]
    if "split" not in table:
        return {"probabilities": probabilities, "splits": None}
    splits = [split if isinstance(split, str) else None for split in table["split"]]
    return {"probabilities": probabilities, "splits": splits}


def _rounded(value: float) -> float | None:
    """A probability or a threshold in six significant digits; None where undefined.

    A threshold is the probability of some slice: both are rounded alike, so that this slice still
    reaches it.
    """
    return None if math.isnan(value) else float(f"{value:.6g}")


def _heat(rows: NDArray[np.int64], heat: Mapping[str, Heat]) -> list[dict[str, Any]]:
    """The maps of a series' slices for each label that has some."""
    packed = []
    for label in LABELS:
        if label not in heat:
            continue
        inside = np.isin(heat[label].rows, rows)
        if inside.any():
            maps = heat[label].maps[inside]
            side = min(_HEAT_SIDE, maps.shape[1])
            packed.append(
                {
                    "label": label,
                    "side": side,
                    "slices": np.searchsorted(rows, heat[label].rows[inside]).tolist(),
                    "maps": pack_heat(maps, side=side),
                }
            )
    return packed

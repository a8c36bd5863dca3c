"""The slice viewer: whole series in HU inside a page, for the report and for JupyterLab.

What Python makes is a picture for who reads without JavaScript or on paper, and data: HU without
loss, positions, and where there are any truth, probabilities and heat maps. viewer.js
turns both into the viewer; a page's frame holds scripts and style once, and in JupyterLab
each viewer brings its own.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.resample import resample_hu, resample_mask
from ichreport.data.series_choice import series_rows, telling_row, telling_series
from ichreport.data.store import Store
from ichreport.data.windowing import WINDOWS
from ichreport.evaluation.predictions import PROBABILITIES, select_split
from ichreport.labels import ANY, LABELS, SUBTYPES
from ichreport.report.html import palette, slice_images
from ichreport.report.html.assets import read_asset
from ichreport.report.html.blocks import Picture, webp
from ichreport.report.viewer.encode_pixels import pack_bytes, pack_heat, pack_hu
from ichreport.runs.record import RunRecord

_FOLDER: Final = Path(__file__).parent
SCRIPTS: Final = (_FOLDER / "pixels.js", _FOLDER / "viewer.js")
"""The viewer's scripts, in their order."""
STYLE: Final = _FOLDER / "viewer.css"
BUDGET: Final = 4_000_000
"""Characters of HU at most: a page with a viewer is at most 6 MB."""
BUDGET_OF_A_RUN: Final = 1_200_000
"""The same on an experiment's page, which is at most 2 MB."""
_SMALLEST: Final = 64
_HEAT_SIDE: Final = 48
_HOW: Final = (
    "Scroll by wheel (after a click), arrow keys, slider, the strips, or a finger on the image; "
    "drag with the mouse to set the window. Left and right are not marked: the store does not keep "
    "how a slice lies in the patient."
)


@dataclass(frozen=True)
class Viewer(Picture):
    """Series to scroll through.

    Attributes:
        payload: What viewer.js reads, as JSON.
    """

    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def _repr_html_(self) -> str:
        """The figure, with script and style for a notebook; a page drops those for its own."""
        own = palette.variables(palette.LIGHT)
        dark = palette.variables(palette.DARK)
        return (
            f"{super()._repr_html_()}<style>.viewer{{{own}}}"
            f'[data-jp-theme-light="false"] .viewer{{{dark}}}{read_asset(STYLE)}</style>'
            + "".join(f"<script>{read_asset(path)}</script>" for path in SCRIPTS)
        )

    def _kind(self) -> str:
        return "slices"

    def _content(self) -> str:
        data = json.dumps(self.payload, separators=(",", ":"), allow_nan=False)
        data = data.replace("<", "\\u003c")  # no text can end the script
        return (
            f'<div class="viewer">{super()._content()}'
            f'<script type="application/json">{data}</script></div>'
        )


@dataclass(frozen=True)
class Heat:
    """Heat maps of some slices for one label.

    Attributes:
        rows: Row numbers of the slices in the store, shape (n,).
        maps: Values in [0, 1], shape (n, size, size) with any size.
    """

    rows: NDArray[np.int64]
    maps: NDArray[np.float32]


def show(
    store: Store,
    series_uid: str | Sequence[str],
    *,
    predictions: pd.DataFrame | None = None,
    thresholds: Mapping[str, float | None] | None = None,
    heat: Mapping[str, Heat] | None = None,
    truth: bool | None = None,
    caption: str = "",
    budget: int = BUDGET,
) -> Viewer:
    """A viewer of one series or several.

    Args:
        store: Where the slices are.
        series_uid: The series' UID, or several.
        predictions: A run's predictions; its probabilities are drawn along the series.
        thresholds: The run's frozen threshold of each label, drawn as lines; None where undefined.
        heat: By label, heat maps of some of the slices.
        truth: Whether to outline the bleeds; if not given, where the store has masks.
        caption: What is shown and why; a plain text if not given.
        budget: Characters that the HU may take. Where they take more, slices are resampled by area
            to fewer pixels a side, and the caption says so.

    Raises:
        ValueError: If the store has no such series, or no masks where `truth` asks for them.
    """
    names = [series_uid] if isinstance(series_uid, str) else list(series_uid)
    if not names:
        raise ValueError("series_uid must name a series, got none.")
    if truth and not store.has_truth:
        raise ValueError(f"{store.folder} has no masks of bleeds: its source has no truth/.")
    rows = [series_rows(store, name) for name in names]
    side, packed = _packed(store, rows, budget)
    outlined = store.has_truth if truth is None else truth
    places = None if predictions is None else predictions.set_index("sop_instance_uid")
    first = [_first(store, own, predictions) for own in rows]
    frozen = [_as_written(thresholds.get(label)) for label in LABELS] if thresholds else None
    series = [
        _names(store, number, own)
        | _geometry(store, own, side)
        | {"first": int(np.searchsorted(own, row)), "hu": hu}
        | {"truth": _truth(store, own, side) if outlined else None}
        | _predicted(store, own, places)
        | {"heat": _heat(own, heat or {})}
        for number, (own, row, hu) in enumerate(zip(rows, first, packed, strict=True), 1)
    ]
    payload = {
        "windows": [[name, window.center, window.width] for name, window in WINDOWS.items()],
        "labels": list(LABELS),
        "colors": [palette.DARK[f"label-{label}"] for label in LABELS],
        "thresholds": frozen,
        "series": series,
    }
    return Viewer(
        _caption(caption, store, side, outlined=outlined),
        _alternative(store, rows, first),
        "image/webp",
        webp(slice_images.montage(store, np.array(first))),
        payload,
    )


def of_data(store: Store) -> Viewer:
    """A few series of a store: each label is seen, and a head without bleeding."""
    return show(
        store,
        telling_series(store.slices),
        caption="Whole series, chosen so that each subtype is seen, and one without bleeding.",
    )


def of_run(store: Store, predictions: pd.DataFrame, points: Mapping[str, Any]) -> Viewer:
    """Two series with test slices of a run: one with most subtypes, one without bleeding.

    Args:
        store: Where the slices are.
        predictions: The run's predictions.
        points: Its operating points: by label a `threshold`.
    """
    return show(
        store,
        telling_series(_test_slices(store, predictions), most=2),
        predictions=predictions,
        thresholds={label: points[label]["threshold"] for label in LABELS},
        budget=BUDGET_OF_A_RUN,
        caption="Series with slices of the test split, one of them without bleeding. Bars are the "
        "run's probabilities: pale where it was trained or tuned on the slice, none where the "
        "slice is not in its sample. Lines are its frozen 85 % recall thresholds, marks below the "
        "bars the truth.",
    )


def map_rows(store: Store, run: RunRecord) -> dict[str, NDArray[np.int64]]:
    """The slices whose heat maps a viewer of a run shows, by label.

    Returns:
        Row numbers of the test slices of a few telling series: all of them for `any`; for a subtype
        those of the series in which it occurs.
    """
    test = _test_slices(store, run.predictions())
    series = [
        rows[store.slices["sop_instance_uid"].iloc[rows].isin(test["sop_instance_uid"])]
        for rows in (series_rows(store, name) for name in telling_series(test))
    ]
    found = {}
    for label in LABELS:
        bleeds = [rows for rows in series if (store.slices[label].iloc[rows] == 1).any()]
        wanted = series if label == ANY else bleeds
        if wanted:
            found[label] = np.concatenate(wanted)
    return found


def of_maps(
    store: Store, run: RunRecord, rows: Mapping[str, NDArray[np.int64]], shown: Mapping[str, Any]
) -> Viewer:
    """Telling test series of a run with its heat maps.

    Each map was scaled to its own maximum; here it is multiplied by the slice's probability, so
    that a slice which the network calls clear stays dark.

    Args:
        store: Where the slices are.
        run: A run with a record.
        rows: The slices of each label; see `map_rows`.
        shown: By label, heat maps of these slices with `method` and `heat` (slices, size, size).
    """
    predictions = run.predictions()
    probability = predictions.set_index("sop_instance_uid")
    heat = {}
    for label, own in rows.items():
        uids = store.slices["sop_instance_uid"].iloc[own]
        scale = probability.loc[uids, f"probability_{label}"].to_numpy(dtype=np.float32)
        heat[label] = Heat(own, shown[label].heat * scale[:, None, None])
    points = run.record["operating_points"]
    methods = ", ".join(sorted({maps.method for maps in shown.values()}))
    return show(
        store,
        list(dict.fromkeys(store.slices["series_instance_uid"].iloc[np.unique(rows[ANY])])),
        predictions=predictions,
        thresholds={label: points[label]["threshold"] for label in LABELS},
        heat=heat,
        caption=f"Test series of {run.name} with {methods} heat: each slice's map, scaled to its "
        "own maximum, times the slice's probability of the label. Bars are probabilities, lines "
        "the frozen 85 % recall thresholds, marks below the bars the truth.",
    )


def _test_slices(store: Store, predictions: pd.DataFrame) -> pd.DataFrame:
    test = select_split(predictions, "test")["sop_instance_uid"]
    found = store.slices[store.slices["sop_instance_uid"].isin(test)]
    if found.empty:
        raise ValueError("No slice of the store is in the test split of these predictions.")
    return found


def _first(store: Store, rows: NDArray[np.int64], predictions: pd.DataFrame | None) -> int:
    """The slice of a series to open on: the most telling one, of the test split if it has such."""
    if predictions is not None:
        test = select_split(predictions, "test")["sop_instance_uid"]
        tested = rows[store.slices["sop_instance_uid"].iloc[rows].isin(test).to_numpy()]
        rows = tested if len(tested) else rows
    return telling_row(store, rows)


def _packed(
    store: Store, rows: Sequence[NDArray[np.int64]], budget: int
) -> tuple[int, Sequence[str]]:
    """The series' HU as text, in as many pixels a side as the budget allows."""
    side = store.image_size
    while True:
        packed = [
            pack_hu(np.stack([resample_hu(one, side) for one in store.hu(own)])) for own in rows
        ]
        total = sum(map(len, packed))
        if total <= budget or side <= _SMALLEST:
            return side, packed
        side = max(_SMALLEST, int(side * min(0.95, math.sqrt(budget / total))))


def _names(store: Store, number: int, rows: NDArray[np.int64]) -> dict[str, Any]:
    table = store.slices.iloc[rows]
    known = (table[[*LABELS]] >= 0).all(axis=None)
    seen = [label for label in SUBTYPES if (table[label] == 1).any()]
    words = (", ".join(seen) or "no bleeding") if known else "not all slices labelled"
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
    }


def _truth(store: Store, rows: NDArray[np.int64], side: int) -> str:
    return pack_bytes(np.stack([resample_mask(mask, side) for mask in store.truth(rows)]))


def _predicted(
    store: Store, rows: NDArray[np.int64], predictions: pd.DataFrame | None
) -> dict[str, Any]:
    """Probabilities by label and slice, and each slice's split; None where there are none."""
    if predictions is None:
        return {"probabilities": None, "splits": None}
    found = predictions.reindex(store.slices["sop_instance_uid"].iloc[rows])
    return {
        "probabilities": [[_as_written(value) for value in found[name]] for name in PROBABILITIES],
        "splits": [split if isinstance(split, str) else None for split in found["split"]],
    }


def _as_written(value: float | None) -> float | None:
    """A probability or a threshold in six significant digits; None where undefined.

    A threshold is the probability of some slice: both are rounded alike, so that this slice still
    reaches it.
    """
    return None if value is None or math.isnan(value) else float(f"{value:.6g}")


def _heat(rows: NDArray[np.int64], heat: Mapping[str, Heat]) -> list[dict[str, Any]]:
    found = []
    for label in LABELS:
        if label not in heat:
            continue
        own = np.isin(heat[label].rows, rows)
        if own.any():
            maps = heat[label].maps[own]
            side = min(_HEAT_SIDE, maps.shape[1])
            places = np.searchsorted(rows, heat[label].rows[own])
            found.append(
                {
                    "label": label,
                    "side": side,
                    "slices": [int(place) for place in places],
                    "maps": pack_heat(maps, side=side),
                }
            )
    return found


def _caption(given: str, store: Store, side: int, *, outlined: bool) -> str:
    parts = [given or "A series, slice by slice.", _HOW]
    if outlined:
        parts.append("Bleeding is outlined in its label's colour.")
    if side < store.image_size:
        parts.append(f"Resampled from {store.image_size} to {side} pixels a side.")
    return " ".join(parts)


def _alternative(store: Store, rows: Sequence[NDArray[np.int64]], first: Sequence[int]) -> str:
    said = [
        f"series {number}, slice {int(np.searchsorted(own, row)) + 1} of {len(own)}: "
        f"{slice_images.truth_in_words(store, row)}"
        for number, (own, row) in enumerate(zip(rows, first, strict=True), 1)
    ]
    return f"At the brain window, truth outlined where it is known: {' '.join(said)}"

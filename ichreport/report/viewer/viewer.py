"""The slice viewer: whole series in HU inside a page, for the report and for JupyterLab.

Python makes a picture, for who reads without JavaScript or on paper, and the payload, which
viewer.js turns into the viewer. A page's frame holds scripts and style once; in JupyterLab each
viewer brings its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.series_choice import (
    clearest_slice,
    representative_series,
    series_rows,
    shows_no_bleeding,
    subtypes_shown,
)
from ichreport.data.store import Store
from ichreport.evaluation.predictions import select_split
from ichreport.labels import ANY, SUBTYPES
from ichreport.report.html import palette, slice_images
from ichreport.report.html.assets import read_asset
from ichreport.report.html.blocks import Picture, webp
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import listed
from ichreport.report.html.sanitise import data_element
from ichreport.report.viewer.payload import Heat, make_payload

_FOLDER: Final = Path(__file__).parent
SCRIPTS: Final = (_FOLDER / "pixels.js", _FOLDER / "viewer.js")
"""The viewer's scripts, in their order."""
STYLE: Final = _FOLDER / "viewer.css"
_BUDGET: Final = 4_000_000
"""Characters of HU at most: a page with a viewer is at most 6 MB."""
_CAPTIONS: Final = Captions.beside(__file__)


@dataclass(frozen=True)
class Viewer(Picture):
    """Series to scroll through.

    Attributes:
        payload: What viewer.js reads, as JSON.
    """

    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def _repr_html_(self) -> str:
        """The figure, with script and style for a notebook; a page drops those for its own."""
        light = palette.variables(palette.LIGHT)
        dark = palette.variables(palette.DARK)
        return (
            f"{super()._repr_html_()}<style>.viewer{{{light}}}"
            f'[data-jp-theme-light="false"] .viewer{{{dark}}}{read_asset(STYLE)}</style>'
            + "".join(f"<script>{read_asset(path)}</script>" for path in SCRIPTS)
        )

    def _kind(self) -> str:
        return "slices"

    def _content(self) -> str:
        data = data_element("viewer", self.payload)
        return f'<div class="viewer">{super()._content()}{data}</div>'


def show(
    store: Store,
    series: str | int | Sequence[str | int],
    *,
    predictions: pd.DataFrame | None = None,
    thresholds: Mapping[str, float] | None = None,
    heat: Mapping[str, Heat] | None = None,
    truth: bool | None = None,
    names: Sequence[str] | None = None,
    caption: str = "",
    budget: int = _BUDGET,
) -> Viewer:
    """A viewer of one series or several.

    Args:
        store: Where the slices are.
        series: The series' UID or the row number of one of its slices, or several.
        predictions: A run's predictions; its probabilities are drawn along the series. Without
            `split` they are of new studies, which open on their most suspicious slice.
        thresholds: The run's frozen threshold of each label, drawn as lines; NaN where undefined.
        heat: By label, heat maps of some of the slices.
        truth: Whether to outline the bleeds; if not given, where the store has masks.
        names: What to call the series in place of their labels and identifiers.
        caption: What is shown and why; a plain text if not given.
        budget: Characters that the HU may take. Where they take more, slices are resampled by area
            to fewer pixels a side, and the caption says so.

    Raises:
        ValueError: If the store has no such series, or no masks where `truth` asks for them.
    """
    asked = [series] if isinstance(series, str | int) else list(series)
    if not asked:
        raise ValueError("series must name a series, got none.")
    if truth and not store.has_truth:
        raise ValueError(f"{store.folder} has no masks of bleeds: its source has no truth/.")
    shown = [series_rows(store, one) for one in asked]
    first_rows = [_first_row(store, rows, predictions) for rows in shown]
    outlined = store.has_truth if truth is None else truth
    payload = make_payload(
        store,
        shown,
        first_rows=first_rows,
        predictions=predictions,
        thresholds=thresholds,
        heat=heat or {},
        outlined=outlined,
        names=names,
        budget=budget,
    )
    side = payload["series"][0]["side"]
    sides = all(one["sides"] for one in payload["series"])
    return Viewer(
        _caption(caption, store, side, outlined=outlined, sides=sides),
        _alternative(store, shown, first_rows, names),
        "image/webp",
        webp(slice_images.montage(store, np.array(first_rows))),
        payload,
    )


def of_data(store: Store) -> Viewer:
    """A few series of a store: each label that occurs is seen, and a head without bleeding.

    The longest where no slice has a label that tells which to choose.
    """
    chosen = representative_series(store.slices)
    shown = subtypes_shown(store, chosen)
    said = [_CAPTIONS.fill("each_subtype")] if len(shown) == len(SUBTYPES) else shown
    if shows_no_bleeding(store, chosen):
        said = [*said, _CAPTIONS.fill("clear")]
    caption = _CAPTIONS.fill("data_unlabelled")
    if said:
        caption = _CAPTIONS.fill("data", shown=listed(said))
    return show(store, chosen, caption=caption)


def _first_row(store: Store, rows: NDArray[np.int64], predictions: pd.DataFrame | None) -> int:
    """The slice of a series to open on; of the test split if the series has such slices."""
    if predictions is not None and "split" not in predictions:
        by_uid = predictions.set_index("sop_instance_uid")[f"probability_{ANY}"]
        return int(
            rows[by_uid.loc[store.slices["sop_instance_uid"].iloc[rows]].to_numpy().argmax()]
        )
    if predictions is not None:
        test = select_split(predictions, "test")["sop_instance_uid"]
        tested = rows[store.slices["sop_instance_uid"].iloc[rows].isin(test).to_numpy()]
        rows = tested if len(tested) else rows
    return clearest_slice(store, rows)


def _caption(text: str, store: Store, side: int, *, outlined: bool, sides: bool) -> str:
    parts = [text or _CAPTIONS.fill("series"), _CAPTIONS.fill("how")]
    parts.append(_CAPTIONS.fill("sides") if sides else _CAPTIONS.fill("no_sides"))
    if outlined:
        parts.append(_CAPTIONS.fill("outlined"))
    if side < store.image_size:
        parts.append(_CAPTIONS.fill("resampled", stored=store.image_size, shown=side))
    return " ".join(parts)


def _alternative(
    store: Store,
    series: Sequence[NDArray[np.int64]],
    first_rows: Sequence[int],
    names: Sequence[str] | None,
) -> str:
    if names is not None:
        return f"At the brain window, one slice each of: {', '.join(names)}."
    descriptions = [
        f"series {number}, slice {int(np.searchsorted(rows, first)) + 1} of {len(rows)}: "
        f"{slice_images.truth_in_words(store, first)}"
        for number, (rows, first) in enumerate(zip(series, first_rows, strict=True), 1)
    ]
    return f"At the brain window, truth outlined where it is known: {' '.join(descriptions)}"

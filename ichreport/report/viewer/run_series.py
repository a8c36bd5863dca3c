"""Series of a run in the slice viewer: with its probabilities, and with its heat maps."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.series_choice import representative_series, series_rows, shows_no_bleeding
from ichreport.data.store import Store, series_numbers
from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.predictions import select_split
from ichreport.labels import ANY, LABELS
from ichreport.report.html.captions import Captions
from ichreport.report.viewer.payload import Heat
from ichreport.report.viewer.viewer import Viewer, show
from ichreport.runs.record import RunRecord

_CAPTIONS: Final = Captions.beside(__file__)
_BUDGET: Final = 1_200_000
"""Characters of HU at most on an experiment's page, which is at most 2 MB."""


def with_probabilities(store: Store, predictions: pd.DataFrame, assessed: Assessment) -> Viewer:
    """Two series with test slices of a run: one with most subtypes, one without if there is any.

    Args:
        store: Where the slices are.
        predictions: The run's predictions.
        assessed: Its assessment, of which the thresholds are drawn.
    """
    chosen = representative_series(_test_slices(store, predictions), most=2)
    clear = _CAPTIONS.fill("run_clear") if shows_no_bleeding(store, chosen) else ""
    return show(
        store,
        chosen,
        predictions=predictions,
        thresholds=_thresholds(assessed),
        budget=_BUDGET,
        caption=_CAPTIONS.fill("run", clear=clear),
    )


def map_rows(store: Store, run: RunRecord) -> dict[str, NDArray[np.int64]]:
    """The slices whose heat maps a viewer of a run shows, by label.

    Returns:
        Row numbers of the test slices of representative series: all of them for `any`; for a
        subtype those of the series in which it occurs.
    """
    test = _test_slices(store, run.predictions())
    series = [
        rows[store.slices["sop_instance_uid"].iloc[rows].isin(test["sop_instance_uid"])]
        for rows in (series_rows(store, row) for row in representative_series(test))
    ]
    rows_by_label = {}
    for label in LABELS:
        bleeds = [rows for rows in series if (store.slices[label].iloc[rows] == 1).any()]
        shown = series if label == ANY else bleeds
        if shown:
            rows_by_label[label] = np.concatenate(shown)
    return rows_by_label


def with_heat(
    store: Store,
    run: RunRecord,
    rows_by_label: Mapping[str, NDArray[np.int64]],
    heatmaps: Mapping[str, Any],
) -> Viewer:
    """Test series of a run with its heat maps.

    Each map was scaled to its own maximum; here it is multiplied by the slice's probability, so
    that a slice which the network calls clear stays dark.

    Args:
        store: Where the slices are.
        run: A run with a record.
        rows_by_label: The slices of each label; see `map_rows`.
        heatmaps: By label, heat maps of these slices with `method` and `heat` (slices, size, size).
    """
    predictions = run.predictions()
    by_uid = predictions.set_index("sop_instance_uid")
    heat = {}
    for label, rows in rows_by_label.items():
        uids = store.slices["sop_instance_uid"].iloc[rows]
        probability = by_uid.loc[uids, f"probability_{label}"].to_numpy(dtype=np.float32)
        heat[label] = Heat(rows, heatmaps[label].heat * probability[:, None, None])
    assessed = Assessment.from_record(run.record["assessment"])
    rows = np.unique(rows_by_label[ANY])
    _, first = np.unique(series_numbers(store.slices)[rows], return_index=True)
    methods = ", ".join(sorted({maps.method for maps in heatmaps.values()}))
    return show(
        store,
        rows[first].tolist(),
        predictions=predictions,
        thresholds=_thresholds(assessed),
        heat=heat,
        caption=_CAPTIONS.fill("heat", run=run.name, methods=methods),
    )


def _thresholds(assessed: Assessment) -> dict[str, float]:
    return {label: assessed.threshold(label) for label in LABELS}


def _test_slices(store: Store, predictions: pd.DataFrame) -> pd.DataFrame:
    test = select_split(predictions, "test")["sop_instance_uid"]
    slices = store.slices[store.slices["sop_instance_uid"].isin(test)]
    if slices.empty:
        raise ValueError("No slice of the store is in the test split of these predictions.")
    return slices

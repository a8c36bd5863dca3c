"""The failures of a run on test at its own frozen thresholds, by what may have caused them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.measures.bleeds import measure_each_bleed
from ichreport.data.store import OF_A_STUDY, Store, series_numbers
from ichreport.data.synthetic.description import is_described
from ichreport.data.synthetic.look_alikes import LookAlike, read_look_alikes
from ichreport.evaluation.assessment import POSTER_RULE, Assessment
from ichreport.evaluation.failures import causes
from ichreport.evaluation.failures.causes import Causes
from ichreport.evaluation.failures.failure_rates import failure_rate, failure_table, with_adjusted
from ichreport.evaluation.predictions import select_split
from ichreport.evaluation.studies import PooledStudies, poolings_in
from ichreport.labels import ANY, LABELS, SUBTYPES

_OF_SUBTYPES: Final = ("area of the bleed", "contrast to the brain around it")


@dataclass(frozen=True)
class FailuresByCause:
    """What a run misses on test, and where it raises false alarms.

    Tables are `failure_rates.failure_table`, with `p_adjusted` over the comparisons of the table;
    empty where there is nothing to count.

    Attributes:
        threshold: The frozen threshold of any bleeding in slices; NaN where validation defines
            none, and then nothing counts as failed and the tables are empty.
        misses: Of slices with any bleeding.
        subtypes: Of slices of each subtype, with `label`, by what masks tell.
        studies: Of whole studies with any bleeding.
        false_alarms: Of slices without bleeding.
        missed: `failure_rates.failure_rate` of all slices with bleeding.
        alarmed: That of all slices without.
        has_masks: Whether the store has masks of the bleeds.
        lists_look_alikes: Whether the source says which look-alikes the store's heads have.
        half_in: In how many series half of the misses lie; 0 if nothing is missed.
        series: Series with bleeding in a slice of test.
    """

    threshold: float
    misses: pd.DataFrame
    subtypes: pd.DataFrame
    studies: pd.DataFrame
    false_alarms: pd.DataFrame
    missed: Mapping[str, Any]
    alarmed: Mapping[str, Any]
    has_masks: bool
    lists_look_alikes: bool
    half_in: int
    series: int


def failures_by_cause(
    store: Store, predictions: pd.DataFrame, assessed: Assessment, source: Path
) -> FailuresByCause:
    """Count a run's failures on test by cause, at its frozen thresholds of 85 % recall.

    Args:
        store: Where the slices are.
        predictions: A run's predictions.
        assessed: What was measured of it: the thresholds.
        source: The folder that the store was made of, or its zip; synthetic heads list their
            look-alikes there.

    Raises:
        ValueError: If a slice of the test split is not in the store, or the list is damaged.
    """
    test, threshold = select_split(predictions, "test"), assessed.threshold(ANY)
    rows = _rows_in(store, test)
    bleeds = test[f"truth_{ANY}"].to_numpy() == 1
    defined = not math.isnan(threshold)
    positive, negative = bleeds & defined, ~bleeds & defined
    of_labels = measure_each_bleed(store, rows[bleeds], LABELS) if store.has_truth else {}
    measures = of_labels.get(ANY) if defined else None
    look_alikes = _look_alikes_of(store, source)
    called = test[f"probability_{ANY}"].to_numpy() >= threshold
    group_codes = _group_codes(test)
    series = pd.Series(series_numbers(store.slices)[rows])
    return FailuresByCause(
        threshold,
        misses=_table(
            ~called[positive],
            group_codes[positive],
            _of_bleeding(store, rows[positive], measures),
        ),
        subtypes=_subtypes(store, test, rows, assessed, of_labels),
        studies=_studies(store, predictions, assessed, rows[bleeds], measures),
        false_alarms=_table(
            called[negative],
            group_codes[negative],
            _of_no_bleeding(store, rows[negative], look_alikes),
        ),
        missed=failure_rate(~called[positive], group_codes[positive]),
        alarmed=failure_rate(called[negative], group_codes[negative]),
        has_masks=store.has_truth,
        lists_look_alikes=bool(look_alikes),
        half_in=series_of_half(series[positive & ~called]),
        series=series[positive].nunique(),
    )


def series_of_half(series: "pd.Series[Any]") -> int:
    """In how many series at least half of some slices lie, at the fewest.

    Args:
        series: The series of each slice, (n,).
    """
    counts = series.value_counts().to_numpy().cumsum()
    return int(np.searchsorted(2 * counts, len(series))) + 1 if len(counts) else 0


def _rows_in(store: Store, test: pd.DataFrame) -> NDArray[np.int64]:
    uids = pd.Index(store.slices["sop_instance_uid"])
    rows: NDArray[np.int64] = uids.get_indexer(pd.Index(test["sop_instance_uid"])).astype(np.int64)
    if (rows < 0).any():
        raise ValueError(
            f"{(rows < 0).sum():,} of {len(rows):,} slices of the test split are not in "
            f"{store.folder}; predict the slices of this store anew."
        )
    return rows


def _group_codes(table: pd.DataFrame) -> NDArray[np.intp]:
    return pd.factorize(table["group"])[0].astype(np.intp)


def _table(failed: NDArray[np.bool_], group_codes: NDArray[np.intp], by: Causes) -> pd.DataFrame:
    return with_adjusted(failure_table(failed, group_codes, by if len(failed) else {}))


def _of_bleeding(store: Store, rows: NDArray[np.int64], measures: pd.DataFrame | None) -> Causes:
    if not len(rows):
        return {}
    of_masks = {} if measures is None else causes.of_masks(store, measures)
    return {**of_masks, **causes.of_every_slice(store, rows), **causes.of_labels(store, rows)}


def _look_alikes_of(store: Store, source: Path) -> list[LookAlike]:
    """The look-alikes that a source lists of the store's studies.

    None where it lists none, as of people, or where the store has other names for its studies.
    """
    if not (store.manifest["synthetic"] and is_described(source)):
        return []
    studies = set(store.slices["study_instance_uid"])
    return [each for each in read_look_alikes(source) if each.study_instance_uid in studies]


def _of_no_bleeding(
    store: Store, rows: NDArray[np.int64], look_alikes: Sequence[LookAlike]
) -> Causes:
    return {
        **causes.of_look_alikes(store, rows, look_alikes),
        **causes.of_every_slice(store, rows),
    }


def _subtypes(
    store: Store,
    test: pd.DataFrame,
    rows: NDArray[np.int64],
    assessed: Assessment,
    measures: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """The misses of each subtype by area and contrast of its own blood; empty without masks."""
    tables, group_codes = [], _group_codes(test)
    for label in SUBTYPES if measures else ():
        threshold, positive = assessed.threshold(label), test[f"truth_{label}"].to_numpy() == 1
        if positive.any() and not math.isnan(threshold):
            of_masks = causes.of_masks(store, measures[label].loc[rows[positive]])
            missed = test[f"probability_{label}"].to_numpy()[positive] < threshold
            by = {name: of_masks[name] for name in _OF_SUBTYPES}
            table = failure_table(missed, group_codes[positive], by)
            tables.append(table.assign(label=label))
    return with_adjusted(pd.concat(tables, ignore_index=True)) if tables else pd.DataFrame()


def _studies(
    store: Store,
    predictions: pd.DataFrame,
    assessed: Assessment,
    rows: NDArray[np.int64],
    measures: pd.DataFrame | None,
) -> pd.DataFrame:
    """The misses of whole studies; empty where test has none with bleeding."""
    pooled = PooledStudies.of(predictions, poolings_in(assessed.poolings))
    studies = select_split(pooled.decided, "test")
    positive = studies[studies[f"truth_{ANY}"] == 1]
    chosen = assessed.study_thresholds.set_index(["rule", "label"])["threshold"]
    threshold = float(chosen[POSTER_RULE, ANY])
    if positive.empty or math.isnan(threshold):
        return pd.DataFrame()
    keys = pd.MultiIndex.from_frame(positive[OF_A_STUDY])
    is_whole = pd.MultiIndex.from_frame(store.slices.iloc[rows][OF_A_STUDY]).isin(keys)
    of_whole = None if measures is None else measures[is_whole]
    by = causes.of_studies(store, rows[is_whole], of_whole)
    missed = positive[f"probability_{ANY}"].to_numpy() < threshold
    of_positive = {name: classes.reindex(keys) for name, classes in by.items()}
    return with_adjusted(failure_table(missed, _group_codes(positive), of_positive))

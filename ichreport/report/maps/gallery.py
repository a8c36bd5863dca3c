"""The gallery of activation maps: which slices are shown, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.store import Store
from ichreport.evaluation.assessment import Assessment
from ichreport.evaluation.predictions import select_split
from ichreport.labels import ANY, LABELS
from ichreport.report.html import slice_images
from ichreport.report.html.blocks import Sheet, Table, numbers
from ichreport.report.html.captions import Captions
from ichreport.report.html.formats import as_probability, capital, counted
from ichreport.runs.record import RunRecord

_CAPTIONS: Final = Captions.beside(__file__)
OUTCOMES: Final = ("found", "missed", "false alarm")


@dataclass(frozen=True)
class ChosenSlices:
    """The slices shown for one label.

    Attributes:
        label: The label.
        rows: Row numbers of the slices in the store.
        outcomes: found, missed or false alarm, for each.
        probabilities: The run's probability of the label, for each.
    """

    label: str
    rows: NDArray[np.int64]
    outcomes: NDArray[np.str_]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True)
class Gallery:
    """Pictures under a heading for each label."""

    sections: Sequence[tuple[str, Sequence[Sheet]]]

    def _repr_html_(self) -> str:
        return "".join(
            f"<h3>{escape(heading)}</h3>" + "".join(sheet._repr_html_() for sheet in sheets)
            for heading, sheets in self.sections
        )


def choose_slices(run: RunRecord, store: Store, *, per_group: int) -> list[ChosenSlices]:
    """Choose test slices of each label: found, missed and false alarms, the clearest first.

    A slice is called positive where its probability reaches the label's frozen threshold. Found
    and false alarms come by falling probability, missed ones by rising.

    Args:
        run: A run with a record.
        store: The store that it was made from.
        per_group: Slices of each label and outcome.

    Raises:
        ValueError: If the run has no record.
    """
    row_by_uid = pd.Series(np.arange(len(store)), index=store.slices["sop_instance_uid"])
    chosen = []
    for label, slices in _outcome_table(run).groupby("label", sort=False):
        clearest = pd.concat(
            slices[slices["outcome"] == outcome]
            .sort_values("probability", ascending=outcome == "missed")
            .head(per_group)
            for outcome in OUTCOMES
        )
        chosen.append(
            ChosenSlices(
                label=str(label),
                rows=row_by_uid.loc[clearest["sop_instance_uid"]].to_numpy(dtype=np.int64),
                outcomes=clearest["outcome"].to_numpy(dtype=str),
                probabilities=clearest["probability"].to_numpy(dtype=np.float64),
            )
        )
    return chosen


def counts(run: RunRecord) -> Table:
    """How many test slices of each label are found, missed, or false alarms."""
    counted = _outcome_table(run).groupby(["label", "outcome"], sort=False).size()
    rows = [
        [label, *(f"{int(counted.get((label, outcome), 0)):,}" for outcome in OUTCOMES)]
        for label in LABELS
    ]
    return Table(
        f"Test slices of {run.name} at its frozen 85 % recall thresholds.",
        ["label", *numbers(*OUTCOMES)],
        rows,
    )


def rows_by_label(chosen: Sequence[ChosenSlices]) -> dict[str, NDArray[np.int64]]:
    """The row numbers of the chosen slices, by label."""
    return {slices.label: slices.rows for slices in chosen}


def galleries(store: Store, chosen: Sequence[ChosenSlices], heatmaps: Mapping[str, Any]) -> Gallery:
    """Draw the chosen slices with their heat maps.

    Args:
        store: Where the slices are.
        chosen: The slices of each label.
        heatmaps: By label, heat maps with `method`, `heat` (slices, size, size) and `empty`
            (slices,).
    """
    sections = []
    for slices in chosen:
        sheets = [
            _sheet(store, slices, outcome, heatmaps[slices.label])
            for outcome in OUTCOMES
            if (slices.outcomes == outcome).any()
        ]
        sections.append((slices.label, sheets))
    return Gallery(sections)


def _sheet(store: Store, slices: ChosenSlices, outcome: str, heatmaps: Any) -> Sheet:
    """A label's slices of one outcome."""
    label, shown = slices.label, slices.outcomes == outcome
    rows = slices.rows[shown]
    words = (slice_images.truth_in_words(store, int(row)).removesuffix(".") for row in rows)
    chances = (as_probability(value) for value in slices.probabilities[shown])
    return slice_images.gallery(
        store,
        rows,
        heatmaps.heat[shown],
        caption=_CAPTIONS.fill(
            "gallery",
            label=label,
            labelled=capital(label),
            outcome=outcome,
            method=heatmaps.method,
            outlines=_outlines_in_words(store, label),
            empty=_empty_in_words(int(heatmaps.empty[shown].sum())),
        ),
        alternative=f"{counted(len(rows), 'slice')}, above at the brain window, below with heat "
        f"where the network sees {label}; outcome: {outcome}.",
        label=label,
        texts=[", ".join(both) for both in zip(words, chances, strict=True)],
    )


def _empty_in_words(empty: int) -> str:
    if not empty:
        return ""
    count = counted(empty, "of the maps is", "of the maps are")
    return _CAPTIONS.fill("empty", count=count)


def _outlines_in_words(store: Store, label: str) -> str:
    if not store.has_truth:
        return ""
    if label == ANY:
        return _CAPTIONS.fill("outlines_any")
    return _CAPTIONS.fill("outlines_label", label=label)


def _outcome_table(run: RunRecord) -> pd.DataFrame:
    """A row for each label and test slice that is found, missed or a false alarm."""
    test = select_split(run.predictions(), "test")
    assessed = Assessment.from_record(run.record["assessment"])
    tables = []
    for label in LABELS:
        probability = test[f"probability_{label}"].astype(float)
        positive = test[f"truth_{label}"] == 1
        called = probability >= assessed.threshold(label)  # none where the threshold is NaN
        outcome = np.select(
            [positive & called, positive & ~called, ~positive & called], OUTCOMES, default=""
        )
        columns = {
            "label": label,
            "outcome": outcome,
            "probability": probability,
            "sop_instance_uid": test["sop_instance_uid"],
        }
        tables.append(pd.DataFrame(columns))
    table = pd.concat(tables, ignore_index=True)
    return table[table["outcome"] != ""]

"""The gallery of activation maps: which slices are shown, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.store import Store
from ichreport.evaluation.predictions import select_split
from ichreport.labels import ANY, LABELS
from ichreport.report.html import slice_images
from ichreport.report.html.blocks import Sheet, Table
from ichreport.report.html.formats import number
from ichreport.runs.record import RunRecord

OUTCOMES: Final = ("found", "missed", "false alarm")


@dataclass(frozen=True)
class Chosen:
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

    parts: Sequence[tuple[str, Sequence[Sheet]]]

    def _repr_html_(self) -> str:
        return "".join(
            f"<h3>{escape(heading)}</h3>" + "".join(p._repr_html_() for p in pictures)
            for heading, pictures in self.parts
        )


def outcomes(run: RunRecord, store: Store, *, per_group: int) -> list[Chosen]:
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
    table = _called(run)
    row_of = pd.Series(np.arange(len(store)), index=store.slices["sop_instance_uid"])
    chosen = []
    for label, own in table.groupby("label", sort=False):
        first = [
            part.sort_values("probability", ascending=outcome == "missed").head(per_group)
            for outcome in OUTCOMES
            for part in [own[own["outcome"] == outcome]]
        ]
        picked = pd.concat(first)
        rows = row_of.loc[picked["sop_instance_uid"]].to_numpy(dtype=np.int64)
        probability = picked["probability"].to_numpy(dtype=np.float64)
        chosen.append(Chosen(str(label), rows, picked["outcome"].to_numpy(dtype=str), probability))
    return chosen


def counts(run: RunRecord) -> Table:
    """How many test slices of each label are found, missed, or false alarms."""
    table = _called(run)
    counted = table.groupby(["label", "outcome"], sort=False).size()
    rows = [
        [label, *(f"{int(counted.get((label, outcome), 0)):,}" for outcome in OUTCOMES)]
        for label in LABELS
    ]
    return Table(
        f"Test slices of {run.name} at its frozen 85 % recall thresholds.",
        ["label", *OUTCOMES],
        rows,
        numeric=frozenset({1, 2, 3}),
    )


def rows_by_label(chosen: Sequence[Chosen]) -> dict[str, NDArray[np.int64]]:
    """The row numbers of the chosen slices, by label."""
    return {group.label: group.rows for group in chosen}


def galleries(store: Store, chosen: Sequence[Chosen], shown: Mapping[str, Any]) -> Gallery:
    """Draw the chosen slices with their heat maps.

    Args:
        store: Where the slices are.
        chosen: The slices of each label.
        shown: By label, heat maps with `method`, `heat` (slices, size, size) and `empty` (slices,).
    """
    parts = []
    for group in chosen:
        maps = shown[group.label]
        pictures = []
        for outcome in OUTCOMES:
            own = group.outcomes == outcome
            if own.any():
                pictures.append(_picture(store, group, outcome, own, maps))
        parts.append((group.label, pictures))
    return Gallery(parts)


def _picture(store: Store, group: Chosen, outcome: str, own: NDArray[np.bool_], maps: Any) -> Sheet:
    rows = group.rows[own]
    words = (slice_images.truth_in_words(store, int(row)).removesuffix(".") for row in rows)
    probability = (f"p {number(value, 2)}" for value in group.probabilities[own])
    empty = int(maps.empty[own].sum())
    silent = f" {empty} of the maps are empty: nothing speaks for the label." if empty else ""
    return slice_images.gallery(
        store,
        rows,
        maps.heat[own],
        caption=f"{group.label}, {outcome}, by {maps.method}: above the brain window, below the "
        "same with heat, then the slice's true labels and the run's probability p of "
        f"{group.label}.{_outlines_in_words(store, group.label)}{silent}",
        alternative=f"{int(own.sum())} slices, above at the brain window, below with heat where "
        f"the network sees {group.label}; outcome: {outcome}.",
        label=group.label,
        texts=[", ".join(both) for both in zip(words, probability, strict=True)],
    )


def _outlines_in_words(store: Store, label: str) -> str:
    if not store.has_truth:
        return ""
    if label == ANY:
        return " Outlined in green: true bleeding of any kind."
    return f" Outlined in green: true {label} bleeding; dashed in blue: other kinds."


def _called(run: RunRecord) -> pd.DataFrame:
    """A row for each label and test slice that is found, missed or a false alarm."""
    test = select_split(run.predictions(), "test")
    points = run.record["operating_points"]
    parts = []
    for label in LABELS:
        threshold = points[label]["threshold"]
        probability = test[f"probability_{label}"].astype(float)
        positive = test[f"truth_{label}"] == 1
        called = probability >= (np.inf if threshold is None else threshold)
        outcome = np.select(
            [positive & called, positive & ~called, ~positive & called], OUTCOMES, default=""
        )
        parts.append(
            pd.DataFrame(
                {
                    "label": label,
                    "outcome": outcome,
                    "probability": probability,
                    "sop_instance_uid": test["sop_instance_uid"],
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    return table[table["outcome"] != ""]

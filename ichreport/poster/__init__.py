"""The poster that this project reproduces: its title and author, and the figures of its tables.

The CSV files beside this module hold the figures as they are printed; each is read at its first
use.
"""

import csv
import math
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from ichreport.labels import LABELS, SCORE_WEIGHTS

AUTHOR: Final = "Amit Bhatia"
TITLE: Final = "Application of Computer Vision in Intracranial Hemorrhage (ICH) Detection"

CITATION: Final = f"{AUTHOR}, “{TITLE}”, a course poster on the RSNA 2019 challenge"

LIMITS: Final = (
    "Its year, its venue, its code and its predictions are not known here. Its tables give one "
    "figure a row and no interval; how it summed the loss, split SampA and chose its thresholds is "
    "inferred from them."
)
"""What a reader of its figures has to know."""

SLICES: Final = 752_803
"""Labelled slices of the challenge's data, which the poster rounds to 753K."""

BEST_ROW: Final = 13
"""The row of the lowest test loss, of which the poster prints operating points."""

_FOLDER: Final = Path(__file__).parent


class Losses(NamedTuple):
    """Weighted multi-label log loss in nats, which we read as a sum over labels."""

    train: float
    test: float


class OperatingPoint(NamedTuple):
    """Area under the ROC curve, and shares in [0, 1] at the point of 85 % recall."""

    auc: float
    precision: float
    accuracy: float
    recall: float


@cache
def label_counts() -> Mapping[str, int]:
    """Positive slices of each label among `SLICES`."""
    return {row["label"]: int(row["count"]) for row in _rows("labels")}


@cache
def constant_loss() -> float:
    """The weighted log loss of constant prevalence on its labels, as a sum.

    The entropy of each label's share, `any` twice.
    """
    shares = [label_counts()[label] / SLICES for label in LABELS]
    return sum(
        -weight * (share * math.log(share) + (1 - share) * math.log(1 - share))
        for weight, share in zip(SCORE_WEIGHTS, shares, strict=True)
    )


@cache
def losses() -> Mapping[int, Losses]:
    """Losses by the row of the poster's table, 1 to 14."""
    return {
        int(row["row"]): Losses(float(row["train"]), float(row["test"])) for row in _rows("losses")
    }


@cache
def operating_points() -> Mapping[tuple[str, str], OperatingPoint]:
    """Operating points of row `BEST_ROW`, by label and split (train or test)."""
    return {
        (row["label"], row["split"]): OperatingPoint(
            *(float(row[name]) for name in OperatingPoint._fields)
        )
        for row in _rows("operating_points")
    }


def _rows(table: str) -> Iterator[dict[str, str]]:
    with (_FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)

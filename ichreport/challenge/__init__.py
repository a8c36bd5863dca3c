"""The RSNA 2019 challenge: what those who did well have printed of their scores and machines.

The CSV files beside this module hold the figures as their authors give them, each with its source;
each is read at its first use. They are for orientation: of other test slices than ours, mostly of
many networks together, and chosen among many tries.
"""

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

_FOLDER: Final = Path(__file__).parent


class Winner(NamedTuple):
    """A solution that did well.

    Attributes:
        name: Whose it is, and of when if it is later than the challenge.
        made_of: What it computes with.
        loss: Its weighted multi-label log loss in nats, the challenge's mean (a sum over labels, of
            which `any` counts twice, over 7); None if its author prints none.
        loss_up_to: The upper end where its author prints a range, whose lower end is `loss`.
        auc_any: Area under the ROC curve of any bleeding, slice by slice, in [0, 1]; None if its
            author prints none.
        source: Where its author prints that.
    """

    name: str
    made_of: str
    loss: float | None
    loss_up_to: float | None
    auc_any: float | None
    source: str


class Computing(NamedTuple):
    """What a piece of work takes.

    Attributes:
        who: Who has done or measured it.
        machine: The cards.
        work: What was computed.
        figure: Hours, or slices a second, with the unit.
        source: Where that is printed.
    """

    who: str
    machine: str
    work: str
    figure: str
    source: str


@cache
def winners() -> tuple[Winner, ...]:
    """Those who did well, the best places first."""
    return tuple(
        Winner(
            name=row["name"],
            made_of=row["made_of"],
            loss=_number(row["loss"]),
            loss_up_to=_number(row["loss_up_to"]),
            auc_any=_number(row["auc_any"]),
            source=row["source"],
        )
        for row in _rows("winners")
    )


@cache
def computing() -> tuple[Computing, ...]:
    """What a winner's model took, and what a later card does in a second."""
    return tuple(Computing(**row) for row in _rows("computing"))


def _number(text: str) -> float | None:
    return float(text) if text else None


def _rows(table: str) -> Iterator[dict[str, str]]:
    with (_FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)

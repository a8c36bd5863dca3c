"""The runs that findings rest on: the poster's rows, or their twins by patient group."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ichreport.evaluation.comparisons import Comparison, Trainings


@dataclass(frozen=True)
class Basis:
    """Which runs stand for the rows of a criterion.

    Attributes:
        twins: The rows that their twins stand for.
        seen: The rows that stand for themselves although their test patients are in train.
        missing: The rows without a run, or without one that is split as the other row's is.
    """

    twins: tuple[int, ...] = ()
    seen: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()


OWN_RUNS: Final = Basis()
"""Every row stands for itself, on patients that it has not seen."""


def basis_of(
    rows: Sequence[int],
    *,
    runs: Collection[int],
    twins: Collection[int],
    seen: Collection[int],
) -> Basis:
    """Which runs stand for the rows of a criterion.

    Twins stand for all rows with seen patients, or for none: rows are compared by the same split.

    Args:
        rows: The rows of the criterion.
        runs: The rows that have a run.
        twins: The rows whose twin has one.
        seen: The rows whose own test patients are in train.
    """
    leaking = tuple(row for row in rows if row in seen)
    missing = tuple(row for row in rows if row not in leaking and row not in runs)
    without_twin = tuple(row for row in leaking if row not in twins)
    if not without_twin:
        return Basis(twins=leaking, missing=missing)
    if any(row in runs and row not in leaking for row in rows):  # which are split by group
        return Basis(missing=tuple(sorted({*missing, *without_twin})))
    return Basis(seen=leaking, missing=tuple(row for row in rows if row not in runs))


class Evidence:
    """Runs of the poster's rows and of their twins.

    Args:
        runs: Predictions by row of the poster's table, of each training; rows may be missing.
        twins: Predictions of the rows' twins, by row; rows may be missing.
        seen: The rows whose own test patients are in train.

    Attributes:
        comparison: All of them on test.
    """

    def __init__(
        self,
        runs: Mapping[int, Trainings],
        twins: Mapping[int, Trainings],
        seen: Collection[int],
    ) -> None:
        self._rows = {"runs": runs.keys(), "twins": twins.keys(), "seen": seen}
        own = {_run_name(row, is_twin=False): predictions for row, predictions in runs.items()}
        other = {_run_name(row, is_twin=True): predictions for row, predictions in twins.items()}
        self.comparison = Comparison({**own, **other})

    def basis(self, rows: Sequence[int]) -> Basis:
        """Which runs stand for the rows of a criterion."""
        return basis_of(rows, **self._rows)

    def names(self, rows: Sequence[int], basis: Basis) -> list[str]:
        """The runs that stand for rows; none if one is missing."""
        if basis.missing:
            return []
        return [_run_name(row, is_twin=row in basis.twins) for row in rows]


def _run_name(row: int, *, is_twin: bool) -> str:
    return f"{row}'s twin" if is_twin else str(row)

"""Twins: the same row twice, split by slice as the poster did, and split by patient group."""

from collections.abc import Mapping

from ichreport.params.experiment import Experiment
from ichreport.params.rows.differences import differences


def is_twin(twin: Experiment, row: Experiment) -> bool:
    """Whether an experiment is a row once more, on test patients that are not in train.

    Args:
        twin: What may be the twin, split by patient group.
        row: The row, split by slice.
    """
    splits = (twin.splits_by, row.splits_by)
    return splits == ("group", "slice") and differences(twin, row).keys() == {"split_by"}


def steps_beyond_poster(rows: Mapping[str, Experiment]) -> dict[str, Experiment]:
    """The rows that are a step beyond the poster: with a baseline, and neither row nor twin of its.

    Args:
        rows: All rows of a report, by name.
    """
    of_poster = [row for row in rows.values() if row.poster_row is not None]
    return {
        name: row
        for name, row in rows.items()
        if row.poster_row is None
        and row.baseline is not None
        and not any(is_twin(row, other) for other in of_poster)
    }

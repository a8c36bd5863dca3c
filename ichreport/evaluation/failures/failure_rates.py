"""The share of slices or studies that fail within the classes of each cause."""

import math
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.failures.causes import Causes
from ichreport.evaluation.uncertainty.closed_differences import (
    bounded_interval,
    difference_p_value,
)
from ichreport.evaluation.uncertainty.closed_intervals import (
    rate_interval,
)
from ichreport.evaluation.uncertainty.intervals import holm
from ichreport.evaluation.uncertainty.jackknife import LeftOut, mean_left_out

_Part = tuple[NDArray[np.float64], NDArray[np.intp]]
"""The values of a class, and the group of each."""

_COLUMNS: Final = (
    *("cause", "stratum", "number", "failed", "value", "low", "high", "groups"),
    *("difference", "difference_low", "difference_high", "p"),
)


def failure_rate(failed: NDArray[np.bool_], group_codes: NDArray[np.intp]) -> dict[str, Any]:
    """The share that fails, with its interval over patient groups.

    Args:
        failed: (n,), true where a slice or study is missed, or raises a false alarm.
        group_codes: (n,) the linked patient group of each, from 0.

    Returns:
        `number`, `failed` (how many), `value`, `low`, `high` and `groups`; NaN where undefined.
    """
    return _described(mean_left_out(failed.astype(np.float64), group_codes), failed)


def failure_table(
    failed: NDArray[np.bool_], group_codes: NDArray[np.intp], causes: Causes
) -> pd.DataFrame:
    """The share that fails by cause.

    The classes that are compared are the first and the last of a cause, whichever fail more: they
    are named before anything is seen.

    Args:
        failed: (n,), true where a slice or study fails.
        group_codes: (n,) the linked patient group of each, from 0.
        causes: By cause, the class of each, (n,) in the same order.

    Returns:
        A row for each class: `cause`, `stratum`, and as of `failure_rate`. In the last row of a
        cause with several classes also the `difference` of the first class less the last,
        `difference_low`, `difference_high` and `p`, not adjusted; elsewhere NaN.
    """
    total = int(group_codes.max(initial=-1)) + 1
    values = failed.astype(np.float64)
    table: list[dict[str, Any]] = []
    for cause, classes in causes.items():
        parts = []
        for stratum in classes.cat.categories:
            inside = (classes == stratum).to_numpy(dtype=bool, na_value=False)
            parts.append((values[inside], group_codes[inside]))
            rate = _described(mean_left_out(*parts[-1], total), failed[inside])
            table.append({"cause": cause, "stratum": stratum, **rate})
        if len(parts) > 1:
            table[-1] |= _compared(parts[0], parts[-1], total)
    return pd.DataFrame(table, columns=list(_COLUMNS))


def with_adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """A table with `p_adjusted`: by Holm's method over all its comparisons."""
    p_values = table["p"].to_numpy(dtype=np.float64)
    return table.assign(p_adjusted=holm(p_values))


def _described(left_out: LeftOut, failed: NDArray[np.bool_]) -> dict[str, Any]:
    interval = rate_interval(left_out, units=len(failed))
    return {
        "number": len(failed),
        "failed": int(failed.sum()),
        "value": left_out.value,
        "low": interval.low,
        "high": interval.high,
        "groups": left_out.groups,
    }


def _compared(first: _Part, last: _Part, num_groups: int) -> dict[str, float]:
    """The difference of two classes with its interval, within [-1, 1], and its p-value.

    What is tested are the classes with one patient group more each, half of whose slices fail
    (after Agresti and Caffo, The American Statistician 54 (2000) 280). A class of a few patients of
    whom none fails has no variance of its own, so that the difference would seem as sure as the
    other class is known.
    """
    plain = [mean_left_out(*part, num_groups) for part in (first, last)]
    if min(each.groups for each in plain) < 2:
        return dict.fromkeys(("difference", "difference_low", "difference_high", "p"), math.nan)
    tested = [
        mean_left_out(*_with_one_more(part, num_groups + number), num_groups + 2)
        for number, part in enumerate((first, last))
    ]
    shrunk = tested[0].minus(tested[1])
    interval = bounded_interval(shrunk, -1.0, 1.0, of="shares")
    return {
        "difference": plain[0].minus(plain[1]).value,
        "difference_low": interval.low,
        "difference_high": interval.high,
        "p": difference_p_value(shrunk, of="shares"),
    }


def _with_one_more(part: _Part, group: int) -> _Part:
    """A class with one group more, of the usual size: each of its slices fails by half."""
    values, group_codes = part
    size = math.ceil(len(values) / len(np.unique(group_codes)))
    return np.append(values, np.full(size, 0.5)), np.append(group_codes, np.full(size, group))

"""The share of slices or studies that fail within the classes of each cause."""

import math
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.evaluation.failures.causes import Causes
from ichreport.evaluation.uncertainty.closed_intervals import (
    difference_interval,
    difference_p_value,
    rate_interval,
)
from ichreport.evaluation.uncertainty.intervals import holm
from ichreport.evaluation.uncertainty.jackknife import LeftOut, mean_left_out

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
        left_out: list[LeftOut] = []
        for stratum in classes.cat.categories:
            inside = (classes == stratum).to_numpy(dtype=bool, na_value=False)
            left_out.append(mean_left_out(values[inside], group_codes[inside], total))
            rate = _described(left_out[-1], failed[inside])
            table.append({"cause": cause, "stratum": stratum, **rate})
        if len(left_out) > 1:
            table[-1] |= _compared(left_out[0].minus(left_out[-1]))
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


def _compared(difference: LeftOut) -> dict[str, float]:
    """A difference with its interval, within [-1, 1], and its p-value.

    Where leaving out any patient changes nothing, as when all of one class fail and none of the
    other, a t test would be endlessly sure: then there is neither interval nor p-value.
    """
    interval, p = difference_interval(difference), difference_p_value(difference)
    low, high = max(interval.low, -1.0), min(interval.high, 1.0)
    if interval.low == interval.high != 0:
        low = high = p = math.nan
    return {
        "difference": difference.value,
        "difference_low": low,
        "difference_high": high,
        "p": p,
    }

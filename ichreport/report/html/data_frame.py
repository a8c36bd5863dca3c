"""Values of any kind as texts, and data frames as tables."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ichreport.report.html.blocks import Table, number


def frame(table: pd.DataFrame, caption: str, *, digits: int = 3, index: str = "") -> Table:
    """A data frame as a table; `index` names its index where that is worth a column."""
    shown = table.reset_index(names=index) if index else table
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in shown.dtypes]
    rows = [[_counted(value, digits) for value in row] for row in shown.itertuples(index=False)]
    return Table(
        caption,
        [str(name).replace("_", " ") for name in shown.columns],
        rows,
        numeric=frozenset(np.flatnonzero(numeric).tolist()),
    )


def _counted(value: Any, digits: int) -> str:
    """As `in_words`; whole numbers, which are counts in a frame, with their thousands apart."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return f"{value:,}" if whole else in_words(value, digits)


def in_words(value: Any, digits: int = 6) -> str:
    """A value of any kind as a text; floats with so many decimals, or as they are from 6 on."""
    if value is None or (isinstance(value, list) and not value):
        return "none"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:g}" if digits >= 6 else number(float(value), digits)
    if isinstance(value, int | np.integer):
        return f"{int(value):,}" if abs(int(value)) >= 10_000 else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(in_words(item, digits) for item in value)
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value)

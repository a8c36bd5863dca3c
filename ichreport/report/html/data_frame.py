"""Values of any kind as texts, and data frames as tables."""

from typing import Any

import numpy as np
import pandas as pd

from ichreport.report.html.blocks import Column, Table
from ichreport.report.html.formats import in_words


def frame(table: pd.DataFrame, caption: str, *, digits: int = 3, index: str = "") -> Table:
    """A data frame as a table; `index` names its index where that is worth a column."""
    shown = table.reset_index(names=index) if index else table
    rows = [[_counted(value, digits) for value in row] for row in shown.itertuples(index=False)]
    columns = [
        Column(str(name).replace("_", " "), numeric=pd.api.types.is_numeric_dtype(kind))
        for name, kind in shown.dtypes.items()
    ]
    return Table(caption, columns, rows)


def _counted(value: Any, digits: int) -> str:
    """As `in_words`; whole numbers, which are counts in a frame, with their thousands apart."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return f"{value:,}" if whole else in_words(value, digits)

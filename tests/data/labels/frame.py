"""Labels as pandas shows them."""

import pandas as pd

from ichreport.labels import LABELS


def as_frame(table):
    """A `LabelTable` indexed by slice, a column a label."""
    return pd.DataFrame(table.labels, index=table.ids.to_pylist(), columns=list(LABELS))

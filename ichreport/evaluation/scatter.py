"""How far the thresholds of slices, of whole studies and of the derived label scatter."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ichreport.evaluation.extra_axial import EXTRA_AXIAL
from ichreport.evaluation.operating.threshold_scatter import threshold_scatter
from ichreport.evaluation.operating.thresholds import AT_POSTER_RECALL
from ichreport.evaluation.studies import PooledStudies
from ichreport.labels import ANY, LABELS


def scatter_table(
    predictions: pd.DataFrame,
    studies: PooledStudies,
    derived: Mapping[str, pd.DataFrame],
    **options: Any,
) -> pd.DataFrame:
    """`threshold_scatter` of every threshold that a run's page shows, poolings taken as they are.

    Args:
        predictions: A run's predictions.
        studies: Its whole studies.
        derived: `extra_axial.derived_levels` of both.
        **options: `replicates` and `seed` of `threshold_scatter`.

    Returns:
        Its columns, with `level` (`slice`, `study`) and `pooling` (of studies `maximum` or
        `learned`, else empty): slices by every rule; studies and the derived label by the poster's
        alone. A label whose pooling could not be learned has no row of it.
    """
    tables = [threshold_scatter(predictions, **options).assign(level="slice", pooling="")]
    for pooling, pooled in studies.by_pooling().items():
        labels = [label for label in LABELS if pooling == "maximum" or studies.poolings[label]]
        table = threshold_scatter(pooled, rules=[AT_POSTER_RECALL], labels=labels, **options)
        tables.append(table.assign(level="study", pooling=pooling))
    for level, rows in derived.items():
        table = threshold_scatter(rows, rules=[AT_POSTER_RECALL], labels=[ANY], **options)
        pooling = "maximum" if level == "study" else ""
        tables.append(table.assign(label=EXTRA_AXIAL, level=level, pooling=pooling))
    return pd.concat(tables, ignore_index=True)

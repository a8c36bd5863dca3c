"""The same row run with several seeds: how much of a score is luck of the training."""

from collections.abc import Iterable

import pandas as pd


def across_seeds(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Mean and spread of the score tables of runs that differ in nothing but their seed.

    The spread is that of training alone; intervals over patients are another matter.

    Args:
        tables: One `score_table` a seed.

    Returns:
        Columns `split`, `score`, `label`, `mean`, `standard_deviation` (of one run among them, with
        n - 1; NaN from a single run), `lowest`, `highest` and `runs` (in which the score was
        defined), in the order of the first table.

    Raises:
        ValueError: If there is no table.
    """
    listed = list(tables)
    if not listed:
        raise ValueError("across_seeds needs at least one table, got none.")
    keys = ["split", "score", "label"]
    values = pd.concat(listed).groupby(keys, sort=False)["value"]
    spread = values.agg(["mean", "std", "min", "max", "count"]).reset_index()
    names = {"std": "standard_deviation", "min": "lowest", "max": "highest", "count": "runs"}
    return spread.rename(columns=names)

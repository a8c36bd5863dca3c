"""The same row trained with several seeds: how much a score varies by training alone."""

from collections.abc import Iterable

import pandas as pd


def across_seeds(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Mean and spread of the score tables of runs that differ in nothing but their seed.

    The spread is that of training alone, without the uncertainty over patients.

    Args:
        tables: One `score_table` a seed.

    Returns:
        Columns `split`, `score`, `label`, `mean`, `standard_deviation` (of one run among them, with
        n - 1; NaN from a single run), `lowest`, `highest` and `runs` (in which the score was
        defined), in the order of the first table.

    Raises:
        ValueError: If there is no table.
    """
    by_seed = list(tables)
    if not by_seed:
        raise ValueError("across_seeds needs at least one table, got none.")
    keys = ["split", "score", "label"]
    values = pd.concat(by_seed).groupby(keys, sort=False)["value"]
    spread = values.agg(["mean", "std", "min", "max", "count"]).reset_index()
    names = {"std": "standard_deviation", "min": "lowest", "max": "highest", "count": "runs"}
    return spread.rename(columns=names)

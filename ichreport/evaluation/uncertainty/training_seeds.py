"""The same row trained with several seeds: how much a score varies by training alone."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ichreport.evaluation.uncertainty.jackknife import Chance, LeftOut


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


def mean_over_seeds(trainings: Sequence[LeftOut]) -> LeftOut:
    """The mean of a score over trainings, with what their luck adds to its variance.

    Trainings are to recipes what readers are to methods of reading: drawn by chance, and each
    reads the same patients. Their mean's variance is that over patients, and a k-th of the
    trainings' own variance (Obuchowski and Rockette, Communications in Statistics 24 (1995) 285;
    Hillis, Statistics in Medicine 33 (2014) 330). Part of how trainings differ is which patients
    each is good on. The mean's variance over patients has that already, so it does not count twice.

    Args:
        trainings: The score of each, without the same groups in the same order.

    Returns:
        Of a single training itself: how much luck it had is not known.

    Raises:
        ValueError: If there is no training.
    """
    if not trainings:
        raise ValueError("mean_over_seeds needs at least one training, got none.")
    first, runs = trainings[0], len(trainings)
    if runs == 1:
        return first
    values = np.array([one.value for one in trainings])
    deviations = np.stack([one.deviations for one in trainings])
    mean = float(values.mean())
    scatter = float(values.var(ddof=1))
    of_patients = float(deviations.var(axis=0, ddof=1).sum())
    chance = Chance(max(scatter - of_patients, 0.0) / runs, (scatter / runs) ** 2 / (runs - 1))
    return replace(first, value=mean, without=mean - deviations.mean(axis=0), chance=chance)

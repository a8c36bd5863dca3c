"""A row trained on shares of its training patients, for its learning curve."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from ichreport.data.samples import Sample, with_share_of_training
from ichreport.data.store import Store
from ichreport.model import training_store
from ichreport.params.training.training_plan import TrainingPlan


def predict_by_share(
    store: Store, sample: Sample, plan: TrainingPlan, shares: Sequence[float], *, seed: int
) -> dict[float, pd.DataFrame]:
    """Train a row on shares of its training patients, or find those trainings.

    Each is kept like any other training, so that it is made once.

    Args:
        store: Where the slices are.
        sample: Which of them, and in which split.
        plan: The row.
        shares: Shares of the groups of train, in (0, 1); nothing is trained where there are none.
        seed: Seed of the order of patients, of which the first are taken.

    Returns:
        By share, ascending, and last that of 1: predictions of what was trained on, of validation
        and of test. Empty without shares.

    Raises:
        ValueError: If two shares come to the same groups, before anything is trained; and as
            `samples.with_share_of_training` and `training_store.fit_or_find`.
    """
    if not shares:
        return {}
    parts = {
        share: with_share_of_training(sample, share, seed=seed) for share in (*sorted(shares), 1.0)
    }
    _check_sizes(parts)
    return {
        share: training_store.fit_or_find(store, part, plan).predictions
        for share, part in parts.items()
    }


def _check_sizes(parts: Mapping[float, Sample]) -> None:
    """Refuse shares, ascending, of which two come to the same groups."""
    sizes = {
        share: len(np.unique(part.group[part.split == "train"])) for share, part in parts.items()
    }
    for (one, few), (two, more) in pairwise(sizes.items()):
        if few == more:
            raise ValueError(
                f"learning_curve.shares: {one:g} and {two:g} of {sizes[1.0]:,} training groups "
                f"both come to {few:,}; name shares further apart."
            )

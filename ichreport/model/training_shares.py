"""A row trained on shares of its training patients, for its learning curve."""

from collections.abc import Sequence

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
        ValueError: As `samples.with_share_of_training` and `training_store.fit_or_find`.
    """
    if not shares:
        return {}
    parts = {
        share: with_share_of_training(sample, share, seed=seed) for share in (*sorted(shares), 1.0)
    }
    return {
        share: training_store.fit_or_find(store, part, plan).predictions
        for share, part in parts.items()
    }

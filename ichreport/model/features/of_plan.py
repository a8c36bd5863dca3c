"""The features that a plan begins with."""

import numpy as np
from numpy.typing import NDArray

from ichreport.data.store import Store
from ichreport.model.features import feature_store
from ichreport.model.features.of_run import OfRun
from ichreport.params.training.training_plan import TrainingPlan


def features_of(store: Store, rows: NDArray[np.int64], plan: TrainingPlan) -> NDArray[np.float32]:
    """The features of some slices that a plan's `feature_network` gives: (slices, features).

    Raises:
        ValueError: If the plan has none.
    """
    network, size = feature_network(plan), plan.fitting.batch_size
    return feature_store.load_or_compute(store, rows, network, plan.machine, batch_size=size)


def feature_network(plan: TrainingPlan) -> feature_store.FeatureNetwork:
    """What gives the features that a plan begins with: its backbone as it came, or a run's network.

    Raises:
        ValueError: If the plan has neither.
    """
    if plan.trained is not None:
        return OfRun(plan.trained)
    if plan.backbone is None:
        raise ValueError(f"{plan.name}: network {plan.view.network} has no features.")
    return feature_store.Frozen(plan.backbone)

"""Heat maps of each block that a network's maps may come from, for the choice of one."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.labels import ANY
from ichreport.model import trained_rows
from ichreport.model.maps import blocks, cam
from ichreport.model.maps.cam import Heatmaps
from ichreport.params.training.training_plan import TrainingPlan


def heat_by_block(
    store: Store, sample: Sample, plan: TrainingPlan, weights: Path, rows: NDArray[np.int64]
) -> dict[str, Heatmaps]:
    """The heat of any bleeding in some slices, from each block of a network that has a choice.

    Only the small network has one. A backbone's maps come from its last convolution, where CAM is
    exact and Grad-CAM's mean gradient justified, and a head on another run's features looks through
    that run's network.

    Args:
        store: Where the slices are.
        sample: The sample that the row was trained on.
        plan: The row.
        weights: The file of its weights.
        rows: Row numbers of slices.

    Returns:
        By block, from the first to the last; empty where there is no choice.
    """
    if plan.backbone is not None or plan.trained is not None:
        return {}
    trained = trained_rows.load(store, plan, weights)
    return {
        block: cam.by_label(trained, store, sample, {ANY: rows}, block=block)[ANY]
        for block in blocks.candidates(trained.model, plan.head)
    }

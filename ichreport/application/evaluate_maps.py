"""Whether a run's heat lies on the bleeding in another hospital's slices, where masks tell."""

import numpy as np
from numpy.typing import NDArray

from ichreport.application.run_predictor import RunPredictor
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.evaluation.external.masked_slices import masked_slices
from ichreport.evaluation.maps.against_truth import MapMeasures, measure
from ichreport.model.maps import cam


def measure_maps(
    predictor: RunPredictor, store: Store, rows: NDArray[np.int64], group: NDArray[np.object_]
) -> MapMeasures | None:
    """Measure heat maps of the slices that masks show bleeding in.

    Args:
        predictor: Of the run; of one that combines others, the first one's maps are measured.
        store: The other hospital's.
        rows: Row numbers of whole series that were evaluated, ascending.
        group: (len(rows),), the linked patients of each.

    Returns:
        None where no mask shows bleeding.
    """
    chosen = masked_slices(store, rows)
    if not chosen:
        return None
    explaining = predictor.explaining()
    sample = Sample("fullid", rows, np.full(len(rows), "test"), group)
    maps = cam.by_label(
        *(explaining.trained, store, sample, chosen),
        backbone=explaining.backbone,
        block=explaining.map_layer,
    )
    return measure(store, sample, chosen, maps)

"""Slices as training sees them, to look at."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.labels import ANY
from ichreport.model import backend
from ichreport.model.augmentation.augmented_model import varied
from ichreport.model.augmentation.drawing import Drawing
from ichreport.model.inputs import hu_of
from ichreport.params.training.training_plan import TrainingPlan

_SLICES: Final = 3
_TIMES: Final = 5


def of_training(
    store: Store, sample: Sample, plan: TrainingPlan, *, slices: int = _SLICES, times: int = _TIMES
) -> NDArray[np.int16]:
    """Some slices of train as the store holds them, each followed by what training makes of it.

    Args:
        store: Where the slices are.
        sample: Which of them, and in which split.
        plan: What trains on them.
        slices: How many, at most; those that bleed, where there are any.
        times: How often each is varied, as by the plan's seed.

    Returns:
        HU, (slices, 1 + times, h, w); no slices where nothing varies them.
    """
    rows = _shown(store, sample.rows[sample.split == "train"], slices)
    if not plan.fitting.augment or not rows.size:
        return np.empty((0, 1 + times, store.image_size, store.image_size), dtype=np.int16)
    hu = hu_of(store, rows, plan.view.input)
    random = np.random.default_rng([plan.fitting.seed, 1])
    draw = Drawing(plan.fitting.augment, hu.shape[1], random)
    repeated = np.repeat(hu, times, axis=0)
    drawn = draw(len(repeated))
    many = backend.to_numpy(varied(repeated, drawn, plan.fitting.augment, training=True))
    by_slice = many.reshape(len(rows), times, *hu.shape[1:])
    both = np.concatenate([hu[:, None], by_slice], axis=1)
    itself: NDArray[np.int16] = both[:, :, hu.shape[1] // 2]  # the middle one of its neighbours
    return itself


def _shown(store: Store, rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Some of these slices, evenly from the first to the last; those that bleed, if any do."""
    bleeding = rows[store.slices[ANY].to_numpy()[rows] == 1]
    rows = bleeding if bleeding.size else rows
    places = np.linspace(0, len(rows), min(count, len(rows)), endpoint=False).astype(np.int64)
    return rows[places]

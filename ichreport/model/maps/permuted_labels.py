"""A network of a row's kind that is trained on permuted labels.

For the second check of Adebayo et al. (Sanity Checks for Saliency Maps, NeurIPS 2018): maps that
stay as they are do not depend on what the labels say.
"""

import copy
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from ichreport.data.samples import Sample
from ichreport.data.store import Store, series_numbers
from ichreport.labels import LABELS
from ichreport.model import trained_rows, training, training_store
from ichreport.model.trained_rows import Trained
from ichreport.params.training.training_plan import TrainingPlan

MOST_SLICES: Final = 384
"""About how many slices the network on permuted labels trains on (whole series of them).

Few, so that it comes to know its labels by heart, which is all that can be learned of them.
"""

MOST_EPOCHS: Final = 12
"""Passes over them; no more than the row itself was allowed.

By then the demo's network ranks its permuted labels with a mean area under the curve of 0.98; eight
more make that 1.00 and leave the maps as much alike.
"""

CODE: Final = "ichreport.model.maps.permuted_labels"
"""The module whose code, with all that it imports, trains."""


@dataclass(frozen=True)
class Permuted:
    """A network of a row's kind, trained on permuted labels.

    Attributes:
        trained: The network.
        predictions: What it says of the slices that it was trained on, beside their permuted
            labels, as `prediction.predict` gives it.
        epochs: Passes over them.
        is_new: Whether it was trained now; else it was found.
    """

    trained: Trained
    predictions: pd.DataFrame
    epochs: int
    is_new: bool


def fit_or_find(store: Store, sample: Sample, plan: TrainingPlan, *, seed: int) -> Permuted:
    """Train a row's network anew on permuted labels of some of its training slices.

    A frozen backbone stays, and only its head is trained. All epochs run: there is nothing in a
    validation split that would tell when to stop. Slices are neither augmented nor mixed, and all
    of them come each epoch, since what varies is not learned by heart. What was trained before is
    found.

    Args:
        store: Where the slices are.
        sample: The sample that the row was trained on.
        plan: The row.
        seed: Seed of the choice of slices, of the permutation and of the first weights.
    """
    random = np.random.default_rng(seed)
    chosen = _some_series(store, sample, random)
    labels = store.slices[list(LABELS)].to_numpy(copy=True)
    labels[chosen.rows] = labels[random.permutation(chosen.rows)]
    relabelled = copy.copy(store)
    relabelled.slices = store.slices.assign(**dict(zip(LABELS, labels.T, strict=True)))
    epochs = min(plan.fitting.epochs, MOST_EPOCHS)
    fitting = replace(
        plan.fitting,
        epochs=epochs,
        augment=(),
        mixup=0.0,
        cutmix=0.0,
        slices_per_study=None,
        accumulate=1,
    )
    recipe = plan.head.sequence
    if recipe is not None:
        recipe = recipe.model_copy(update={"reverse": 0.0, "thin": 0.0, "drop": 0.0})
    shorter = replace(plan, fitting=fitting, head=replace(plan.head, sequence=recipe))
    key = training_store.key(store, chosen, shorter, entry=CODE) | {"permuted_labels": seed}
    kept = training_store.keep(
        store,
        key,
        lambda folder: training.fit_and_predict(
            relabelled, chosen, shorter, watch=False, seed=seed, checkpoints=folder
        ),
    )
    return Permuted(
        trained_rows.load(store, shorter, kept.weights), kept.predictions, epochs, kept.is_new
    )


def _some_series(store: Store, sample: Sample, random: np.random.Generator) -> Sample:
    """Random whole series of the train split, about `MOST_SLICES` slices of them."""
    train = sample.split == "train"
    series = series_numbers(store.slices)[sample.rows]
    numbers = random.permutation(np.unique(series[train]))
    sizes = pd.Series(series[train]).value_counts().reindex(numbers).cumsum().to_numpy()
    enough = int(np.searchsorted(sizes, MOST_SLICES)) + 1
    chosen = train & np.isin(series, numbers[:enough])
    return Sample(sample.name, sample.rows[chosen], sample.split[chosen], sample.group[chosen])

"""A trained row that predicts the slices of any store: built once, however many there are."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.model import backbones, backend
from ichreport.model.features.of_plan import feature_network
from ichreport.model.fitting import loop
from ichreport.model.inputs import hu_of, of_mirrored
from ichreport.model.sample_batches import series_batches
from ichreport.model.trained_rows import Trained, save_weights, untrained
from ichreport.params.training.training_plan import TestTimeView, TrainingPlan

_SERIES_LENGTHS: Final = 16
"""Series are padded to multiples of so many slices, so that a device compiles few programs."""


class Predictor:
    """Predicts with a trained row, away from the store that it was trained on.

    Programs are compiled once, and nothing is stored between calls.

    Attributes:
        plan: What was trained.
        model: From HU (where convolutions trained) or from features (a head) to logits.
        backbone: The frozen network before a head, from HU to maps; None where there is none.
        map_layer: The layer that heat maps are taken from; None for the network's default.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        weights: Path,
        backbone: Path | None = None,
        *,
        map_layer: str | None = None,
    ) -> None:
        """Build a row from its weights.

        Args:
            plan: What was trained.
            weights: The file of its weights.
            backbone: The file of its frozen network's weights, as `save_backbone` writes it; if not
                given, they come from where the plan says.
            map_layer: The layer that heat maps are taken from, as its run's record says.

        Raises:
            FileNotFoundError: If a pre-trained network's weights are not to be had.
            ValueError: If a file holds another network's weights.
        """
        self.plan = plan
        self.map_layer = map_layer
        self.model = untrained(plan)
        backbones.load_weights(self.model, weights, plan.name)
        self.backbone = _frozen(plan, backbone)
        self._programs: dict[TestTimeView | None, Any] = {}

    @property
    def trained(self) -> Trained:
        """As `model.maps` takes it."""
        return Trained(self.plan, self.model, {}, 0, 0)

    @cached_property
    def features(self) -> keras.Model | None:
        """From HU to the features that its head reads; None where convolutions trained."""
        if self.plan.trains_on_slices:
            return None
        if self.backbone is not None:
            return backbones.pooled(self.backbone)
        return feature_network(self.plan).build(self.plan.machine)

    def save_backbone(self, path: Path) -> None:
        """Write the frozen network's weights (`.weights.h5`), which no run keeps, atomically.

        Raises:
            ValueError: If it has none.
        """
        if self.backbone is None:
            raise ValueError(f"{self.plan.name} has no frozen network of its own.")
        save_weights(self.backbone, path)

    def logits(self, store: Store, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The logits of some slices, the mean over the row's views: float32 (slices, 6).

        Args:
            store: Where they are, of the size of slices that the row was trained on.
            rows: Their row numbers, ascending; of a head that reads series, whole series.

        Raises:
            ValueError: If the store's slices are of another size.
        """
        if store.image_size != self.plan.view.image_size:
            raise ValueError(
                f"{store.folder} has slices of {store.image_size} pixels a side, and "
                f"{self.plan.name} was trained on {self.plan.view.image_size}; ingest with "
                f"image_size: {self.plan.view.image_size}."
            )
        views: list[TestTimeView | None] = [None, *self.plan.test_time]
        if self.features is None:
            seen = [self._of_slices(self._program(view), store, rows) for view in views]
        else:
            features = self._of_slices(self._of_features, store, rows)
            seen = [self._of_head(store, rows, features, view) for view in views]
        return np.asarray(sum(seen) / len(views), dtype=np.float32)

    @cached_property
    def _of_features(self) -> Any:
        """The program from HU to features."""
        return backend.program(self.features, self.plan.machine)

    def _program(self, view: TestTimeView | None) -> Any:
        """The program from HU or features to logits, of mirrored slices where a view says so."""
        mirrored = view if view == "flip" else None
        if mirrored not in self._programs:
            model = self.model
            if mirrored:
                with backend.building(self.plan.machine):
                    model = of_mirrored(model)
            self._programs[mirrored] = backend.program(model, self.plan.machine)
        return self._programs[mirrored]

    def _of_slices(self, program: Any, store: Store, rows: NDArray[np.int64]) -> Any:
        """What a program gives for slices in HU."""
        size = backend.batch_size(self.plan.fitting.batch_size, self.plan.machine)
        kind = self.plan.view.input
        return loop.outputs(program, lambda batch: hu_of(store, batch, kind), rows, size)

    def _of_head(
        self,
        store: Store,
        rows: NDArray[np.int64],
        features: NDArray[np.float32],
        view: TestTimeView | None,
    ) -> Any:
        """The logits of slices whose features are known."""
        program = self._program(None)
        if not self.plan.head.spec.reads_series:
            size = backend.batch_size(self.plan.fitting.batch_size, self.plan.machine)
            return loop.outputs(program, features.__getitem__, np.arange(len(features)), size)
        patients = store.slices["patient_id"].to_numpy()[rows]
        sample = Sample("fullid", rows, np.full(len(rows), "test"), patients)
        series = series_batches(store, sample, self.plan, features)
        length = -(-series.length // _SERIES_LENGTHS) * _SERIES_LENGTHS
        if self.plan.head.sequence is not None:  # a longer one would read in other windows
            length = min(length, self.plan.head.sequence.window)
        size = backend.batch_size(1, self.plan.machine)
        padded = replace(series, length=length, size=size, from_above=view == "reverse")
        return loop.outputs_of_series(program, padded)


def _frozen(plan: TrainingPlan, weights: Path | None) -> keras.Model | None:
    """The frozen network before a plan's head, from HU to maps."""
    if plan.backbone is None or plan.trains_on_slices:
        return None
    if weights is None:
        return backbones.build(plan.backbone, plan.machine)
    network = backbones.build(replace(plan.backbone, weights=None), plan.machine)
    backbones.load_weights(network, weights, plan.backbone.network)
    return network

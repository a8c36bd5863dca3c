"""Trained rows: what a training brings, and how it is rebuilt from its weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ichreport.data.store import Store
from ichreport.files import atomic_file
from ichreport.model import backbones, networks
from ichreport.model.features import feature_store
from ichreport.model.features.of_plan import feature_network
from ichreport.model.heads.build import build_head
from ichreport.params.networks import NETWORKS
from ichreport.params.training.training_plan import TrainingPlan


@dataclass(frozen=True)
class Trained:
    """A trained row.

    Attributes:
        plan: What was trained, and how.
        model: From HU (where convolutions train) or from features (a head) to logits.
        history: By measure (`loss`, `val_loss`), one value an epoch.
        trainable: Parameters that training changes.
        frozen: Parameters that it does not: frozen layers', moving averages, standardisation.
        resumed: How many times training was cut off and went on from a checkpoint.
        earlier_seconds: What the parts took that were cut off, each up to its last checkpoint.
        joules: What its cards used while it trained, all parts together; None where nobody tells.
    """

    plan: TrainingPlan
    model: keras.Model
    history: dict[str, list[float]]
    trainable: int
    frozen: int
    resumed: int = 0
    earlier_seconds: float = 0.0
    joules: float | None = None

    def save(self, path: Path) -> None:
        """Write the trained weights (`.weights.h5`), atomically."""
        save_weights(self.model, path)


def save_weights(model: keras.Model, path: Path) -> None:
    """Write a model's weights (`.weights.h5`), atomically."""
    with atomic_file(path) as partial:
        renamed = partial.with_name(f"{partial.name}.weights.h5")
        try:
            model.save_weights(renamed)
            renamed.replace(partial)
        finally:
            renamed.unlink(missing_ok=True)


def load(store: Store, plan: TrainingPlan, path: Path) -> Trained:
    """Rebuild a trained row from its weights.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds another network's weights.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; run the experiment first.")
    model = untrained(plan)
    backbones.load_weights(model, path, plan.name)
    return counted(store, plan, model, {})


def untrained(plan: TrainingPlan) -> keras.Model:
    """A row's model with random weights, all of them: what a run keeps fits into it."""
    if plan.trains_on_slices:
        return networks.untrained(plan)
    return build_head(plan.head, NETWORKS[plan.view.network].features, plan.machine)


def counted(
    store: Store, plan: TrainingPlan, model: keras.Model, history: dict[str, list[float]]
) -> Trained:
    """A trained row with its numbers of parameters, a frozen backbone's included."""
    frozen = 0
    if not plan.trains_on_slices:
        frozen = feature_store.count_parameters(store, feature_network(plan), plan.machine)
    trainable = _count(model.trainable_weights)
    frozen += _count(model.weights) - trainable
    return Trained(plan, model, history, trainable, frozen)


def _count(weights: list[Any]) -> int:
    return int(sum(np.prod(weight.shape) for weight in weights))

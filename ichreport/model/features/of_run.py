"""Features of a network that a run has trained: its last maps, pooled.

Apart from `features`, so that those of networks as they came do not depend on how one is trained.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import keras

from ichreport.files import check_file
from ichreport.model import backbones, networks
from ichreport.params.machine import Machine
from ichreport.params.training.training_plan import TrainedNetwork, View

CODE: Final = "ichreport.model.features.of_run"
"""The module whose code, with all that it imports, computes them."""


@dataclass(frozen=True)
class OfRun:
    """See `features.FeatureNetwork`.

    Attributes:
        trained: The run's network.
        code: The module whose code computes them.
    """

    trained: TrainedNetwork
    code: str = CODE

    @property
    def view(self) -> View:
        """What it sees."""
        return self.trained.plan.view

    @property
    def identity(self) -> str:
        """The hash of its weights."""
        return f"of a run, sha256 {self.trained.weights_sha256}"

    def build(self, machine: Machine) -> keras.Model:
        """See `features.FeatureNetwork`.

        Raises:
            ValueError: If the weights are missing, damaged, or of another network.
        """
        run = self.trained.run
        cure = f"Run {run} again, and then what reads its features."
        path = check_file(Path(self.trained.weights), self.trained.weights_sha256, cure)
        model = networks.untrained(replace(self.trained.plan, machine=machine))
        backbones.load_weights(model, path, run)
        pooled = model.get_layer("pooling").output
        network = keras.Model(model.input, pooled, name=f"{model.name}_pooled")
        network.trainable = False
        return network

    def count(self, machine: Machine) -> int:
        """See `features.FeatureNetwork`."""
        model = networks.untrained(replace(self.trained.plan, machine=machine))
        pooled = keras.Model(model.input, model.get_layer("pooling").output)
        return int(pooled.count_params())

"""Probabilities of a finished run, whatever it is: one network, or others combined."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ichreport.data.store import Store
from ichreport.evaluation import blending
from ichreport.evaluation.calibration.recalibration import to_logit, to_probability
from ichreport.labels import LABELS
from ichreport.model.prediction import probability_of
from ichreport.model.predictor import Predictor
from ichreport.runs.saved_run import SavedRun


class RunPredictor:
    """Predicts with a run: its networks are built once, and compiled for as long as it lives.

    Attributes:
        run: The run.
    """

    def __init__(self, run: SavedRun) -> None:
        """Build all networks that a run takes.

        Args:
            run: The run.

        Raises:
            FileNotFoundError: If a pre-trained network's weights are not to be had.
            ValueError: If weights are missing, damaged or of another network.
        """
        self.run = run
        self._networks: dict[str, Predictor] = {}
        self._build(run)
        self._predicting = frozenset(self._networks)  # one that explains may come later

    def _build(self, run: SavedRun) -> None:
        for member in run.members:
            self._build(member)
        if not run.members and run.name not in self._networks:
            self._networks[run.name] = _network_of(run)

    def probabilities(self, store: Store, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The probability of each label in some slices: float32 (slices, 6).

        Args:
            store: Where they are, of the size of slices that the run was trained on.
            rows: Row numbers of whole series, ascending.
        """
        of_networks = {
            name: probability_of(network.logits(store, rows))
            for name, network in self._networks.items()
            if name in self._predicting
        }
        return self._combined(self.run, of_networks)

    def _combined(
        self, run: SavedRun, of_networks: Mapping[str, NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """A run's probabilities, from those of all networks."""
        if not run.members:
            return of_networks[run.name]
        members = [self._combined(member, of_networks) for member in run.members]
        logits = np.stack([to_logit(probability) for probability in members])
        if run.run.combination is None or run.run.combination["kind"] == "ensemble":
            everywhere = np.ones(logits.shape[:2], dtype=bool)
            return to_probability(blending.mean_logits(logits, everywhere)).astype(np.float32)
        weights = {row["label"]: row["weight"] for row in run.run.combination["weights"]}
        weight = [weights[label] for label in LABELS]
        return to_probability(blending.blended(logits[0], logits[1], weight)).astype(np.float32)

    def save_backbone(self, name: str, path: Path) -> None:
        """Write the weights of the frozen network before a run's head, which no run keeps.

        Args:
            name: One of `with_backbones`.
            path: The file.
        """
        self._networks[name].save_backbone(path)

    @property
    def with_backbones(self) -> list[str]:
        """The runs that begin with a frozen network."""
        return [name for name, one in self._networks.items() if one.backbone is not None]

    def explaining(self) -> Predictor:
        """The network whose maps show where a run looks: its own, or the first of those combined.

        A head on another run's features looks through that run's network.
        """
        run = self.run
        while run.members:
            run = run.members[0]
        while run.network is not None:
            run = run.network
        if run.name not in self._networks:
            self._networks[run.name] = _network_of(run)
        return self._networks[run.name]


def _network_of(run: SavedRun) -> Predictor:
    """The network of a run that combines no others."""
    return Predictor(run.plan, run.run.weights, run.backbone, map_layer=run.run.map_layer)

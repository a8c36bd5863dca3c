"""A finished training without a network: what `recording.write_run` keeps of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ichreport.data.acquisition_range import AcquisitionRange

LEARNED_FROM = AcquisitionRange(
    series=42,
    ends={
        **{"slices": (20.0, 40.0), "length": (120.0, 170.0), "step": (4.0, 6.0)},
        **{"thickness": None, "spacing": (0.4, 0.6)},
    },
    kernels={"soft": 40, "sharp": 2},
    with_contrast=0,
)
"""How the series of made-up runs were taken."""


@dataclass(frozen=True)
class StandInTraining:
    """A training that has predictions, and weights that are none."""

    predictions: pd.DataFrame
    history: Mapping[str, list[float]]
    machine: Mapping[str, Any] = field(default_factory=lambda: {"backend": "none"})
    seconds: Mapping[str, float] = field(default_factory=lambda: {"training": 1.5})
    software: Mapping[str, Any] = field(
        default_factory=lambda: {
            "commit": "abc",
            "dirty": False,
            "python": "3.0",
            "packages": {"keras": "1.0"},
        }
    )
    trainable: int = 1
    frozen: int = 2
    folder: Path = Path("trainings") / ("e" * 16)
    is_new: bool = True
    resumed: int = 0
    joules: float | None = None
    declared: Mapping[str, Any] = field(default_factory=dict)
    finished: str = "2026-11-23T12:00:00+00:00"

    def copy_to(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.predictions.to_parquet(folder / "predictions.parquet")
        (folder / "model.weights.h5").write_bytes(b"weights")

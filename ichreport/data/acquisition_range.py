"""How the series were taken that a run has learned from, and how another one departs from them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.dicom.acquisition import class_of_kernel
from ichreport.data.store import OF_A_SERIES, Store

_MEASURES: Final = {
    "slices": ("slices", ""),
    "length": ("a length along the head of", " mm"),
    "step": ("a distance between slices of", " mm"),
    "thickness": ("a slice thickness of", " mm"),
    "spacing": ("a pixel spacing of", " mm"),
}
"""What is kept of series, in words and with its unit."""
_ENDS: Final = (0.005, 0.995)
"""The range leaves out one in a hundred series, of which some have a damaged header."""
_SLACK: Final = 0.1
"""How far beyond an end, as a share of it, still counts as within."""

Ends = tuple[float, float]


@dataclass(frozen=True)
class AcquisitionRange:
    """How series were taken.

    Attributes:
        series: How many there are.
        ends: By measure (`slices`, `length`, `step`, `thickness`, `spacing`; mm), the 0.5th and the
            99.5th percentile over series; None where no file says it.
        kernels: By the class of a kernel (`class_of_kernel`), how many series.
        with_contrast: How many series show contrast in vessels.
    """

    series: int
    ends: Mapping[str, Ends | None]
    kernels: Mapping[str, int]
    with_contrast: int

    @classmethod
    def of(cls, store: Store, rows: NDArray[np.int64]) -> Self:
        """Of the series that some slices of a store are from, each as a whole.

        Args:
            store: Where the slices are.
            rows: Their row numbers.
        """
        chosen = store.slices.iloc[rows][[*OF_A_SERIES, "spacing"]]
        spacing = chosen.groupby(OF_A_SERIES, sort=False)["spacing"].median().reset_index()
        table = store.series.merge(spacing, on=OF_A_SERIES, how="inner")
        kernels = table["kernel"].map(class_of_kernel).value_counts()
        return cls(
            series=len(table),
            ends={measure: _ends(table[measure]) for measure in _MEASURES},
            kernels={str(kind): int(count) for kind, count in sorted(kernels.items())},
            with_contrast=int(table["contrast"].sum()),
        )

    def record(self) -> dict[str, Any]:
        """As JSON takes it."""
        ends = {measure: list(both) if both else None for measure, both in self.ends.items()}
        return {**vars(self), "ends": ends, "kernels": dict(self.kernels)}

    @classmethod
    def from_record(cls, recorded: Mapping[str, Any]) -> Self:
        """What a record keeps."""
        ends = {name: tuple(both) if both else None for name, both in recorded["ends"].items()}
        return cls(**{**recorded, "ends": ends})

    def departures(self, series: Mapping[str, Any]) -> list[str]:
        """How another series was taken otherwise, a phrase each.

        Args:
            series: The measures of `ends` by name, NaN where a file does not say one.
        """
        phrases = []
        for measure, (words, unit) in _MEASURES.items():
            value, both = float(series[measure]), self.ends.get(measure)
            if both is None or math.isnan(value):
                continue
            low, high = both
            if low * (1 - _SLACK) <= value <= high * (1 + _SLACK):
                continue
            amount = f"{value:.3g}{unit}"
            said = f"{words} {amount}"
            if measure == "slices":
                said = f"{amount} slice" if value == 1 else f"{amount} {words}"
            ends = " to ".join(dict.fromkeys(f"{end:.3g}" for end in both))
            phrases.append(f"{said}, where the run learned from {ends}{unit}")
        return phrases


def _ends(values: "pd.Series[float]") -> Ends | None:
    known = values.dropna().to_numpy(dtype=np.float64)
    if not len(known):
        return None
    low, high = np.quantile(known, _ENDS, method="inverted_cdf").tolist()
    return low, high

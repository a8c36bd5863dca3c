"""The heat maps of a run's test slices, measured against masks of the bleeding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ichreport.data.measures.bleeds import truth_masks
from ichreport.data.samples import Sample
from ichreport.data.store import Store
from ichreport.evaluation.maps.localisation import MEASURES, heatmap_table
from ichreport.labels import LABELS

MAX_SLICES: Final = 300
"""Most test slices of a label whose maps are measured; of more, a seeded random choice."""
TO_BEAT: Final = ("center", "skull_edge")
"""The baselines that a map has to lie above."""


class Heatmaps(Protocol):
    """The heat maps of some slices for one label, as `model.maps.cam` makes them."""

    @property
    def method(self) -> str:
        """How they were made, in the words of `model.maps.cam`."""

    @property
    def heat(self) -> NDArray[np.float32]:
        """Heat of (slices, size, size) in [0, 1]."""

    @property
    def side(self) -> int:
        """Pixels a side of the maps before they were scaled up."""


@dataclass(frozen=True)
class MapMeasures:
    """Heat maps measured against the truth.

    Attributes:
        method: How the maps were made, in the words of `model.maps.cam`.
        side: Pixels a side of the maps before they were scaled up.
        table: `localisation.heatmap_table` of each label, with `label` as a column; its method is
            `map` for the maps. Empty where the data hold no truth.
    """

    method: str
    side: int
    table: pd.DataFrame

    def row(self, label: str, measure: str, method: str = "map") -> Mapping[str, Any]:
        """One row of the table."""
        table = self.table
        is_row = (
            (table["label"] == label) & (table["measure"] == measure) & (table["method"] == method)
        )
        return {str(name): value for name, value in table[is_row].iloc[0].items()}

    @property
    def labels(self) -> list[str]:
        """The labels that some test slice holds."""
        return list(dict.fromkeys(self.table["label"])) if len(self.table) else []

    def is_known(self, label: str, baseline: str) -> bool:
        """Whether some slices of a label have both a map and a baseline's heat."""
        return bool(pd.notna(self.row(label, MEASURES[0])[f"above_{baseline}"]))

    def is_compared(self, label: str) -> bool:
        """Whether a label has patients enough for an interval of a difference to a baseline."""
        rows = [self.row(label, measure) for measure in MEASURES]
        return any(pd.notna(row[f"above_{baseline}_low"]) for row in rows for baseline in TO_BEAT)

    def wins(self, label: str) -> int:
        """In how many measures the maps lie above each baseline of `TO_BEAT` that is known.

        Above is where the 95 % interval of the difference lies above 0.
        """
        known = [baseline for baseline in TO_BEAT if self.is_known(label, baseline)]
        rows = [self.row(label, measure) for measure in MEASURES]
        above = [[row[f"above_{baseline}_low"] > 0 for baseline in known] for row in rows]
        return sum(bool(known) and all(each) for each in above)


def bleeding_slices(
    store: Store, sample: Sample, *, max_slices: int = MAX_SLICES, seed: int = 0
) -> dict[str, NDArray[np.int64]]:
    """The test slices that hold each label, whether the run finds it there or not.

    Args:
        store: Where the slices are.
        sample: The sample whose test split they are of.
        max_slices: Slices of a label at most; of more, a random choice.
        seed: Seed of that choice.

    Returns:
        By label, row numbers in the store, sorted; a label that no test slice holds is left out.
    """
    test = sample.rows_of("test")
    random = np.random.default_rng(seed)
    rows_by_label = {}
    for label in LABELS:
        rows = test[store.slices[label].to_numpy()[test] == 1]
        if len(rows):
            rows_by_label[label] = np.sort(random.permutation(rows)[:max_slices])
    return rows_by_label


def patient_groups(sample: Sample, rows: NDArray[np.int64]) -> NDArray[Any]:
    """The linked patient group of each of some slices of a sample.

    Args:
        sample: The sample.
        rows: Row numbers in the store, each in the sample, shape (n,).
    """
    groups: NDArray[Any] = sample.group[np.searchsorted(sample.rows, rows)]
    return groups


def measure(
    store: Store,
    sample: Sample,
    rows_by_label: Mapping[str, NDArray[np.int64]],
    heatmaps: Mapping[str, Heatmaps],
) -> MapMeasures:
    """Measure heat maps against the truth, beside heat that has seen no blood.

    Args:
        store: Where the slices are.
        sample: The sample that the run was made on; intervals are over its linked groups.
        rows_by_label: Row numbers of slices that hold each label.
        heatmaps: By label, the heat maps of these slices.
    """
    first = next(iter(heatmaps.values()), None)
    tables = [
        heatmap_table(
            {"map": heatmaps[label].heat},
            truth_masks(store, rows, label),
            store.hu(rows),
            patient_groups(sample, rows),
        ).assign(label=label)
        for label, rows in rows_by_label.items()
        if store.has_truth
    ]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return MapMeasures(first.method if first else "none", first.side if first else 0, table)

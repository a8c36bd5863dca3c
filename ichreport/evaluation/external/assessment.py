"""All that is measured of a run on another hospital's data."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from ichreport.data.store import Store
from ichreport.evaluation.agreement import agreement_table
from ichreport.evaluation.decisions import Decisions
from ichreport.evaluation.external.comparison import compare_places
from ichreport.evaluation.external.local_fit import local_recalibration_table
from ichreport.evaluation.external.other_system import other_system_table
from ichreport.evaluation.external.scored import (
    UNKNOWN,
    Scale,
    scale_of_slices,
    scale_of_studies,
)
from ichreport.evaluation.external.strata import OF_A_STUDY, stratum_table
from ichreport.evaluation.predictions import TRUTHS, select_split
from ichreport.evaluation.studies import whole_studies
from ichreport.evaluation.uncertainty.bootstrap import REPLICATES
from ichreport.files import without_nan
from ichreport.labels import LABELS


@dataclass(frozen=True)
class ExternalAssessment:
    """The measures of a run elsewhere, each a table.

    Attributes:
        comparison: `comparison.compare_places` of studies, and of slices where they are labelled.
        strata: `strata.stratum_table` of studies.
        local: `local_fit.local_recalibration_table` of studies.
        other_system: `other_system.other_system_table`; empty where the data set has no scores.
        agreement: `agreement.agreement_table`; empty where no readers are known.
    """

    comparison: pd.DataFrame
    strata: pd.DataFrame
    local: pd.DataFrame
    other_system: pd.DataFrame
    agreement: pd.DataFrame

    def record(self) -> dict[str, Any]:
        """Everything as a record keeps it: of a table, a list a column; None where undefined."""
        tables = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: {str(column): without_nan(v) for column, v in table.to_dict("list").items()}
            for name, table in tables.items()
        }

    @classmethod
    def from_record(cls, recorded: Mapping[str, Any]) -> Self:
        """What a record keeps; NaN where undefined."""
        return cls(
            **{
                name: pd.DataFrame(columns).fillna(np.nan).infer_objects()
                for name, columns in recorded.items()
            }
        )

    def row(self, measure: str, label: str, level: str = "studies") -> dict[str, Any]:
        """A row of `comparison`."""
        table = self.comparison
        chosen = (
            (table["measure"] == measure) & (table["label"] == label) & (table["level"] == level)
        )
        row: dict[str, Any] = table[chosen].to_dict("records")[0]  # type: ignore[assignment]
        return row


def assess_elsewhere(
    inside: pd.DataFrame,
    outside: pd.DataFrame,
    store: Store,
    decisions: Decisions,
    *,
    other_system: pd.DataFrame | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> ExternalAssessment:
    """Measure a run on another hospital's data, with all that it decides frozen.

    Args:
        inside: The run's own predictions, of which test is compared.
        outside: Its predictions there: one row a slice of whole studies; see `with_truths`.
        store: The store of the other hospital.
        decisions: What the run has chosen on its validation.
        other_system: As `other_system_table` takes it.
        replicates: Resamples of patients behind the intervals of readers' agreement.
        seed: Seed of these, and of the parts of a local sample.
    """
    test = select_split(inside, "test")
    studies = _studies_outside(outside, store, decisions)
    tables = [
        compare_places(
            scale_of_studies(whole_studies(inside).pipe(select_split, "test"), decisions),
            studies,
        )
    ]
    if store.labelled == "slices":
        slices = scale_of_slices(outside, decisions)
        tables.append(compare_places(scale_of_slices(test, decisions), slices))
    votes = store.studies
    return ExternalAssessment(
        comparison=pd.concat(tables, ignore_index=True),
        strata=stratum_table(studies, store),
        local=local_recalibration_table(studies, seed=seed),
        other_system=pd.DataFrame()
        if other_system is None
        else other_system_table(studies, other_system),
        agreement=pd.DataFrame()
        if votes is None
        else agreement_table(votes, replicates=replicates, seed=seed),
    )


def _studies_outside(outside: pd.DataFrame, store: Store, decisions: Decisions) -> Scale:
    """The studies there, with the truths that readers gave them or that their slices have."""
    pooled = scale_of_studies(outside, decisions)
    if store.studies is None:
        rows = pooled.rows.copy()
        lowest = outside.groupby(OF_A_STUDY)[list(TRUTHS)].min()
        keys = pd.MultiIndex.from_frame(rows[OF_A_STUDY])
        some_unknown = lowest.reindex(keys).to_numpy() == UNKNOWN
        truth = rows[list(TRUTHS)].to_numpy()
        rows[list(TRUTHS)] = np.where(some_unknown & (truth != 1), UNKNOWN, truth)
        return replace(pooled, rows=rows)
    named = store.studies[[*OF_A_STUDY, *LABELS]].rename(
        columns=dict(zip(LABELS, TRUTHS, strict=True))
    )
    rows = pooled.rows.drop(columns=list(TRUTHS)).merge(named, on=OF_A_STUDY, how="left")
    rows[list(TRUTHS)] = rows[list(TRUTHS)].fillna(UNKNOWN).astype(np.int64)
    return replace(pooled, rows=rows)

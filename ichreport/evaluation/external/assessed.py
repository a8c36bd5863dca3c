"""What a run's measures elsewhere are, once they are taken: tables that a record keeps.

Apart from the code that takes them, so that a change of how they are taken reaches what takes them,
and not every page that reads a record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import pandas as pd

from ichreport.files import without_nan


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

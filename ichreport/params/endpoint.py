"""The figure that a report is about, named before its runs are made."""

from typing import Final, Literal

from pydantic import Field

from ichreport.labels import ANY
from ichreport.params.yaml import Parameters

Level = Literal["slice", "study"]
Measure = Literal["auc", "average_precision"]

MEASURES: Final[dict[Measure, str]] = {"auc": "AUC", "average_precision": "average precision"}
"""What an endpoint may be measured by, and how pages call it."""


class Endpoint(Parameters):
    """One figure, by which the best run is chosen on validation and judged on test.

    A study has a label if one of its slices has, and the probability of its most suspicious slice:
    nothing is fitted on the way.
    """

    label: Literal[
        "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any"
    ] = Field(default=ANY, description="what is to be found")
    level: Level = Field(default="study", description="where it is to be found: slice or study")
    measure: Measure = Field(default="auc", description="auc or average_precision")

    @property
    def in_words(self) -> str:
        """What is measured, as a page says it: `AUC of any bleeding in whole studies`."""
        what = "any bleeding" if self.label == ANY else f"{self.label} bleeding"
        where = "in single slices" if self.level == "slice" else "in whole studies"
        return f"{MEASURES[self.measure]} of {what} {where}"

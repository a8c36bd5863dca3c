"""The figure that a report is about, named before its runs are made, and stated prevalences."""

from itertools import pairwise
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from ichreport.labels import ANY
from ichreport.params.yaml import Parameters

Level = Literal["slice", "study"]
Measure = Literal["auc", "average_precision"]

MEASURES: Final[dict[Measure, str]] = {"auc": "AUC", "average_precision": "average precision"}
"""What an endpoint may be measured by, and how pages call it."""


_MOST_SHARES: Final = 8
"""Each is a row of every run's page."""

_LEAST_SHARE: Final = 1e-4
"""Rarer bleeding would take recall and specificity to more digits than are known."""


def _shares(prevalence: list[float]) -> list[float]:
    least, most = _LEAST_SHARE, 1 - _LEAST_SHARE
    are_shares = all(least <= share <= most for share in prevalence)
    are_close = any(two - one < 0.999 * least for one, two in pairwise(sorted(prevalence)))
    if len(prevalence) > _MOST_SHARES or not are_shares or are_close:
        raise ValueError(
            f"at most {_MOST_SHARES} shares from {least:g} to {most:g}, each {least:g} or more "
            "from the others"
        )
    return prevalence


Prevalences = Annotated[list[float], AfterValidator(_shares)]
"""Shares of studies with a label, which tables can tell apart."""


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


AREA_OF_SLICES: Final = Endpoint(label=ANY, level="slice", measure="auc")
"""The figure that the poster has, and that tables give of every run."""

"""What decides the poster's findings, read from `criteria.yaml` and held to its date.

The file says what is measured of which rows, in which ranges that supports or contradicts what the
poster says, and since which day. Its digest tells a change that nobody has dated.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from ichreport.files import sha256_of_json
from ichreport.labels import ANY, LABELS
from ichreport.params.yaml import Parameters, read_yaml

FILE: Final = Path(__file__).with_name("criteria.yaml")
"""Where the criteria stand."""

Measure = Literal[
    "loss_above_constant",
    "loss_difference",
    "loss_gain",
    "area",
    "area_near_poster",
    "area_below_any",
]
"""What a criterion measures; the file says what each is."""

_OF_TWO_ROWS: Final = ("loss_difference", "loss_gain")
_OF_A_LABEL: Final = ("area", "area_near_poster", "area_below_any")
_DIGITS: Final = 12

PosterRow = Annotated[int, Field(ge=1, le=14)]
"""A row of the poster's table."""


Digests = Annotated[list[str], Field(min_length=1)]
"""Those of several changes in a day, the last one last."""


class Range(Parameters):
    """An open range; no limit where none is said."""

    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("a range has above, below or both.")
        if self.above is not None and self.below is not None and not self.above < self.below:
            raise ValueError(f"above {self.above} and below {self.below} hold no value.")
        return self


class DeclaredCriterion(Parameters):
    """A figure that a finding rests on, by its name, the poster's rows, and the label if any."""

    name: str = Field(min_length=1)
    rows: list[PosterRow] = Field(min_length=1, max_length=2)
    label: str | None = None


class CriteriaPart(Parameters):
    """Criteria of a finding that are measured and decided alike.

    Attributes:
        measure: What is measured.
        why: Why these ranges; empty where they need no word.
        supported_if: The range of support.
        contradicted_if: The ranges of contradiction.
        criteria: The criteria.
    """

    measure: Measure
    why: str = ""
    supported_if: Range
    contradicted_if: list[Range] = Field(min_length=1)
    criteria: list[DeclaredCriterion] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        rows = 2 if self.measure in _OF_TWO_ROWS else 1
        for one in self.criteria:
            if len(set(one.rows)) != rows or len(one.rows) != rows:
                what = "two rows that differ" if rows == 2 else "one row"
                raise ValueError(f"{one.name}: {self.measure} is of {what}, got {one.rows}.")
            if (self.measure in _OF_A_LABEL) != (one.label in LABELS):
                needs = f"a label of {', '.join(LABELS)}" if self.measure in _OF_A_LABEL else "none"
                raise ValueError(f"{one.name}: label must be {needs}, got {one.label!r}.")
            if self.measure == "area_below_any" and one.label == ANY:
                raise ValueError(f"{one.name}: area_below_any compares a label with {ANY} itself.")
        return self


class DeclaredFinding(Parameters):
    """What the poster says, and what that rests on."""

    claim: str = Field(min_length=1)
    parts: list[CriteriaPart] = Field(min_length=1)


class Criteria(Parameters):
    """What is declared of the poster's findings.

    The digest is of this alone. What each measure is, that intervals are of 95 %, and that a row's
    twin stands for it, is code, whose changes the repository dates.

    Attributes:
        versions: The digest of what stands below, by the day of its change, the last one last; of
            several changes in a day a list.
        alpha: Significance level of differences, after Holm's adjustment.
        findings: The findings, in the poster's order.
    """

    versions: dict[date, str | Digests] = Field(min_length=1)
    alpha: float = Field(gt=0, lt=1)
    findings: list[DeclaredFinding] = Field(min_length=1)

    @property
    def changed(self) -> date:
        """The day of the last change."""
        return max(self.versions)

    @property
    def digest(self) -> str:
        """The digest of what stands there since that day."""
        return self._digests[-1][1]

    @property
    def earlier(self) -> list[tuple[date, str]]:
        """The day and the digest of each version before."""
        return self._digests[:-1]

    @property
    def _digests(self) -> list[tuple[date, str]]:
        return [
            (day, digest)
            for day, said in self.versions.items()
            for digest in ([said] if isinstance(said, str) else said)
        ]

    @property
    def rows(self) -> list[list[int]]:
        """The rows of each criterion."""
        parts = [part for finding in self.findings for part in finding.parts]
        return [one.rows for part in parts for one in part.criteria]


@cache
def read_criteria(path: Path = FILE) -> Criteria:
    """Read what decides the findings.

    Args:
        path: The YAML file.

    Raises:
        ValueError: If the file is none such, its days are not in order, or what it says is not what
            it said on the last of them; the message says the cure.
    """
    values = read_yaml(path)
    criteria = Criteria.parse(values, where=str(path))
    if list(criteria.versions) != sorted(criteria.versions):
        raise ValueError(f"{path}: versions must be in the order of their days, the last one last.")
    digest = digest_of(values)
    if criteria.digest != digest:
        raise ValueError(
            f"{path}: what decides the findings has changed since {criteria.changed}. Add a line "
            f'to versions, the day of the change and its digest: "{digest}"; where the day has a '
            "line, make it a list with this one last. Earlier digests stay."
        )
    return criteria


def digest_of(values: Mapping[str, Any]) -> str:
    """The start of the SHA-256 of what a file of criteria says, but for its versions.

    Args:
        values: The file's content, as YAML gives it.
    """
    said = {name: value for name, value in values.items() if name != "versions"}
    return sha256_of_json(said)[:_DIGITS]

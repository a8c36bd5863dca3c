"""What a sample is, and what stays together in its splits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator

Sample = Literal["sampa", "sampb", "fullid"]
SplitBy = Literal["slice", "group"]


@dataclass(frozen=True)
class SampleSpec:
    """What a sample is.

    Attributes:
        name: How the poster spells it.
        words: What it holds, in a sentence with `{sampa_share}` or `{sampb_share}` in it.
        split_by: What stays together in its splits unless an experiment says otherwise: a `slice`
            alone, as the poster did, or a `group` of linked patients.
        share: The parameter that says how much of the data it takes; empty if all.
    """

    name: str
    words: str
    split_by: SplitBy
    share: str = ""


SAMPLES: Final[Mapping[Sample, SampleSpec]] = {
    "sampa": SampleSpec("SampA", "SampA, {sampa_share:.0%} of the slices.", "slice", "sampa_share"),
    "sampb": SampleSpec(
        "SampB", "SampB, {sampb_share:.0%} of the series, whole.", "group", "sampb_share"
    ),
    "fullid": SampleSpec("FullID", "FullID, all slices.", "group"),
}

_MOST_FOLDS: Final = 20


@dataclass(frozen=True)
class Fold:
    """One of several equal parts of the groups outside test: it is validation, the others train.

    Attributes:
        index: Which part, from 0.
        count: How many parts there are.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a fold as a parameter says it: `0/5` to `4/5`.

        Raises:
            ValueError: If it is none; the message goes on after `must be`.
        """
        read = re.fullmatch(r"(0|[1-9][0-9]?)/([1-9][0-9]?)", text)
        index, count = map(int, read.groups()) if read else (0, 0)
        if not (2 <= count <= _MOST_FOLDS and index < count):
            raise ValueError(
                f"one of 2 to {_MOST_FOLDS} folds, such as 0/5, the first of five, or 4/5, the last"
            )
        return cls(index, count)


def _fold_name(text: str) -> str:
    Fold.parse(text)
    return text


FoldName = Annotated[str, AfterValidator(_fold_name)]
"""A fold as a parameter says it."""

"""What a sample is, and what stays together in its splits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

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

"""The learning curve of a run: the shares of its training patients that it trains on again."""

from itertools import pairwise
from typing import Final

from pydantic import Field, field_validator

from ichreport.params.mistakes import NAME_PATTERN
from ichreport.params.yaml import Parameters

_LEAST_STEP: Final = 0.001
"""Shares that are closer would train on the same patients, or on hardly more."""


class LearningCurve(Parameters):
    """Which run is trained again on fewer patients, and on how many.

    The run trains a head on stored features, which takes seconds, and is split by group: a curve
    over patients says nothing where test patients are trained on too.
    """

    run: str = Field(pattern=NAME_PATTERN, description="row that trains again on fewer patients")
    shares: list[float] = Field(
        default=[0.125, 0.25, 0.5],
        min_length=1,
        max_length=8,
        description="shares of its training patients, between 0 and 1; all of them come besides",
    )

    @field_validator("shares")
    @classmethod
    def _are_shares(cls, shares: list[float]) -> list[float]:
        ends = sorted([0, *shares, 1])
        if any(two - one < 0.999 * _LEAST_STEP for one, two in pairwise(ends)):
            raise ValueError(
                f"shares from {_LEAST_STEP} to {1 - _LEAST_STEP}, each {_LEAST_STEP} or more from "
                "the others"
            )
        return shares

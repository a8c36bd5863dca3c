"""The learning curve of a run: the shares of its training patients that it trains on again."""

from pydantic import Field, field_validator

from ichreport.params.mistakes import NAME_PATTERN
from ichreport.params.yaml import Parameters


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
        if not all(0 < share < 1 for share in shares) or len(set(shares)) < len(shares):
            raise ValueError("shares between 0 and 1, each once")
        return shares

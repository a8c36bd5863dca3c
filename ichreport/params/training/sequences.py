"""Sequence heads: how a network reads the features of a series, slice after slice.

Values of the challenge's winners stand in `params/recipes`; the defaults are between theirs.
"""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from ichreport.params.yaml import Parameters

Cell = Literal["gru", "lstm"]

SERIES_A_BATCH: Final = 4
"""A head that reads series takes at least so many a batch, and else about `batch_size` slices."""


class SequenceRecipe(Parameters):
    """What `head: sequence` is, and how series vary while it trains.

    Attributes:
        cell: What recurs, in both directions.
        layers: Recurrent layers, each on what the one before gives.
        units: Units of each, in each direction.
        reduced: Units of a Dense layer that reads each slice's features first; 0 for none.
        dropout: Share of what the first recurrent layer reads, and each later one, that drops out.
        deltas: Whether a slice's features come with how they differ from those of the slices below
            and above.
        gaps: Whether it is told how far a slice lies from the one before, in mm.
        second_stage: Whether a second network reads the logits along the series and corrects them;
            the logits before and after it count alike in the loss.
        window: Slices that it reads at once; a longer series is read in windows.
        reverse: Share of series that training reads from above.
        thin: Share of series of which training reads every second slice.
        drop: Share of slices that training leaves out.
    """

    cell: Cell = "gru"
    layers: int = Field(default=2, ge=1, le=8)
    units: int = Field(default=96, ge=1, le=4096)
    reduced: int = Field(default=128, ge=0, le=4096)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    deltas: bool = False
    gaps: bool = False
    second_stage: bool = False
    window: int = Field(default=64, ge=2, le=4096)
    reverse: float = Field(default=0.0, ge=0, le=1)
    thin: float = Field(default=0.0, ge=0, le=1)
    drop: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _leaves_something_to_read(self) -> Self:
        if self.thin == 1 and not self.gaps:
            raise ValueError(
                "thin is 1, so that training would never see two neighbours that are there at "
                "test; make it smaller, or tell it the distances: gaps: true."
            )
        if self.reverse == 1:
            raise ValueError(
                "reverse is 1, so that training would read every series from above, and test reads "
                "them from below; make it smaller, such as 0.5."
            )
        return self

    @property
    def words(self) -> str:
        """What it is, as a sentence goes on after a network's name: ` behind two …`."""
        kind = {"gru": "GRU", "lstm": "LSTM"}[self.cell]
        many = "a bidirectional" if self.layers == 1 else f"{self.layers} bidirectional"
        read = [
            *(["how they differ from slice to slice"] if self.deltas else []),
            *(["the distances in mm"] if self.gaps else []),
        ]
        beside = f", which also read{'s' * (self.layers == 1)} {' and '.join(read)}" if read else ""
        later = ", and a second network over the logits" if self.second_stage else ""
        plural = "" if self.layers == 1 else "s"
        return f" behind {many} {kind}{plural} of {self.units} over the series{beside}{later}"

    @property
    def varies(self) -> bool:
        """Whether series vary while it trains."""
        return bool(self.reverse or self.thin or self.drop)

"""The parts of a sample, whose names every table and every file of predictions has."""

from typing import Final, Literal

Split = Literal["train", "validation", "test"]

SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "test")
"""The splits of a sample, in the order of their use."""

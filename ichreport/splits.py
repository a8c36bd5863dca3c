"""The three splits of a sample, as tables and files of predictions name them."""

from typing import Final, Literal

Split = Literal["train", "validation", "test"]

SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "test")
"""The splits of a sample, in the order of their use."""

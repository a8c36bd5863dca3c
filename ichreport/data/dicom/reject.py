"""Why a file cannot become a slice."""

import re
from typing import Final

_SET_ASIDE: Final = "set aside: "


class RejectError(Exception):
    """A file that cannot become a slice. Its text is the reason, for a person to read.

    Reasons give numbers and known words, never text out of the file, which may name a patient.

    Args:
        reason: Why.
        passing: As the attribute.
        aside: Whether the file is whole and something else than an axial slice in HU, as an export
            holds many: a scout view, a map, a saved screen. Its reason says that it is set aside.

    Attributes:
        passing: Whether the cause may pass without the file changing, such as a missing decoder or
            a folder without permission; the file is tried again by the next ingest.
    """

    def __init__(self, reason: str, *, passing: bool = False, aside: bool = False) -> None:
        super().__init__(f"{_SET_ASIDE}{reason}" if aside else reason)
        self.passing = passing


def is_set_aside(reason: str) -> bool:
    """Whether a reject's reason says that the file is whole, and something else."""
    return reason.startswith(_SET_ASIDE)


def reason_of_set_aside(reason: str) -> str:
    """Why a file is set aside, without saying that it is."""
    return reason.removeprefix(_SET_ASIDE)


def kind_of_reason(reason: str) -> str:
    """A reject's reason without its numbers, to count like with like."""
    return re.sub(r"\d[\d,.]*", "…", reason)

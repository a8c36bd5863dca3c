"""Why a file cannot become a slice."""

import re


class RejectError(Exception):
    """A file that cannot become a slice. Its text is the reason, for a person to read.

    Reasons give numbers and known words, never text out of the file, which may name a patient.

    Attributes:
        passing: Whether the cause may pass without the file changing, such as a missing decoder or
            a folder without permission; the file is tried again by the next ingest.
    """

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


def kind_of_reason(reason: str) -> str:
    """A reject's reason without its numbers, to count like with like."""
    return re.sub(r"\d[\d,.]*", "…", reason)

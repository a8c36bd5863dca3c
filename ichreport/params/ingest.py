"""What an ingest may be asked for."""

from typing import Literal

GroupBy = Literal["patient", "study"]
"""What tells patients apart: their IDs, or their studies."""

SeriesToKeep = Literal["best", "all"]
"""One head series of each study, or every axial series."""

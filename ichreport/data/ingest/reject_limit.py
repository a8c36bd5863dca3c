"""The limit of damaged files: they are counted by reason, and too many stop the ingest.

Files that are set aside, since they are whole and something else, do not count.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ichreport.data.dicom.reject import is_set_aside, kind_of_reason

_ROUNDING: Final = 1e-9
"""So that a share of 0.29 allows 29 of 100, though 0.29 x 100 is a little less."""


@dataclass
class RejectLimit:
    """Counts damaged files, and stops the ingest once all are known if there are too many.

    Attributes:
        files: Files of the whole ingest.
        share: Share of them that may be damaged, in [0, 1].
        where: The source's folder, named in errors.
        by_kind: File and reason of each reject, by kind of reason.
        count: How many there are.
    """

    files: int
    share: float
    where: Path
    by_kind: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    count: int = 0

    def add(self, rejects: dict[str, str]) -> None:
        """Count the rejects of a shard: reason by file."""
        for file, reason in rejects.items():
            if not is_set_aside(reason):
                self.by_kind[kind_of_reason(reason)].append((file, reason))
                self.count += 1

    def check(self) -> None:
        """Stop if there are too many.

        Raises:
            ValueError: If so; the message lists the reasons and says which share would take all.
        """
        if self.count > math.floor(self.share * self.files + _ROUNDING):
            raise ValueError(self._summary())

    def _summary(self) -> str:
        kinds = sorted(self.by_kind.values(), key=len, reverse=True)
        needed = math.ceil(10_000 * self.count / self.files) / 10_000
        lines = [f"  {len(kind):,} x {kind[0][1]} (first: {kind[0][0]})" for kind in kinds[:10]]
        return (
            f"{self.where}: too many files cannot be used: {self.count:,} of {self.files:,}, more "
            f"than max_reject_share {self.share:g}.\n" + "\n".join(lines) + "\n"
            f"Mend or remove them; max_reject_share: {needed:g} would go on without all of them."
        )

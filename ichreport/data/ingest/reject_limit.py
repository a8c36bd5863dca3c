"""The limit of rejected files: they are counted by reason, and too many stop the ingest."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from ichreport.data.dicom.reject import kind_of_reason


@dataclass
class RejectLimit:
    """Counts rejects and stops the ingest when there are too many.

    Attributes:
        files: Files of the whole ingest.
        share: Share of them that may be rejected, in [0, 1].
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
        """Count the rejects of a shard: reason by file.

        Raises:
            ValueError: If there are now too many; the message lists the reasons.
        """
        for file, reason in rejects.items():
            self.by_kind[kind_of_reason(reason)].append((file, reason))
        self.count += len(rejects)
        if self.count > self.share * self.files:
            raise ValueError(self._summary())

    def _summary(self) -> str:
        kinds = sorted(self.by_kind.values(), key=len, reverse=True)
        lines = [f"  {len(kind):,} x {kind[0][1]} (first: {kind[0][0]})" for kind in kinds[:10]]
        return (
            f"{self.where}: too many files cannot be used: {self.count:,} of {self.files:,} so "
            f"far, more than max_reject_share {self.share:g}.\n" + "\n".join(lines) + "\n"
            "Mend or remove them, or raise max_reject_share."
        )

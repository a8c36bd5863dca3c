"""A run that is loaded once and predicts many times."""

from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import pandas as pd

from ichreport.application.pack import unpack
from ichreport.application.predict import FoundStudies, Options
from ichreport.application.run_predictor import RunPredictor
from ichreport.runs import saved_run
from ichreport.runs.saved_run import SavedRun


class LoadedRun:
    """A finished run, from a report or a pack.

    Attributes:
        run: The run.

    Example:
        >>> from ichreport import runs
        >>> with runs.load("reports/demo/runs/15-fullid-sigmoid-cnn7-bce") as run:  # doctest: +SKIP
        ...     table = run.predict("incoming/study.zip")
    """

    def __init__(self, run: SavedRun, unpacked: "TemporaryDirectory[str] | None" = None) -> None:
        self.run = run
        self._unpacked = unpacked

    def __repr__(self) -> str:
        return f"LoadedRun({self.run.name!r})"

    @cached_property
    def predictor(self) -> RunPredictor:
        """Its networks, built when they are first asked for."""
        return RunPredictor(self.run)

    def predict(self, source: Path | str, **options: Any) -> pd.DataFrame:
        """What it finds in new studies, as a table.

        Args:
            source: A folder, a zip, or a tree of many studies.
            **options: See `application.predict.Options`.

        Returns:
            See `findings.study_findings.as_table`.

        Raises:
            ValueError: If an option makes no sense, or the source is a file and no zip.
            OSError: If the source is missing or empty.
        """
        found = self.find(source, **options)
        try:
            return found.table
        finally:
            found.close()

    def find(self, source: Path | str, **options: Any) -> FoundStudies:
        """As `predict`, with the slices at hand for pictures and heat maps."""
        return FoundStudies(self.predictor, Path(source), Options(**options))

    def close(self) -> None:
        """Remove what was unpacked."""
        if self._unpacked is not None:
            self._unpacked.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def load(run: Path | str) -> LoadedRun:
    """Load a finished run.

    Args:
        run: Its folder, `reports/<profile>/runs/<name>`, or a pack of it.

    Raises:
        ValueError: If it is not finished or damaged; the message names it and the cure.
        FileNotFoundError: If there is nothing of that name.
    """
    path = Path(run)
    if path.is_dir():
        return LoadedRun(SavedRun.read(path))
    saved_run.check(path)
    unpacked = TemporaryDirectory(prefix="ichreport-run-")
    try:
        return LoadedRun(unpack(path, Path(unpacked.name)), unpacked)
    except BaseException:
        unpacked.cleanup()
        raise

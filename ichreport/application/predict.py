"""A run applied to new studies: from a folder or a zip to tables, JSON and pages, or to a table."""

import importlib
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from tqdm import tqdm

from ichreport import software
from ichreport.application import heat
from ichreport.application.run_predictor import RunPredictor
from ichreport.data.ingest.sources import recognise_source
from ichreport.data.store import Store
from ichreport.evaluation.assessment import POSTER_RULE
from ichreport.evaluation.operating.thresholds import RULES
from ichreport.export.dicom import requirement
from ichreport.files import DamagedError, make_folder, read_json, write_json
from ichreport.findings import study_findings
from ichreport.findings.intake import NewStudy, take_in
from ichreport.findings.study_findings import FORMAT, PREVALENCE, StudyFindings, by_urgency
from ichreport.findings.study_heat import StudyHeat
from ichreport.report.study import site, study_page
from ichreport.runs.saved_run import SavedRun

_log: Final = logging.getLogger(__name__)
_UNREADABLE: Final = "It was taken in and could not be read again: the disk is at fault."
TABLE: Final = "findings.csv"
JSON: Final = "findings.json"

DICOM: Final = "dicom"
"""The folder of what goes into a PACS: a folder a study."""
_OF_FINDINGS: Final = {TABLE, JSON, "index.html", site.FOLDER, DICOM}
"""What a folder of findings holds, and nothing else."""


@dataclass(frozen=True)
class Options:
    """How findings are told.

    Attributes:
        prevalence: The share of studies with a label that probabilities are told for, in (0, 1).
        rule: The rule of `thresholds.RULES` whose thresholds call labels.
        identifiers: Whether `findings.json` names patients, studies, series and slices.
        dicom: Whether to write findings as DICOM, too, which name the patient as the source does.
        workers: Processes that read files.
        progress: Whether to show progress bars.
    """

    prevalence: float = PREVALENCE
    rule: str = POSTER_RULE
    identifiers: bool = False
    dicom: bool = False
    workers: int = 1
    progress: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.prevalence < 1:
            raise ValueError(
                f"prevalence must be a share of studies in (0, 1), got {self.prevalence!r}."
            )
        known = [rule.name for rule in RULES]
        if self.rule not in known:
            raise ValueError(f"rule must be one of {', '.join(known)}, got {self.rule!r}.")


_AS_USUAL: Final = Options()


class FoundStudies:
    """What a run finds in new studies, with their slices for as long as it is used.

    Attributes:
        findings: Of each study, the most urgent first.
        store: Their slices.
    """

    def __init__(self, predictor: RunPredictor, source: Path, options: Options = _AS_USUAL) -> None:
        """Take studies in and predict them.

        Args:
            predictor: Of the run.
            source: A folder, a zip, or a tree of many studies.
            options: How findings are told.

        Raises:
            ValueError: If the source is a file and no zip, or a damaged one.
            OSError: If it is missing or empty, or there is no room for the slices.
        """
        self._predictor = predictor
        self._folder = TemporaryDirectory(prefix="ichreport-studies-")
        folder = Path(self._folder.name, "store")
        self.store, studies = _taken_in(predictor.run, source, folder, options)
        self.findings = by_urgency(list(_found(predictor, self.store, studies, options)))

    def __repr__(self) -> str:
        return f"FoundStudies({len(self.findings):,} studies, by {self._predictor.run.name!r})"

    @property
    def table(self) -> pd.DataFrame:
        """See `findings.study_findings.as_table`."""
        return study_findings.as_table(self.findings)

    def heat(self, findings: StudyFindings) -> list[StudyHeat]:
        """The heat of the slices that speak for what is called in a study; none if refused."""
        is_read = findings.status == "read"
        return heat.of_study(self._predictor, findings, self.store) if is_read else []

    def close(self) -> None:
        """Remove the slices."""
        self._folder.cleanup()


def write(
    predictor: RunPredictor,
    source: Path,
    out: Path,
    options: Options = _AS_USUAL,
) -> list[StudyFindings]:
    """Write what a run finds in new studies: all of it or nothing.

    `findings.csv` names patients, studies, series and files; the pages do not, nor does
    `findings.json` unless asked to.

    Args:
        predictor: Of the run.
        source: A folder, a zip, or a tree of many studies.
        out: The folder to write; one of earlier findings is replaced.
        options: How findings are told.

    Returns:
        The findings, the most urgent first.

    Raises:
        ValueError: As `FoundStudies`, and if `out` holds something else, or lies in the source.
        OSError: As `FoundStudies`, and if `out` cannot be written.
    """
    out = out.resolve()  # a link's target is what is replaced
    _refuse_other(out, source)
    export = _dicom_export(predictor.run, source, options.rule) if options.dicom else None
    with _replacing(out, source) as folder:
        store_folder = folder / ".store"
        store, studies = _taken_in(predictor.run, source, store_folder, options)
        findings, in_dicom = [], {}
        writing = _Writing(folder, predictor, store, export, options, alone=len(studies) == 1)
        for found in _found(predictor, store, studies, options):
            one, written = writing.write(found)
            findings.append(one)
            if written is not None:
                in_dicom[one.key] = written
        if len(studies) != 1:
            said: dict[str, Any] = {"rule": options.rule, "prevalence": options.prevalence}
            site.write_list(folder, findings, predictor.run, **said)
        shutil.rmtree(store_folder)
        study_findings.as_table(findings).to_csv(folder / TABLE, index=False)
        told = study_findings.as_json(
            findings,
            predictor.run,
            prevalence=options.prevalence,
            rule=options.rule,
            identifiers=options.identifiers,
            dicom={
                key: {"files": [path.name for path in one.files], "left_out": list(one.left_out)}
                for key, one in in_dicom.items()
            },
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            software=software.describe(),
        )
        write_json(folder / JSON, told)
        for name in (TABLE, *([JSON] if options.identifiers else [])):
            (folder / name).chmod(0o600)  # it names patients
        if (folder / DICOM).is_dir():  # all may have been left out
            (folder / DICOM).chmod(0o700)  # so do these
    return by_urgency(findings)


def _dicom_export(run: SavedRun, source: Path, rule: str) -> Any:
    """What writes DICOM objects; imported only where they are asked for.

    Raises:
        ValueError: If what it takes is not installed.
    """
    requirement.require()
    write_module = importlib.import_module("ichreport.export.dicom.write")
    return write_module.DicomExport(recognise_source(source), run, rule=rule)


@dataclass(frozen=True)
class _Writing:
    """What writes a study's page and its objects for a PACS.

    Attributes:
        folder: The folder of the findings.
        predictor: Of the run that made them.
        store: The studies' slices.
        export: What writes DICOM objects; None where none are asked for.
        options: How findings are told.
        alone: Whether there is one study, whose page is the first one.
    """

    folder: Path
    predictor: RunPredictor
    store: Store
    export: Any
    options: Options
    alone: bool

    def write(self, findings: StudyFindings) -> tuple[StudyFindings, Any]:
        """Write what is found in a study; of slices that cannot be read again, why there is none.

        Returns:
            The findings that were written, and the DICOM objects; None where there are none.
        """
        try:
            return findings, self._write(findings)
        except DamagedError as error:
            shutil.rmtree(self.folder / DICOM / findings.key, ignore_errors=True)
            unread = _unread(findings.key, findings.study, error)
            return unread, self._write(unread)

    def _write(self, findings: StudyFindings) -> Any:
        is_read, given = findings.status == "read", (self.predictor, findings, self.store)
        maps = heat.of_study(*given) if is_read else []
        self._write_page(findings, maps)
        if self.export is None or not is_read:
            return None
        whole = heat.of_series(*given)
        others = [of_label for of_label in maps if of_label.label != whole.label]
        of_study = self.folder / DICOM / findings.key
        return self.export.write(findings, [whole, *others], self.store, of_study)

    def _write_page(self, findings: StudyFindings, maps: Sequence[StudyHeat]) -> None:
        path = "index.html" if self.alone else site.path_of(findings)
        told: dict[str, Any] = {"rule": self.options.rule, "prevalence": self.options.prevalence}
        run = self.predictor.run
        page = study_page.page(findings, run, self.store, maps, path=path, **told)
        (site.write_single if self.alone else site.write_study)(self.folder, page)


def _taken_in(
    run: SavedRun, source: Path, store: Path, options: Options
) -> tuple[Store, list[NewStudy]]:
    return take_in(
        source,
        store,
        image_size=run.image_size,
        known=run.learned_from,
        workers=options.workers,
        progress=options.progress,
    )


def _found(
    predictor: RunPredictor, store: Store, studies: Sequence[NewStudy], options: Options
) -> Iterator[StudyFindings]:
    """What is found in each study, one after the other, in their order."""
    digits = max(4, len(str(len(studies))))
    for number, study in enumerate(
        tqdm(studies, desc="studies", disable=not options.progress), start=1
    ):
        key = f"study-{number:0{digits}d}"
        if study.is_refused:
            yield study_findings.refused(key, study)
            continue
        try:
            yield _of_study(key, study, predictor, store, options)
        except DamagedError as error:  # of one study: the others go on
            yield _unread(key, study, error)


def _unread(key: str, study: NewStudy, error: DamagedError) -> StudyFindings:
    # what the error says may name a slice
    _log.warning("%s could not be read again: %s", key, type(error).__name__)
    return study_findings.refused(key, study, _UNREADABLE)


def _of_study(
    key: str, study: NewStudy, predictor: RunPredictor, store: Store, options: Options
) -> StudyFindings:
    rows = study.rows
    slices = store.slices.iloc[rows]
    probability: NDArray[np.float32] = predictor.probabilities(store, rows)
    return study_findings.found(
        key,
        study,
        slices["z"].to_numpy(dtype=np.float64),
        slices["sop_instance_uid"].to_list(),
        probability,
        predictor.run.decisions,
        prevalence=options.prevalence,
        rule=options.rule,
    )


def _refuse_other(out: Path, source: Path) -> None:
    """Refuse a folder that holds something else than findings, or is part of the source."""
    if out.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"--out {out} must not lie in {source}, which is read.")
    if source.resolve().is_relative_to(out.resolve()):
        raise ValueError(f"--out {out} must not hold {source}, which is read.")
    if not out.exists():
        return
    if not out.is_dir():
        raise ValueError(f"--out {out} is a file; name a folder.")
    others = sorted(path.name for path in out.iterdir() if path.name not in _OF_FINDINGS)
    if others or (any(out.iterdir()) and not _holds_findings(out)):
        named = f", such as {others[0]!r}" if others else ""
        raise ValueError(
            f"--out {out} holds something else than findings{named}; name another folder, or empty "
            "it."
        )


def _holds_findings(folder: Path) -> bool:
    try:
        return str(read_json(folder / JSON)["format"]).startswith(FORMAT.partition("/")[0])
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def _replacing(out: Path, source: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place once it is whole, and is removed otherwise.

    What a killed process has left of one, which may name patients, goes first; the findings that it
    had set aside come back.

    Raises:
        OSError: If another process writes the same findings.
        ValueError: As `_refuse_other`, of what is there now that no other process writes.
    """
    make_folder(out.parent)
    begun, earlier = (out.with_name(f".{out.name}.{what}") for what in ("begun", "earlier"))
    lock = FileLock(out.with_name(f".{out.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OSError(f"--out {out} is being written by another process.") from None
    try:
        shutil.rmtree(begun, ignore_errors=True)
        if earlier.exists() and not out.exists():  # killed between two renames
            earlier.rename(out)
        shutil.rmtree(earlier, ignore_errors=True)
        _refuse_other(out, source)
        begun.mkdir(mode=0o700)
        yield begun
        begun.chmod(0o755)
        _swap(begun, out, earlier)
    finally:
        shutil.rmtree(begun, ignore_errors=True)
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _swap(begun: Path, out: Path, earlier: Path) -> None:
    """Put a folder in the place of another; the other stays where that fails."""
    if out.exists():
        out.rename(earlier)
    try:
        begun.rename(out)
    except OSError:
        if earlier.exists():
            earlier.rename(out)
        raise
    shutil.rmtree(earlier, ignore_errors=True)

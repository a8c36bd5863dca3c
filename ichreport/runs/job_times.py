"""What each job of a report took: wall time, CPU time, memory, and how much of it was work.

Wall time, CPU time and peak memory come from the notes that `ichreport.workflow.timed` leaves
beside the report. How a notebook's time divides is in its own metadata: papermill keeps when each
cell began and how long it took.
"""

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ichreport.files import read_json

FOLDER: Final = "timings"
IMPORTS_TAG: Final = "imports"
"""Marks the cells of a notebook that do little else than import."""
_RULES: Final = (
    *("imports", "phantom", "ingest_part", "ingest", "features", "experiment"),
    *("external_phantom", "external_ingest", "evaluate"),
    *("explore", "cam", "results", "beyond", "external", "pages"),
)
HEAD: Final = ["job", "wall s", "CPU s", "peak MiB", "starting s", "imports s", "work %"]
"""What `row` holds."""


@dataclass(frozen=True)
class Job:
    """One job of a report.

    Attributes:
        name: The rule, and what tells its jobs apart.
        wall: Seconds from its start to its end.
        cpu: Seconds of all its processes on all cores.
        peak: The memory of its largest process, in MiB.
        starting: Seconds of `wall` before the work and after it: processes and kernel.
        importing: Seconds of `wall` that imports took.
        failed: Whether it ended with an error.
    """

    name: str
    wall: float
    cpu: float
    peak: float
    starting: float = 0.0
    importing: float = 0.0
    failed: bool = False

    @property
    def rule(self) -> str:
        """The rule of the workflow that it belongs to."""
        return self.name.partition("-")[0]

    @property
    def working(self) -> float:
        """Seconds of `wall` that were neither starting nor importing."""
        return max(self.wall - self.starting - self.importing, 0.0)


def read(report: Path, since: datetime | None = None) -> list[Job]:
    """Read what is known of a report's jobs, in the order of the workflow.

    A job whose note is damaged is as one that left none: `damaged_notes` names it.

    Args:
        report: `reports/<profile>`.
        since: Leave out jobs that had started before.
    """
    notes = {path.stem: _note(path) for path in sorted((report / FOLDER).glob("*.json"))}
    jobs = [
        _job(report, name, note)
        for name, note in notes.items()
        if not isinstance(note, str) and (since is None or _started(note) >= since)
    ]
    known = [job for job in jobs if _still_there(report, job)]
    return sorted(known, key=lambda job: (_place(job.rule), job.name))


def damaged_notes(report: Path) -> dict[Path, str]:
    """What is wrong with notes of jobs, by their paths.

    Args:
        report: `reports/<profile>`.
    """
    notes = {path: _note(path) for path in sorted((report / FOLDER).glob("*.json"))}
    return {path: note for path, note in notes.items() if isinstance(note, str)}


def _note(path: Path) -> Mapping[str, Any] | str:
    """What a job has noted; or what is wrong with the note."""
    numbers = ("wall_seconds", "cpu_seconds", "peak_mib", "status")
    try:
        note: Mapping[str, Any] = read_json(path)
        _started(note)
        wrong = [name for name in numbers if not _is_number(note[name])]
        ready = note["ready_seconds"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{path} is damaged ({error})."
    if wrong or not (ready is None or _is_number(ready)):
        return f"{path} is damaged ({', '.join(wrong) or 'ready_seconds'})."
    return note


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _started(note: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(note["started"])


def row(name: str, jobs: Iterable[Job]) -> list[str]:
    """What some jobs took together, as `HEAD` names it; the memory is that of the largest."""
    listed = list(jobs)
    wall = sum(job.wall for job in listed)
    return [
        name,
        f"{wall:.1f}",
        f"{sum(job.cpu for job in listed):.1f}",
        f"{max(job.peak for job in listed):.0f}",
        f"{sum(job.starting for job in listed):.1f}",
        f"{sum(job.importing for job in listed):.1f}",
        percent(sum(job.working for job in listed), wall),
    ]


def rows(jobs: Iterable[Job]) -> list[list[str]]:
    """A row for each job, and one for all of them; none if there are none."""
    listed = list(jobs)
    each = [row(job.name + (" (failed)" if job.failed else ""), [job]) for job in listed]
    return [*each, row("all jobs", listed)] if listed else []


def percent(part: float, whole: float) -> str:
    """A share of a whole in percent; a dash where there is no whole."""
    return f"{100 * part / whole:.0f}" if whole else "–"


def sentences(jobs: Iterable[Job]) -> list[str]:
    """What the times say."""
    listed = list(jobs)
    wall = sum(job.wall for job in listed)
    lost = wall - sum(job.working for job in listed)
    longest = max(listed, key=lambda job: job.wall, default=None)
    if longest is None:
        return ["No job has left a note of its time."]
    said = [
        f"Jobs: {len(listed)}, with {wall:.0f} seconds by their clocks and "
        f"{sum(job.cpu for job in listed):.0f} seconds of CPU."
    ]
    if wall:
        share = percent(lost, wall)
        said.append(f"Starting processes and kernels and importing is {share} % of it.")
    return [*said, f"The longest job is {longest.name}, with {longest.wall:.0f} seconds."]


def as_text(jobs: Iterable[Job]) -> str:
    """The jobs as a table for a terminal, and what they say."""
    listed = list(jobs)
    if not listed:
        return "\n".join(sentences(listed))
    lines = [HEAD, *rows(listed)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = (
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
    return "\n".join([*aligned, *sentences(listed)])


def _place(rule: str) -> int:
    return _RULES.index(rule) if rule in _RULES else len(_RULES)


def _still_there(report: Path, job: Job) -> bool:
    """Whether a job still belongs to the report: experiments come and go."""
    return job.rule != "experiment" or (report / "runs" / _of(job.name)).is_dir()


def _of(name: str) -> str:
    return name.partition("-")[2]


def _job(report: Path, name: str, note: Mapping[str, Any]) -> Job:
    notebook = (
        report / "runs" / _of(name) / "notebook.ipynb"
        if name.startswith("experiment-")
        else report / f"{name}.ipynb"
    )
    starting, importing = _of_command(note)
    if notebook.is_file():
        # of one that is damaged, nothing is known; `ichreport.runs.damage` names it
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            starting, importing = _of_notebook(note, read_json(notebook))
    return Job(
        name,
        note["wall_seconds"],
        note["cpu_seconds"],
        note["peak_mib"],
        starting,
        importing,
        failed=note["status"] != 0,
    )


def _of_command(note: Mapping[str, Any]) -> tuple[float, float]:
    """A command's process starts in milliseconds; until it is ready it imports."""
    return 0.0, note["ready_seconds"] or 0.0


def _of_notebook(note: Mapping[str, Any], notebook: Mapping[str, Any]) -> tuple[float, float]:
    """Seconds around the cells, and seconds of the cells that import."""
    began = _started(note).timestamp()
    ended = began + note["wall_seconds"]
    cells = [cell for cell in notebook["cells"] if _ran(cell, began, ended)]
    if not cells:
        return note["wall_seconds"], 0.0
    around = min(_start(cell) for cell in cells) - began
    around += ended - max(_end(cell) for cell in cells)
    tagged = (cell for cell in cells if IMPORTS_TAG in cell["metadata"].get("tags", []))
    return around, sum(_end(cell) - _start(cell) for cell in tagged)


def _ran(cell: Mapping[str, Any], began: float, ended: float) -> bool:
    """Whether this cell ran in this job; a notebook may be left from an earlier one."""
    times = cell["metadata"].get("papermill", {})
    if not (times.get("start_time") and times.get("end_time")):
        return False
    return began <= _start(cell) <= _end(cell) <= ended


def _start(cell: Mapping[str, Any]) -> float:
    return _seconds(cell["metadata"]["papermill"]["start_time"])


def _end(cell: Mapping[str, Any]) -> float:
    return _seconds(cell["metadata"]["papermill"]["end_time"])


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()

"""What each job of a report took: wall time, CPU time, memory, and how much of it was work.

Wall time, CPU time and peak memory come from the notes that `ichreport.workflow.timed` leaves
beside the report. How a notebook's time divides is in its own metadata: papermill keeps when each
cell began and how long it took.
"""

from collections.abc import Iterable, Mapping
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
    *("explore", "cam", "results", "pages"),
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

    A note that is damaged, or that of a notebook that is, is as one of a job that left none:
    `damaged_notes` names it.

    Args:
        report: `reports/<profile>`.
        since: Leave out jobs that had started before.
    """
    jobs = [_job_or_problem(report, path) for path in sorted((report / FOLDER).glob("*.json"))]
    known = [
        (started, job)
        for started, job in (one for one in jobs if not isinstance(one, str))
        if _still_there(report, job) and (since is None or started >= since)
    ]
    return sorted((job for _, job in known), key=lambda job: (_place(job.rule), job.name))


def damaged_notes(report: Path) -> dict[Path, str]:
    """What is wrong with notes of jobs, or with their notebooks, by the notes' paths.

    Args:
        report: `reports/<profile>`.
    """
    paths = sorted((report / FOLDER).glob("*.json"))
    problems = {path: _job_or_problem(report, path) for path in paths}
    return {path: problem for path, problem in problems.items() if isinstance(problem, str)}


def _job_or_problem(report: Path, path: Path) -> tuple[datetime, Job] | str:
    """When a job of which there is a note started, and the job; or what is wrong with the note."""
    try:
        return datetime.fromisoformat(read_json(path)["started"]), _job(report, path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{path} is damaged ({error})."


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
    return [
        f"{len(listed)} jobs took {wall:.0f} seconds by their clocks and "
        f"{sum(job.cpu for job in listed):.0f} seconds of CPU.",
        f"Starting processes and kernels and importing is {percent(lost, wall)} % of it.",
        f"The longest job is {longest.name}, with {longest.wall:.0f} seconds.",
    ]


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


def _job(report: Path, path: Path) -> Job:
    note = read_json(path)
    notebook = (
        report / "runs" / _of(path.stem) / "notebook.ipynb"
        if path.stem.startswith("experiment-")
        else report / f"{path.stem}.ipynb"
    )
    starting, importing = _of_command(note)
    if notebook.is_file():
        starting, importing = _of_notebook(note, read_json(notebook))
    return Job(
        path.stem,
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
    began = datetime.fromisoformat(note["started"]).timestamp()
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

"""Where the time of a report goes: what each job took, and how much of it was work.

Wall time, CPU time and peak memory come from the notes that `ichreport.timed` writes beside the
report. How a notebook's time divides is in its own metadata: papermill keeps when each cell began
and how long it took.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ichreport.files import read_json
from ichreport.report.captioned import Sentences, Table, number

FOLDER: Final = "timings"
IMPORTS_TAG: Final = "imports"
"""Marks the cells of a notebook that do little else than import."""
_RULES: Final = (
    *("phantom", "ingest_part", "ingest", "features", "experiment"),
    *("explore", "cam", "results", "pages"),
)
_PARTS: Final = {
    "phantom": "making the synthetic heads",
    "ingest_part": "ingest",
    "ingest": "ingest",
    "features": "backbone passes",
    "experiment": "training, prediction and scores",
    "pages": "data, maps, results and pages",
}


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


def read(report: Path) -> list[Job]:
    """Read what is known of a report's jobs, in the order of the workflow.

    Args:
        report: `reports/<profile>`.

    Raises:
        ValueError: If a note is not readable as JSON; the message names it.
    """
    jobs = [_job(report, path) for path in sorted((report / FOLDER).glob("*.json"))]
    known = [job for job in jobs if _still_there(report, job)]
    return sorted(known, key=lambda job: (_place(job.rule), job.name))


def table(jobs: Iterable[Job]) -> Table:
    """What each job took, and their sum."""
    jobs = list(jobs)
    rows = [_row(job.name + (" (failed)" if job.failed else ""), [job]) for job in jobs]
    return Table(
        "What each job took: seconds by the clock, seconds of all its processes on all cores, and "
        "the memory of its largest process. Starting is everything before the first cell or the "
        "command's imports and after the last cell: processes and the notebook's kernel; work is "
        "the share of the wall time that is neither starting nor imports. Jobs run beside each "
        "other, so that the sum is more than one waits.",
        ["job", "wall s", "CPU s", "peak MiB", "starting s", "imports s", "work %"],
        [*rows, _row("all jobs", jobs)] if jobs else [],
        numeric=frozenset(range(1, 7)),
        marked=frozenset({len(rows)}),
    )


def seconds_by_part(jobs: Iterable[Job]) -> dict[str, float]:
    """Wall time, summed over jobs, by what it was for; parts that took none are left out."""
    jobs = list(jobs)
    seconds = dict.fromkeys(_PARTS.values(), 0.0)
    for job in jobs:
        seconds[_PARTS.get(job.rule, _PARTS["pages"])] += job.working
    seconds["starting processes and kernels"] = sum(job.starting for job in jobs)
    seconds["imports"] = sum(job.importing for job in jobs)
    return {name: taken for name, taken in seconds.items() if taken}


def parts(jobs: Iterable[Job]) -> Table:
    """The time of all jobs by what it was for."""
    seconds = seconds_by_part(jobs)
    whole = sum(seconds.values())
    rows = [[name, number(s, 1), _percent(s, whole)] for name, s in seconds.items()]
    return Table(
        "Seconds of all jobs by what they were for.",
        ["part", "seconds", "%"],
        rows,
        numeric=frozenset({1, 2}),
    )


def sentences(jobs: Iterable[Job]) -> Sentences:
    """What the times say."""
    jobs = list(jobs)
    wall = sum(job.wall for job in jobs)
    lost = wall - sum(job.working for job in jobs)
    longest = max(jobs, key=lambda job: job.wall, default=None)
    if longest is None:
        return Sentences(["No job has left a note of its time."])
    return Sentences(
        [
            f"{len(jobs)} jobs took {number(wall, 0)} seconds by their clocks and "
            f"{number(sum(job.cpu for job in jobs), 0)} seconds of CPU.",
            f"Starting processes and kernels and importing is {_percent(lost, wall)} % of it.",
            f"The longest job is {longest.name}, with {number(longest.wall, 0)} seconds.",
        ]
    )


def content(jobs: Iterable[Job]) -> str:
    """The content of the page that shows all of it."""
    jobs = list(jobs)
    return "\n".join(
        [
            sentences(jobs)._repr_html_(),
            "<h2>What was it for?</h2>",
            parts(jobs)._repr_html_(),
            "<h2>What did each job take?</h2>",
            table(jobs)._repr_html_(),
        ]
    )


def as_text(jobs: Iterable[Job]) -> str:
    """The jobs as a table for a terminal, and what they say."""
    jobs = list(jobs)
    if not jobs:
        return "\n".join(sentences(jobs).sentences)
    shown = table(jobs)
    lines = [[str(cell) for cell in row] for row in (shown.head, *shown.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = (
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
    return "\n".join([*aligned, *sentences(jobs).sentences])


def _row(name: str, jobs: list[Job]) -> list[str]:
    wall = sum(job.wall for job in jobs)
    return [
        name,
        number(wall, 1),
        number(sum(job.cpu for job in jobs), 1),
        number(max(job.peak for job in jobs), 0),
        number(sum(job.starting for job in jobs), 1),
        number(sum(job.importing for job in jobs), 1),
        _percent(sum(job.working for job in jobs), wall),
    ]


def _percent(part: float, whole: float) -> str:
    return number(100 * part / whole, 0) if whole else "–"


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

"""The lines that a person sees of the jobs: one as each starts, and one as it ends.

Snakemake prints much about itself and little about the report. Its events become these lines:

    experiment 13-fullid-raw-densenet4-bce started; log: reports/demo/runs/13-…/log.txt
    12/28 experiment 13-fullid-raw-densenet4-bce 0:41; 14 left, 2 of them running

What has failed is kept in a file, from which the call's last lines are made.
"""

import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from ichreport.files import read_json, write_json

JOURNAL: Final = "ICHREPORT_JOURNAL"
"""Names, in Snakemake's environment, the file in which a call keeps what became of its jobs."""


@dataclass
class Journal:
    """What became of the jobs of a call.

    Attributes:
        planned: Jobs that this call has to run, as far as is known.
        ended: Jobs that have ended, well or not.
        failed: What went wrong, first things first: of each failed job its name, its log and its
            error's words.
        local: Whether they run on this machine.
        dry_run: Whether they were only named.
    """

    planned: int = 0
    ended: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    local: bool = True
    dry_run: bool = False

    @classmethod
    def read(cls, path: Path) -> "Journal":
        """Read a journal from a file; an empty one if there is no file yet."""
        return cls(**read_json(path)) if path.is_file() else cls()

    def write(self, path: Path) -> None:
        """Write it to a file."""
        write_json(path, asdict(self))


class Execution(Protocol):
    """How a workflow runs its jobs; while its file is read, it does not know yet.

    Attributes:
        local_exec: Whether they run on this machine.
        dryrun: Whether they are only named, and none runs.
    """

    @property
    def local_exec(self) -> bool: ...  # noqa: D102

    @property
    def dryrun(self) -> bool: ...  # noqa: D102


class Progress(logging.Handler):
    """Prints Snakemake's events as lines about jobs, and its errors as they are.

    Args:
        targets: Rules that are no jobs, but names for all that they need.
        journal: The file in which the call keeps what became of its jobs.
        execution: The workflow, which knows how jobs run once it has begun.
        later_jobs: Jobs that follow when some run was made: results and pages, say.
        stream: Where to print.
    """

    def __init__(
        self,
        targets: frozenset[str],
        journal: Path,
        execution: Execution,
        *,
        later_jobs: int = 2,
        stream: TextIO | None = None,
    ) -> None:
        super().__init__()
        self._targets, self._path, self._later_jobs = targets, journal, later_jobs
        self._execution = execution
        self._stream = sys.stdout if stream is None else stream
        self._journal = Journal.read(journal)
        self._before = self._journal.ended
        self._jobs: dict[int, _Job] = {}
        self._running: set[int] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one event."""
        try:
            self._take(record)
        except Exception:
            self.handleError(record)

    def _take(self, record: logging.LogRecord) -> None:
        event = str(getattr(record, "event", None) or "")
        if event == "run_info":
            self._plan(record.__dict__["stats"])
        elif event == "job_info":
            self._start(_Job.from_event(record.__dict__))
        elif event == "job_finished":
            self._end(record.__dict__["job_id"], None)
        elif event == "job_error":
            self._end(record.__dict__["jobid"], _logged_error(record.__dict__))
        elif record.levelno >= logging.ERROR and not (
            self._jobs and _says_that_a_job_failed(record)
        ):
            self._error(record.getMessage())

    def _plan(self, stats: Mapping[str, Any]) -> None:
        jobs = sum(n for rule, n in stats.items() if rule not in {"total", *self._targets})
        later = self._later_jobs if "runs" in stats else 0
        self._journal.planned = self._before + jobs + later
        self._journal.local = self._execution.local_exec
        self._journal.dry_run = self._execution.dryrun
        self._keep()

    def _start(self, job: "_Job") -> None:
        if job.rule in self._targets:
            return
        if self._execution.dryrun:
            self._print(f"{job.name} would run")
            return
        again = job.number in self._jobs
        self._jobs[job.number] = job
        self._running.add(job.number)
        log = f"; log: {job.log}" if job.log else ""
        self._print(f"{job.name} started{' once more' if again else ''}{log}")

    def _end(self, number: int, error: str | None) -> None:
        job = self._jobs.get(number)
        if job is None or number not in self._running:
            return
        self._running.discard(number)
        self._journal.ended += 1
        words = f"{job.name} {as_duration(time.monotonic() - job.started)}"
        if error is not None:
            words = f"{job.name} failed after {as_duration(time.monotonic() - job.started)}"
            self._journal.failed.append({"job": job.name, "log": job.log, "error": error})
        journal = self._journal
        left = journal.planned - journal.ended
        running = f", {len(self._running)} of them running" if self._running else ""
        self._print(f"{journal.ended}/{journal.planned} {words}; {left} left{running}")
        if error:
            self._print(f"    {error}")
        self._keep()

    def _error(self, message: str) -> None:
        """Take an error of Snakemake's that belongs to no job."""
        first = next(iter(message.strip().splitlines()), "")
        if not self._journal.failed:
            self._journal.failed.append({"job": "the workflow", "log": "", "error": first})
        self._print(message)
        self._keep()

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def _keep(self) -> None:
        self._journal.write(self._path)


@dataclass(frozen=True)
class _Job:
    """One job, as Snakemake announces it."""

    number: int
    rule: str
    name: str
    log: str
    started: float

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "_Job":
        rule, log = event["rule_name"], next(iter(event["log"] or []), "")
        words = (rule, *(str(value) for value in (event["wildcards"] or {}).values()))
        return cls(event["jobid"], rule, " ".join(words), str(log), time.monotonic())


def as_duration(seconds: float) -> str:
    """Seconds as 0:41, 12:05 or 2:03:17."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def error_in(log: Path) -> str:
    """The last line of a job's log, which is its error; empty if there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _says_that_a_job_failed(record: logging.LogRecord) -> bool:
    """Whether an error only says that a job failed, which another line says already."""
    if getattr(record, "exception", None) == "RuleException":
        return True
    messages = ("At least one job did not complete", "Exiting because a job execution failed")
    return record.getMessage().startswith(messages)


def _logged_error(event: Mapping[str, Any]) -> str:
    logs = [Path(str(path)) for path in event["log"] or []]
    return next(filter(None, map(error_in, logs)), "It left no word; it may have been killed.")


def attach(targets: frozenset[str], journal: str, execution: Execution, later_jobs: int) -> None:
    """Print a workflow's events in place of what Snakemake prints.

    Args:
        targets: Rules that are no jobs.
        journal: The path in the environment variable `JOURNAL`.
        execution: As `Progress` takes it.
        later_jobs: As `Progress` takes it.
    """
    logger = logging.getLogger("snakemake.logging")
    for handler in list(logger.handlers):
        if handler.name == "DefaultStreamHandler":
            logger.removeHandler(handler)
    logger.addHandler(Progress(targets, Path(journal), execution, later_jobs=later_jobs))

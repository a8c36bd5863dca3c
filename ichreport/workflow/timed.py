"""Run a job, note what it took by the kernel's own account, and end it with the report's runner.

    python -m ichreport.workflow.timed reports/demo/timings/ingest.json -- ichreport ingest p.yaml

Sampling from outside, as a workflow runner does, misses peaks between two samples and every process
that ends before the next. What the kernel adds up for a process that was waited for misses nothing.

A job ends with the runner that the environment names and with this process, whichever is killed
first. Until it has ended, it holds `.jobs`, a file beside the notes' folder: the next call waits
for that.
"""

import contextlib
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

import psutil

from ichreport.files import write_json
from ichreport.workflow import forkserver, lifetime

READY: Final = "ICHREPORT_READY"
"""The environment variable that names the file that a job touches when its imports are done."""
RUNNER: Final = "ICHREPORT_RUNNER"
"""The environment variable that names the process with which a job ends."""
PARENT: Final = "ICHREPORT_PARENT"
"""The environment variable that names the process that started a job and with which it ends."""
JOBS: Final = ".jobs"


def main(arguments: Sequence[str]) -> int:
    """Run a command, and note beside it what it took.

    Args:
        arguments: The path of the note, `--`, and the command.

    Returns:
        The command's exit status, as a shell gives it.
    """
    if len(arguments) < 3 or arguments[1] != "--":
        usage = "usage: python -m ichreport.workflow.timed NOTE.json -- COMMAND…"
        print(usage, file=sys.stderr)  # noqa: T201
        return 2
    note = Path(arguments[0])
    note.parent.mkdir(parents=True, exist_ok=True)
    ready = note.with_name(f".{note.stem}.ready")
    ready.unlink(missing_ok=True)
    started, clock = datetime.now(UTC), time.perf_counter()
    environment = os.environ | {READY: str(ready.absolute()), PARENT: str(os.getpid())}
    with _held(note.parent.parent / JOBS) as held:
        _end_with_runner()
        environment[forkserver.HELD] = str(held)
        outcome = forkserver.run(arguments[2:], environment, held) or _run(
            arguments[2:], environment, held
        )
    wall = time.perf_counter() - clock
    written: dict[str, Any] = {
        "started": started.isoformat(),
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(outcome.cpu_seconds, 3),
        "peak_mib": round(outcome.max_rss / _MAXRSS_PER_MIB, 1),
        "ready_seconds": _seconds_until(ready, started),
        "status": outcome.status,
    }
    ready.unlink(missing_ok=True)
    try:
        write_json(note, written)
    except OSError as error:
        if outcome.status == 0:  # else the job's own words are the last
            print(f"{note}: {error}", file=sys.stderr)  # noqa: T201
        return outcome.status or 2
    return outcome.status


def ready() -> None:
    """Say that this command's imports are done and its work begins."""
    path = os.environ.get(READY)
    if path:
        Path(path).touch()


def end_with_job() -> None:
    """End this process with the one that started it as a job; nothing if none did."""
    parent = os.environ.pop(PARENT, None)
    if parent and forkserver.FORK not in os.environ:  # a fork ends with its server and caller
        lifetime.end_with_parent(int(parent))


_MAXRSS_PER_MIB: Final = 2**20 if sys.platform == "darwin" else 2**10


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    """Hold a file as one of many; so does who inherits the descriptor that this gives."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with contextlib.suppress(OSError):  # some shared disks know no locks
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def _end_with_runner() -> None:
    runner = int(os.environ.get(RUNNER, 0))
    if not runner:
        return
    ancestors = lifetime.ancestors_up_to(runner)
    if ancestors:
        lifetime.watch(ancestors, _end)
    elif not psutil.pid_exists(runner):
        _end()


def _end() -> None:
    lifetime.kill_descendants()
    os._exit(128 + signal.SIGKILL)


def _run(command: Sequence[str], environment: Mapping[str, str], held: int) -> forkserver.Outcome:
    asked: list[int] = []
    jobs: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        asked.append(number)
        for job in jobs:
            job.send_signal(number)

    earlier = signal.signal(signal.SIGTERM, pass_on)
    try:
        with subprocess.Popen(command, env=environment, pass_fds=[held]) as job:
            jobs.append(job)
            for number in asked:  # while the job was starting
                job.send_signal(number)
            status = job.wait()
    finally:
        signal.signal(signal.SIGTERM, earlier)
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return forkserver.Outcome(
        status if status >= 0 else 128 - status,
        taken.ru_utime + taken.ru_stime,
        taken.ru_maxrss,
    )


def _seconds_until(ready: Path, started: datetime) -> float | None:
    try:
        return round(ready.stat().st_mtime - started.timestamp(), 3)
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Run a job and note what it took, by the kernel's own account.

    python -m ichreport.timed reports/demo/timings/ingest.json -- ichreport ingest params/demo.yaml

Sampling from outside, as a workflow runner does, misses what a process takes between two looks and
every process that ends before the next. What the kernel adds up for a process that was waited for
misses nothing.
"""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

from ichreport.files import write_json

READY: Final = "ICHREPORT_READY"
"""Names, in a job's environment, the file that it touches when its imports are done."""


def main(words: Sequence[str]) -> int:
    """Run a command, and note beside it what it took.

    Args:
        words: The path of the note, `--`, and the command.

    Returns:
        The command's exit status, as a shell gives it.
    """
    if len(words) < 3 or words[1] != "--":
        print("usage: python -m ichreport.timed NOTE.json -- COMMAND…", file=sys.stderr)  # noqa: T201
        return 2
    note = Path(words[0])
    note.parent.mkdir(parents=True, exist_ok=True)
    ready = note.with_name(f".{note.stem}.ready")
    ready.unlink(missing_ok=True)
    started, clock = datetime.now(UTC), time.perf_counter()
    status = _run(words[2:], os.environ | {READY: str(ready)})
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = time.perf_counter() - clock
    written: dict[str, Any] = {
        "started": started.isoformat(),
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(taken.ru_utime + taken.ru_stime, 3),
        "peak_mib": round(taken.ru_maxrss / _MAXRSS_PER_MIB, 1),
        "ready_seconds": _seconds_until(ready, started),
        "status": status,
    }
    ready.unlink(missing_ok=True)
    write_json(note, written)
    return status


def ready() -> None:
    """Say that this command's imports are done and its work begins."""
    path = os.environ.get(READY)
    if path:
        Path(path).touch()


_MAXRSS_PER_MIB: Final = 2**20 if sys.platform == "darwin" else 2**10


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    asked: list[int] = []
    jobs: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        asked.append(number)
        for job in jobs:
            job.send_signal(number)

    earlier = signal.signal(signal.SIGTERM, pass_on)
    try:
        with subprocess.Popen(command, env=environment) as job:
            jobs.append(job)
            for number in asked:  # while the job was starting
                job.send_signal(number)
            status = job.wait()
    finally:
        signal.signal(signal.SIGTERM, earlier)
    return status if status >= 0 else 128 - status


def _seconds_until(ready: Path, started: datetime) -> float | None:
    try:
        return round(ready.stat().st_mtime - started.timestamp(), 3)
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""One call of a report at a time, and none beside what an earlier one has left running.

Both locks belong to processes (`flock`) and end with them, however that happens, so that no lock
stays without a holder.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO

from ichreport.params.yaml import shown
from ichreport.workflow.timed import JOBS

_LOCK: Final = ".lock"
SECONDS_TO_END: Final = 30
"""How long the jobs of a killed call may take to end; they need less than two seconds."""
_SECONDS_BETWEEN_TRIES: Final = 0.25
_TRIES_FOR_A_CALL: Final = 8
"""A call that has just got a signal may still be ending."""


@contextmanager
def hold_report(report: Path) -> Iterator[str | None]:
    """Hold a report for one call.

    Args:
        report: `reports/<profile>`, which exists.

    Yields:
        Why it cannot be held, in a sentence; None where it is held.
    """
    with (report / _LOCK).open("a+", encoding="utf-8") as lock:
        if not _lock_soon(lock, _TRIES_FOR_A_CALL):
            lock.seek(0)
            yield (
                f"{shown(report)} is being made by another call ({lock.read().strip()}); nothing "
                "was touched."
            )
            return
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, since {datetime.now().astimezone():%H:%M on %d %B}")
        lock.flush()
        yield _wait_for_earlier_jobs(report / JOBS)


def hold_until_exit(report: Path) -> None:
    """Hold a report until this process ends, for calls of Snakemake by hand.

    Raises:
        RuntimeError: If a call of `make report` holds it, or jobs of one still run.
    """
    report.mkdir(parents=True, exist_ok=True)
    held = hold_report(report)
    refusal = held.__enter__()  # never left: the lock goes with the process
    if refusal:
        raise RuntimeError(refusal)
    _held_reports.append(held)


_held_reports: list[AbstractContextManager[str | None]] = []


def _wait_for_earlier_jobs(held: Path) -> str | None:
    """Wait for the jobs of an earlier call; returns what to do if they do not end."""
    with held.open("a+", encoding="utf-8") as jobs:
        if not _lock_soon(jobs, 4):
            print("Waiting for the jobs of an earlier call to end.", flush=True)  # noqa: T201
            if not _lock_soon(jobs, round(SECONDS_TO_END / _SECONDS_BETWEEN_TRIES)):
                return (
                    f"jobs of an earlier call still run after {SECONDS_TO_END} s and hold "
                    f"{shown(held)}; end them (`fuser {shown(held)}` names them), then start again."
                )
    return None


def _lock_soon(file: TextIO, tries: int) -> bool:
    """Whether a file could be locked, now or soon."""
    for turn in range(tries):
        if turn:
            time.sleep(_SECONDS_BETWEEN_TRIES)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        except OSError:  # a disk that knows no locks: Snakemake's own have to do
            return True
        return True
    return False

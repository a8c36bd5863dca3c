"""One call of a report at a time, and none beside what an earlier one has left running.

Both locks are of processes (`flock`): they go with them, however these end, so that no call finds a
lock whose holder is gone.
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

LOCK: Final = ".lock"
SECONDS_TO_END: Final = 30
"""That the jobs of a killed call may take to end; they need less than two."""
_SECONDS_BETWEEN_TRIES: Final = 0.25
_TRIES_FOR_A_CALL: Final = 8
"""Whom a signal has just reached may still be ending."""


@contextmanager
def only_call(report: Path) -> Iterator[str | None]:
    """Hold a report for one call.

    Args:
        report: `reports/<profile>`, which exists.

    Yields:
        Why it cannot be held, in a sentence; None where it is held.
    """
    with (report / LOCK).open("a+", encoding="utf-8") as lock:
        if not _take(lock, _TRIES_FOR_A_CALL):
            lock.seek(0)
            yield (
                f"{shown(report)} is being made by another call ({lock.read().strip()}); nothing "
                "was touched."
            )
            return
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, since {datetime.now().astimezone():%H:%M on %d %B}")
        lock.flush()
        yield _left_running(report / JOBS)


def hold(report: Path) -> None:
    """Hold a report for as long as this process lives, as who runs Snakemake by hand should.

    Raises:
        RuntimeError: If a call of `make report` holds it, or jobs of one still run.
    """
    report.mkdir(parents=True, exist_ok=True)
    held = only_call(report)
    refusal = held.__enter__()  # never left: the lock goes with the process
    if refusal:
        raise RuntimeError(refusal)
    _held.append(held)


_held: list[AbstractContextManager[str | None]] = []


def _left_running(held: Path) -> str | None:
    """Wait for the jobs of an earlier call; gives what to do if they do not end."""
    with held.open("a+", encoding="utf-8") as jobs:
        if not _take(jobs, 4):
            print("Waiting for the jobs of an earlier call to end.", flush=True)  # noqa: T201
            if not _take(jobs, round(SECONDS_TO_END / _SECONDS_BETWEEN_TRIES)):
                return (
                    f"jobs of an earlier call still run after {SECONDS_TO_END} s and hold "
                    f"{shown(held)}; end them (`fuser {shown(held)}` names them), then start again."
                )
    return None


def _take(file: TextIO, tries: int) -> bool:
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

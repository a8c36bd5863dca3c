"""Limits of time and memory for reading files."""

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ichreport.data.dicom.reject import RejectError


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block after some seconds.

    Works in the main thread of a process, where workers run, on systems with alarm signals;
    elsewhere the block is not limited.

    Raises:
        RejectError: In the block, once the time is over.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(
        signal, "setitimer"
    ):
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise RejectError(f"reading it took longer than {seconds:g} s", passing=True)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def limit_memory(extra: int) -> None:
    """Limit this process's address space to what it has now and `extra` bytes, where Linux can."""
    try:
        with Path("/proc/self/statm").open(encoding="ascii") as stream:
            taken = int(stream.read().split()[0]) * resource.getpagesize()
    except OSError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = taken + extra
    if hard == resource.RLIM_INFINITY or wanted < hard:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))

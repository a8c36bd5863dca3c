"""Processes that end with the process that they work for, however that ends.

A process that is killed cannot tell its children. Those of a report would train on, beside the
jobs of the next call, and write into the same folders. So each watches its parent: when that has
ended, the process has another parent, on any Unix.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import psutil

SECONDS_BETWEEN_LOOKS: Final = 0.5
_PR_SET_PDEATHSIG: Final = 1


def ancestors_up_to(pid: int) -> list[int]:
    """The processes between this one and one above it, its parent first and that one last.

    Args:
        pid: A process that this one descends from.

    Returns:
        Their numbers; empty if `pid` is not above this process, as when it has ended.
    """
    above = [process.pid for process in psutil.Process().parents()]
    return above[: above.index(pid) + 1] if pid in above else []


def are_alive(ancestors: Sequence[int]) -> bool:
    """Whether each of some ancestors, parent first, still is the parent of the one before it.

    The parent of a process is another as soon as its own has ended, even while that one waits to be
    asked for its exit status, and whatever process gets its number later.
    """
    parent = os.getppid()
    for pid in ancestors:
        if parent != pid:
            return False
        try:
            parent = psutil.Process(pid).ppid()
        except psutil.NoSuchProcess:
            return False
    return True


def watch(ancestors: Sequence[int], end: Callable[[], object]) -> None:
    """Call a function, in a thread of its own, as soon as one of some ancestors has ended.

    Args:
        ancestors: As `ancestors_up_to` gives them.
        end: What to do then.
    """

    def look() -> None:
        while are_alive(ancestors):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        end()

    threading.Thread(target=look, name="lifetime", daemon=True).start()


def end_with_parent(parent: int | None = None) -> None:
    """End this process, and all that it has started, as soon as its parent has ended.

    Args:
        parent: Who the parent was when this process was started; who it is now if not given.
    """
    watch([os.getppid() if parent is None else parent], _end)


def die_with_parent(parent: int | None = None) -> None:
    """Have this process killed as soon as its parent has ended.

    On Linux by the kernel and at once, without a thread; elsewhere as `end_with_parent` does.

    Args:
        parent: Who the parent was when this process was started; who it is now if not given, so
            that one which has ended since is not missed.
    """
    if sys.platform != "linux":
        end_with_parent(parent)
        return
    parent = os.getppid() if parent is None else parent
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it had ended before
        os._exit(128 + signal.SIGKILL)


def kill_descendants() -> None:
    """Kill all processes that this one has started, and those that they have."""
    for process in psutil.Process().children(recursive=True):
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue


def _end() -> None:
    kill_descendants()
    os._exit(128 + signal.SIGKILL)
